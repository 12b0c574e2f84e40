//! How an order is taken back: by not sending it yet, by another order after it, or not at all. The protocol says which.

use crate::dash::model::{Back, Model, Sent, UNDO};
use crate::dash::msg::Effect;
use crate::dash::overlay::{Deed, Target};
use crate::dash::theme::Tone;
use guildhall_protocol::ids::JobId;
use guildhall_protocol::undo::{Undo, undo, undo_agent};
use guildhall_protocol::view::{AgentHead, JobHead, Order};

/// How an order is taken back.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Way {
    /// It waits before it is sent.
    HoldBack,
    /// It is sent, and this undoes it.
    By(Back),
    /// It is sent for good.
    Final,
}

impl Way {
    /// The same before it is ordered, for people.
    pub(super) fn told(&self) -> String {
        match self {
            Self::HoldBack => "It is sent after five seconds; until then u takes it back.".to_owned(),
            Self::By(back) => format!("It is sent at once; for five seconds u {}.", back.told()),
            Self::Final => "It is sent at once, for good.".to_owned(),
        }
    }
}

/// How this would be taken back if it were ordered now.
pub(super) fn way(model: &Model, deed: &Deed) -> Way {
    match deed {
        Deed::Jobs { jobs, order } => {
            let heads = jobs.iter().filter_map(|target| model.head(target.job));
            of_jobs(heads, order)
        }
        // Of those that are not loaded nobody knows what was: so nothing brings it back.
        Deed::Matching { order, .. } => match of_jobs(model.chosen_jobs().into_iter(), order) {
            Way::HoldBack | Way::By(_) => Way::HoldBack,
            Way::Final => Way::Final,
        },
        Deed::Agent { name, order } => {
            let undone = agent(model, name).and_then(|head| undo_agent(*order, head));
            match undone {
                Some(Undo::HoldBack) => Way::HoldBack,
                Some(Undo::By(order)) => Way::By(Back::Agent { name: name.clone(), order }),
                None => Way::Final,
            }
        }
        // Somebody is told a decision, or an agent is another one's: for ever.
        Deed::Hold { .. } => Way::HoldBack,
        Deed::Post { .. } | Deed::Register { .. } | Deed::Update { .. } => Way::Final,
        Deed::TestAgent { .. } | Deed::Engine { .. } | Deed::Replay { .. } | Deed::Reveal { .. } => {
            Way::Final
        }
    }
}

fn of_jobs<'a>(heads: impl Iterator<Item = &'a JobHead>, order: &Order) -> Way {
    let mut back = Vec::new();
    for head in heads {
        match undo(order, head) {
            Some(Undo::HoldBack) => return Way::HoldBack,
            Some(Undo::By(order)) => back.push((head.id, order)),
            None => {}
        }
    }
    if back.is_empty() { Way::Final } else { Way::By(Back::Jobs(back)) }
}

fn agent<'a>(model: &'a Model, name: &guildhall_protocol::agent::AgentName) -> Option<&'a AgentHead> {
    let story = model.data.agent(name).map(|story| &story.head);
    story.or_else(|| model.data.agents.value.iter().flatten().find(|head| head.name == *name))
}

/// Takes the newest order back that can be.
pub(super) fn take_back(model: &mut Model) -> Vec<Effect> {
    let held = model.pending.last().map(|pending| pending.number);
    let sent = model.sent.last().map(|sent| sent.number);
    if held > sent {
        let Some(pending) = model.pending.pop() else { return Vec::new() };
        if let Some(line) = model.done.iter_mut().find(|line| line.number == pending.number) {
            line.outcome = Some((Tone::Dim, "taken back".to_owned()));
        }
        model.tell(Tone::Accent, format!("{}: taken back, nothing was done", pending.what));
        return Vec::new();
    }
    if !model.link.is_live() {
        model.tell(Tone::Warn, "there is no daemon to take it back from");
        return Vec::new();
    }
    let Some(mut sent) = model.sent.pop() else { return Vec::new() };
    if sent.reached.is_some() {
        return send(model, sent);
    }
    // Whether it happened is told soon: then it is taken back.
    sent.unwanted = true;
    model.tell(Tone::Accent, format!("{}: it is taken back as soon as it is done", sent.what));
    model.sent.push(sent);
    Vec::new()
}

/// An order reached these jobs, which have these epochs now; of an agent, none.
pub(super) fn reached(model: &mut Model, number: u64, jobs: Vec<(JobId, u64)>) -> Vec<Effect> {
    let Some(place) = model.sent.iter().position(|sent| sent.number == number) else { return Vec::new() };
    model.sent[place].reached = Some(jobs);
    if !model.sent[place].unwanted {
        return Vec::new();
    }
    let sent = model.sent.remove(place);
    send(model, sent)
}

/// An order did not happen: there is nothing to take back.
pub(super) fn failed(model: &mut Model, number: u64) {
    model.sent.retain(|sent| sent.number != number);
}

/// What had its time can no longer be taken back.
pub(super) fn forget_old(model: &mut Model) {
    let now = model.now;
    model.sent.retain(|sent| sent.until > now || sent.unwanted);
    if !model.sent.is_empty() {
        // The seconds that are left are shown.
        model.wake(now.after(std::time::Duration::from_secs(1)));
    }
}

/// Remembers how to take back what is sent now.
pub(super) fn remember(model: &mut Model, number: u64, what: &str, back: Back) {
    let until = model.now.after(UNDO);
    let what = what.to_owned();
    model.sent.push(Sent { number, what, back, until, reached: None, unwanted: false });
    model.wake(until);
}

/// Sends what undoes an order: one order for all jobs that get the same.
fn send(model: &mut Model, sent: Sent) -> Vec<Effect> {
    let deeds = match sent.back {
        Back::Agent { name, order } => vec![Deed::Agent { name, order }],
        Back::Jobs(orders) => {
            let reached = sent.reached.unwrap_or_default();
            let mut groups: Vec<(Order, Vec<Target>)> = Vec::new();
            for (job, order) in orders {
                let Some((_, epoch)) = reached.iter().find(|(other, _)| *other == job) else { continue };
                let target = Target { job, epoch: *epoch, title: String::new() };
                match groups.iter_mut().find(|(other, _)| *other == order) {
                    Some((_, targets)) => targets.push(target),
                    None => groups.push((order, vec![target])),
                }
            }
            groups.into_iter().map(|(order, jobs)| Deed::Jobs { jobs, order }).collect()
        }
    };
    let mut effects = Vec::new();
    for deed in deeds {
        let number = model.log(format!("{}, taken back", sent.what), &deed);
        effects.push(Effect::Do { number, deed });
    }
    effects
}
