//! What is ordered: asked before, sent after the time for "undo", and told when it is done.

use super::back::{self, Way, remember, way};
use super::form;
use crate::dash::action::Act;
use crate::dash::model::{Model, Pending, UNDO};
use crate::dash::msg::{Effect, Outcome};
use crate::dash::overlay::{COUNTED_FROM, Confirm, Deed, Focus, Overlay, Target, effect, fields, refusal};
use crate::dash::row::Row;
use crate::dash::screen::Screen;
use crate::dash::theme::Tone;
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::bulk::BULK_JOBS_MAX;
use guildhall_protocol::clean::{clean_line, cut};
use guildhall_protocol::error::ApiError;
use guildhall_protocol::ids::JobId;
use guildhall_protocol::job::Priority;
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::time::{Timestamp, parse_moment};
use guildhall_protocol::view::{AgentOrder, EngineOrder, HoldOrder, JobHead, Order};
use jiff::tz::TimeZone;
use tui_input::Input;

/// Longest title in a question, in graphemes.
const TITLE_SHOWN_MAX: usize = 60;

/// Asks before something is done to the chosen jobs, or to all that match.
pub(super) fn ask_jobs(model: &mut Model, action: JobAction) {
    let order = Order::of(action);
    let name = title_case(action.name());
    // What is meant in the list is not meant anywhere else.
    let matching = model.matching.clone().filter(|_| *model.screen() == Screen::Jobs);
    if let Some(matching) = matching {
        let count = usize::try_from(matching.count).unwrap_or(usize::MAX);
        let title = format!("{name} all {count} jobs that match {}", matching.text);
        let typed = (count >= COUNTED_FROM).then(|| (count, Input::default()));
        let deed = Deed::Matching { matching: Box::new(matching), order };
        return show(model, title, effect(action).to_owned(), deed, fields(action), typed);
    }
    let jobs: Vec<Target> = model.chosen_jobs().into_iter().map(target).collect();
    let Some(first) = jobs.first() else { return };
    let count = jobs.len();
    if count > BULK_JOBS_MAX {
        let told = format!("{count} jobs are marked, and one order takes {BULK_JOBS_MAX}");
        return model.tell(Tone::Warn, told);
    }
    let title = if count == 1 {
        format!("{name} {} {}", first.job, first.title)
    } else {
        format!("{name} {count} jobs")
    };
    let typed = (count >= COUNTED_FROM).then(|| (count, Input::default()));
    show(model, title, effect(action).to_owned(), Deed::Jobs { jobs, order }, fields(action), typed);
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
    let back = way(model, &as_said(&deed)).told();
    let mut confirm = Confirm { title, effect, back, deed, fields, typed, focus: 0, trouble: None };
    if !required {
        confirm.choose(Focus::No);
    }
    model.overlays.push(Overlay::Confirm(Box::new(confirm)));
}

/// The deed as if something was said in every line: what can be taken back does not hang on the words.
fn as_said(deed: &Deed) -> Deed {
    let mut deed = deed.clone();
    if let Deed::Jobs { order, .. } | Deed::Matching { order, .. } = &mut deed {
        order.agent = "@any".parse().ok();
    }
    deed
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

/// Asks before the chosen agent works for others, as it wants.
pub(super) fn ask_approve(model: &mut Model) {
    let Some((head, audience)) = model.chosen_agent().and_then(|head| Some((head, head.wanted?))) else {
        return;
    };
    let name = head.name.clone();
    let title = format!("Let {name} work for {}", audience.whom());
    let effect = "It is matched with their jobs once its examples pass. Its owner is told.".to_owned();
    let deed = Deed::Hold { name, order: HoldOrder::Publish { audience } };
    show(model, title, effect, deed, Vec::new(), None);
}

/// Asks before the chosen agent may not work for others.
pub(super) fn ask_refuse(model: &mut Model) {
    let Some(name) = model.chosen_agent().map(|head| head.name.clone()) else { return };
    let title = format!("Do not let {name} work for others");
    let effect = "It goes on for those it works for now. Its owner is told.".to_owned();
    let deed = Deed::Hold { name, order: HoldOrder::Refuse { reason: None } };
    show(model, title, effect, deed, refusal(), None);
}

/// Asks before the chosen agent is taken, which somebody offers.
pub(super) fn ask_take(model: &mut Model) {
    let Some(head) = model.chosen_agent() else { return };
    let effect = format!("It is yours from then on. User {} and who else has it no longer do.", head.owner.0);
    let name = head.name.clone();
    let title = format!("Take {name}");
    show(model, title, effect, Deed::Hold { name, order: HoldOrder::Take }, Vec::new(), None);
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
pub(crate) fn ready(confirm: &Confirm, now: Timestamp, zone: &TimeZone) -> Result<Deed, String> {
    let said = |label: &str| {
        let field = confirm.fields.iter().find(|field| field.label == label)?;
        let text = field.input.value().trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    let ordered = |order: &Order| -> Result<Order, String> {
        let mut order = order.clone();
        order.text = said("Reason")
            .or_else(|| said("Why"))
            .or_else(|| said("What is wrong"))
            .or_else(|| said("What was wrong"))
            .or_else(|| said("Answer"));
        if let Some(name) = said("Agent").or_else(|| said("To")) {
            order.agent = Some(name.parse::<AgentName>().map_err(|error| error.to_string())?);
        }
        if let Some(class) = said("Class") {
            order.priority = Some(priority(&class)?);
        }
        if let Some(until) = said("Until") {
            order.deadline = Some(parse_moment(&until, now, zone).map_err(|error| error.to_string())?);
        }
        Ok(order)
    };
    match &confirm.deed {
        Deed::Jobs { jobs, order } => Ok(Deed::Jobs { jobs: jobs.clone(), order: ordered(order)? }),
        Deed::Matching { matching, order } => {
            Ok(Deed::Matching { matching: matching.clone(), order: ordered(order)? })
        }
        Deed::Engine { order, .. } => Ok(Deed::Engine { order: *order, reason: said("Reason") }),
        Deed::Reveal { job, .. } => {
            Ok(Deed::Reveal { job: *job, reason: said("Reason").unwrap_or_default() })
        }
        Deed::Hold { name, order: HoldOrder::Refuse { .. } } => {
            Ok(Deed::Hold { name: name.clone(), order: HoldOrder::Refuse { reason: said("Reason") } })
        }
        deed @ (Deed::Agent { .. }
        | Deed::Hold { .. }
        | Deed::TestAgent { .. }
        | Deed::Post { .. }
        | Deed::Register { .. }
        | Deed::Update { .. }
        | Deed::Replay { .. }) => Ok(deed.clone()),
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

/// Orders it: now, or after the time for "undo".
pub(super) fn order(model: &mut Model, what: String, deed: Deed) -> Vec<Effect> {
    let way = way(model, &deed);
    if *model.screen() == Screen::Jobs
        && let Deed::Jobs { .. } | Deed::Matching { .. } = deed
    {
        model.unmark();
    }
    let number = model.log(what.clone(), &deed);
    match way {
        Way::HoldBack => {
            let at = model.now.after(UNDO);
            model.pending.push(Pending { number, what, deed, at });
            model.wake(at);
            return Vec::new();
        }
        Way::By(back) => remember(model, number, &what, back),
        Way::Final => {}
    }
    vec![Effect::Do { number, deed }]
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
pub(super) fn outcome(model: &mut Model, number: u64, outcome: Outcome) -> Vec<Effect> {
    let mut effects = Vec::new();
    let (tone, text) = match outcome {
        Outcome::One(Ok(text)) => {
            effects = back::reached(model, number, Vec::new());
            (Tone::Good, text)
        }
        Outcome::One(Err(error)) => {
            back::failed(model, number);
            (Tone::Bad, told(&error))
        }
        Outcome::Jobs(jobs) => {
            let reached: Vec<_> =
                jobs.iter().filter_map(|(job, head)| Some((*job, head.as_ref().ok()?.epoch))).collect();
            if reached.is_empty() {
                back::failed(model, number);
            } else {
                effects = back::reached(model, number, reached);
            }
            of_jobs(&jobs)
        }
        Outcome::Posted(posted) => {
            let (tone, text, after) = form::posted(model, number, posted);
            effects = after;
            (tone, text)
        }
        Outcome::Registered(registered) => {
            let (tone, text, after) = form::registered(model, number, registered);
            effects = after;
            (tone, text)
        }
        Outcome::Updated(updated) => {
            let (tone, text, after) = form::updated(model, number, updated);
            effects = after;
            (tone, text)
        }
    };
    let mut what = String::new();
    if let Some(line) = model.done.iter_mut().find(|line| line.number == number) {
        what = format!("{}: ", line.what);
        line.outcome = Some((tone, text.clone()));
    }
    model.tell(tone, format!("{what}{text}"));
    model.version += 1;
    effects
}

fn of_jobs(jobs: &[(JobId, Result<JobHead, ApiError>)]) -> (Tone, String) {
    let count = jobs.len();
    let done = jobs.iter().filter(|(_, outcome)| outcome.is_ok()).count();
    let first = jobs.iter().find_map(|(job, outcome)| Some((job, outcome.as_ref().err()?)));
    match (first, jobs.first()) {
        (None, Some((job, Ok(head)))) if count == 1 => (Tone::Good, format!("{job} is {}", head.state)),
        (None, _) => (Tone::Good, format!("all {count} done")),
        (Some((job, error)), _) if count == 1 => (Tone::Bad, format!("{job}: {}", told(error))),
        (Some((job, error)), _) => (Tone::Bad, format!("{done} of {count} done; {job}: {}", told(error))),
    }
}

pub(in crate::dash::update) fn told(error: &ApiError) -> String {
    clean_line(&error.to_string())
}
