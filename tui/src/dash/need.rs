//! What must be read for the screen that is shown, and what comes back.

use super::loaded::{Reading, When};
use super::model::Model;
use super::overlay::Overlay;
use super::row::Row;
use super::screen::Screen;
use super::update::form_needs;
use super::view::events::needs_names;
use super::view::job::bodies;
use super::window::Part;
use guildhall_protocol::account::{UserHead, UserStory};
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::ids::{BodyId, EventId, JobId, NotificationId, UserId};
use guildhall_protocol::job::JobDraft;
use guildhall_protocol::listing::{JobPage, JobQuery};
use guildhall_protocol::log::LogPage;
use guildhall_protocol::notice::{Inbox, NoticeStory, NoticeView};
use guildhall_protocol::overview::Overview;
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::{AgentHead, AgentStory, FeedLine, JobStory, Status};

/// Something to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Status,
    Overview,
    /// A part of the list of jobs; `turn` grows with each change of the filter.
    Jobs {
        turn: u64,
        part: Part,
        query: Box<JobQuery>,
    },
    Job(JobId),
    /// An answer of a job or what it asks for, whole.
    Body(JobId, BodyId),
    /// A job as it was posted, whole.
    Draft(JobId, BodyId),
    Agents,
    Agent(AgentName),
    Inbox,
    Notices {
        all: bool,
    },
    Notice(NotificationId),
    People,
    Person(UserId),
    /// The feed after this line.
    Feed(EventId),
    /// The daemon's log after this line.
    Log(Option<u64>),
}

/// What was read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    Status(Box<Status>),
    Overview(Box<Overview>),
    Jobs(JobPage),
    Job(Box<JobStory>),
    Body(String),
    Draft(Box<JobDraft>),
    Agents(Vec<AgentHead>),
    Agent(Box<AgentStory>),
    Inbox(Box<Inbox>),
    Notices(Vec<NoticeView>),
    Notice(Box<NoticeStory>),
    People(Vec<UserHead>),
    Person(Box<UserStory>),
    Feed(Vec<FeedLine>),
    Log(LogPage),
}

/// Each kind of answer as what it holds; none: it is another kind.
impl Answer {
    pub(super) fn status(self) -> Option<Status> {
        if let Self::Status(value) = self { Some(*value) } else { None }
    }

    pub(super) fn overview(self) -> Option<Overview> {
        if let Self::Overview(value) = self { Some(*value) } else { None }
    }

    pub(super) fn log(self) -> Option<LogPage> {
        if let Self::Log(value) = self { Some(value) } else { None }
    }

    pub(super) fn jobs(self) -> Option<JobPage> {
        if let Self::Jobs(value) = self { Some(value) } else { None }
    }

    pub(super) fn job(self) -> Option<JobStory> {
        if let Self::Job(value) = self { Some(*value) } else { None }
    }

    pub(super) fn body(self) -> Option<String> {
        if let Self::Body(value) = self { Some(value) } else { None }
    }

    pub(super) fn agents(self) -> Option<Vec<AgentHead>> {
        if let Self::Agents(value) = self { Some(value) } else { None }
    }

    pub(super) fn agent(self) -> Option<AgentStory> {
        if let Self::Agent(value) = self { Some(*value) } else { None }
    }

    pub(super) fn inbox(self) -> Option<Inbox> {
        if let Self::Inbox(value) = self { Some(*value) } else { None }
    }

    pub(super) fn notices(self) -> Option<Vec<NoticeView>> {
        if let Self::Notices(value) = self { Some(value) } else { None }
    }

    pub(super) fn notice(self) -> Option<NoticeStory> {
        if let Self::Notice(value) = self { Some(*value) } else { None }
    }

    pub(super) fn people(self) -> Option<Vec<UserHead>> {
        if let Self::People(value) = self { Some(value) } else { None }
    }

    pub(super) fn person(self) -> Option<UserStory> {
        if let Self::Person(value) = self { Some(*value) } else { None }
    }

    pub(super) fn draft(self) -> Option<JobDraft> {
        if let Self::Draft(value) = self { Some(*value) } else { None }
    }

    pub(super) fn feed(self) -> Option<Vec<FeedLine>> {
        if let Self::Feed(value) = self { Some(value) } else { None }
    }
}

/// What the screen needs, whether it was read or not.
pub(crate) fn needs(model: &Model) -> Vec<Need> {
    let data = &model.data;
    let mut needs = vec![Need::Status];
    match model.screen() {
        Screen::Overview => needs.push(Need::Overview),
        Screen::Jobs => needs.extend(jobs(model)),
        Screen::Job(id) => {
            needs.push(Need::Job(*id));
            needs.extend(bodies(model, *id).into_iter().map(|body| Need::Body(*id, body)));
            if let Some(walk) = model.walking {
                let part = match data.jobs.is_read() {
                    false => Part::Held,
                    true if walk.step > 0 => Part::Below,
                    true => Part::Above,
                };
                needs.push(part_of_jobs(model, part, 0));
            }
        }
        Screen::Agents => needs.push(Need::Agents),
        Screen::Agent(name) => needs.push(Need::Agent(name.clone())),
        Screen::Events => {
            let back = EventId::earliest(model.now.before(data.feed.back));
            needs.push(Need::Feed(data.feed.last.max(back)));
            needs.extend(needs_names(model).then_some(Need::Agents));
        }
        Screen::Notices => needs.push(Need::Notices { all: model.is_operator() }),
        Screen::Notice(id) => needs.push(Need::Notice(*id)),
        Screen::Inbox => {
            needs.push(Need::Inbox);
            // What may be done about a complaint or a contest stands in its job.
            if let Some(Row::Attempt(job, _)) = model.chosen_row() {
                needs.push(Need::Job(job));
            }
        }
        Screen::Log => needs.push(Need::Log(data.log.seen)),
        Screen::People => needs.push(Need::People),
        Screen::Person(id) => needs.push(Need::Person(*id)),
    }
    if let Some(Overlay::Filter { .. } | Overlay::Palette { .. } | Overlay::Form(_)) = model.overlays.last()
        && !needs.contains(&Need::Agents)
    {
        // Names are completed.
        needs.push(Need::Agents);
    }
    for need in form_needs(model) {
        if !needs.contains(&need) {
            needs.push(need);
        }
    }
    needs
}

/// A reading for the screen that failed; that of what it shows goes before what every screen shows.
pub(crate) fn failed(model: &Model) -> Option<Reading<'_>> {
    let mut needs = needs(model);
    needs.sort_by_key(|need| *need == Need::Status);
    needs.iter().filter_map(|need| model.data.reading(need)).find(|reading| reading.failed.is_some())
}

/// Whether the screen shows anything that was read.
pub(crate) fn shows_anything(model: &Model) -> bool {
    let shown = |need: &Need| model.data.reading(need).and_then(|reading| reading.shown_of).is_some();
    needs(model).iter().any(|need| *need != Need::Status && shown(need))
}

/// How often something changes that no event announces, ms.
fn changes_every(need: &Need) -> Option<i64> {
    match need {
        Need::Overview => Some(10_000),
        Need::Log(_) => Some(2_000),
        Need::Status
        | Need::Jobs { .. }
        | Need::Job(_)
        | Need::Body(..)
        | Need::Draft(..)
        | Need::Agents
        | Need::Agent(_)
        | Need::Inbox
        | Need::Notices { .. }
        | Need::Notice(_)
        | Need::People
        | Need::Person(_)
        | Need::Feed(_) => None,
    }
}

fn jobs(model: &Model) -> Vec<Need> {
    let top = model.cursor().top;
    let mut parts = model.data.jobs.needed(top, model.height());
    if let Some(edge) = model.to_edge {
        parts = vec![Part::Edge(edge)];
    }
    parts.into_iter().map(|part| part_of_jobs(model, part, top)).collect()
}

fn part_of_jobs(model: &Model, part: Part, top: usize) -> Need {
    let filter = model.filter.at(model.now);
    let query = model.data.jobs.query(part, filter, model.filter.sort, top);
    Need::Jobs { turn: model.filter_turn, part, query: Box::new(query) }
}

/// Asks for what the screen needs and is not there or old; and when there will be more to ask for.
pub(crate) fn ask(model: &mut Model) -> (Vec<Need>, Option<Timestamp>) {
    if !model.link.is_live() {
        return (Vec::new(), None);
    }
    let mut later: Option<Timestamp> = None;
    let mut asked = Vec::new();
    for need in needs(model) {
        let mut version = model.version;
        if let Some(period) = changes_every(&need) {
            // What changes although nothing is written: each period counts as a change.
            let turn = model.now.0.div_euclid(period);
            version = version.saturating_add(u64::try_from(turn).unwrap_or(0));
            let next = Timestamp((turn + 1) * period);
            later = Some(later.map_or(next, |later| later.min(next)));
        }
        match model.data.when(&need, version, model.now) {
            When::Now => {
                model.data.ask(&need, version, model.now);
                asked.push(need);
            }
            When::At(time) => later = Some(later.map_or(time, |later| later.min(time))),
            When::Never => {}
        }
    }
    (asked, later)
}
