//! What the dashboard does, told as one who sits before it: keys in, orders and pictures out. The data are what a daemon told
//! after its demo.

mod acting;
mod copying;
mod covered;
mod deciding;
mod finding;
mod following;
mod forms;
mod leaving;
mod marks;
mod paging;
mod pictures;
mod restored;
mod taking_back;
mod walking;
mod wire;

use super::link::LinkEvent;
use super::model::Model;
use super::msg::{Effect, Msg};
use super::need::{Answer, Need};
use super::overlay::Deed;
use super::screen::Screen;
use super::state::Slot;
use super::theme::{Palette, Theme};
use super::update::update;
use super::view::view;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use guildhall_protocol::account::{Role, UserHead};
use guildhall_protocol::agent::{AgentName, Audience};
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::handshake::Principal;
use guildhall_protocol::history::{Actor, Event, Subject, What};
use guildhall_protocol::ids::{EventId, Incarnation, JobId, NotificationId, PlaceId, UserId};
use guildhall_protocol::job::{JobDraft, Priority, Visibility};
use guildhall_protocol::json::Json;
use guildhall_protocol::listing::JobCount;
use guildhall_protocol::log::{LogLevel, LogLine, LogPage};
use guildhall_protocol::notice::{Inbox, NoticeStory, NoticeView};
use guildhall_protocol::overview::{
    AgentLoad, AgentsOverview, Breakers, Bucket, MarketOverview, NoticesOverview, OldestJob, Overview,
    OverviewOf, Series, Spread, Waiting,
};
use guildhall_protocol::state::JobState;
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::{AgentHead, AgentStory, FeedLine, JobHead, Page, Status};
use guildhall_protocol::wire::Wire;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use serde::de::DeserializeOwned;

/// When everything is looked at: a minute and a half after the demo.
pub(super) const NOW: Timestamp = Timestamp(1_795_866_100_000);

/// A job with this number.
pub(super) fn job_head(number: i64) -> JobHead {
    JobHead {
        id: JobId(number),
        title: Some(format!("Count the words of chapter {number}")),
        label: None,
        state: JobState::Open.into(),
        client: UserId(1),
        visibility: Visibility::Private,
        priority: Priority::Normal,
        agent: None,
        attempts: 0,
        checked_by: None,
        posted_at: Timestamp(NOW.0 - 90_000),
        changed_at: Timestamp(NOW.0 - 90_000),
        deadline: Timestamp(NOW.0 + 86_000_000),
        due_at: Some(Timestamp(NOW.0 + 86_000_000)),
        window_ends_at: None,
        epoch: 7,
        revision: 1,
    }
}

fn read<T: DeserializeOwned>(json: &str) -> T {
    serde_json::from_str(json).expect("what a daemon told")
}

/// Somebody before a dashboard, and a daemon that answers what is asked at once.
pub(super) struct Desk {
    pub(super) model: Model,
    /// What was ordered from the daemon, in order.
    pub(super) deeds: Vec<(u64, Deed)>,
    /// What was put on the clipboard.
    pub(super) copied: Vec<String>,
    pub(super) left: bool,
    pub(super) jobs: Vec<JobHead>,
    /// How many jobs every filter admits.
    pub(super) count: u64,
    /// Drafts of which it was asked who would get them.
    pub(super) previewed: Vec<JobDraft>,
    /// What went to the editor, and the end of the file's name.
    pub(super) edited: Vec<(String, &'static str)>,
    /// Agents that were read, in order.
    pub(super) asked_agents: Vec<String>,
    /// Nobody is called so any more.
    pub(super) no_agent: Option<AgentName>,
    pub(super) inbox: Inbox,
    /// For whom every agent wants to work.
    pub(super) wanted: Option<Audience>,
    /// The input schema of every agent.
    pub(super) input_schema: Option<String>,
    /// What was kept for the next run, in order.
    pub(super) kept: Vec<(Slot, Option<String>)>,
}

impl Desk {
    /// A dashboard of this size that has just found its daemon.
    pub(super) fn new(width: u16, height: u16) -> Self {
        let theme = Theme { palette: Palette::Dark, ascii: false };
        let model = Model::new("/run/guildhall/guildhalld.sock".to_owned(), theme, (width, height), NOW);
        let jobs: Page<JobHead> = read(include_str!("fixtures/jobs.json"));
        let mut desk = Self {
            model,
            deeds: Vec::new(),
            copied: Vec::new(),
            left: false,
            jobs: jobs.rows,
            count: 0,
            previewed: Vec::new(),
            edited: Vec::new(),
            asked_agents: Vec::new(),
            no_agent: None,
            inbox: read(include_str!("fixtures/inbox.json")),
            wanted: None,
            input_schema: None,
            kept: Vec::new(),
        };
        desk.connects();
        desk
    }

    /// The daemon is found.
    pub(super) fn connects(&mut self) {
        let who = Principal {
            user: UserId(1),
            name: "ada".to_owned(),
            role: Role::Operator,
            place: PlaceId::LOCAL,
            place_role: Role::Operator,
            bridged: false,
            timezone: None,
        };
        self.meets(Msg::Link(LinkEvent::Up(Box::new(who))));
    }

    /// The daemon is lost.
    pub(super) fn loses(&mut self) {
        let error =
            ApiError::new(ErrorKind::Unavailable, "no daemon answers at /run/guildhall/guildhalld.sock");
        let (since, retry_at) = (self.model.now, Timestamp(self.model.now.0 + 5_000));
        self.meets(Msg::Link(LinkEvent::Down { error, since, retry_at }));
    }

    /// Something happens, and what is read because of it is answered.
    pub(super) fn meets(&mut self, msg: Msg) {
        let now = self.model.now;
        let mut effects = update(&mut self.model, now, msg);
        while let Some(effect) = effects.pop() {
            match effect {
                Effect::Read(need) => {
                    if let Need::Agent(name) = &need {
                        self.asked_agents.push(name.to_string());
                    }
                    let gone = matches!(&need, Need::Agent(name) if self.no_agent.as_ref() == Some(name));
                    let answer = if gone {
                        Err(ApiError::new(ErrorKind::NotFound, "there is no such agent"))
                    } else {
                        Ok(self.answer(&need))
                    };
                    effects.extend(update(&mut self.model, now, Msg::Read(need, answer)));
                }
                Effect::Do { number, deed } => self.deeds.push((number, deed)),
                Effect::Count { turn, filter } => {
                    let count = Ok(JobCount { count: self.count, exact: true });
                    let filter = Box::new(filter);
                    effects.extend(update(&mut self.model, now, Msg::Counted { turn, filter, count }));
                }
                Effect::Copy(text) => self.copied.push(text),
                Effect::Quit => self.left = true,
                Effect::Preview { turn, draft } => {
                    self.previewed.push(*draft);
                    let preview = Ok(Box::new(read(include_str!("fixtures/preview.json"))));
                    effects.extend(update(&mut self.model, now, Msg::Previewed { turn, preview }));
                }
                Effect::Edit { text, suffix } => self.edited.push((text, suffix)),
                Effect::Keep { slot, text } => self.kept.push((slot, text)),
                Effect::Switch(context) => {
                    let (name, outcome) = (context.name, Ok(("/run/other.sock".to_owned(), Vec::new())));
                    effects.extend(update(&mut self.model, now, Msg::Switched { name, outcome }));
                }
                Effect::Reconnect | Effect::Suspend => {}
            }
        }
    }

    /// Time passes.
    pub(super) fn waits(&mut self, ms: i64) {
        self.model.now = Timestamp(self.model.now.0 + ms);
        self.meets(Msg::Tick);
    }

    /// Keys, one after another: `x`, `enter`, `ctrl-c`.
    pub(super) fn presses(&mut self, keys: &[&str]) {
        for key in keys {
            let (held, plain) = match key.split_once('-') {
                Some(("ctrl", plain)) if !plain.is_empty() => (KeyModifiers::CONTROL, plain),
                Some(("alt", plain)) if !plain.is_empty() => (KeyModifiers::ALT, plain),
                _ => (KeyModifiers::NONE, *key),
            };
            let code = match plain {
                "enter" => KeyCode::Enter,
                "esc" => KeyCode::Esc,
                "tab" => KeyCode::Tab,
                "backtab" => KeyCode::BackTab,
                "left" => KeyCode::Left,
                "right" => KeyCode::Right,
                "up" => KeyCode::Up,
                "down" => KeyCode::Down,
                "backspace" => KeyCode::Backspace,
                "pagedown" => KeyCode::PageDown,
                "f2" => KeyCode::F(2),
                "space" => KeyCode::Char(' '),
                one => KeyCode::Char(one.chars().next().expect("a key")),
            };
            self.meets(Msg::Key(KeyEvent::new(code, held)));
        }
    }

    /// Types a text, letter by letter.
    pub(super) fn types(&mut self, text: &str) {
        for letter in text.chars() {
            self.meets(Msg::Key(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::NONE)));
        }
    }

    /// Goes to a screen.
    pub(super) fn goes(&mut self, screen: Screen) {
        self.model.trail.go(screen);
        self.meets(Msg::Tick);
        // What is read may need more to be read: an answer after its job.
        self.meets(Msg::Tick);
    }

    /// What is on the screen.
    pub(super) fn buffer(&self) -> Buffer {
        let (width, height) = self.model.size;
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        view(&self.model, &mut buffer);
        buffer
    }

    /// The same as text.
    pub(super) fn text(&self) -> String {
        let buffer = self.buffer();
        let row = |y| (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        (0..buffer.area.height).map(row).map(|row: String| row.trim_end().to_owned() + "\n").collect()
    }

    /// Sees this text.
    pub(super) fn sees(&self, text: &str) {
        let shown = self.text();
        assert!(shown.contains(text), "{text:?} is not on the screen:\n{shown}");
    }

    fn answer(&self, need: &Need) -> Answer {
        match need {
            Need::Status => Answer::Status(Box::new(status())),
            Need::Overview => Answer::Overview(Box::new(overview())),
            Need::Jobs { query, .. } => Answer::Jobs(paging::page(&self.jobs, query)),
            Need::Job(id) => {
                let mut story: guildhall_protocol::view::JobStory = read(include_str!("fixtures/job6.json"));
                if *id != story.head.id {
                    story.head = self.jobs.iter().find(|head| head.id == *id).expect("it is there").clone();
                    let state = *story.head.state.known().expect("a state");
                    story.allowed = state.allowed(guildhall_protocol::permission::Standing {
                        client: true,
                        powers: guildhall_protocol::matrix::Powers {
                            market: Role::Operator,
                            place: Role::Operator,
                            ..Default::default()
                        },
                        ..Default::default()
                    });
                }
                Answer::Job(Box::new(story))
            }
            Need::Body(..) => Answer::Body(r#"{"keywords":["market","agents","signed"],"count":3,"text":"A market for agents.","none":null}"#.to_owned()),
            Need::Agents => Answer::Agents(read::<Page<AgentHead>>(include_str!("fixtures/agents.json")).rows),
            Need::Agent(_) => {
                let mut story: AgentStory = read(include_str!("fixtures/agent.json"));
                if let Some(schema) = &self.input_schema {
                    story.definition.input_schema = Some(Json::from_text(schema.clone()).expect("JSON"));
                }
                story.head.wanted = self.wanted;
                Answer::Agent(Box::new(story))
            }
            Need::Inbox => Answer::Inbox(Box::new(self.inbox.clone())),
            Need::Notices { .. } => Answer::Notices(notices()),
            Need::Notice(id) => {
                let notice = notices().into_iter().find(|notice| notice.id == *id).expect("it is there");
                let log = vec![(notice.made_at, false, "503 from the webhook".to_owned()), (NOW, true, "200".to_owned())];
                Answer::Notice(Box::new(NoticeStory { notice, log }))
            }
            Need::People => Answer::People(read::<Page<UserHead>>(include_str!("fixtures/people.json")).rows),
            Need::Person(_) => Answer::Person(Box::new(read(include_str!("fixtures/person.json")))),
            Need::Feed(after) => Answer::Feed(feed(*after)),
            Need::Log(after) => Answer::Log(log(*after)),
        }
    }
}

fn notices() -> Vec<NoticeView> {
    read::<Page<NoticeView>>(include_str!("fixtures/notices.json")).rows
}

pub(super) fn a_notice() -> NotificationId {
    notices()[0].id
}

fn status() -> Status {
    Status {
        daemon: "0.1.0".to_owned(),
        store: "k3x7qa".parse().expect("a tag"),
        incarnation: Incarnation(3),
        started_at: Timestamp(NOW.0 - 600_000),
        jobs: Vec::new(),
        agents_active: 11,
        agents: 11,
        draining: false,
        paused: false,
        notes: Vec::new(),
    }
}

fn overview() -> Overview {
    let agent = |name: &str| name.parse::<AgentName>().expect("a name");
    let bucket = |place: i64| Bucket {
        from: Timestamp(NOW.0 - 600_000 + place * 10_000),
        posted: u64::try_from(place % 7 * 3).unwrap_or(0),
        completed: u64::try_from(place % 5 * 2).unwrap_or(0),
        failed: u64::from(place % 19 == 0),
        canceled: 0,
        wait: Some(Spread { count: 9, p50_ms: 12, p95_ms: 90 + u64::try_from(place).unwrap_or(0) }),
        run: Some(Spread { count: 9, p50_ms: 840, p95_ms: 2_600 }),
    };
    let market = MarketOverview {
        paused: false,
        draining: false,
        series: Series {
            since: Timestamp(NOW.0 - 600_000),
            bucket_ms: 10_000,
            buckets: (0..60).map(bucket).collect(),
        },
        failures: vec![(guildhall_protocol::attempt::EndedAs::Silent.into(), 4)],
        agents: AgentsOverview {
            agents: 11,
            active: 10,
            used: 7,
            slots: 40,
            busiest: vec![
                AgentLoad { name: agent("@gist"), used: 4, slots: 4 },
                AgentLoad { name: agent("@sieve"), used: 3, slots: 4 },
            ],
            breakers: Breakers { closed: 10, open: 1, half_open: 0, quarantined: 0 },
            troubled: vec![(
                agent("@hasty"),
                guildhall_protocol::agent::Health::Open(Timestamp(NOW.0 + 60_000)).into(),
            )],
        },
        models: None,
        notices: NoticesOverview { due: 3, undeliverable: 1 },
    };
    Overview {
        at: NOW,
        of: OverviewOf::Market.into(),
        jobs: vec![
            ("open".to_owned(), 12),
            ("working".to_owned(), 7),
            ("in_review".to_owned(), 2),
            ("held".to_owned(), 1),
            ("completed".to_owned(), 1_204_311),
            ("failed".to_owned(), 804),
        ],
        jobs_exact: true,
        oldest_ready: Some(OldestJob { job: JobId(1_204_998), posted_at: Timestamp(NOW.0 - 4_000) }),
        oldest_open: Some(OldestJob { job: JobId(1_190_002), posted_at: Timestamp(NOW.0 - 9_000_000) }),
        waiting: Waiting { questions: 1, reviews: 2, disputes: 3, held: 1, appeals: 0, approvals: 1 },
        market: Some(market),
    }
}

fn feed(after: EventId) -> Vec<FeedLine> {
    let begin = EventId::earliest(Timestamp(NOW.0 - 60_000)).0;
    let attempt = guildhall_protocol::ids::AttemptNumber(1);
    let events = [
        What::Accepted { attempt },
        What::Resent { attempt, tries: 2 },
        What::AttemptEnded { attempt, ended: guildhall_protocol::attempt::EndedAs::Silent, reason: None },
    ];
    let line = |(place, what): (i64, What)| FeedLine {
        id: EventId(begin + place),
        subject: Subject::Job(JobId(place + 1)),
        event: Wire::Known(Event { seq: 1, at: Timestamp(NOW.0 - 60_000), by: Actor::Daemon, what }),
    };
    (0..).zip(events).map(line).filter(|line| line.id > after).collect()
}

fn log(after: Option<u64>) -> LogPage {
    let line = |number, level: LogLevel, message: &str| LogLine {
        number,
        at: Timestamp(NOW.0 - 30_000),
        level: level.into(),
        target: "guildhalld::engine".to_owned(),
        message: message.to_owned(),
        fields: vec![("job.id".to_owned(), "7".to_owned())],
        cut: false,
    };
    let lines = [
        line(1, LogLevel::Info, "guildhalld is ready"),
        line(2, LogLevel::Warn, "attempt 2 of job 7 failed; trying again in 500 ms"),
        line(3, LogLevel::Error, "a step of #9 panicked; it is looked at again"),
    ];
    let lines: Vec<LogLine> = lines.into_iter().filter(|line| line.number > after.unwrap_or(0)).collect();
    LogPage { lines, seen: 3, lost: 0 }
}
