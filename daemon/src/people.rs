//! Who is told what, by which way, and how soon: people's settings in memory, and a pace that spares them floods.
//!
//! The store stays the truth of the settings. The pace is counted here only: a restart may let a few more through.

use crate::store::{PersonRecord, SealedBytes};
use guildhall_protocol::ids::{AgentId, AttemptNumber, JobId, UserId};
use guildhall_protocol::notice::{Channel, NoticeKind, Settings};
use guildhall_protocol::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Notices of one kind that one person gets in a minute one by one; more come together at its end.
pub const MINUTE_MAX: u32 = 5;
/// Assignments of an agent that its owner hears of one by one; later ones come together every hour.
pub const FIRST_ASSIGNMENTS: u32 = 10;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;

/// Something that a person must be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Whom.
    pub user: UserId,
    /// What kind.
    pub kind: NoticeKind,
    /// About which job; in a post the job that is being posted.
    pub job: Option<JobId>,
    /// About which attempt.
    pub attempt: Option<AttemptNumber>,
    /// About which agent.
    pub agent: Option<AgentId>,
}

impl Notice {
    /// A notice about a job.
    pub fn of_job(user: UserId, kind: NoticeKind, job: JobId) -> Self {
        Self { user, kind, job: Some(job), attempt: None, agent: None }
    }

    /// A notice about somebody's account.
    pub fn of_user(user: UserId, kind: NoticeKind) -> Self {
        Self { user, kind, job: None, attempt: None, agent: None }
    }

    /// A notice about an agent.
    pub fn of_agent(user: UserId, kind: NoticeKind, agent: AgentId) -> Self {
        Self { user, kind, job: None, attempt: None, agent: Some(agent) }
    }

    /// The same about an attempt of the job.
    #[must_use]
    pub fn attempt(self, attempt: AttemptNumber, agent: AgentId) -> Self {
        Self { attempt: Some(attempt), agent: Some(agent), ..self }
    }
}

/// How one person wants to be told.
#[derive(Clone, Debug, Default)]
struct Person {
    settings: Settings,
    secret: Option<SealedBytes>,
}

/// Everybody who said something about it, and the operators.
#[derive(Default)]
pub struct People(Mutex<Directory>);

#[derive(Default)]
struct Directory {
    people: BTreeMap<UserId, Person>,
    operators: BTreeSet<UserId>,
    /// Who is known on Discord, and is told there unless they say otherwise.
    on_discord: BTreeSet<UserId>,
    /// Users that are part of others by now: what was begun in their name goes on.
    moved: BTreeMap<UserId, UserId>,
    /// Notices per person and kind in the newest minute.
    paces: (i64, BTreeMap<(UserId, NoticeKind), u32>),
    /// Assignments that owners heard of, per agent.
    assignments: BTreeMap<AgentId, u32>,
}

impl People {
    /// Everybody, as stored. A setting that cannot be read any more counts as not said.
    pub fn new(records: Vec<PersonRecord>) -> Self {
        let people = Self::default();
        for record in records {
            people.put(record);
        }
        people
    }

    /// What a person said last.
    pub fn put(&self, record: PersonRecord) {
        let settings = serde_json::from_str(&record.settings).unwrap_or_default();
        let mut directory = self.lock();
        let person = directory.people.entry(record.user).or_default();
        person.settings = settings;
        person.secret = record.secret.or(person.secret.take());
    }

    /// Whether somebody is told what operators must know.
    pub fn set_operator(&self, user: UserId, is_operator: bool) {
        let mut directory = self.lock();
        if is_operator {
            directory.operators.insert(user);
        } else {
            directory.operators.remove(&user);
        }
    }

    /// What one user would be told, another one is from now on.
    pub fn move_to(&self, from: UserId, to: UserId) {
        let mut directory = self.lock();
        directory.people.remove(&from);
        directory.operators.remove(&from);
        if directory.on_discord.remove(&from) {
            directory.on_discord.insert(to);
        }
        directory.moved.insert(from, to);
    }

    /// Who is told what this user would be.
    pub fn heir(&self, user: UserId) -> UserId {
        let directory = self.lock();
        let mut heir = user;
        // Nobody becomes part of somebody who is gone, so this ends.
        while let Some(next) = directory.moved.get(&heir) {
            heir = *next;
        }
        heir
    }

    /// Somebody is known on Discord, or no longer.
    pub fn set_on_discord(&self, user: UserId, is_known: bool) {
        let mut directory = self.lock();
        if is_known {
            directory.on_discord.insert(user);
        } else {
            directory.on_discord.remove(&user);
        }
    }

    /// Who is told what operators must know.
    pub fn operators(&self) -> Vec<UserId> {
        self.lock().operators.iter().copied().collect()
    }

    /// A person's settings.
    pub fn settings(&self, user: UserId) -> Settings {
        self.lock().people.get(&user).map(|person| person.settings.clone()).unwrap_or_default()
    }

    /// The sealed secret that signs what goes to a person's webhook.
    pub fn secret(&self, user: UserId) -> Option<SealedBytes> {
        self.lock().people.get(&user)?.secret.clone()
    }

    /// The ways of a notice, and when it goes out. Counts it.
    pub fn ways(&self, notice: &Notice, now: Timestamp) -> Vec<(Channel, Timestamp)> {
        let mut directory = self.lock();
        let on_discord = directory.on_discord.contains(&notice.user);
        let person = directory.people.get(&notice.user);
        let channels = person.map_or_else(
            || Settings::default().channels(notice.kind, on_discord),
            |person| person.settings.channels(notice.kind, on_discord),
        );
        let mut channels = channels;
        // Whoever serves a channel could keep this from its reader: one way is the daemon's own.
        if notice.kind == NoticeKind::AccountJoined && !channels.contains(&Channel::Log) {
            channels.push(Channel::Log);
        }
        if channels.is_empty() {
            return Vec::new();
        }
        let due_at = directory.pace(notice, now);
        channels.into_iter().map(|channel| (channel, due_at)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Directory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Directory {
    /// When a notice goes out: now, with the others of its minute, or with the others of its hour.
    fn pace(&mut self, notice: &Notice, now: Timestamp) -> Timestamp {
        if let (NoticeKind::AgentAssigned, Some(agent)) = (notice.kind, notice.agent) {
            let count = self.assignments.entry(agent).or_default();
            *count += 1;
            if *count > FIRST_ASSIGNMENTS {
                return end_of(now, HOUR_MS);
            }
        }
        let minute = now.0.div_euclid(MINUTE_MS);
        if self.paces.0 != minute {
            self.paces = (minute, BTreeMap::new());
        }
        let count = self.paces.1.entry((notice.user, notice.kind)).or_default();
        *count += 1;
        if *count > MINUTE_MAX { end_of(now, MINUTE_MS) } else { now }
    }
}

fn end_of(now: Timestamp, span_ms: i64) -> Timestamp {
    Timestamp((now.0.div_euclid(span_ms) + 1) * span_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: UserId = UserId(7);

    fn due(people: &People, notice: &Notice, now: i64) -> i64 {
        people.ways(notice, Timestamp(now))[0].1.0
    }

    #[test]
    fn a_flood_becomes_one() {
        let people = People::default();
        let notice = Notice::of_job(OWNER, NoticeKind::JobCompleted, JobId(1));
        let times: Vec<i64> = (0..8).map(|second| due(&people, &notice, second * 1_000)).collect();
        assert_eq!(times, [0, 1_000, 2_000, 3_000, 4_000, 60_000, 60_000, 60_000]);
        assert_eq!(due(&people, &notice, 60_001), 60_001, "another minute");
        let other = Notice::of_job(UserId(8), NoticeKind::JobCompleted, JobId(1));
        assert_eq!(due(&people, &other, 5_000), 5_000, "somebody else");
    }

    #[test]
    fn a_busy_agent_s_owner_hears_once_an_hour() {
        let people = People::default();
        let notice = Notice::of_agent(OWNER, NoticeKind::AgentAssigned, AgentId(3));
        let times: Vec<i64> = (1..=12).map(|minute| due(&people, &notice, minute * MINUTE_MS)).collect();
        assert_eq!(times[..10], (1..=10).map(|minute| minute * MINUTE_MS).collect::<Vec<_>>());
        assert_eq!(times[10..], [HOUR_MS, HOUR_MS]);
    }

    #[test]
    fn who_wants_silence_gets_it() {
        let settings = r#"{"kinds": {"agent_assigned": []}}"#.to_owned();
        let people = People::new(vec![PersonRecord { user: OWNER, settings, secret: None }]);
        let notice = Notice::of_agent(OWNER, NoticeKind::AgentAssigned, AgentId(3));
        assert_eq!(people.ways(&notice, Timestamp(0)), []);
        let notice = Notice { kind: NoticeKind::AgentGone, ..notice };
        assert_eq!(people.ways(&notice, Timestamp(5)), [(Channel::Log, Timestamp(5))]);
    }
}
