//! What is ordered here can be ordered from a shell: each order is copied as a command that the command line takes.

use super::{Desk, job_head};
use crate::cli::Cli;
use crate::dash::as_command::command;
use crate::dash::msg::{Msg, Outcome};
use crate::dash::overlay::{Deed, Matching, Target};
use clap::Parser;
use guildhall_protocol::account::UserRef;
use guildhall_protocol::agent::Audience;
use guildhall_protocol::attempt::EndedAs;
use guildhall_protocol::ids::{AttemptNumber, JobId, NotificationId, PlaceId, UserId};
use guildhall_protocol::job::Priority;
use guildhall_protocol::listing::JobFilter;
use guildhall_protocol::permission::{JOB_ACTIONS, JobAction};
use guildhall_protocol::state::HeldWhy;
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::{AgentOrder, AgentStory, EngineOrder, HoldOrder, Order, RegisterOptions};

const NOW: Timestamp = super::NOW;

/// The words that a shell makes of a line, up to what it is given to read.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ' ' => words.extend(word.take()),
            '<' => break,
            '\'' => {
                let word = word.get_or_insert_default();
                word.extend(letters.by_ref().take_while(|letter| *letter != '\''));
            }
            '\\' => word.get_or_insert_default().extend(letters.next()),
            plain => word.get_or_insert_default().push(plain),
        }
    }
    words.extend(word);
    words
}

/// The command, each line of which the command line takes.
fn taken(deed: &Deed) -> String {
    let command = command(deed, NOW).expect("there is a command");
    let lines = command.split_once(" <<").map_or(command.as_str(), |(line, _)| line);
    for line in lines.lines() {
        if let Err(error) = Cli::try_parse_from(words(line)) {
            panic!("{line}\n{error}");
        }
    }
    command
}

fn target(job: i64) -> Target {
    Target { job: JobId(job), epoch: 7, title: String::new() }
}

fn full(action: JobAction) -> Order {
    let mut order = Order { text: Some("it's -not- right;\n$(no)".to_owned()), ..Order::of(action) };
    match action {
        JobAction::Reassign | JobAction::Exclude | JobAction::Include => order.agent = "@sum".parse().ok(),
        JobAction::Prioritize => order.priority = Some(Priority::High),
        JobAction::Extend => order.deadline = Some(NOW),
        JobAction::Complain | JobAction::Contest | JobAction::Uphold | JobAction::Reject => {
            order.attempt = Some(AttemptNumber(2));
        }
        JobAction::Cancel
        | JobAction::Retry
        | JobAction::Again
        | JobAction::Accept
        | JobAction::RequestChanges
        | JobAction::Dispute
        | JobAction::Reply
        | JobAction::Resend
        | JobAction::GiveUp => {}
    }
    order
}

#[test]
fn every_order_to_jobs_is_a_command() {
    for action in JOB_ACTIONS {
        let one = taken(&Deed::Jobs { jobs: vec![target(40)], order: full(action) });
        assert_eq!(
            words(&one).iter().filter(|word| word.contains("it's -not- right;\n$(no)")).count(),
            1,
            "{one}"
        );
        taken(&Deed::Jobs { jobs: vec![target(40), target(41)], order: full(action) });
    }
    let order = |action| Order { text: Some("too late".to_owned()), ..Order::of(action) };
    let jobs = vec![target(40), target(41)];
    let command = |action| taken(&Deed::Jobs { jobs: jobs.clone(), order: order(action) });
    assert_eq!(command(JobAction::Cancel), "guildhall job order-many cancel 40 41 --reason='too late'");
    assert_eq!(
        command(JobAction::Accept),
        "guildhall job accept 40 --reason='too late'\nguildhall job accept 41 --reason='too late'"
    );
}

#[test]
fn every_filter_is_a_command() {
    let ago = |ms| Some(Timestamp(NOW.0 - ms));
    let filter = JobFilter {
        states: vec!["open".to_owned(), "held".to_owned()],
        mine: true,
        label: Some("month end".to_owned()),
        agent: "@sum".parse().ok(),
        client: Some(UserRef::Number(UserId(3))),
        place: Some(PlaceId(1)),
        priority: Some(Priority::Low),
        text: Some("-x".to_owned()),
        posted_from: ago(86_400_000),
        posted_before: ago(7_200_000),
        changed_from: ago(1_500),
        changed_before: ago(1_000),
        ended: Some(EndedAs::Unreachable),
        attempts_min: Some(2),
        held: Some(HeldWhy::Poison),
    };
    let matching = Box::new(Matching { filter, text: String::new(), count: 12 });
    let deed = Deed::Matching { matching, order: full(JobAction::Prioritize) };
    assert_eq!(
        taken(&deed),
        "guildhall job order-many prioritize --state=open --state=held --mine --label='month end' --agent=@sum \
         --client=3 --place=1 --class=low --text=-x --older=2h --newer=1d --unchanged=1s --changed=1500ms \
         --ended=unreachable --attempts=2 --held=poison --expect=12 --to-class=high \
         --reason='it'\\''s -not- right;\n$(no)'"
    );
    let Deed::Matching { matching, .. } = deed else { panic!("it is one") };
    let order = Order::of(JobAction::Accept);
    assert_eq!(command(&Deed::Matching { matching, order }, NOW), None, "the command line has no such order");
}

#[test]
fn orders_to_agents_and_to_the_daemon_are_commands() {
    let name = "@sum".parse().expect("a name");
    let agent = |order| Deed::Agent { name: "@sum".parse().expect("a name"), order };
    let hold = |order| Deed::Hold { name: "@sum".parse().expect("a name"), order };
    let reason = Some("it is late".to_owned());
    for (deed, told) in [
        (agent(AgentOrder::Pause { for_ms: Some(90_000) }), "guildhall agent pause @sum --for=90000ms"),
        (agent(AgentOrder::Pause { for_ms: None }), "guildhall agent pause @sum"),
        (agent(AgentOrder::Resume), "guildhall agent resume @sum"),
        (agent(AgentOrder::Retire), "guildhall agent retire @sum"),
        (
            hold(HoldOrder::Publish { audience: Audience::Place }),
            "guildhall agent publish @sum --audience=place",
        ),
        (
            hold(HoldOrder::Refuse { reason: reason.clone() }),
            "guildhall agent refuse @sum --reason='it is late'",
        ),
        (hold(HoldOrder::Take), "guildhall agent take @sum"),
        (Deed::TestAgent { name }, "guildhall agent test @sum"),
        (Deed::Engine { order: EngineOrder::Pause, reason: None }, "guildhall engine pause"),
        (
            Deed::Engine { order: EngineOrder::Resume, reason },
            "guildhall engine resume --reason='it is late'",
        ),
        (Deed::Replay { notice: NotificationId(9) }, "guildhall notices replay 9"),
        (Deed::Reveal { job: JobId(4), reason: "asked".to_owned() }, "guildhall job reveal 4 --reason=asked"),
    ] {
        assert_eq!(taken(&deed), told);
    }
}

#[test]
fn what_is_written_in_a_form_is_a_command_with_its_document_but_without_a_key() {
    let story: AgentStory = super::read(include_str!("../fixtures/agent.json"));
    let request = || "desk.1".parse().expect("an id");
    let definition = Box::new(story.definition);
    let options = RegisterOptions { house: true, audience: Audience::Public, ..RegisterOptions::default() };
    let register = |options| Deed::Register { request: request(), definition: definition.clone(), options };
    let told = taken(&register(options.clone()));
    assert!(
        told.starts_with("guildhall agent register --house --audience=public --file=- <<'END'\n{"),
        "{told}"
    );
    assert_eq!(told.lines().last(), Some("END"));
    let api_key = "sk-secret".parse().ok();
    assert!(api_key.is_some());
    assert_eq!(command(&register(RegisterOptions { api_key, ..options }), NOW), None);
    let options = RegisterOptions::default();
    let update = Deed::Update { request: request(), definition: definition.clone(), options };
    assert!(taken(&update).starts_with("guildhall agent update --file=- <<'END'\n{"));
}

#[test]
fn an_order_is_copied_from_its_question_and_from_the_list_of_what_was_ordered() {
    let mut desk = Desk::new(120, 36);
    desk.jobs.insert(0, job_head(40));
    desk.presses(&["2", "x"]);
    desk.sees("ctrl-y as command");
    desk.presses(&["backtab"]);
    desk.types("it's late");
    desk.presses(&["ctrl-y"]);
    assert_eq!(desk.copied, ["guildhall job cancel 40 --reason='it'\\''s late'"]);
    assert!(desk.deeds.is_empty() && desk.model.pending.is_empty(), "nothing is done by it");
    desk.presses(&["tab", "y", "t", "tab", "enter"]);
    desk.waits(5_100);
    for (number, _) in desk.deeds.clone() {
        let outcome = Outcome::Jobs(vec![(JobId(40), Ok(job_head(40)))]);
        desk.meets(Msg::Done { number, outcome });
    }
    desk.presses(&["L"]);
    desk.sees("y copies its command");
    desk.presses(&["y"]);
    assert_eq!(desk.copied.last().map(String::as_str), Some("guildhall job retry 40"));
    desk.presses(&["j", "y"]);
    assert_eq!(
        desk.copied.last().map(String::as_str),
        Some("guildhall job cancel 40 --reason='it'\\''s late'")
    );
}

#[test]
fn what_must_be_said_first_is_asked_for_before_a_command_is_copied() {
    let mut desk = Desk::new(120, 36);
    desk.jobs.insert(0, job_head(40));
    desk.presses(&["2", "E", "ctrl-y"]);
    assert!(desk.copied.is_empty());
    desk.sees("Agent is needed");
}
