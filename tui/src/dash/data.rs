//! What was read from the daemon, how old it is, and what must be read for the screen that is shown.

use super::json_tree::JsonTree;
use super::model::Model;
use super::screen::Screen;
use super::window::{Part, Window};
use guildhall_protocol::account::{UserHead, UserStory};
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::error::ApiError;
use guildhall_protocol::ids::{BodyId, EventId, JobId, NotificationId, UserId};
use guildhall_protocol::listing::{JobPage, JobQuery};
use guildhall_protocol::log::{LogLine, LogPage};
use guildhall_protocol::notice::{Inbox, NoticeStory, NoticeView};
use guildhall_protocol::overview::Overview;
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::{AgentHead, AgentStory, FeedLine, JobStory, Status};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Between two readings of the same thing while it changes.
const AGAIN_AFTER: Duration = Duration::from_millis(300);
/// After a reading that failed.
const AGAIN_AFTER_TROUBLE: Duration = Duration::from_secs(2);
/// Most jobs and agents whose stories are kept.
const STORIES_MAX: usize = 16;
/// Most lines of the feed that are kept.
pub(crate) const FEED_MAX: usize = 2_000;
/// Rows of a list in one reading.
pub(crate) const ROWS_MAX: u32 = 500;
/// People in one reading.
pub(crate) const PEOPLE_ROWS: u32 = 500;
/// Lines of the daemon's log in one reading, and that are kept.
pub(crate) const LOG_LINES: u32 = 500;
const LOG_MAX: usize = 2_000;
/// How far back the feed begins at first; further, as long as nothing is found there.
const FEED_BACK: Duration = Duration::from_mins(5);
const FEED_BACK_MAX: Duration = Duration::from_hours(24 * 365);
const FEED_WIDER: u32 = 12;
/// Lines of the feed in one reading.
pub(crate) const FEED_LINES: u32 = 200;

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
    /// The answer of a job, whole.
    Body(JobId, BodyId),
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
    fn status(self) -> Option<Status> {
        if let Self::Status(value) = self { Some(*value) } else { None }
    }

    fn overview(self) -> Option<Overview> {
        if let Self::Overview(value) = self { Some(*value) } else { None }
    }

    fn log(self) -> Option<LogPage> {
        if let Self::Log(value) = self { Some(value) } else { None }
    }

    fn jobs(self) -> Option<JobPage> {
        if let Self::Jobs(value) = self { Some(value) } else { None }
    }

    fn job(self) -> Option<JobStory> {
        if let Self::Job(value) = self { Some(*value) } else { None }
    }

    fn body(self) -> Option<String> {
        if let Self::Body(value) = self { Some(value) } else { None }
    }

    fn agents(self) -> Option<Vec<AgentHead>> {
        if let Self::Agents(value) = self { Some(value) } else { None }
    }

    fn agent(self) -> Option<AgentStory> {
        if let Self::Agent(value) = self { Some(*value) } else { None }
    }

    fn inbox(self) -> Option<Inbox> {
        if let Self::Inbox(value) = self { Some(*value) } else { None }
    }

    fn notices(self) -> Option<Vec<NoticeView>> {
        if let Self::Notices(value) = self { Some(value) } else { None }
    }

    fn notice(self) -> Option<NoticeStory> {
        if let Self::Notice(value) = self { Some(*value) } else { None }
    }

    fn people(self) -> Option<Vec<UserHead>> {
        if let Self::People(value) = self { Some(value) } else { None }
    }

    fn person(self) -> Option<UserStory> {
        if let Self::Person(value) = self { Some(*value) } else { None }
    }

    fn feed(self) -> Option<Vec<FeedLine>> {
        if let Self::Feed(value) = self { Some(value) } else { None }
    }
}

/// Something that was read, or is being read, or could not be.
#[derive(Clone, Debug)]
pub(crate) struct Loaded<T> {
    pub(crate) value: Option<T>,
    /// When it was so.
    pub(crate) at: Timestamp,
    /// The change of the daemon that it shows.
    seen: u64,
    /// Why the last reading failed.
    pub(crate) trouble: Option<ApiError>,
    /// When it was asked for last, and at which change.
    asked: Option<(Timestamp, u64)>,
    in_flight: bool,
}

impl<T> Default for Loaded<T> {
    fn default() -> Self {
        Self { value: None, at: Timestamp(0), seen: 0, trouble: None, asked: None, in_flight: false }
    }
}

/// Whether something must be read now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Now,
    At(Timestamp),
    Never,
}

impl<T> Loaded<T> {
    fn when(&self, version: u64, now: Timestamp) -> When {
        if self.in_flight {
            return When::Never;
        }
        let Some((asked, _)) = self.asked else { return When::Now };
        if self.trouble.is_none() && self.seen >= version {
            return When::Never;
        }
        let pause = if self.trouble.is_some() { AGAIN_AFTER_TROUBLE } else { AGAIN_AFTER };
        if asked.after(pause) <= now { When::Now } else { When::At(asked.after(pause)) }
    }

    fn ask(&mut self, version: u64, now: Timestamp) {
        self.asked = Some((now, version));
        self.in_flight = true;
    }

    pub(super) fn take(&mut self, now: Timestamp, answer: Result<T, ApiError>) {
        self.in_flight = false;
        match answer {
            Ok(value) => {
                self.value = Some(value);
                self.at = now;
                self.seen = self.asked.map_or(0, |(_, version)| version);
                self.trouble = None;
            }
            Err(error) => self.trouble = Some(error),
        }
    }

    /// It is read again soon, whatever changed.
    pub(super) fn renew(&mut self) {
        self.asked = None;
        self.in_flight = false;
    }
}

/// A newest-last ring of the feed.
#[derive(Clone, Debug)]
pub(crate) struct Feed {
    pub(crate) lines: VecDeque<FeedLine>,
    /// The last line that was read.
    pub(crate) last: EventId,
    back: Duration,
    state: Loaded<()>,
}

impl Default for Feed {
    fn default() -> Self {
        Self { lines: VecDeque::new(), last: EventId(0), back: FEED_BACK, state: Loaded::default() }
    }
}

impl Feed {
    /// Whether anything was read.
    pub(crate) fn is_read(&self) -> bool {
        self.state.value.is_some()
    }

    /// Why the last reading failed.
    pub(crate) fn trouble(&self) -> Option<&ApiError> {
        self.state.trouble.as_ref()
    }
}

/// The newest lines of the daemon's log, newest last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    pub(crate) lines: VecDeque<LogLine>,
    seen: Option<u64>,
    /// Lines that were dropped before they could be read.
    pub(crate) lost: u64,
    state: Loaded<()>,
}

impl Log {
    /// Whether anything was read.
    pub(crate) fn is_read(&self) -> bool {
        self.state.value.is_some()
    }

    /// Why the last reading failed.
    pub(crate) fn trouble(&self) -> Option<&ApiError> {
        self.state.trouble.as_ref()
    }
}

/// All that was read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Data {
    pub(crate) status: Loaded<Status>,
    pub(crate) overview: Loaded<Overview>,
    pub(crate) jobs: Window,
    stories: BTreeMap<JobId, Loaded<JobStory>>,
    pub(crate) body: Option<(JobId, BodyId)>,
    pub(crate) tree: Loaded<JsonTree>,
    pub(crate) agents: Loaded<Vec<AgentHead>>,
    agent_stories: BTreeMap<AgentName, Loaded<AgentStory>>,
    pub(crate) inbox: Loaded<Inbox>,
    pub(crate) notices: Loaded<Vec<NoticeView>>,
    notice_stories: BTreeMap<NotificationId, Loaded<NoticeStory>>,
    pub(crate) people: Loaded<Vec<UserHead>>,
    people_stories: BTreeMap<UserId, Loaded<UserStory>>,
    pub(crate) feed: Feed,
    pub(crate) log: Log,
}

impl Data {
    /// The story of a job, if it was read.
    pub(crate) fn job(&self, id: JobId) -> Option<&JobStory> {
        self.stories.get(&id)?.value.as_ref()
    }

    /// Why a job's story could not be read.
    pub(crate) fn job_trouble(&self, id: JobId) -> Option<&ApiError> {
        self.stories.get(&id)?.trouble.as_ref()
    }

    /// The story of an agent, if it was read.
    pub(crate) fn agent(&self, name: &AgentName) -> Option<&AgentStory> {
        self.agent_stories.get(name)?.value.as_ref()
    }

    /// Why an agent's story could not be read.
    pub(crate) fn agent_trouble(&self, name: &AgentName) -> Option<&ApiError> {
        self.agent_stories.get(name)?.trouble.as_ref()
    }

    /// The story of a notice, if it was read.
    pub(crate) fn notice(&self, id: NotificationId) -> Option<&NoticeStory> {
        self.notice_stories.get(&id)?.value.as_ref()
    }

    /// Why a notice's story could not be read.
    pub(crate) fn notice_trouble(&self, id: NotificationId) -> Option<&ApiError> {
        self.notice_stories.get(&id)?.trouble.as_ref()
    }

    /// The story of a person, if it was read.
    pub(crate) fn person(&self, id: UserId) -> Option<&UserStory> {
        self.people_stories.get(&id)?.value.as_ref()
    }

    /// Why a person's story could not be read.
    pub(crate) fn person_trouble(&self, id: UserId) -> Option<&ApiError> {
        self.people_stories.get(&id)?.trouble.as_ref()
    }

    /// Everything is read again: the daemon was away, or somebody wants it.
    pub(crate) fn renew(&mut self) {
        self.status.renew();
        self.overview.renew();
        self.log.state.renew();
        self.jobs.renew();
        self.tree.renew();
        self.agents.renew();
        self.inbox.renew();
        self.notices.renew();
        self.people.renew();
        self.feed.state.renew();
        self.stories.values_mut().for_each(Loaded::renew);
        self.agent_stories.values_mut().for_each(Loaded::renew);
        self.notice_stories.values_mut().for_each(Loaded::renew);
        self.people_stories.values_mut().for_each(Loaded::renew);
    }

    fn when(&mut self, need: &Need, version: u64, now: Timestamp) -> When {
        match need {
            Need::Status => self.status.when(version, now),
            Need::Overview => self.overview.when(version, now),
            // Only what is held changes; the other parts are read when they are needed.
            Need::Jobs { part, .. } => {
                self.jobs.part(*part).when(if *part == Part::Held { version } else { 0 }, now)
            }
            Need::Job(id) => self.stories.get(id).map_or(When::Now, |story| story.when(version, now)),
            // Bodies never change.
            Need::Body(..) => self.tree.when(0, now),
            Need::Agents => self.agents.when(version, now),
            Need::Agent(name) => {
                self.agent_stories.get(name).map_or(When::Now, |story| story.when(version, now))
            }
            Need::Inbox => self.inbox.when(version, now),
            Need::Notices { .. } => self.notices.when(version, now),
            Need::Notice(id) => {
                self.notice_stories.get(id).map_or(When::Now, |story| story.when(version, now))
            }
            Need::People => self.people.when(version, now),
            Need::Person(id) => {
                self.people_stories.get(id).map_or(When::Now, |story| story.when(version, now))
            }
            Need::Feed(_) => self.feed.state.when(version, now),
            Need::Log(_) => self.log.state.when(version, now),
        }
    }

    fn ask(&mut self, need: &Need, version: u64, now: Timestamp) {
        match need {
            Need::Status => self.status.ask(version, now),
            Need::Overview => self.overview.ask(version, now),
            Need::Jobs { part, .. } => self.jobs.part(*part).ask(version, now),
            Need::Job(id) => {
                make_room(&mut self.stories, id);
                self.stories.entry(*id).or_default().ask(version, now);
            }
            Need::Body(job, body) => {
                self.body = Some((*job, *body));
                self.tree.ask(version, now);
            }
            Need::Agents => self.agents.ask(version, now),
            Need::Agent(name) => {
                make_room(&mut self.agent_stories, name);
                self.agent_stories.entry(name.clone()).or_default().ask(version, now);
            }
            Need::Inbox => self.inbox.ask(version, now),
            Need::Notices { .. } => self.notices.ask(version, now),
            Need::Notice(id) => {
                make_room(&mut self.notice_stories, id);
                self.notice_stories.entry(*id).or_default().ask(version, now);
            }
            Need::People => self.people.ask(version, now),
            Need::Person(id) => {
                make_room(&mut self.people_stories, id);
                self.people_stories.entry(*id).or_default().ask(version, now);
            }
            Need::Feed(_) => self.feed.state.ask(version, now),
            Need::Log(_) => self.log.state.ask(version, now),
        }
    }

    /// Takes what was read. What nobody waits for any more is dropped.
    pub(crate) fn take(&mut self, need: Need, now: Timestamp, answer: Result<Answer, ApiError>) {
        match need {
            Need::Status => settle(Some(&mut self.status), now, answer, Answer::status),
            Need::Overview => settle(Some(&mut self.overview), now, answer, Answer::overview),
            Need::Jobs { part, query, .. } => {
                if let Some(page) = answer.map(Answer::jobs).transpose() {
                    self.jobs.take(part, &query, query.sort, now, page);
                }
            }
            Need::Job(id) => settle(self.stories.get_mut(&id), now, answer, Answer::job),
            Need::Body(job, body) => {
                let place = (self.body == Some((job, body))).then_some(&mut self.tree);
                settle(place, now, answer, |answer| answer.body().map(|text| JsonTree::read(&text)));
            }
            Need::Agents => settle(Some(&mut self.agents), now, answer, Answer::agents),
            Need::Agent(name) => settle(self.agent_stories.get_mut(&name), now, answer, Answer::agent),
            Need::Inbox => settle(Some(&mut self.inbox), now, answer, Answer::inbox),
            Need::Notices { .. } => settle(Some(&mut self.notices), now, answer, Answer::notices),
            Need::Notice(id) => settle(self.notice_stories.get_mut(&id), now, answer, Answer::notice),
            Need::People => settle(Some(&mut self.people), now, answer, Answer::people),
            Need::Person(id) => settle(self.people_stories.get_mut(&id), now, answer, Answer::person),
            Need::Feed(_) => self.take_feed(now, answer),
            Need::Log(_) => self.take_log(now, answer),
        }
    }

    fn take_feed(&mut self, now: Timestamp, answer: Result<Answer, ApiError>) {
        let (mut full, mut nothing) = (false, false);
        settle(Some(&mut self.feed.state), now, answer, |answer| {
            let lines = answer.feed()?;
            nothing = lines.is_empty() && self.feed.lines.is_empty();
            full = lines.len() >= usize::try_from(FEED_LINES).unwrap_or(usize::MAX);
            self.feed.last = lines.last().map_or(self.feed.last, |line| line.id);
            self.feed.lines.extend(lines);
            while self.feed.lines.len() > FEED_MAX {
                self.feed.lines.pop_front();
            }
            Some(())
        });
        if nothing && self.feed.back < FEED_BACK_MAX {
            self.feed.back = self.feed.back.saturating_mul(FEED_WIDER);
            self.feed.state.renew();
        }
        if full {
            // There is more.
            self.feed.state.renew();
        }
    }
}

impl Data {
    fn take_log(&mut self, now: Timestamp, answer: Result<Answer, ApiError>) {
        let mut full = false;
        settle(Some(&mut self.log.state), now, answer, |answer| {
            let page = answer.log()?;
            full = page.lines.len() >= usize::try_from(LOG_LINES).unwrap_or(usize::MAX);
            self.log.seen = Some(page.seen);
            self.log.lost += page.lost;
            self.log.lines.extend(page.lines);
            while self.log.lines.len() > LOG_MAX {
                self.log.lines.pop_front();
            }
            Some(())
        });
        if full {
            self.log.state.renew();
        }
    }
}

fn settle<T>(
    place: Option<&mut Loaded<T>>,
    now: Timestamp,
    answer: Result<Answer, ApiError>,
    read: impl FnOnce(Answer) -> Option<T>,
) {
    let Some(place) = place else { return };
    match answer {
        Ok(answer) => {
            if let Some(value) = read(answer) {
                place.take(now, Ok(value));
            }
        }
        Err(error) => place.take(now, Err(error)),
    }
}

/// Drops the first story that is not this one when there are too many.
fn make_room<K: Ord + Clone, T>(stories: &mut BTreeMap<K, Loaded<T>>, for_this: &K) {
    if stories.len() >= STORIES_MAX && !stories.contains_key(for_this) {
        let idle = stories.iter().find(|(_, story)| !story.in_flight).map(|(key, _)| key.clone());
        if let Some(key) = idle {
            stories.remove(&key);
        }
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
            let answer = data.job(*id).and_then(|story| story.answered()?.answer.clone());
            needs.extend(answer.map(|answer| Need::Body(*id, answer.id)));
        }
        Screen::Agents => needs.push(Need::Agents),
        Screen::Agent(name) => needs.push(Need::Agent(name.clone())),
        Screen::Events => {
            let back = EventId::earliest(model.now.before(data.feed.back));
            needs.push(Need::Feed(data.feed.last.max(back)));
        }
        Screen::Notices => needs.push(Need::Notices { all: model.is_operator() }),
        Screen::Notice(id) => needs.push(Need::Notice(*id)),
        Screen::Inbox => needs.push(Need::Inbox),
        Screen::Log => needs.push(Need::Log(data.log.seen)),
        Screen::People => needs.push(Need::People),
        Screen::Person(id) => needs.push(Need::Person(*id)),
    }
    needs
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
    if model.to_end {
        parts = vec![Part::End];
    }
    let need = |part| {
        let filter = model.filter.at(model.now);
        let query = model.data.jobs.query(part, filter, model.filter.sort, top);
        Need::Jobs { turn: model.filter_turn, part, query: Box::new(query) }
    };
    parts.into_iter().map(need).collect()
}

/// Asks for what the screen needs and is not there or old; and when there will be more to ask for.
pub(crate) fn ask(model: &mut Model) -> (Vec<Need>, Option<Timestamp>) {
    if !model.link.is_live() {
        return (Vec::new(), None);
    }
    let mut later: Option<Timestamp> = None;
    let mut asked = Vec::new();
    for need in needs(model) {
        if let Need::Body(job, body) = need
            && model.data.body != Some((job, body))
        {
            model.data.tree = Loaded::default();
        }
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
