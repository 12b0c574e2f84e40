//! What models are asked, what it costs, and what their judgement is worth.

use super::entry;
use super::queries::all;
use super::rows::strange;
use super::writer::Refused;
use crate::store::{
    Answer, Chain, Entry, JudgementSum, NewJudgement, Outcome, Query, Receipt, Request, SpentRecord,
    StoreError,
};
use guildhall_protocol::attempt::Decision;
use guildhall_protocol::history::Subject;
use guildhall_protocol::ids::{AttemptNumber, JobId, PlaceId, UserId};
use guildhall_protocol::model::{
    CallOutcome, Micros, ModelCall, ModelName, ModelRole, ModelSpending, ModelTotal, Payer, WithoutModel,
};
use guildhall_protocol::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

const TURN_SYSTEM: &str = "
    UPDATE system
    SET revision = ?1, chain = ?2
    WHERE revision = ?3";
const UPSERT_SETTINGS: &str = "
    INSERT INTO model_settings (id, settings)
    VALUES (1, ?1)
    ON CONFLICT (id) DO UPDATE SET settings = excluded.settings";

/// What an operator said about models.
pub(super) fn set_models(
    connection: &Connection,
    now: Timestamp,
    request: &Request,
    chain: Chain,
    settings: &str,
    entry: &Entry,
) -> Result<Outcome, Refused> {
    if let Some(outcome) = entry::repeated(connection, request)? {
        return Ok(outcome);
    }
    note_system(connection, now, chain, entry)?;
    connection.prepare_cached(UPSERT_SETTINGS)?.execute([settings])?;
    entry::keep_request(connection, now, Some(request), &Receipt::Done)?;
    Ok(Outcome::Done)
}

/// Something is noted about the marketplace itself.
pub(super) fn note_system(
    connection: &Connection,
    now: Timestamp,
    chain: Chain,
    entry: &Entry,
) -> Result<Outcome, Refused> {
    let head = entry::head(entry, chain);
    let row = params![head.revision, head.hash, chain.revision];
    if connection.prepare_cached(TURN_SYSTEM)?.execute(row)? == 0 {
        return Err(Refused::Guard(StoreError::Stale));
    }
    entry::bodies(connection, Subject::System, &entry.bodies)?;
    entry::record(connection, now, Subject::System, entry)?;
    Ok(Outcome::Done)
}

const INSERT_CALL: &str = "
    INSERT INTO model_calls (job_id, at, role, model, outcome, tokens_in, tokens_out, cost, latency_ms)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
const ADD_DAY: &str = "
    INSERT INTO model_days (day, place_id, user_id, tokens, cost)
    VALUES (?1, ?2, ?3, ?4, ?5)
    ON CONFLICT (day, place_id, user_id) DO UPDATE
    SET tokens = tokens + excluded.tokens, cost = cost + excluded.cost";
const ADD_TOTAL: &str = "
    INSERT INTO model_totals (role, model, outcome, calls, tokens_in, tokens_out, cost, latency_ms)
    VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, ?7)
    ON CONFLICT (role, model, outcome) DO UPDATE
    SET calls = calls + 1, tokens_in = tokens_in + excluded.tokens_in, tokens_out = tokens_out + excluded.tokens_out,
        cost = cost + excluded.cost, latency_ms = latency_ms + excluded.latency_ms";
const ADD_WITHOUT: &str = "
    INSERT INTO model_without (role, why, times)
    VALUES (?1, ?2, 1)
    ON CONFLICT (role, why) DO UPDATE SET times = times + 1";

/// Accounts for calls.
pub(super) fn log_calls(
    connection: &Connection,
    now: Timestamp,
    job: Option<JobId>,
    payer: Payer,
    day: i64,
    calls: &[ModelCall],
    without: &[(ModelRole, WithoutModel)],
) -> Result<Outcome, Refused> {
    for call in calls {
        let ModelCall { tokens_in, tokens_out, cost, latency_ms, .. } = *call;
        let (role, model, outcome) = (call.role.name(), call.model.as_str(), call.outcome.name());
        let cost = stored(cost.0);
        connection.prepare_cached(INSERT_CALL)?.execute(params![
            job.map(|job| job.0),
            now.0,
            role,
            model,
            outcome,
            tokens_in,
            tokens_out,
            cost,
            latency_ms
        ])?;
        let total = params![role, model, outcome, tokens_in, tokens_out, cost, latency_ms];
        connection.prepare_cached(ADD_TOTAL)?.execute(total)?;
        let tokens = u64::from(tokens_in) + u64::from(tokens_out);
        if tokens > 0 || cost > 0 {
            let row = params![day, payer.place.0, payer.user.0, tokens, cost];
            connection.prepare_cached(ADD_DAY)?.execute(row)?;
        }
    }
    for (role, why) in without {
        connection.prepare_cached(ADD_WITHOUT)?.execute([role.name(), why.name()])?;
    }
    Ok(Outcome::Done)
}

fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

const PUT_JUDGEMENT: &str = "
    INSERT INTO judgements (job_id, attempt, place, model, criterion, decision, accepted)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL)
    ON CONFLICT (job_id, attempt, place) DO UPDATE
    SET model = excluded.model, criterion = excluded.criterion, decision = excluded.decision";
const SET_OPINION: &str = "
    UPDATE judgements
    SET accepted = ?3
    WHERE job_id = ?1 AND attempt = ?2";

/// What models decided about an answer, and what a person did with it.
pub(super) fn judgements(
    connection: &Connection,
    subject: Subject,
    judgements: &[NewJudgement],
    opinion: Option<(AttemptNumber, bool)>,
) -> Result<(), Refused> {
    let Subject::Job(job) = subject else { return Ok(()) };
    for NewJudgement { attempt, place, model, criterion, decision } in judgements {
        let row = params![job.0, attempt.0, place, model.as_str(), criterion.name(), decision.name()];
        connection.prepare_cached(PUT_JUDGEMENT)?.execute(row)?;
    }
    if let Some((attempt, accepted)) = opinion {
        connection.prepare_cached(SET_OPINION)?.execute(params![job.0, attempt.0, accepted])?;
    }
    Ok(())
}

/// The queries about models; their caller lists which come here.
#[expect(clippy::wildcard_enum_match_arm, reason = "the caller lists what comes here")]
pub(super) fn answer(connection: &Connection, query: &Query) -> rusqlite::Result<Answer> {
    match query {
        Query::ModelSettings => settings(connection),
        Query::Spent { day } => spent(connection, *day),
        Query::JobSpending(job) => job_spending(connection, *job),
        Query::ModelTotals => totals(connection),
        Query::Without => without(connection),
        Query::Judgements => judgement_sums(connection),
        other => unreachable!("{other:?} is answered elsewhere"),
    }
}

fn settings(connection: &Connection) -> rusqlite::Result<Answer> {
    let sql = "SELECT settings FROM model_settings WHERE id = 1";
    let settings = connection.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?;
    Ok(Answer::Text(settings))
}

fn spent(connection: &Connection, day: i64) -> rusqlite::Result<Answer> {
    let sql = "
        SELECT place_id, user_id, tokens, cost
        FROM model_days
        WHERE day = ?1
        ORDER BY place_id, user_id";
    let row = |row: &Row<'_>| {
        let payer = Payer { place: PlaceId(row.get(0)?), user: UserId(row.get(1)?) };
        Ok(SpentRecord { payer, tokens: row.get(2)?, cost: Micros(row.get(3)?) })
    };
    Ok(Answer::Spent(all(connection, sql, [day], row)?))
}

fn job_spending(connection: &Connection, job: JobId) -> rusqlite::Result<Answer> {
    let sql = "
        SELECT coalesce(sum(outcome <> 'cached'), 0), coalesce(sum(tokens_in), 0), coalesce(sum(tokens_out), 0),
            coalesce(sum(cost), 0)
        FROM model_calls
        WHERE job_id = ?1";
    let spending = connection.prepare_cached(sql)?.query_row([job.0], |row| {
        Ok(ModelSpending {
            calls: row.get(0)?,
            tokens_in: row.get(1)?,
            tokens_out: row.get(2)?,
            cost: Micros(row.get(3)?),
        })
    })?;
    Ok(Answer::Spending(spending))
}

fn totals(connection: &Connection) -> rusqlite::Result<Answer> {
    let sql = "
        SELECT role, model, outcome, calls, tokens_in, tokens_out, cost, latency_ms
        FROM model_totals
        ORDER BY role, model, outcome";
    let row = |row: &Row<'_>| {
        let outcome: String = row.get(2)?;
        Ok(ModelTotal {
            role: role(row, 0)?,
            model: model(row, 1)?,
            outcome: CallOutcome::from_name(&outcome).ok_or_else(|| strange(2, &outcome))?,
            calls: row.get(3)?,
            tokens_in: row.get(4)?,
            tokens_out: row.get(5)?,
            cost: Micros(row.get(6)?),
            latency_ms: row.get(7)?,
        })
    };
    Ok(Answer::ModelTotals(all(connection, sql, [], row)?))
}

fn without(connection: &Connection) -> rusqlite::Result<Answer> {
    let sql = "SELECT role, why, times FROM model_without ORDER BY role, why";
    let row = |row: &Row<'_>| {
        let why: String = row.get(1)?;
        Ok((role(row, 0)?, WithoutModel::from_name(&why).ok_or_else(|| strange(1, &why))?, row.get(2)?))
    };
    Ok(Answer::Without(all(connection, sql, [], row)?))
}

fn judgement_sums(connection: &Connection) -> rusqlite::Result<Answer> {
    let sql = "
        SELECT model, criterion, decision, accepted, count(*)
        FROM judgements
        GROUP BY model, criterion, decision, accepted
        ORDER BY model, criterion, decision, accepted";
    let row = |row: &Row<'_>| {
        let decision: String = row.get(2)?;
        Ok(JudgementSum {
            model: model(row, 0)?,
            criterion: row.get(1)?,
            decision: Decision::from_name(&decision).ok_or_else(|| strange(2, &decision))?,
            accepted: row.get(3)?,
            count: row.get(4)?,
        })
    };
    Ok(Answer::Judgements(all(connection, sql, [], row)?))
}

fn role(row: &Row<'_>, column: usize) -> rusqlite::Result<ModelRole> {
    let name: String = row.get(column)?;
    ModelRole::from_name(&name).ok_or_else(|| strange(column, &name))
}

fn model(row: &Row<'_>, column: usize) -> rusqlite::Result<ModelName> {
    let name: String = row.get(column)?;
    name.parse().map_err(|_| strange(column, &name))
}
