//! What happens, and what is to be done about it: `update(model, now, msg)` is all that changes the model. It asks no
//! clock and no daemon, so that every "what if" is a test.

mod back;
mod command;
mod context;
mod deed;
mod find;
mod form;
mod key;
mod overlay;

use super::link::{Link, LinkEvent};
use super::model::Model;
use super::msg::{Effect, Hit, Msg};
use super::need;
use super::overlay::Overlay;
use super::place::Place;
use super::row::Row;
use super::screen::Screen;
use super::state::Slot;
use super::theme::Tone;
use super::view::overview::Opens;
use super::window::Part;
use guildhall_protocol::ids::JobId;
use guildhall_protocol::time::Timestamp;
use jiff::tz::TimeZone;
use std::collections::BTreeSet;

pub(crate) use command::finds as palette_finds;
pub(crate) use deed::ready;
pub(crate) use form::{keys as form_keys, needs as form_needs};

/// Takes one message.
pub(crate) fn update(model: &mut Model, now: Timestamp, msg: Msg) -> Vec<Effect> {
    model.now = model.now.max(now);
    model.wake_at = None;
    let mut effects = match msg {
        Msg::Key(key) => key::press(model, key.into(), key),
        Msg::Paste(text) => overlay::paste(model, &text),
        Msg::Click { hit, twice } => click(model, hit, twice),
        Msg::Scroll { down } => {
            let rows = model.rows();
            let height = model.height();
            model.cursor_mut().by(&rows, if down { 3 } else { -3 }, height);
            Vec::new()
        }
        Msg::Resize(width, height) => {
            model.size = (width, height);
            Vec::new()
        }
        Msg::Link(event) => {
            link(model, event);
            Vec::new()
        }
        Msg::Read(need, answer) => {
            // An answer to an older filter is of no use.
            let outdated = matches!(&need, need::Need::Jobs { turn, .. } if *turn != model.filter_turn);
            if !outdated {
                let now = model.now;
                let end = matches!(&need, need::Need::Jobs { part: Part::End, .. });
                model.data.take(need, now, answer);
                if end {
                    model.to_end = false;
                    let last = model.data.jobs.rows.len().saturating_sub(1);
                    let cursor = model.cursors.entry(Screen::Jobs).or_default();
                    (cursor.at, cursor.on) = (last, None);
                }
            }
            Vec::new()
        }
        Msg::Done { number, outcome } => deed::outcome(model, number, outcome),
        Msg::Counted { turn, filter, count } => {
            key::counted(model, turn, *filter, count);
            Vec::new()
        }
        Msg::Previewed { turn, preview } => {
            form::looked(model, turn, preview);
            Vec::new()
        }
        Msg::Edited(outcome) => {
            form::edited(model, outcome);
            Vec::new()
        }
        Msg::Kept(outcome) => {
            if let Err(why) = outcome {
                form::not_kept(model, &why);
                model.tell(Tone::Bad, why);
            }
            Vec::new()
        }
        Msg::Switched { name, outcome } => {
            context::switched(model, name, outcome);
            Vec::new()
        }
        Msg::Copied(outcome) => {
            match outcome {
                Ok(bytes) => {
                    model.tell(Tone::Good, format!("{bytes} bytes sent to the terminal's clipboard"));
                }
                Err(why) => model.tell(Tone::Bad, why),
            }
            Vec::new()
        }
        Msg::Tick => Vec::new(),
        Msg::Terminate => return leave(model),
    };
    effects.extend(deed::send_due(model));
    back::forget_old(model);
    effects.extend(form::keep_due(model));
    let now = model.now;
    model.toasts.retain(|toast| toast.until > now);
    if let Some(next) = model.toasts.iter().map(|toast| toast.until).min() {
        model.wake(next);
    }
    settle(model);
    form::settle(model);
    let (needs, later) = need::ask(model);
    effects.extend(needs.into_iter().map(Effect::Read));
    if let Some(later) = later {
        model.wake(later);
    }
    effects
}

/// Leaves. What waits for "undo" is sent: it was ordered.
fn leave(model: &mut Model) -> Vec<Effect> {
    let mut effects = form::close_all(model);
    effects.extend(deed::send_all(model));
    effects.push(Effect::Keep { slot: Slot::Place, text: Some(Place::of(model).written()) });
    effects.push(Effect::Quit);
    effects
}

/// Rows came and went: the cursor stays on its thing, and marks on jobs that are there.
fn settle(model: &mut Model) {
    super::view::job::settle(model);
    let rows = model.rows();
    let height = model.height();
    let follows = matches!(model.screen(), Screen::Events | Screen::Log) && !model.still;
    let cursor = model.cursor_mut();
    if follows {
        cursor.on = None;
        cursor.at = rows.len().saturating_sub(1);
    }
    cursor.settle(&rows, height);
    if *model.screen() == Screen::Jobs {
        let top = model.cursor().top;
        model.data.jobs.settle(top);
    }
    if !model.marks.is_empty() {
        let held: BTreeSet<JobId> = model.data.jobs.rows.iter().map(|head| head.id).collect();
        model.marks.retain(|mark| held.contains(mark));
    }
    if model.marks.is_empty() {
        model.matching = None;
    }
}

fn link(model: &mut Model, event: LinkEvent) {
    match event {
        LinkEvent::Up(who) => {
            if let Link::Lost { since, .. } = &model.link {
                let away = guildhall_protocol::time::show_span(model.now.since(*since));
                model.tell(Tone::Good, format!("The daemon is back after {away}; everything was read again"));
            }
            model.link = Link::Live;
            // What they said to the daemon goes before what their machine says.
            if let Some(zone) = who.timezone.as_deref().and_then(|zone| TimeZone::get(zone).ok()) {
                model.zone = zone;
            }
            model.who = Some(*who);
            model.version += 1;
            model.data.renew();
        }
        LinkEvent::Changed => model.version += 1,
        LinkEvent::Down { error, since, retry_at } => {
            model.link = model.link.down(&error, since, retry_at);
            // What was on its way is lost with the connection.
            model.data.renew();
        }
    }
}

fn click(model: &mut Model, hit: Hit, twice: bool) -> Vec<Effect> {
    match hit {
        Hit::Row(row) => {
            let rows = model.rows();
            let height = model.height();
            if let Some(at) = rows.iter().position(|other| *other == row) {
                let cursor = model.cursor_mut();
                let step = isize::try_from(at).unwrap_or(0) - isize::try_from(cursor.at).unwrap_or(0);
                cursor.by(&rows, step, height);
            }
            if twice { open(model, Some(row)) } else { Vec::new() }
        }
        Hit::Tab(place) => key::act(model, super::action::Act::Go(place)),
        Hit::Act(act) => key::act(model, act),
        Hit::Found(at) => command::click(model, at),
    }
}

/// Opens what a row stands for.
fn open(model: &mut Model, row: Option<Row>) -> Vec<Effect> {
    match row {
        Some(Row::Job(id)) => model.trail.go(Screen::Job(id)),
        Some(Row::Attempt(id, number)) => {
            model.trail.go(Screen::Job(id));
            // Whoever comes for an attempt finds its answer there.
            model.answer_of = Some((id, number));
        }
        Some(Row::Agent(name)) => model.trail.go(Screen::Agent(name)),
        Some(Row::Notice(id)) => model.trail.go(Screen::Notice(id)),
        Some(Row::User(id)) => model.trail.go(Screen::Person(id)),
        Some(Row::Event(id)) => {
            let subject = model.data.feed.lines.iter().find(|line| line.id == id).map(|line| line.subject);
            if let Some(guildhall_protocol::history::Subject::Job(job)) = subject {
                model.trail.go(Screen::Job(job));
            }
        }
        Some(Row::Line(line)) if *model.screen() == Screen::Overview => {
            let opens =
                super::view::overview::lines(model, None).into_iter().nth(line).map(|line| line.opens);
            match opens {
                Some(Opens::Jobs(filter)) => overlay::set_filter(model, filter),
                Some(Opens::Inbox) => model.trail.go(Screen::Inbox),
                Some(Opens::Notices) => model.trail.go(Screen::Notices),
                Some(Opens::Agents) => model.trail.go(Screen::Agents),
                Some(Opens::Job(id)) => model.trail.go(Screen::Job(id)),
                Some(Opens::Agent(name)) => model.trail.go(Screen::Agent(name)),
                Some(Opens::Told { title, lines }) => {
                    model.overlays.push(Overlay::Told { title: title.to_owned(), lines, top: 0 });
                }
                Some(Opens::Nothing) | None => {}
            }
        }
        Some(Row::Line(line)) if matches!(model.screen(), Screen::Job(_)) => {
            if model.pane.is_json() {
                key::fold(model);
            } else {
                super::view::job::open_attempt(model, line);
            }
        }
        Some(Row::Line(_) | Row::Heading(_)) | None => {}
    }
    Vec::new()
}
