//! Whether something can be done now, and if not, why: by the connection, the screen, and what the protocol allows.

use super::action::{Act, Entry, Scope};
use super::model::{Model, Pane};
use super::row::Row;
use super::screen::{Screen, TABS};
use guildhall_protocol::agent::{AgentEvent, PausedWhy};
use guildhall_protocol::matrix::Powers;
use guildhall_protocol::permission::{JobAction, Standing};
use guildhall_protocol::view::{JobHead, Sight};

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
        Act::ApproveAgent | Act::RefuseAgent => of_approval(model),
        Act::TakeAgent => of_offer(model),
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
        Act::Fold if model.pane != Pane::Answer => Now::Absent,
        Act::Undo if model.pending.is_empty() && model.sent.is_empty() => Now::Absent,
        Act::ClearFilter if model.filter_text.is_empty() => Now::Absent,
        Act::Find if model.data.tree.value.is_none() => Now::No("there is no answer".to_owned()),
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
        | Act::Follow
        | Act::CopyId
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
    if let Screen::Job(id) = model.screen()
        && let Some(story) = model.data.job(*id)
    {
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

/// An agent that wants to work for others waits for an operator.
fn of_approval(model: &Model) -> Now {
    match model.chosen_agent().and_then(|head| head.wanted) {
        None => Now::Absent,
        Some(_) if model.is_operator() => Now::Yes,
        Some(_) => Now::No("only an operator may do this".to_owned()),
    }
}

/// Only whom an agent is offered to sees that it is.
fn of_offer(model: &Model) -> Now {
    let Some(name) = model.chosen_agent().map(|head| &head.name) else { return Now::Absent };
    let in_inbox = model.data.inbox.value.iter().flat_map(|inbox| &inbox.offers);
    let who = model.who.as_ref().map(|who| who.user);
    let to = model.data.agent(name).and_then(|story| story.offered_to);
    let mine = in_inbox.into_iter().any(|head| head.name == *name) || (to.is_some() && to == who);
    if mine { Now::Yes } else { Now::Absent }
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
