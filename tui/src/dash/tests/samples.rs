//! What the daemon of the tests says: a market after its demo.

use super::NOW;
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::history::{Actor, Event, Subject, What};
use guildhall_protocol::ids::{AgentId, EventId, Incarnation, JobId, NotificationId, UserId};
use guildhall_protocol::job::{Criterion, JobDraft, Policy, Priority, Review, Visibility};
use guildhall_protocol::json::Json;
use guildhall_protocol::log::{LogLevel, LogLine, LogPage};
use guildhall_protocol::notice::NoticeView;
use guildhall_protocol::overview::{
    AgentLoad, AgentsOverview, Breakers, Bucket, MarketOverview, NoticesOverview, OldestJob, Overview,
    OverviewOf, Series, Spread, Waiting,
};
use guildhall_protocol::state::JobState;
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::{FeedLine, JobHead, Page, Status};
use guildhall_protocol::wire::Wire;
use serde::de::DeserializeOwned;

/// A job with this number.
pub(in crate::dash) fn job_head(number: i64) -> JobHead {
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

pub(super) fn read<T: DeserializeOwned>(json: &str) -> T {
    serde_json::from_str(json).expect("what a daemon told")
}

/// A job as its client posted it.
pub(super) fn posted() -> JobDraft {
    let sum = "@sum".parse().expect("a name");
    JobDraft {
        brief: "Count the words.\nOf all chapters.".to_owned(),
        input: Some(Json::from_text("{\"text\": \"one two\"}".to_owned()).expect("JSON")),
        criteria: vec![
            Criterion::Rule("max 20 words".to_owned()),
            Criterion::Judge("It is kind.".to_owned()),
        ],
        label: Some("chapters".to_owned()),
        deadline: Some(Timestamp(NOW.0 - 1_000)),
        review: Review::Always,
        not: vec![sum],
        policy: Policy { attempts_max: 7, ..Policy::default() },
        ..JobDraft::default()
    }
}

pub(super) fn notices() -> Vec<NoticeView> {
    read::<Page<NoticeView>>(include_str!("../fixtures/notices.json")).rows
}

pub(super) fn a_notice() -> NotificationId {
    notices()[0].id
}

pub(super) fn status() -> Status {
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

pub(super) fn overview() -> Overview {
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

pub(super) fn feed(after: EventId) -> Vec<FeedLine> {
    let begin = EventId::earliest(Timestamp(NOW.0 - 60_000)).0;
    let attempt = guildhall_protocol::ids::AttemptNumber(1);
    let events = [
        What::Accepted { attempt },
        What::Resent { attempt, tries: 2 },
        What::AttemptEnded { attempt, ended: guildhall_protocol::attempt::EndedAs::Silent, reason: None },
    ];
    let by = |place| if place == 0 { Actor::Agent(AgentId(10)) } else { Actor::Daemon };
    let line = |(place, what): (i64, What)| FeedLine {
        id: EventId(begin + place),
        subject: Subject::Job(JobId(place + 1)),
        event: Wire::Known(Event { seq: 1, at: Timestamp(NOW.0 - 60_000), by: by(place), what }),
    };
    (0..).zip(events).map(line).filter(|line| line.id > after).collect()
}

pub(super) fn log(after: Option<u64>) -> LogPage {
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
