//! Between rows and records: names of enums in storage, and columns in the order in which queries list them.

use crate::store::{
    AgentRecord, AppealRecord, AttemptRecord, BodyRecord, Chain, DeliveryRecord, EventRecord, JobRecord,
    Lease, MessageRecord, NotificationRecord, OldSecrets, Pulses, Steering, Window,
};
use guildhall_protocol::agent::{AgentName, AgentState, Audience, Health};
use guildhall_protocol::appeal::AppealKind;
use guildhall_protocol::attempt::{AttemptState, CheckedBy};
use guildhall_protocol::history::Subject;
use guildhall_protocol::ids::{
    AgentId, AgentVersion, AttemptNumber, AttemptRef, BodyId, DeliveryLogId, EventId, Incarnation, JobId,
    MessageId, NotificationId, PlaceId, UserId,
};
use guildhall_protocol::job::{Priority, Visibility};
use guildhall_protocol::notice::{Channel, NoticeKind};
use guildhall_protocol::state::JobState;
use guildhall_protocol::time::Timestamp;
use rusqlite::{Row, types::Type};

pub(super) fn visibility_name(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Private => "private",
        Visibility::Place => "place",
    }
}

pub(super) fn audience_name(audience: Audience) -> &'static str {
    match audience {
        Audience::Owner => "owner",
        Audience::Place => "place",
        Audience::Public => "public",
    }
}

pub(super) fn checked_name(checked: CheckedBy) -> &'static str {
    match checked {
        CheckedBy::Nobody => "nobody",
        CheckedBy::Rules => "rules",
        CheckedBy::Model => "model",
        CheckedBy::Person => "person",
    }
}

pub(super) fn health_parts(health: Health) -> (&'static str, Option<i64>) {
    match health {
        Health::Closed => ("closed", None),
        Health::Open(until) => ("open", Some(until.0)),
        Health::HalfOpen => ("half_open", None),
        Health::Quarantined => ("quarantined", None),
    }
}

/// A stored value that no version of this program writes.
pub(super) fn strange(column: usize, value: &str) -> rusqlite::Error {
    let text = format!("{value:?} is not a value of this column");
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, text.into())
}

pub(super) const JOB_COLUMNS: &str = "jobs.id, jobs.client_id, jobs.place_id, jobs.visibility, jobs.class, \
    jobs.fair_tag, jobs.title, jobs.label, jobs.derived_from, jobs.trial, jobs.draft, jobs.state, jobs.detail, \
    jobs.epoch, jobs.revision, jobs.chain, jobs.posted_at, jobs.changed_at, jobs.deadline, jobs.due_at, \
    jobs.ready, jobs.lease_incarnation, jobs.lease_until, jobs.deaths, jobs.attempts, jobs.checked_by, \
    jobs.waiting, jobs.window_begins_at, jobs.window_ends_at, jobs.reminded, jobs.steering, \
    jobs.question, jobs.reply";

/// Reads [`JOB_COLUMNS`].
pub(super) fn job(row: &Row<'_>) -> rusqlite::Result<JobRecord> {
    let visibility: String = row.get(3)?;
    let state: String = row.get(11)?;
    let detail: String = row.get(12)?;
    let checked: Option<String> = row.get(25)?;
    let checked_by = match checked {
        None => None,
        Some(name) => Some(
            [CheckedBy::Nobody, CheckedBy::Rules, CheckedBy::Model, CheckedBy::Person]
                .into_iter()
                .find(|checked| checked_name(*checked) == name)
                .ok_or_else(|| strange(25, &name))?,
        ),
    };
    let incarnation: Option<i64> = row.get(21)?;
    let until: Option<i64> = row.get(22)?;
    Ok(JobRecord {
        id: JobId(row.get(0)?),
        client: UserId(row.get(1)?),
        place: PlaceId(row.get(2)?),
        visibility: [Visibility::Private, Visibility::Place]
            .into_iter()
            .find(|known| visibility_name(*known) == visibility)
            .ok_or_else(|| strange(3, &visibility))?,
        priority: Priority::from_class(row.get(4)?).ok_or_else(|| strange(4, "class"))?,
        fair_tag: row.get(5)?,
        title: row.get(6)?,
        label: row.get(7)?,
        derived_from: row.get::<_, Option<i64>>(8)?.map(JobId),
        trial: row.get(9)?,
        draft: BodyId(row.get(10)?),
        state: JobState::from_parts(&state, &detail).ok_or_else(|| strange(11, &state))?,
        epoch: row.get(13)?,
        chain: Chain { revision: row.get(14)?, hash: row.get(15)? },
        posted_at: Timestamp(row.get(16)?),
        changed_at: Timestamp(row.get(17)?),
        deadline: Timestamp(row.get(18)?),
        due_at: row.get::<_, Option<i64>>(19)?.map(Timestamp),
        ready: row.get(20)?,
        lease: incarnation.zip(until).map(|(incarnation, until)| Lease {
            incarnation: Incarnation(incarnation),
            until: Timestamp(until),
        }),
        deaths: row.get(23)?,
        attempts: row.get(24)?,
        checked_by,
        waiting: row.get::<_, Option<i64>>(26)?.map(BodyId),
        window: match (row.get(27)?, row.get(28)?) {
            (Some(begins_at), Some(ends_at)) => Some(Window {
                begins_at: Timestamp(begins_at),
                ends_at: Timestamp(ends_at),
                reminded: row.get(29)?,
            }),
            _ => None,
        },
        steering: match row.get::<_, Option<String>>(30)? {
            Some(text) => serde_json::from_str(&text).map_err(|_| strange(30, &text))?,
            None => Steering::default(),
        },
        question: row.get::<_, Option<i64>>(31)?.map(BodyId),
        reply: row.get::<_, Option<i64>>(32)?.map(BodyId),
    })
}

pub(super) const ATTEMPT_COLUMNS: &str = "job_id, number, agent_id, version, state, repair, tries, started_at, \
    answered_at, ended_at, pick, answer, findings, reason, deadline, left_ms, heard_at, question, reply, replies, input";

/// Reads [`ATTEMPT_COLUMNS`].
pub(super) fn attempt(row: &Row<'_>) -> rusqlite::Result<AttemptRecord> {
    let state: String = row.get(4)?;
    Ok(AttemptRecord {
        job: JobId(row.get(0)?),
        number: AttemptNumber(row.get(1)?),
        agent: AgentId(row.get(2)?),
        version: AgentVersion(row.get(3)?),
        state: AttemptState::from_name(&state).ok_or_else(|| strange(4, &state))?,
        repair: row.get(5)?,
        tries: row.get(6)?,
        started_at: Timestamp(row.get(7)?),
        answered_at: row.get::<_, Option<i64>>(8)?.map(Timestamp),
        ended_at: row.get::<_, Option<i64>>(9)?.map(Timestamp),
        pick: BodyId(row.get(10)?),
        answer: row.get::<_, Option<i64>>(11)?.map(BodyId),
        findings: row.get::<_, Option<i64>>(12)?.map(BodyId),
        reason: row.get::<_, Option<i64>>(13)?.map(BodyId),
        deadline: Timestamp(row.get(14)?),
        left_ms: row.get(15)?,
        heard_at: row.get::<_, Option<i64>>(16)?.map(Timestamp),
        question: row.get::<_, Option<i64>>(17)?.map(BodyId),
        reply: row.get::<_, Option<i64>>(18)?.map(BodyId),
        replies: row.get(19)?,
        input: row.get::<_, Option<i64>>(20)?.map(BodyId),
    })
}

pub(super) const AGENT_COLUMNS: &str = "agents.id, name, owner_id, state, detail, health, health_until, audience, \
    agents.version, concurrency, delivery_secret, callback_secret, due_at, tries, registered_at, revision, chain, \
    (SELECT definition FROM agent_versions \
        WHERE agent_versions.agent_id = agents.id AND agent_versions.version = agents.version), \
    (SELECT count(*) FROM attempts INDEXED BY attempts_slots \
        WHERE attempts.agent_id = agents.id AND (attempts.state = 'sending' OR attempts.state = 'accepted' \
            OR attempts.state = 'asked' OR attempts.state = 'unclear')), \
    misses, openings, opened_at, offered_to, wanted, old_delivery_secret, old_callback_secret, old_secrets_until";

fn audience_named(name: &str) -> Option<Audience> {
    [Audience::Owner, Audience::Place, Audience::Public]
        .into_iter()
        .find(|known| audience_name(*known) == name)
}

/// Reads [`AGENT_COLUMNS`]; the grants and the co-owners are read by the caller.
pub(super) fn agent(row: &Row<'_>) -> rusqlite::Result<AgentRecord> {
    let name: String = row.get(1)?;
    let state: String = row.get(3)?;
    let detail: String = row.get(4)?;
    let health: String = row.get(5)?;
    let until: Option<i64> = row.get(6)?;
    let audience: String = row.get(7)?;
    let wanted: Option<String> = row.get(23)?;
    let old_until: Option<i64> = row.get(26)?;
    Ok(AgentRecord {
        id: AgentId(row.get(0)?),
        name: name.parse::<AgentName>().map_err(|_| strange(1, &name))?,
        owner: UserId(row.get(2)?),
        state: AgentState::from_parts(&state, &detail).ok_or_else(|| strange(3, &state))?,
        health: [
            Health::Closed,
            Health::Open(Timestamp(until.unwrap_or(0))),
            Health::HalfOpen,
            Health::Quarantined,
        ]
        .into_iter()
        .find(|known| health_parts(*known).0 == health)
        .ok_or_else(|| strange(5, &health))?,
        co_owners: Vec::new(),
        offered_to: row.get::<_, Option<i64>>(22)?.map(UserId),
        audience: audience_named(&audience).ok_or_else(|| strange(7, &audience))?,
        wanted: wanted.map(|name| audience_named(&name).ok_or_else(|| strange(23, &name))).transpose()?,
        version: AgentVersion(row.get(8)?),
        concurrency: row.get(9)?,
        delivery_secret: row.get(10)?,
        callback_secret: row.get(11)?,
        old_secrets: match old_until {
            None => None,
            Some(until) => {
                Some(OldSecrets { delivery: row.get(24)?, callback: row.get(25)?, until: Timestamp(until) })
            }
        },
        due_at: row.get::<_, Option<i64>>(12)?.map(Timestamp),
        tries: row.get(13)?,
        registered_at: Timestamp(row.get(14)?),
        chain: Chain { revision: row.get(15)?, hash: row.get(16)? },
        definition: BodyId(row.get(17)?),
        running: row.get(18)?,
        pulses: Pulses {
            misses: row.get(19)?,
            openings: row.get(20)?,
            opened_at: row.get::<_, Option<i64>>(21)?.map(Timestamp),
        },
        grants: Vec::new(),
    })
}

fn subject(column: usize, kind: &str, number: i64) -> rusqlite::Result<Subject> {
    match kind {
        "job" => Ok(Subject::Job(JobId(number))),
        "agent" => Ok(Subject::Agent(AgentId(number))),
        "user" => Ok(Subject::User(UserId(number))),
        "place" => Ok(Subject::Place(PlaceId(number))),
        "system" => Ok(Subject::System),
        other => Err(strange(column, other)),
    }
}

/// Reads `id, subject, subject_id, nonce, bytes`.
pub(super) fn body(row: &Row<'_>) -> rusqlite::Result<BodyRecord> {
    let kind: String = row.get(1)?;
    Ok(BodyRecord {
        id: BodyId(row.get(0)?),
        subject: subject(1, &kind, row.get(2)?)?,
        nonce: row.get(3)?,
        bytes: row.get(4)?,
    })
}

/// Reads `id, subject, subject_id, seq, bytes, hash`.
pub(super) fn event(row: &Row<'_>) -> rusqlite::Result<EventRecord> {
    let kind: String = row.get(1)?;
    Ok(EventRecord {
        id: EventId(row.get(0)?),
        subject: subject(1, &kind, row.get(2)?)?,
        seq: row.get(3)?,
        bytes: row.get(4)?,
        hash: row.get(5)?,
    })
}

/// Reads `id, agent_id, at, job_id, attempt, message, log`.
pub(super) fn delivery(row: &Row<'_>) -> rusqlite::Result<DeliveryRecord> {
    let job: Option<i64> = row.get(3)?;
    let attempt: Option<u32> = row.get(4)?;
    Ok(DeliveryRecord {
        id: DeliveryLogId(row.get(0)?),
        agent: AgentId(row.get(1)?),
        at: Timestamp(row.get(2)?),
        attempt: job.zip(attempt).map(|(job, attempt)| (JobId(job), AttemptNumber(attempt))),
        message: row.get(5)?,
        log: row.get(6)?,
    })
}

/// Reads `id, agent_id, kind, job_id, attempt, made_at, tries`.
pub(super) fn message(row: &Row<'_>) -> rusqlite::Result<MessageRecord> {
    Ok(MessageRecord {
        id: MessageId(row.get(0)?),
        agent: AgentId(row.get(1)?),
        kind: row.get(2)?,
        attempt: AttemptRef { job: JobId(row.get(3)?), number: AttemptNumber(row.get(4)?) },
        made_at: Timestamp(row.get(5)?),
        tries: row.get(6)?,
    })
}

pub(super) const NOTIFICATION_COLUMNS: &str =
    "id, user_id, channel, kind, job_id, attempt, agent_id, made_at, due_at, tries, acknowledged_at";

/// Reads [`NOTIFICATION_COLUMNS`].
pub(super) fn notification(row: &Row<'_>) -> rusqlite::Result<NotificationRecord> {
    let channel: String = row.get(2)?;
    let kind: String = row.get(3)?;
    Ok(NotificationRecord {
        id: NotificationId(row.get(0)?),
        user: UserId(row.get(1)?),
        channel: Channel::from_name(&channel).ok_or_else(|| strange(2, &channel))?,
        kind: NoticeKind::from_name(&kind).ok_or_else(|| strange(3, &kind))?,
        job: row.get::<_, Option<i64>>(4)?.map(JobId),
        attempt: row.get::<_, Option<u32>>(5)?.map(AttemptNumber),
        agent: row.get::<_, Option<i64>>(6)?.map(AgentId),
        made_at: Timestamp(row.get(7)?),
        due_at: row.get::<_, Option<i64>>(8)?.map(Timestamp),
        tries: row.get(9)?,
        acknowledged_at: row.get::<_, Option<i64>>(10)?.map(Timestamp),
    })
}

/// Reads `job_id, attempt, kind, user_id, text, made_at, upheld`.
pub(super) fn appeal(row: &Row<'_>) -> rusqlite::Result<AppealRecord> {
    let kind: String = row.get(2)?;
    Ok(AppealRecord {
        attempt: AttemptRef { job: JobId(row.get(0)?), number: AttemptNumber(row.get(1)?) },
        kind: AppealKind::from_name(&kind).ok_or_else(|| strange(2, &kind))?,
        user: UserId(row.get(3)?),
        text: BodyId(row.get(4)?),
        made_at: Timestamp(row.get(5)?),
        upheld: row.get(6)?,
    })
}
