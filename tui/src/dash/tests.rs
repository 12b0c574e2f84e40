//! What the dashboard does, told as one who sits before it: keys in, orders and pictures out. The data are what a daemon told
//! after its demo.

mod acting;
mod again;
mod agent_forms;
mod copying;
mod deciding;
mod finding;
mod following;
mod forms;
mod job_page;
mod leaving;
mod marks;
mod mouse;
mod offered;
mod paging;
mod pictures;
mod restored;
pub(super) mod samples;
mod seen;
mod stale;
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
use guildhall_protocol::ids::{BodyId, PlaceId, UserId};
use guildhall_protocol::job::JobDraft;
use guildhall_protocol::json::Json;
use guildhall_protocol::listing::JobCount;
use guildhall_protocol::notice::{Inbox, NoticeStory};
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::{AgentHead, AgentStory, AppealView, JobHead, JobStory, Page};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use samples::{a_notice, feed, job_head, log, notices, overview, posted, read, status};

/// When everything is looked at: a minute and a half after the demo.
pub(super) const NOW: Timestamp = Timestamp(1_795_866_100_000);

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
    /// What the daemon says to every reading.
    pub(super) refuses: Option<ApiError>,
    pub(super) inbox: Inbox,
    /// For whom every agent wants to work.
    pub(super) wanted: Option<Audience>,
    /// The input schema of every agent.
    pub(super) input_schema: Option<String>,
    /// What every answer is.
    pub(super) answer: String,
    /// Bodies that were read, in order.
    pub(super) asked_bodies: Vec<BodyId>,
    /// No agent has tried any job but job 6.
    pub(super) untried: bool,
    /// Complaints and contests of job 6.
    pub(super) appeals: Vec<AppealView>,
    /// What was kept for the next run, in order.
    pub(super) kept: Vec<(Slot, Option<String>)>,
}

impl Desk {
    /// A dashboard of this size that has just found its daemon.
    pub(super) fn new(width: u16, height: u16) -> Self {
        let mut desk = Self::alone(width, height);
        desk.connects();
        desk
    }

    /// A dashboard that looks for its daemon.
    pub(super) fn alone(width: u16, height: u16) -> Self {
        let theme = Theme { palette: Palette::Dark, ascii: false };
        let model = Model::new("/run/guildhall/guildhalld.sock".to_owned(), theme, (width, height), NOW);
        let jobs: Page<JobHead> = read(include_str!("fixtures/jobs.json"));
        Self {
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
            refuses: None,
            inbox: read(include_str!("fixtures/inbox.json")),
            wanted: None,
            input_schema: None,
            answer: r#"{"keywords":["market","agents","signed"],"count":3,"text":"A market for agents.","none":null}"#.to_owned(),
            asked_bodies: Vec::new(),
            untried: false,
            appeals: Vec::new(),
            kept: Vec::new(),
        }
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
            ApiError::new(ErrorKind::Unavailable, "no daemon answers at /run/guildhall/guildhalld.sock")
                .hint("start one with `guildhalld serve`");
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
                    if let Need::Body(_, body) = &need {
                        self.asked_bodies.push(*body);
                    }
                    let gone = matches!(&need, Need::Agent(name) if self.no_agent.as_ref() == Some(name));
                    let answer = if let Some(error) = &self.refuses {
                        Err(error.clone())
                    } else if gone {
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

    /// Clicks at the first place where this text stands.
    pub(super) fn clicks(&mut self, text: &str) {
        let (width, height) = self.model.size;
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        let drawn = view(&self.model, &mut buffer);
        let row = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        let place = (0..height).find_map(|y| {
            let row = row(y);
            let x = row[..row.find(text)?].chars().count();
            Some(Position::new(u16::try_from(x).expect("it is on the screen"), y))
        });
        let place = place.unwrap_or_else(|| panic!("{text:?} is not on the screen:\n{}", self.text()));
        let hit = drawn.hits.into_iter().rev().find(|(area, _)| area.contains(place));
        if let Some((_, hit)) = hit {
            self.meets(Msg::Click { hit, twice: false });
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
                let mut story: JobStory = read(include_str!("fixtures/job6.json"));
                if !self.appeals.is_empty() {
                    story.allowed.extend([JobAction::Uphold, JobAction::Reject]);
                }
                story.appeals.clone_from(&self.appeals);
                if *id != story.head.id {
                    let listed = self.jobs.iter().find(|head| head.id == *id).cloned();
                    story.head = listed.unwrap_or_else(|| job_head(id.0));
                    let state = *story.head.state.known().expect("a state");
                    if self.untried {
                        story.attempts.clear();
                        story.events.clear();
                    }
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
            Need::Body(_, body) => {
                let story: JobStory = read(include_str!("fixtures/job6.json"));
                let draft = story.draft.head.filter(|_| *body == story.draft.id);
                Answer::Body(draft.unwrap_or_else(|| self.answer.clone()))
            }
            Need::Draft(..) => Answer::Draft(Box::new(posted())),
            Need::Agents => {
                Answer::Agents(read::<Page<AgentHead>>(include_str!("fixtures/agents.json")).rows)
            }
            Need::Agent(_) => {
                let mut story: AgentStory = read(include_str!("fixtures/agent.json"));
                if let Some(schema) = &self.input_schema {
                    story.definition.input_schema = Some(Json::from_text(schema.clone()).expect("JSON"));
                }
                story.head.wanted = self.wanted;
                Answer::Agent(Box::new(story))
            }
            Need::Inbox => {
                let mut inbox = self.inbox.clone();
                inbox.appeals.extend_from_slice(&self.appeals);
                Answer::Inbox(Box::new(inbox))
            }
            Need::Notices { .. } => Answer::Notices(notices()),
            Need::Notice(id) => {
                let notice = notices().into_iter().find(|notice| notice.id == *id).expect("it is there");
                let log = vec![
                    (notice.made_at, false, "503 from the webhook".to_owned()),
                    (NOW, true, "200".to_owned()),
                ];
                Answer::Notice(Box::new(NoticeStory { notice, log }))
            }
            Need::People => Answer::People(read::<Page<UserHead>>(include_str!("fixtures/people.json")).rows),
            Need::Person(_) => Answer::Person(Box::new(read(include_str!("fixtures/person.json")))),
            Need::Feed(after) => Answer::Feed(feed(*after)),
            Need::Log(after) => Answer::Log(log(*after)),
        }
    }
}
