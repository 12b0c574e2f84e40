//! What was read from the daemon.

use super::json_tree::JsonTree;
use super::loaded::{Loaded, Reading, When, settle};
use super::need::{Answer, Need};
use super::screen::Screen;
use super::window::{Part, Window};
use guildhall_protocol::account::{UserHead, UserStory};
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::error::ApiError;
use guildhall_protocol::ids::{BodyId, EventId, JobId, NotificationId, UserId};
use guildhall_protocol::job::JobDraft;
use guildhall_protocol::log::LogLine;
use guildhall_protocol::notice::{Inbox, NoticeStory, NoticeView};
use guildhall_protocol::overview::Overview;
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::{AgentHead, AgentStory, FeedLine, JobStory, Status};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Most jobs and agents whose stories are kept.
const STORIES_MAX: usize = 16;
/// Most answers and drafts that are kept; two are shown at a time, and each may be large.
const BODIES_MAX: usize = 4;
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

/// A newest-last ring of the feed.
#[derive(Clone, Debug)]
pub(crate) struct Feed {
    pub(crate) lines: VecDeque<FeedLine>,
    /// The last line that was read.
    pub(crate) last: EventId,
    pub(super) back: Duration,
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
    pub(super) seen: Option<u64>,
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
    bodies: BTreeMap<(JobId, BodyId), Loaded<JsonTree>>,
    drafts: BTreeMap<JobId, Loaded<JobDraft>>,
    pub(crate) agents: Loaded<Vec<AgentHead>>,
    agent_stories: BTreeMap<AgentName, Loaded<AgentStory>>,
    pub(crate) inbox: Loaded<Inbox>,
    pub(crate) notices: Loaded<Vec<NoticeView>>,
    notice_stories: BTreeMap<NotificationId, Loaded<NoticeStory>>,
    pub(crate) people: Loaded<Vec<UserHead>>,
    people_stories: BTreeMap<UserId, Loaded<UserStory>>,
    pub(crate) feed: Feed,
    pub(crate) log: Log,
    /// How many answers were taken.
    pub(crate) taken: u64,
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

    /// A job as it was posted, if that was read.
    pub(crate) fn draft(&self, id: JobId) -> Option<&JobDraft> {
        self.drafts.get(&id)?.value.as_ref()
    }

    /// Why it could not be read.
    pub(crate) fn draft_trouble(&self, id: JobId) -> Option<&ApiError> {
        self.drafts.get(&id)?.trouble.as_ref()
    }

    /// A body of a job, if it was read or asked for.
    pub(crate) fn body(&self, job: JobId, body: BodyId) -> Option<&Loaded<JsonTree>> {
        self.bodies.get(&(job, body))
    }

    /// The same, to be folded and laid out.
    pub(crate) fn tree_mut(&mut self, job: JobId, body: BodyId) -> Option<&mut JsonTree> {
        self.bodies.get_mut(&(job, body))?.value.as_mut()
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

    /// How something stands that the screen needs; none: nobody asked for it yet.
    pub(crate) fn reading(&self, need: &Need) -> Option<Reading<'_>> {
        Some(match need {
            Need::Status => self.status.reading(),
            Need::Overview => self.overview.reading(),
            Need::Jobs { part, .. } => self.jobs.reading(*part),
            Need::Job(id) => self.stories.get(id)?.reading(),
            Need::Body(job, body) => self.bodies.get(&(*job, *body))?.reading(),
            Need::Draft(job, _) => self.drafts.get(job)?.reading(),
            Need::Agents => self.agents.reading(),
            Need::Agent(name) => self.agent_stories.get(name)?.reading(),
            Need::Inbox => self.inbox.reading(),
            Need::Notices { .. } => self.notices.reading(),
            Need::Notice(id) => self.notice_stories.get(id)?.reading(),
            Need::People => self.people.reading(),
            Need::Person(id) => self.people_stories.get(id)?.reading(),
            Need::Feed(_) => self.feed.state.reading(),
            Need::Log(_) => self.log.state.reading(),
        })
    }

    /// The numbers of the lines of the events or the daemon's log, which grow.
    pub(crate) fn lines_of(&self, feed: &Screen) -> impl DoubleEndedIterator<Item = i64> {
        let events = (*feed == Screen::Events).then_some(&self.feed.lines);
        let log = (*feed == Screen::Log).then_some(&self.log.lines);
        let number = |line: &LogLine| i64::try_from(line.number).unwrap_or(i64::MAX);
        events.into_iter().flatten().map(|line| line.id.0).chain(log.into_iter().flatten().map(number))
    }

    /// Everything is read again: the daemon was away, or somebody wants it.
    pub(crate) fn renew(&mut self) {
        self.status.renew();
        self.overview.renew();
        self.log.state.renew();
        self.jobs.renew();
        // Bodies never change: what was read stays as somebody folded it.
        self.bodies.values_mut().filter(|body| body.value.is_none()).for_each(Loaded::renew);
        self.agents.renew();
        self.inbox.renew();
        self.notices.renew();
        self.people.renew();
        self.feed.state.renew();
        self.stories.values_mut().for_each(Loaded::renew);
        self.drafts.values_mut().for_each(Loaded::renew);
        self.agent_stories.values_mut().for_each(Loaded::renew);
        self.notice_stories.values_mut().for_each(Loaded::renew);
        self.people_stories.values_mut().for_each(Loaded::renew);
    }

    pub(super) fn when(&mut self, need: &Need, version: u64, now: Timestamp) -> When {
        match need {
            Need::Status => self.status.when(version, now),
            Need::Overview => self.overview.when(version, now),
            // Only what is held changes; the other parts are read when they are needed.
            Need::Jobs { part, .. } => {
                self.jobs.part(*part).when(if *part == Part::Held { version } else { 0 }, now)
            }
            Need::Job(id) => self.stories.get(id).map_or(When::Now, |story| story.when(version, now)),
            // Bodies never change.
            Need::Body(job, body) => {
                self.bodies.get(&(*job, *body)).map_or(When::Now, |body| body.when(0, now))
            }
            Need::Draft(job, _) => self.drafts.get(job).map_or(When::Now, |draft| draft.when(0, now)),
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

    pub(super) fn ask(&mut self, need: &Need, version: u64, now: Timestamp) {
        match need {
            Need::Status => self.status.ask(version, now),
            Need::Overview => self.overview.ask(version, now),
            Need::Jobs { part, .. } => self.jobs.part(*part).ask(version, now),
            Need::Job(id) => {
                make_room(&mut self.stories, STORIES_MAX, id);
                self.stories.entry(*id).or_default().ask(version, now);
            }
            Need::Body(job, body) => {
                let key = (*job, *body);
                make_room(&mut self.bodies, BODIES_MAX, &key);
                self.bodies.entry(key).or_default().ask(version, now);
            }
            Need::Draft(job, _) => {
                make_room(&mut self.drafts, STORIES_MAX, job);
                self.drafts.entry(*job).or_default().ask(version, now);
            }
            Need::Agents => self.agents.ask(version, now),
            Need::Agent(name) => {
                make_room(&mut self.agent_stories, STORIES_MAX, name);
                self.agent_stories.entry(name.clone()).or_default().ask(version, now);
            }
            Need::Inbox => self.inbox.ask(version, now),
            Need::Notices { .. } => self.notices.ask(version, now),
            Need::Notice(id) => {
                make_room(&mut self.notice_stories, STORIES_MAX, id);
                self.notice_stories.entry(*id).or_default().ask(version, now);
            }
            Need::People => self.people.ask(version, now),
            Need::Person(id) => {
                make_room(&mut self.people_stories, STORIES_MAX, id);
                self.people_stories.entry(*id).or_default().ask(version, now);
            }
            Need::Feed(_) => self.feed.state.ask(version, now),
            Need::Log(_) => self.log.state.ask(version, now),
        }
    }

    /// Takes what was read. What nobody waits for any more is dropped.
    pub(crate) fn take(&mut self, need: Need, now: Timestamp, answer: Result<Answer, ApiError>) {
        self.taken += 1;
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
                let read = |answer: Answer| answer.body().map(|text| JsonTree::read(&text));
                settle(self.bodies.get_mut(&(job, body)), now, answer, read);
            }
            Need::Draft(job, _) => settle(self.drafts.get_mut(&job), now, answer, Answer::draft),
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
            let mut lines = answer.feed()?;
            nothing = lines.is_empty() && self.feed.lines.is_empty();
            full = lines.len() >= usize::try_from(FEED_LINES).unwrap_or(usize::MAX);
            // It may have been asked twice, over a loss of the connection.
            let last = self.feed.last;
            lines.retain(|line| line.id > last);
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

    fn take_log(&mut self, now: Timestamp, answer: Result<Answer, ApiError>) {
        let mut full = false;
        settle(Some(&mut self.log.state), now, answer, |answer| {
            let page = answer.log()?;
            if self.log.seen.is_some_and(|seen| page.seen <= seen) {
                // Nothing new, or asked twice over a loss of the connection.
                return Some(());
            }
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

/// Drops the first that is not this one when there are as many as there may be.
fn make_room<K: Ord + Clone, T>(stories: &mut BTreeMap<K, Loaded<T>>, most: usize, for_this: &K) {
    if stories.len() >= most && !stories.contains_key(for_this) {
        let idle = stories.iter().find(|(_, story)| !story.in_flight).map(|(key, _)| key.clone());
        if let Some(key) = idle {
            stories.remove(&key);
        }
    }
}
