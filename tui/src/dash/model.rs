//! Everything that the dashboard knows. It changes in `update` alone; views only look.

use super::as_command::command;
use super::contexts::Contexts;
use super::data::Data;
use super::filter::Filter;
use super::keys::Keys;
use super::layout::{Parts, parts};
use super::link::Link;
use super::overlay::{Deed, Matching, Overlay};
use super::row::{Cursor, Row};
use super::screen::{Screen, Trail};
use super::state::DraftOf;
use super::theme::{Palette, Theme, Tone};
use super::views::Finding;
use super::window::Edge;
use guildhall_protocol::account::Role;
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::handshake::Principal;
use guildhall_protocol::ids::{AttemptNumber, JobId, RequestId};
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::{AgentHead, AgentOrder, JobHead, Order};
use jiff::tz::TimeZone;
use ratatui::layout::Rect;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// How long a toast stays.
pub(crate) const TOAST: Duration = Duration::from_secs(6);
/// Most lines of the log of orders.
const ACTIONS_MAX: usize = 200;
/// How long an order can be taken back.
pub(crate) const UNDO: Duration = Duration::from_millis(guildhall_protocol::undo::UNDO_MS);

/// How times are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Times {
    Relative,
    Local,
    Utc,
}

/// The parts of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Pane {
    Attempts,
    Pick,
    Answer,
    /// The job as it was posted.
    Asked,
    History,
}

/// Every part of a job, in order: what was asked is one key from the answer to it.
pub(crate) const PANES: [Pane; 5] = [Pane::Attempts, Pane::Pick, Pane::Answer, Pane::Asked, Pane::History];

impl Pane {
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Attempts => "Attempts",
            Self::Pick => "Pick",
            Self::Answer => "Answer",
            Self::Asked => "Asked",
            Self::History => "History",
        }
    }

    /// Whether it shows JSON that folds.
    pub(crate) fn is_json(self) -> bool {
        matches!(self, Self::Answer | Self::Asked)
    }
}

/// A line that goes by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Toast {
    pub(crate) text: String,
    pub(crate) tone: Tone,
    pub(crate) until: Timestamp,
    /// It is about the marks: what is told of them next takes its place.
    pub(crate) of_marks: bool,
}

/// On the way to the neighbor of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Walk {
    pub(crate) from: JobId,
    /// So many rows further, or before.
    pub(crate) step: isize,
}

/// Something that was ordered from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) number: u64,
    pub(crate) at: Timestamp,
    pub(crate) what: String,
    /// The same on the command line, if that has such an order.
    pub(crate) command: Option<String>,
    /// What came of it; none: it is not known yet.
    pub(crate) outcome: Option<(Tone, String)>,
}

/// An order that is not sent yet: it can be taken back.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pending {
    pub(crate) number: u64,
    pub(crate) what: String,
    pub(crate) deed: Deed,
    /// When it is sent.
    pub(crate) at: Timestamp,
}

/// What takes an order back that was sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Back {
    /// To each job the order that undoes it.
    Jobs(Vec<(JobId, Order)>),
    Agent {
        name: AgentName,
        order: AgentOrder,
    },
}

impl Back {
    /// What `u` then does, for people. An agent that was paused proves itself once more before it works.
    pub(crate) fn told(&self) -> &'static str {
        match self {
            Self::Jobs(_) => "brings back what was",
            Self::Agent { order: AgentOrder::Resume, .. } => "resumes it, after a new challenge",
            Self::Agent { order: AgentOrder::Pause { .. }, .. } => "pauses it again",
            Self::Agent { order: AgentOrder::Retire, .. } => "retires it",
        }
    }
}

/// An order that was sent and can be taken back for a while by another one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sent {
    pub(crate) number: u64,
    pub(crate) what: String,
    pub(crate) back: Back,
    pub(crate) until: Timestamp,
    /// The jobs that it reached, with their epochs after it; none: its outcome is not known yet.
    pub(crate) reached: Option<Vec<(JobId, u64)>>,
    /// Somebody took it back before its outcome was known: it is taken back when it is.
    pub(crate) unwanted: bool,
}

/// Everything.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) now: Timestamp,
    pub(crate) size: (u16, u16),
    pub(crate) theme: Theme,
    pub(crate) times: Times,
    /// The person's own zone.
    pub(crate) zone: TimeZone,
    pub(crate) keys: Keys,
    /// The daemon, for people.
    pub(crate) endpoint: String,
    pub(crate) contexts: Contexts,
    pub(crate) read_only: bool,
    pub(crate) link: Link,
    pub(crate) who: Option<Principal>,
    /// Grows with each change behind the connection.
    pub(crate) version: u64,
    pub(crate) trail: Trail,
    pub(crate) cursors: BTreeMap<Screen, Cursor>,
    /// Where one is in each part of a job.
    pub(crate) panes: BTreeMap<(JobId, Pane), Cursor>,
    pub(crate) pane: Pane,
    /// The attempt whose answer somebody wants to see, of this job; none: the one that counts.
    pub(crate) answer_of: Option<(JobId, AttemptNumber)>,
    pub(crate) data: Data,
    /// The filter as it was typed, and what it means.
    pub(crate) filter_text: String,
    pub(crate) filter: Filter,
    /// Grows with each change of the filter.
    pub(crate) filter_turn: u64,
    /// Filters typed before, and views.
    pub(crate) finding: Finding,
    /// The next job of the list is wanted, which must be read first.
    pub(crate) walking: Option<Walk>,
    /// This end of the list of jobs is wanted.
    pub(crate) to_edge: Option<Edge>,
    /// What was searched in an answer last.
    pub(crate) search: String,
    /// The lines of the job that is shown.
    pub(crate) lines: super::view::job::Lines,
    /// The marked jobs, as they were seen last, in sight or not.
    pub(crate) marks: BTreeMap<JobId, JobHead>,
    /// Grows with each change of the marks by the person: what was counted for marks of before means nothing.
    pub(crate) mark_turn: u64,
    /// Not only the marked ones are meant, but all that match.
    pub(crate) matching: Option<Matching>,
    /// The feeds that stand still: the events, the log; and the number of the last line of each that was seen.
    pub(crate) still: BTreeMap<Screen, i64>,
    pub(crate) overlays: Vec<Overlay>,
    pub(crate) toasts: VecDeque<Toast>,
    pub(crate) done: VecDeque<Done>,
    pub(crate) pending: Vec<Pending>,
    pub(crate) sent: Vec<Sent>,
    pub(crate) orders: u64,
    /// Drafts of this daemon that are kept, as they are kept.
    pub(crate) drafts: BTreeMap<DraftOf, String>,
    /// Forms that were sent and whose outcome is not known yet, by the number of the order; and to which daemon.
    pub(crate) sending: BTreeMap<u64, (String, DraftOf)>,
    /// The beginning of the ids of requests: no other run of the program has it.
    pub(crate) seed: String,
    pub(crate) requests: u64,
    /// Colors that were chosen by key.
    pub(crate) chosen_palette: Option<Palette>,
    /// When something must be looked at again although nothing happens.
    pub(crate) wake_at: Option<Timestamp>,
}

impl Model {
    /// A dashboard that has not heard of any daemon yet.
    pub(crate) fn new(endpoint: String, theme: Theme, size: (u16, u16), now: Timestamp) -> Self {
        Self {
            now,
            size,
            theme,
            times: Times::Relative,
            zone: TimeZone::UTC,
            keys: Keys::default(),
            endpoint,
            contexts: Contexts::default(),
            read_only: false,
            link: Link::Connecting { since: now },
            who: None,
            version: 1,
            trail: Trail::at(Screen::Overview, ""),
            cursors: BTreeMap::new(),
            panes: BTreeMap::new(),
            pane: Pane::Attempts,
            answer_of: None,
            data: Data::default(),
            filter_text: String::new(),
            filter: Filter::default(),
            filter_turn: 0,
            finding: Finding::default(),
            walking: None,
            to_edge: None,
            search: String::new(),
            lines: super::view::job::Lines::default(),
            marks: BTreeMap::new(),
            mark_turn: 0,
            matching: None,
            still: BTreeMap::new(),
            overlays: Vec::new(),
            toasts: VecDeque::new(),
            done: VecDeque::new(),
            pending: Vec::new(),
            sent: Vec::new(),
            orders: 0,
            drafts: BTreeMap::new(),
            sending: BTreeMap::new(),
            seed: "desk".to_owned(),
            requests: 0,
            chosen_palette: None,
            wake_at: None,
        }
    }

    /// The screen that is shown.
    pub(crate) fn screen(&self) -> &Screen {
        self.trail.current()
    }

    /// Where one is on the screen that is shown.
    pub(crate) fn cursor(&self) -> Cursor {
        let screen = self.screen();
        let cursor = if let Screen::Job(id) = screen {
            self.panes.get(&(*id, self.pane))
        } else {
            self.cursors.get(screen)
        };
        cursor.cloned().unwrap_or_default()
    }

    /// The same, to be changed.
    pub(crate) fn cursor_mut(&mut self) -> &mut Cursor {
        let screen = self.trail.current();
        if let Screen::Job(id) = screen {
            return self.panes.entry((*id, self.pane)).or_default();
        }
        self.cursors.entry(screen.clone()).or_default()
    }

    /// The parts of the screen: what was told lately has lines of its own, and covers nothing.
    pub(crate) fn parts(&self) -> Parts {
        let told = self.pending.len() + self.sent.len() + self.toasts.len();
        parts(Rect::new(0, 0, self.size.0, self.size.1), told)
    }

    /// Rows of the list that are shown at a time.
    pub(crate) fn height(&self) -> usize {
        match self.screen() {
            Screen::Job(_) => super::view::job::pane_height(self),
            Screen::Overview => super::view::overview::list_height(self),
            Screen::Agent(_) => super::view::agent::list_height(self),
            Screen::Jobs => super::view::jobs::list_height(self),
            Screen::Agents
            | Screen::Events
            | Screen::Notices
            | Screen::Notice(_)
            | Screen::Inbox
            | Screen::Log
            | Screen::People
            | Screen::Person(_) => usize::from(self.parts().body.height.saturating_sub(1)).max(1),
        }
    }

    /// The rows of the list, in order.
    pub(crate) fn rows(&self) -> Vec<Row> {
        super::view::rows(self, self.screen())
    }

    /// The rows of the list of a screen, in order.
    pub(crate) fn rows_of(&self, screen: &Screen) -> Vec<Row> {
        super::view::rows(self, screen)
    }

    /// The row that the cursor is on.
    pub(crate) fn chosen_row(&self) -> Option<Row> {
        self.cursor().on
    }

    /// The jobs that an order would be about: the marked ones, else the one that is shown or chosen.
    pub(crate) fn chosen_jobs(&self) -> Vec<&JobHead> {
        let rows = &self.data.jobs.rows;
        match self.screen() {
            Screen::Job(id) => self.data.job(*id).map(|story| &story.head).into_iter().collect(),
            Screen::Jobs if !self.marks.is_empty() => self.marks.values().rev().collect(),
            Screen::Jobs => match self.chosen_row() {
                Some(Row::Job(id)) => rows.iter().filter(|head| head.id == id).collect(),
                _ => Vec::new(),
            },
            Screen::Inbox => match (self.chosen_row(), &self.data.inbox.value) {
                (Some(Row::Job(id)), Some(inbox)) => {
                    let heads = inbox.mine.iter().chain(&inbox.operators);
                    heads.filter(|head| head.id == id).take(1).collect()
                }
                // A complaint or a contest: its job is read for it.
                (Some(Row::Attempt(id, _)), _) => {
                    self.data.job(id).map(|story| &story.head).into_iter().collect()
                }
                _ => Vec::new(),
            },
            Screen::Overview
            | Screen::Agents
            | Screen::Agent(_)
            | Screen::Events
            | Screen::Notices
            | Screen::Notice(_)
            | Screen::Log
            | Screen::People
            | Screen::Person(_) => Vec::new(),
        }
    }

    /// The agent that an order would be about.
    pub(crate) fn chosen_agent(&self) -> Option<&AgentHead> {
        if let Screen::Agent(name) = self.screen() {
            return self.data.agent(name).map(|story| &story.head);
        }
        let Some(Row::Agent(name)) = self.chosen_row() else { return None };
        let listed = self.data.agents.value.iter().flatten();
        let inbox =
            self.data.inbox.value.iter().flat_map(|inbox| inbox.approvals.iter().chain(&inbox.offers));
        listed.chain(inbox).find(|head| head.name == name)
    }

    /// Whether the screen is a feed that stands still.
    pub(crate) fn is_still(&self) -> bool {
        self.still.contains_key(self.screen())
    }

    /// Lines of a feed that came since it stands still, and were not seen.
    pub(crate) fn new_lines(&self, feed: &Screen) -> usize {
        let Some(seen) = self.still.get(feed) else { return 0 };
        self.data.lines_of(feed).filter(|line| line > seen).count()
    }

    /// What is known of a job, wherever it is shown.
    pub(crate) fn head(&self, id: JobId) -> Option<&JobHead> {
        let story = self.data.job(id).map(|story| &story.head);
        let inbox = self.data.inbox.value.iter().flat_map(|inbox| inbox.mine.iter().chain(&inbox.operators));
        story
            .or_else(|| self.marks.get(&id))
            .or_else(|| self.data.jobs.rows.iter().chain(inbox).find(|head| head.id == id))
    }

    /// The jobs are no longer marked.
    pub(crate) fn unmark(&mut self) {
        self.marks.clear();
        self.matching = None;
        self.mark_turn += 1;
        self.toasts.retain(|toast| !toast.of_marks);
    }

    /// Whether the person is an operator of the whole marketplace.
    pub(crate) fn is_operator(&self) -> bool {
        self.who.as_ref().is_some_and(|who| who.role >= Role::Operator)
    }

    /// Tells something that goes by itself.
    pub(crate) fn tell(&mut self, tone: Tone, text: impl Into<String>) {
        self.push_toast(tone, text.into(), false);
    }

    /// The same about the marks, in the place of what was told of them before.
    pub(crate) fn tell_marks(&mut self, tone: Tone, text: impl Into<String>) {
        self.toasts.retain(|toast| !toast.of_marks);
        self.push_toast(tone, text.into(), true);
    }

    fn push_toast(&mut self, tone: Tone, text: String, of_marks: bool) {
        let until = self.now.after(TOAST);
        self.toasts.push_back(Toast { text, tone, until, of_marks });
        while self.toasts.len() > 3 {
            self.toasts.pop_front();
        }
    }

    /// An id for something that is to happen once.
    pub(crate) fn fresh_request(&mut self) -> RequestId {
        self.requests += 1;
        format!("{}.{}", self.seed, self.requests).parse().expect("a seed has few and plain letters")
    }

    /// Writes an order into the log of orders; its number.
    pub(crate) fn log(&mut self, what: String, deed: &Deed) -> u64 {
        self.orders += 1;
        let (number, at) = (self.orders, self.now);
        let command = command(deed, at);
        self.done.push_back(Done { number, at, what, command, outcome: None });
        while self.done.len() > ACTIONS_MAX {
            self.done.pop_front();
        }
        number
    }

    /// Looks again at this time at the latest.
    pub(crate) fn wake(&mut self, at: Timestamp) {
        self.wake_at = Some(self.wake_at.map_or(at, |before| before.min(at)));
    }
}
