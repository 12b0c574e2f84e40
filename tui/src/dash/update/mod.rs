//! What happens, and what is to be done about it: `update(model, now, msg)` is all that changes the model. It asks no
//! clock and no daemon, so that every "what if" is a test.

mod back;
mod command;
mod context;
mod deed;
mod find;
mod follow;
mod form;
mod key;
mod leave;
mod mark;
mod mouse;
mod overlay;
mod walk;

use super::link::{Link, LinkEvent};
use super::model::Model;
use super::msg::{Effect, Msg};
use super::need::{self, Answer, Need};
use super::row::{Cursor, Row};
use super::screen::Screen;
use super::theme::Tone;
use super::view::overview::Opens;
use super::window::{Edge, Part};
use guildhall_protocol::error::ApiError;
use guildhall_protocol::time::Timestamp;
use jiff::tz::TimeZone;

pub(crate) use command::finds as palette_finds;
pub(crate) use deed::ready;
pub(crate) use form::{keys as form_keys, needs as form_needs};
pub(crate) use leave::{left_behind, open_orders};

/// Takes one message.
pub(crate) fn update(model: &mut Model, now: Timestamp, msg: Msg) -> Vec<Effect> {
    model.now = model.now.max(now);
    model.wake_at = None;
    let mut effects = match msg {
        Msg::Key(key) => key::press(model, key.into(), key),
        Msg::Paste(text) => overlay::paste(model, &text),
        Msg::Click { hit, twice } => mouse::click(model, hit, twice),
        Msg::Scroll { down } => {
            mouse::scroll(model, down);
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
            read(model, need, answer);
            Vec::new()
        }
        Msg::Done { number, outcome } => deed::outcome(model, number, outcome),
        Msg::Counted { turn, filter, count } => {
            mark::counted(model, turn, *filter, count);
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
        Msg::Terminate => return leave::leave(model),
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
    leave::settle(model);
    form::settle(model);
    let (needs, later) = need::ask(model);
    effects.extend(needs.into_iter().map(Effect::Read));
    if let Some(later) = later {
        model.wake(later);
    }
    effects
}

/// Rows came and went: the cursor stays on its thing, and marks on jobs that are there.
fn settle(model: &mut Model) {
    super::view::job::settle(model);
    let rows = model.rows();
    let height = model.height();
    let follows = follow::follows(model);
    let cursor = model.cursor_mut();
    if follows {
        cursor.on = None;
        cursor.at = rows.len().saturating_sub(1);
    }
    cursor.settle(&rows, height);
    follow::settle(model);
    if *model.screen() == Screen::Jobs {
        let top = model.cursor().top;
        model.data.jobs.settle(top);
    }
    mark::settle(model);
}

/// Takes what was read.
fn read(model: &mut Model, need: Need, answer: Result<Answer, ApiError>) {
    let mut edge = None;
    if let Need::Jobs { turn, part, .. } = &need {
        if *turn != model.filter_turn {
            // An answer to an older filter is of no use.
            return;
        }
        // Whoever went on meanwhile stays there.
        edge = model.to_edge.filter(|edge| *part == Part::Edge(*edge));
    }
    let walked = matches!(need, Need::Jobs { .. });
    let trouble = answer.as_ref().err().cloned();
    model.data.take(need, model.now, answer);
    if walked {
        walk::go_on(model, trouble.as_ref());
    }
    if let Some(edge) = edge {
        model.to_edge = None;
        if trouble.is_none() {
            to_edge(model, edge);
        }
    }
}

/// An end of the list of jobs was read: one is there.
fn to_edge(model: &mut Model, edge: Edge) {
    let last = model.data.jobs.rows.len().saturating_sub(1);
    let at = match edge {
        Edge::First => 0,
        Edge::Last => last,
    };
    model.cursors.insert(Screen::Jobs, Cursor { at, top: at, on: None });
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

/// Opens what a row stands for.
fn open(model: &mut Model, row: Option<Row>) -> Vec<Effect> {
    match row {
        Some(Row::Job(id) | Row::Attempt(id, _)) => model.trail.go(Screen::Job(id)),
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
                Some(Opens::Nothing) | None => {}
            }
        }
        Some(Row::Line(_) | Row::Heading(_)) | None => {}
    }
    Vec::new()
}
