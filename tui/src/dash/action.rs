//! Everything that can be done, in one place: what it is called, which keys do it, where, whether it is dangerous, and
//! whether it can be done now. Keys, footer, help, palette and read-only mode are read from here, so they cannot disagree.

use super::chord::Chord;
use super::model::Model;
use super::row::Row;
use super::screen::{Screen, TABS};
use super::view::job;
use guildhall_protocol::agent::{AgentEvent, PausedWhy};
use guildhall_protocol::matrix::Powers;
use guildhall_protocol::permission::{JobAction, Standing};
use guildhall_protocol::view::{JobHead, Sight};

/// Something that can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Act {
    Quit,
    Back,
    Forward,
    Help,
    Palette,
    /// To the tab with this place in [`TABS`].
    Go(u8),
    Refresh,
    Times,
    Look,
    ActionLog,
    Undo,
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    Open,
    Mark,
    MarkAll,
    Filter,
    ClearFilter,
    Sort,
    Reverse,
    Find,
    FindNext,
    FindPrevious,
    NextPane,
    PreviousPane,
    NextJob,
    PreviousJob,
    Fold,
    NextAnswer,
    PreviousAnswer,
    Follow,
    CopyId,
    CopyValue,
    CopyCommand,
    Job(JobAction),
    PauseAgent,
    ResumeAgent,
    RetireAgent,
    TestAgent,
    PauseEngine,
    ResumeEngine,
    Replay,
    Reveal,
    PostJob,
    RegisterAgent,
    NewVersion,
}

/// Where something can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Everywhere,
    /// Where there are rows.
    Lists,
    /// Where a job is shown or chosen.
    Jobs,
    /// In the list of jobs alone.
    JobList,
    /// In a job alone.
    Job,
    /// Where an agent is shown or chosen.
    Agents,
    Events,
    Notices,
}

/// One line of the registry.
pub(crate) struct Entry {
    pub(crate) act: Act,
    /// Its name in the palette and in the file of keys.
    pub(crate) id: &'static str,
    /// What it does, for people.
    pub(crate) does: &'static str,
    /// Its usual keys.
    pub(crate) keys: &'static [&'static str],
    pub(crate) scope: Scope,
    /// Whether it changes anything: then it is not there in read-only mode.
    pub(crate) writes: bool,
}

const fn look(
    act: Act,
    id: &'static str,
    does: &'static str,
    keys: &'static [&'static str],
    scope: Scope,
) -> Entry {
    Entry { act, id, does, keys, scope, writes: false }
}

const fn order(
    act: Act,
    id: &'static str,
    does: &'static str,
    keys: &'static [&'static str],
    scope: Scope,
) -> Entry {
    Entry { act, id, does, keys, scope, writes: true }
}

/// Everything, in the order in which help shows it.
pub(crate) const ENTRIES: [Entry; 73] = [
    look(Act::Up, "up", "one row up", &["k", "up"], Scope::Lists),
    look(Act::Down, "down", "one row down", &["j", "down"], Scope::Lists),
    look(Act::PageUp, "page-up", "one page up", &["pageup", "ctrl-b"], Scope::Lists),
    look(Act::PageDown, "page-down", "one page down", &["pagedown", "ctrl-f"], Scope::Lists),
    look(Act::First, "first", "to the first row", &["g", "home"], Scope::Lists),
    look(Act::Last, "last", "to the last row", &["G", "end"], Scope::Lists),
    look(Act::Open, "open", "open it", &["enter", "right"], Scope::Lists),
    look(Act::Mark, "mark", "mark the row", &["space"], Scope::Jobs),
    look(Act::MarkAll, "mark-all", "mark all that are loaded, all that match, or none", &["*"], Scope::Jobs),
    look(Act::Filter, "filter", "filter: state:failed agent:@sum \"text\"", &["/"], Scope::JobList),
    look(Act::ClearFilter, "clear-filter", "show all again", &["\\"], Scope::Everywhere),
    look(Act::Sort, "sort", "sort by the next column", &["ctrl-s"], Scope::JobList),
    look(Act::Reverse, "reverse", "the other end first", &["alt-s"], Scope::JobList),
    look(Act::Find, "find", "find in the answer, or in what was asked", &["/"], Scope::Job),
    look(Act::FindNext, "find-next", "the next place that was found", &["."], Scope::Job),
    look(Act::FindPrevious, "find-previous", "the place before", &[","], Scope::Job),
    look(Act::NextPane, "next-pane", "the next part", &["tab"], Scope::Job),
    look(Act::PreviousPane, "previous-pane", "the part before", &["backtab"], Scope::Job),
    look(Act::NextJob, "next-job", "the next job of the list", &["n"], Scope::Job),
    look(Act::PreviousJob, "previous-job", "the job before", &["p"], Scope::Job),
    look(Act::Fold, "fold", "fold or unfold", &["z"], Scope::Job),
    look(Act::NextAnswer, "next-answer", "the answer of the attempt after it", &[">"], Scope::Job),
    look(Act::PreviousAnswer, "previous-answer", "the answer of the attempt before it", &["<"], Scope::Job),
    look(Act::CopyValue, "copy-value", "copy the value, whole", &["Y"], Scope::Job),
    look(Act::Follow, "follow", "follow, or stand still", &["f"], Scope::Events),
    look(Act::CopyId, "copy-id", "copy its number or name", &["i"], Scope::Lists),
    look(Act::CopyCommand, "copy-command", "copy the command that shows it", &["y"], Scope::Lists),
    order(Act::Job(JobAction::Accept), "accept", "accept the answer", &["a"], Scope::Jobs),
    order(
        Act::Job(JobAction::RequestChanges),
        "request-changes",
        "ask for another attempt",
        &["A"],
        Scope::Jobs,
    ),
    order(Act::Job(JobAction::Dispute), "dispute", "ask an operator to decide", &["D"], Scope::Jobs),
    order(Act::Job(JobAction::Reply), "answer", "answer the question", &["e"], Scope::Jobs),
    order(Act::Job(JobAction::Resend), "resend", "send the same delivery again", &["s"], Scope::Jobs),
    order(Act::Job(JobAction::Reassign), "reassign", "give it to another agent", &["m"], Scope::Jobs),
    order(Act::Job(JobAction::GiveUp), "give-up", "end a held job as failed", &["X"], Scope::Jobs),
    order(Act::Job(JobAction::Exclude), "exclude", "rule an agent out", &["E"], Scope::Jobs),
    order(Act::Job(JobAction::Include), "include", "let an agent get it again", &["I"], Scope::Jobs),
    order(Act::Job(JobAction::Prioritize), "prioritize", "move it to another class", &["!"], Scope::Jobs),
    order(Act::Job(JobAction::Extend), "extend", "give it more time", &["+"], Scope::Jobs),
    order(
        Act::Job(JobAction::Retry),
        "retry",
        "look for an agent now, or post it again",
        &["t"],
        Scope::Jobs,
    ),
    order(
        Act::Job(JobAction::Complain),
        "complain",
        "say that a completed job is not right",
        &["C"],
        Scope::Jobs,
    ),
    order(
        Act::Job(JobAction::Contest),
        "contest",
        "say that an answer was failed wrongly",
        &["O"],
        Scope::Jobs,
    ),
    order(Act::Job(JobAction::Uphold), "uphold", "decide that a complaint is right", &["U"], Scope::Jobs),
    order(Act::Job(JobAction::Reject), "reject", "decide that it is not", &["J"], Scope::Jobs),
    order(Act::Job(JobAction::Cancel), "cancel", "call it off", &["x"], Scope::Jobs),
    order(Act::Reveal, "reveal", "see the texts of a private job", &["v"], Scope::Job),
    order(Act::PostJob, "post", "post a job", &["N"], Scope::Everywhere),
    order(Act::RegisterAgent, "register", "register an agent", &["R"], Scope::Everywhere),
    order(Act::NewVersion, "new-version", "write a new version of it", &["V"], Scope::Agents),
    order(Act::TestAgent, "test", "send challenge and examples", &["t"], Scope::Agents),
    order(Act::PauseAgent, "pause", "no new jobs for it", &["s"], Scope::Agents),
    order(Act::ResumeAgent, "resume", "let it work again", &["S"], Scope::Agents),
    order(Act::RetireAgent, "retire", "take it away for good", &["X"], Scope::Agents),
    order(Act::Replay, "replay", "tell it again", &["t"], Scope::Notices),
    order(Act::PauseEngine, "pause-engine", "no new attempts anywhere", &[], Scope::Everywhere),
    order(Act::ResumeEngine, "resume-engine", "new attempts again", &[], Scope::Everywhere),
    look(Act::Undo, "undo", "take back what was ordered just now", &["u"], Scope::Everywhere),
    look(Act::Go(0), "overview", "is it healthy?", &["1"], Scope::Everywhere),
    look(Act::Go(1), "jobs", "jobs", &["2"], Scope::Everywhere),
    look(Act::Go(2), "agents", "agents", &["3"], Scope::Everywhere),
    look(Act::Go(3), "inbox", "what waits for you", &["4"], Scope::Everywhere),
    look(Act::Go(4), "events", "what happens", &["5"], Scope::Everywhere),
    look(Act::Go(5), "notices", "what people were told", &["6"], Scope::Everywhere),
    look(Act::Go(6), "log", "the daemon's log", &["7"], Scope::Everywhere),
    look(Act::Go(7), "people", "people", &["8"], Scope::Everywhere),
    look(Act::Back, "back", "back", &["[", "alt-left", "left"], Scope::Everywhere),
    look(Act::Forward, "forward", "forward", &["]", "alt-right"], Scope::Everywhere),
    look(Act::Palette, "palette", "everything by name", &[":"], Scope::Everywhere),
    look(Act::Help, "help", "what can be done here", &["?", "f1"], Scope::Everywhere),
    look(Act::ActionLog, "actions", "what was ordered from here", &["L"], Scope::Everywhere),
    look(Act::Times, "times", "relative, local or UTC times", &["T"], Scope::Everywhere),
    look(Act::Look, "look", "other colors", &["f2"], Scope::Everywhere),
    look(
        Act::Refresh,
        "refresh",
        "read again; when there is no daemon, try again",
        &["r", "ctrl-r"],
        Scope::Everywhere,
    ),
    look(Act::Quit, "quit", "leave", &["q", "ctrl-c"], Scope::Everywhere),
];

/// Whether something can be done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Now {
    Yes,
    /// There is nothing here to do it to.
    Absent,
    /// There is, but not now: why.
    No(String),
}

/// Whether something can be done now, and if not, why.
pub(crate) fn now(model: &Model, entry: &Entry) -> Now {
    if !in_scope(model, entry.scope) {
        return Now::Absent;
    }
    // What is no order yet can be written without a daemon.
    let sends = !matches!(entry.act, Act::PostJob | Act::RegisterAgent);
    if entry.writes {
        if model.read_only {
            return Now::No("the dashboard is read-only".to_owned());
        }
        if sends && !model.link.is_live() {
            return Now::No("there is no daemon to order it from".to_owned());
        }
    }
    match entry.act {
        Act::Job(action) => of_job(model, action),
        Act::RegisterAgent if model.screen().tab() != Screen::Agents => Now::Absent,
        Act::NewVersion => of_version(model),
        Act::PauseAgent => of_agent(model, AgentEvent::Paused(PausedWhy::Operator)),
        Act::ResumeAgent => of_agent(model, AgentEvent::Resumed),
        Act::RetireAgent => of_agent(model, AgentEvent::Retired),
        Act::PauseEngine | Act::ResumeEngine => {
            let paused = model.data.status.value.as_ref().map(|status| status.paused);
            match (entry.act, paused, model.is_operator()) {
                (_, _, false) => Now::No("only an operator may do this".to_owned()),
                (Act::PauseEngine, Some(true), _) => Now::No("it is paused".to_owned()),
                (Act::ResumeEngine, Some(false), _) => Now::No("it is not paused".to_owned()),
                _ => Now::Yes,
            }
        }
        Act::Reveal => {
            let Screen::Job(id) = model.screen() else { return Now::Absent };
            match model.data.job(*id).map(|story| story.sight) {
                Some(Sight::Masked) => Now::Yes,
                Some(Sight::Open | Sight::Revealed { .. }) | None => Now::Absent,
            }
        }
        Act::Fold | Act::CopyValue if job::tree(model).is_none() => Now::Absent,
        Act::NextAnswer | Act::PreviousAnswer if job::answers(model) < 2 => Now::Absent,
        Act::Undo if model.pending.is_empty() && model.sent.is_empty() => Now::Absent,
        Act::ClearFilter if model.filter_text.is_empty() => Now::Absent,
        Act::Find if job::searched(model).is_none() => Now::No("there is no answer".to_owned()),
        Act::FindNext | Act::FindPrevious if model.search.is_empty() => Now::Absent,
        Act::Mark | Act::MarkAll if *model.screen() != Screen::Jobs => Now::Absent,
        Act::Go(place) if model.screen() == &TABS[usize::from(place)] => Now::Absent,
        Act::Quit
        | Act::Back
        | Act::Forward
        | Act::Help
        | Act::Palette
        | Act::Go(_)
        | Act::Refresh
        | Act::Times
        | Act::Look
        | Act::ActionLog
        | Act::Undo
        | Act::Up
        | Act::Down
        | Act::PageUp
        | Act::PageDown
        | Act::First
        | Act::Last
        | Act::Open
        | Act::Mark
        | Act::MarkAll
        | Act::Filter
        | Act::ClearFilter
        | Act::Sort
        | Act::Reverse
        | Act::Find
        | Act::FindNext
        | Act::FindPrevious
        | Act::NextPane
        | Act::PreviousPane
        | Act::NextJob
        | Act::PreviousJob
        | Act::Fold
        | Act::NextAnswer
        | Act::PreviousAnswer
        | Act::Follow
        | Act::CopyId
        | Act::CopyValue
        | Act::CopyCommand
        | Act::TestAgent
        | Act::PostJob
        | Act::RegisterAgent
        | Act::Replay => Now::Yes,
    }
}

fn in_scope(model: &Model, scope: Scope) -> bool {
    let screen = model.screen();
    match scope {
        Scope::Everywhere => true,
        Scope::Lists => true,
        Scope::Jobs => !model.chosen_jobs().is_empty(),
        Scope::JobList => *screen == Screen::Jobs,
        Scope::Job => matches!(screen, Screen::Job(_)),
        Scope::Agents => model.chosen_agent().is_some(),
        Scope::Events => matches!(screen, Screen::Events | Screen::Log),
        Scope::Notices => {
            matches!(model.chosen_row(), Some(Row::Notice(_))) || matches!(screen, Screen::Notice(_))
        }
    }
}

/// One job: what the daemon says may be done. Many: whatever some of them allow.
fn of_job(model: &Model, action: JobAction) -> Now {
    let about = match (model.screen(), model.chosen_row()) {
        (Screen::Job(id), _) => Some(*id),
        (Screen::Inbox, Some(Row::Attempt(id, _))) => Some(id),
        _ => None,
    };
    if let Some(story) = about.and_then(|id| model.data.job(id)) {
        if story.allowed.contains(&action) {
            return Now::Yes;
        }
        return refusal(model, &story.head, action);
    }
    let heads = model.chosen_jobs();
    let mut why = Now::Absent;
    for head in heads {
        match refusal(model, head, action) {
            Now::Yes => return Now::Yes,
            refused @ (Now::Absent | Now::No(_)) => why = refused,
        }
    }
    why
}

/// What the table says about a job of which only the head is known: a complaint is not seen there.
fn refusal(model: &Model, head: &JobHead, action: JobAction) -> Now {
    let (Some(who), Some(state)) = (&model.who, head.state.known()) else { return Now::Absent };
    let standing = Standing {
        client: head.client == who.user,
        powers: Powers {
            market: who.role,
            place: who.place_role.max(who.role),
            suspended: false,
            bridged: who.bridged,
        },
        ..Standing::default()
    };
    match state.allows(action, standing) {
        Ok(()) => Now::Yes,
        Err(refusal) => Now::No(refusal.to_string()),
    }
}

fn of_version(model: &Model) -> Now {
    let Some(head) = model.chosen_agent() else { return Now::Absent };
    let mine = model.who.as_ref().is_some_and(|who| who.user == head.owner);
    if mine || model.is_operator() {
        return Now::Yes;
    }
    Now::No("only its owner or an operator may do this".to_owned())
}

fn of_agent(model: &Model, event: AgentEvent) -> Now {
    let Some(head) = model.chosen_agent() else { return Now::Absent };
    let mine = model.who.as_ref().is_some_and(|who| who.user == head.owner);
    if !mine && !model.is_operator() {
        return Now::No("only its owner or an operator may do this".to_owned());
    }
    match head.state.known() {
        Some(state) if state.after(event).is_some() => Now::Yes,
        Some(state) => Now::No(format!("it is {state}")),
        None => Now::Absent,
    }
}

/// A key and what it does now.
pub(crate) struct Binding {
    pub(crate) chord: Chord,
    pub(crate) entry: &'static Entry,
    pub(crate) now: Now,
}

/// What the keys do now: those of what can be done here, the more special first.
pub(crate) fn keymap(model: &Model) -> Vec<Binding> {
    let mut bindings = Vec::new();
    for entry in &ENTRIES {
        let state = now(model, entry);
        if state == Now::Absent {
            continue;
        }
        for chord in model.keys.of(entry) {
            bindings.push(Binding { chord, entry, now: state.clone() });
        }
    }
    bindings
}

/// The line of something that can be done.
pub(crate) fn entry(act: Act) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.act == act)
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall_protocol::permission::JOB_ACTIONS;
    use std::collections::BTreeSet;

    #[test]
    fn every_name_is_there_once_and_every_key_is_one() {
        let mut ids = BTreeSet::new();
        let mut acts = BTreeSet::new();
        for entry in &ENTRIES {
            assert!(ids.insert(entry.id), "{}", entry.id);
            assert!(acts.insert(entry.act), "{}", entry.id);
            for key in entry.keys {
                assert!(key.parse::<Chord>().is_ok(), "{}: {key}", entry.id);
            }
        }
    }

    #[test]
    fn no_key_does_two_things_in_one_place() {
        let overlap = |one: Scope, other: Scope| {
            let anywhere = |scope| matches!(scope, Scope::Everywhere | Scope::Lists);
            let of_jobs = |scope| matches!(scope, Scope::Jobs | Scope::Job);
            let in_list = |scope| matches!(scope, Scope::JobList | Scope::Jobs);
            one == other
                || (in_list(one) && in_list(other))
                || anywhere(one)
                || anywhere(other)
                || (of_jobs(one) && of_jobs(other))
        };
        for (place, entry) in ENTRIES.iter().enumerate() {
            for other in &ENTRIES[place + 1..] {
                let shared = entry.keys.iter().find(|key| other.keys.contains(key));
                if let Some(key) = shared {
                    assert!(!overlap(entry.scope, other.scope), "{key}: {} and {}", entry.id, other.id);
                }
            }
        }
    }

    #[test]
    fn every_action_of_a_job_is_there() {
        for action in JOB_ACTIONS {
            // A corrected job is written in a form.
            assert!(action == JobAction::Again || entry(Act::Job(action)).is_some(), "{}", action.name());
        }
    }
}
