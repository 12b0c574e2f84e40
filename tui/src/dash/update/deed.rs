//! What is ordered: asked before, sent after the time for "undo", and told when it is done.

use crate::dash::action::Act;
use crate::dash::model::{Model, Pending, UNDO};
use crate::dash::msg::{Effect, Outcome};
use crate::dash::overlay::{COUNTED_FROM, Confirm, Deed, Overlay, Target, effect, fields};
use crate::dash::row::Row;
use crate::dash::screen::Screen;
use crate::dash::theme::Tone;
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::clean::{clean_line, cut};
use guildhall_protocol::job::Priority;
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::time::{Timestamp, parse_moment};
use guildhall_protocol::view::{AgentOrder, EngineOrder, JobHead, Order};
use tui_input::Input;

/// Longest title in a question, in graphemes.
const TITLE_SHOWN_MAX: usize = 60;

/// Asks before something is done to the chosen jobs.
pub(super) fn ask_jobs(model: &mut Model, action: JobAction) {
    let jobs: Vec<Target> = model.chosen_jobs().into_iter().map(target).collect();
    let Some(first) = jobs.first() else { return };
    let count = jobs.len();
    let title = if count == 1 {
        format!("{} {} {}", title_case(action.name()), first.job, first.title)
    } else {
        format!("{} {count} jobs", title_case(action.name()))
    };
    let typed = (count >= COUNTED_FROM).then(|| (count, Input::default()));
    let deed = Deed::Jobs { jobs, order: Order::of(action) };
    show(model, title, effect(action).to_owned(), deed, fields(action), typed);
}

fn target(head: &JobHead) -> Target {
    let title = clean_line(head.title.as_deref().unwrap_or("(forgotten)"));
    Target { job: head.id, epoch: head.epoch, title: cut(&title, TITLE_SHOWN_MAX) }
}

fn title_case(name: &str) -> String {
    let mut letters = name.replace('-', " ").chars().collect::<Vec<_>>();
    if let Some(first) = letters.first_mut() {
        *first = first.to_ascii_uppercase();
    }
    letters.into_iter().collect()
}

fn show(
    model: &mut Model,
    title: String,
    effect: String,
    deed: Deed,
    fields: Vec<crate::dash::overlay::Field>,
    typed: Option<(usize, Input)>,
) {
    let required = fields.iter().any(|field| field.required);
    let mut confirm = Confirm { title, effect, deed, fields, typed, focus: 0, trouble: None };
    if !required {
        confirm.choose_no();
    }
    model.overlays.push(Overlay::Confirm(Box::new(confirm)));
}

/// Sends challenge and examples to the chosen agent.
pub(super) fn test_agent(model: &mut Model) -> Vec<Effect> {
    let Some(head) = model.chosen_agent() else { return Vec::new() };
    let name = head.name.clone();
    order(model, format!("Test {name}"), Deed::TestAgent { name })
}

/// Lets the chosen agent work again: that harms nobody, and so it is not asked about.
pub(super) fn resume_agent(model: &mut Model) -> Vec<Effect> {
    let Some(head) = model.chosen_agent() else { return Vec::new() };
    let name = head.name.clone();
    order(model, format!("Resume {name}"), Deed::Agent { name, order: AgentOrder::Resume })
}

/// Asks before the chosen agent gets no more jobs.
pub(super) fn ask_pause(model: &mut Model) {
    let Some(head) = model.chosen_agent() else { return };
    let effect = format!("It gets no new jobs; the {} that it works on go on.", head.running);
    let name = head.name.clone();
    let title = format!("Pause {name}");
    let deed = Deed::Agent { name, order: AgentOrder::Pause { for_ms: None } };
    show(model, title, effect, deed, Vec::new(), None);
}

/// Asks before the chosen agent is taken away.
pub(super) fn ask_retire(model: &mut Model) {
    let Some(head) = model.chosen_agent() else { return };
    let effect = "It is gone for good: its name is never given to another agent.".to_owned();
    let name = head.name.clone();
    let title = format!("Retire {name}");
    show(model, title, effect, Deed::Agent { name, order: AgentOrder::Retire }, Vec::new(), None);
}

/// Asks before the engine is stopped or started.
pub(super) fn ask_engine(model: &mut Model, act: Act) {
    let reason = fields(JobAction::Cancel);
    let (title, effect, order) = if act == Act::PauseEngine {
        let effect = "No new attempts are started anywhere; running ones end.";
        ("Pause the engine", effect, EngineOrder::Pause)
    } else {
        ("Resume the engine", "New attempts are started again.", EngineOrder::Resume)
    };
    show(model, title.to_owned(), effect.to_owned(), Deed::Engine { order, reason: None }, reason, None);
}

/// Asks why somebody's private texts should be seen.
pub(super) fn ask_reveal(model: &mut Model) {
    let Screen::Job(job) = *model.screen() else { return };
    let effect = "They are shown to you for a quarter of an hour. The client reads in the history who looked, and why.";
    let deed = Deed::Reveal { job, reason: String::new() };
    let reason = fields(JobAction::Uphold);
    show(model, format!("See the texts of {job}"), effect.to_owned(), deed, reason, None);
}

/// Tells the chosen notice again.
pub(super) fn replay(model: &mut Model) -> Vec<Effect> {
    let notice = match (model.screen(), model.chosen_row()) {
        (Screen::Notice(id), _) => *id,
        (_, Some(Row::Notice(id))) => id,
        _ => return Vec::new(),
    };
    order(model, format!("Tell notice {} again", notice.0), Deed::Replay { notice })
}

/// The deed with what was said beside it.
pub(crate) fn ready(confirm: &Confirm, now: Timestamp) -> Result<Deed, String> {
    let said = |label: &str| {
        let field = confirm.fields.iter().find(|field| field.label == label)?;
        let text = field.input.value().trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    match &confirm.deed {
        Deed::Jobs { jobs, order } => {
            let mut order = order.clone();
            order.text = said("Reason")
                .or_else(|| said("Why"))
                .or_else(|| said("What is wrong"))
                .or_else(|| said("Answer"));
            if let Some(name) = said("Agent").or_else(|| said("To")) {
                order.agent = Some(name.parse::<AgentName>().map_err(|error| error.to_string())?);
            }
            if let Some(class) = said("Class") {
                order.priority = Some(priority(&class)?);
            }
            if let Some(until) = said("Until") {
                let zone = jiff::tz::TimeZone::system();
                order.deadline = Some(parse_moment(&until, now, &zone).map_err(|error| error.to_string())?);
            }
            Ok(Deed::Jobs { jobs: jobs.clone(), order })
        }
        Deed::Engine { order, .. } => Ok(Deed::Engine { order: *order, reason: said("Reason") }),
        Deed::Reveal { job, .. } => {
            Ok(Deed::Reveal { job: *job, reason: said("Reason").unwrap_or_default() })
        }
        deed @ (Deed::Agent { .. } | Deed::TestAgent { .. } | Deed::Replay { .. }) => Ok(deed.clone()),
    }
}

fn priority(text: &str) -> Result<Priority, String> {
    match text.to_lowercase().as_str() {
        "low" => Ok(Priority::Low),
        "normal" => Ok(Priority::Normal),
        "high" => Ok(Priority::High),
        _ => Err(format!("{text:?} is no class: write low, normal or high")),
    }
}

/// Whether it waits a while before it is sent, so that it can be taken back: what cannot be mended by another order.
fn waits(deed: &Deed) -> bool {
    match deed {
        Deed::Jobs { order, .. } => match order.action {
            JobAction::Cancel
            | JobAction::GiveUp
            | JobAction::Reassign
            | JobAction::Resend
            | JobAction::Accept
            | JobAction::RequestChanges
            | JobAction::Uphold
            | JobAction::Reject => true,
            JobAction::Retry
            | JobAction::Again
            | JobAction::Dispute
            | JobAction::Reply
            | JobAction::Exclude
            | JobAction::Include
            | JobAction::Prioritize
            | JobAction::Extend
            | JobAction::Complain
            | JobAction::Contest => false,
        },
        Deed::Agent { order: AgentOrder::Retire, .. } => true,
        Deed::Agent { .. }
        | Deed::TestAgent { .. }
        | Deed::Engine { .. }
        | Deed::Replay { .. }
        | Deed::Reveal { .. } => false,
    }
}

/// Orders it: now, or after the time for "undo".
pub(super) fn order(model: &mut Model, what: String, deed: Deed) -> Vec<Effect> {
    if let Deed::Jobs { .. } = deed {
        model.marks.clear();
    }
    if waits(&deed) {
        let at = model.now.after(UNDO);
        let number = model.log(what.clone());
        model.pending.push(Pending { number, what, deed, at });
        model.wake(at);
        return Vec::new();
    }
    let number = model.log(what);
    vec![Effect::Do { number, deed }]
}

/// Takes the newest order back that is not sent yet.
pub(super) fn undo(model: &mut Model) {
    let Some(pending) = model.pending.pop() else { return };
    if let Some(line) = model.done.iter_mut().find(|line| line.number == pending.number) {
        line.outcome = Some((Tone::Dim, "taken back".to_owned()));
    }
    model.tell(Tone::Accent, format!("{}: taken back, nothing was done", pending.what));
}

/// Sends what had its time. While there is no daemon, it waits.
pub(super) fn send_due(model: &mut Model) -> Vec<Effect> {
    let mut effects = Vec::new();
    if model.link.is_live() {
        let now = model.now;
        let (due, waiting) =
            std::mem::take(&mut model.pending).into_iter().partition(|pending| pending.at <= now);
        model.pending = waiting;
        let due: Vec<Pending> = due;
        effects = due.into_iter().map(|Pending { number, deed, .. }| Effect::Do { number, deed }).collect();
    }
    if let Some(next) = model.pending.iter().map(|pending| pending.at).filter(|at| *at > model.now).min() {
        // The seconds that are left are shown.
        let second = model.now.after(std::time::Duration::from_secs(1));
        model.wake(next.min(second));
    }
    effects
}

/// Sends everything that waits.
pub(super) fn send_all(model: &mut Model) -> Vec<Effect> {
    let pending = std::mem::take(&mut model.pending);
    pending.into_iter().map(|Pending { number, deed, .. }| Effect::Do { number, deed }).collect()
}

/// Tells what became of it.
pub(super) fn outcome(model: &mut Model, number: u64, outcome: Outcome) {
    let (tone, text) = match outcome {
        Outcome::One(Ok(text)) => (Tone::Good, text),
        Outcome::One(Err(error)) => (Tone::Bad, told(&error)),
        Outcome::Jobs(jobs) => {
            let count = jobs.len();
            let done = jobs.iter().filter(|(_, outcome)| outcome.is_ok()).count();
            let first = jobs.iter().find_map(|(job, outcome)| Some((job, outcome.as_ref().err()?)));
            match (first, jobs.first()) {
                (None, Some((job, Ok(state)))) if count == 1 => (Tone::Good, format!("{job} is {state}")),
                (None, _) => (Tone::Good, format!("all {count} done")),
                (Some((job, error)), _) if count == 1 => (Tone::Bad, format!("{job}: {}", told(error))),
                (Some((job, error)), _) => {
                    (Tone::Bad, format!("{done} of {count} done; {job}: {}", told(error)))
                }
            }
        }
    };
    let mut what = String::new();
    if let Some(line) = model.done.iter_mut().find(|line| line.number == number) {
        what = format!("{}: ", line.what);
        line.outcome = Some((tone, text.clone()));
    }
    model.tell(tone, format!("{what}{text}"));
    model.version += 1;
}

fn told(error: &guildhall_protocol::error::ApiError) -> String {
    clean_line(&error.to_string())
}
