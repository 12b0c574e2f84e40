//! What people order about a job: who may, what it needs beside the verb, and what it is for the engine.

use super::Caller;
use super::errors::{invalid, not_found, store};
use crate::engine::decide::Decision;
use crate::engine::steer::Change;
use crate::judge::schema::{Schema, SchemaVerdict};
use crate::market::Market;
use crate::store::{AppealRecord, AttemptRecord, JobRecord, Query};
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::appeal::AppealKind;
use guildhall_protocol::attempt::{EndedAs, Question};
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::ids::{AgentId, AttemptNumber};
use guildhall_protocol::job::{Priority, limits};
use guildhall_protocol::json::Json;
use guildhall_protocol::matrix::Whose;
use guildhall_protocol::permission::{JobAction, Refusal, Standing};
use guildhall_protocol::state::{Asker, JobState};
use guildhall_protocol::time::{Timestamp, show_span};
use guildhall_protocol::view::Order;
use std::time::Duration;

/// Largest reply to a question, bytes.
const REPLY_BYTES_MAX: usize = 256 * 1024;

/// An order as the engine takes it.
pub(super) enum Ordered {
    /// A step in the job's life.
    Decision(Decision),
    /// Another change.
    Change(Change),
    /// The same work as a new job.
    Again,
}

/// A job with what decides who may do what to it.
pub(super) struct Docket {
    pub(super) attempts: Vec<AttemptRecord>,
    pub(super) appeals: Vec<AppealRecord>,
}

impl Docket {
    /// The newest attempt that an appeal of this kind can be about.
    fn newest(
        &self,
        kind: AppealKind,
        market: &Market,
        owner: Option<guildhall_protocol::ids::UserId>,
    ) -> Option<&AttemptRecord> {
        let fits = |attempt: &&AttemptRecord| match kind {
            AppealKind::Complaint => attempt.state.ended() == Some(EndedAs::Passed),
            AppealKind::Contest => {
                let listing = market.get(attempt.agent);
                let is_theirs = |owner| listing.is_some_and(|listing| listing.record.is_owned_by(owner));
                attempt.state.ended() == Some(EndedAs::Failed) && owner.is_none_or(is_theirs)
            }
        };
        self.attempts.iter().rfind(fits)
    }
}

impl Caller {
    /// What decides who may do what to a job.
    pub(super) async fn docket(&self, job: &JobRecord) -> Result<Docket, ApiError> {
        let attempts = self.desk.store().attempts(Query::Attempts(job.id)).await.map_err(store)?;
        let appeals = self.desk.store().appeals(Query::Appeals(job.id)).await.map_err(store)?;
        Ok(Docket { attempts, appeals })
    }

    /// What this caller is to a job.
    pub(super) async fn standing(&self, job: &JobRecord, docket: &Docket) -> Result<Standing, ApiError> {
        let whose = self.relation_to_job(job).await?;
        let market = self.desk.engine.market();
        let mine = docket.newest(AppealKind::Contest, &market, Some(self.who.user));
        Ok(Standing {
            client: whose == Whose::Own,
            shared: whose == Whose::Shared,
            failed_owner: mine.is_some(),
            appealed: docket.appeals.iter().any(|appeal| appeal.upheld.is_none()),
            powers: self.powers_in(job.place),
        })
    }

    /// Whether this caller may order it now.
    pub(super) async fn check_order(
        &self,
        job: &JobRecord,
        docket: &Docket,
        order: &Order,
    ) -> Result<(), ApiError> {
        let (id, name) = (job.id, order.action.name());
        let standing = self.standing(job, docket).await?;
        job.state.allows(order.action, standing).map_err(|refusal| {
            let kind = match refusal {
                Refusal::NotYours { .. } | Refusal::Denied(_) => ErrorKind::Forbidden,
                Refusal::NotNow { .. } | Refusal::NothingToDecide => ErrorKind::Conflict,
            };
            let allowed: Vec<&str> = job.state.allowed(standing).into_iter().map(JobAction::name).collect();
            let error = ApiError::new(kind, format!("{name} of job {id} is not possible: {refusal}"));
            if allowed.is_empty() {
                error
            } else {
                error.hint(format!("what you can do now: {}", allowed.join(", ")))
            }
        })?;
        if order.epoch.is_some_and(|epoch| epoch != job.epoch) {
            return Err(store(crate::store::StoreError::Stale));
        }
        Ok(())
    }

    /// What the order is for the engine.
    pub(super) async fn ordered(
        &self,
        job: &JobRecord,
        docket: &Docket,
        order: &Order,
    ) -> Result<Ordered, ApiError> {
        use Ordered::{Change as Changed, Decision as Decided};
        let now = Timestamp::now();
        Ok(match order.action {
            JobAction::Cancel => Decided(Decision::Cancel),
            JobAction::Accept => Decided(Decision::Accept),
            JobAction::RequestChanges if job.deadline <= now => {
                let message =
                    format!("the deadline of job {} passed: there is no time for another attempt", job.id);
                return Err(ApiError::new(ErrorKind::Conflict, message).hint(format!(
                    "`guildhall job extend {} 1d` first; or accept or dispute the answer",
                    job.id.0
                )));
            }
            JobAction::RequestChanges => Decided(Decision::RequestChanges(text(order)?)),
            JobAction::Dispute => Decided(Decision::Dispute(text(order)?)),
            JobAction::Resend => Decided(Decision::Resend),
            JobAction::Reassign => {
                let to = order.agent.as_ref().map(|name| self.agent_id(name)).transpose()?;
                if let (Some(name), Some(agent)) = (&order.agent, to) {
                    self.check_reassign(job, name, agent).await?;
                }
                Decided(Decision::Reassign(to))
            }
            JobAction::GiveUp => Decided(Decision::GiveUp),
            JobAction::Reply => Decided(Decision::Reply(self.checked_reply(job, docket, order).await?)),
            JobAction::Retry if !job.state.is_terminal() => Decided(Decision::LookNow),
            JobAction::Retry | JobAction::Again => Ordered::Again,
            JobAction::Exclude | JobAction::Include => {
                let excludes = order.action == JobAction::Exclude;
                let name = order.agent.as_ref();
                let name = name.ok_or_else(|| invalid("agent", "say which agent is meant"))?;
                let agent = self.agent_id(name)?;
                // Only what changes something can be undone by its opposite.
                if job.steering.exclude.contains(&agent) == excludes {
                    let so = if excludes { "is ruled out already" } else { "is not ruled out" };
                    return Err(ApiError::new(ErrorKind::Conflict, format!("{name} {so}")).in_field("agent"));
                }
                Changed(if excludes { Change::Exclude(agent) } else { Change::Include(agent) })
            }
            JobAction::Prioritize => {
                let priority: Option<Priority> = order.priority;
                let priority = priority.ok_or_else(|| invalid("priority", "say low, normal or high"))?;
                Changed(Change::Priority(priority))
            }
            JobAction::Extend => Changed(Change::Deadline(checked_deadline(order, now)?)),
            JobAction::Complain => {
                let attempt = self.appealed_attempt(docket, AppealKind::Complaint, order, now)?;
                text(order)?;
                Changed(Change::Appeal(attempt, AppealKind::Complaint))
            }
            JobAction::Contest => {
                let attempt = self.appealed_attempt(docket, AppealKind::Contest, order, now)?;
                text(order)?;
                Changed(Change::Appeal(attempt, AppealKind::Contest))
            }
            JobAction::Uphold | JobAction::Reject => {
                let open = docket.appeals.iter().filter(|appeal| appeal.upheld.is_none());
                let mut open = open
                    .filter(|appeal| order.attempt.is_none_or(|attempt| attempt == appeal.attempt.number));
                let (first, second) = (open.next(), open.next());
                let first = first.ok_or_else(|| not_found("open complaint or contest about this attempt"))?;
                if second.is_some() {
                    return Err(invalid("attempt", "more than one is open: name the attempt"));
                }
                let upheld = order.action == JobAction::Uphold;
                Changed(Change::Decide { attempt: first.attempt.number, kind: first.kind, upheld })
            }
        })
    }

    fn agent_id(&self, name: &AgentName) -> Result<AgentId, ApiError> {
        let market = self.desk.engine.market();
        let known = market.named(name).map(|listing| listing.record.id);
        known.ok_or_else(|| not_found(&format!("agent {name}")).in_field("agent"))
    }

    /// The attempt that a complaint or contest is about: named, or the newest that fits, and not too long ago.
    fn appealed_attempt(
        &self,
        docket: &Docket,
        kind: AppealKind,
        order: &Order,
        now: Timestamp,
    ) -> Result<AttemptNumber, ApiError> {
        let market = self.desk.engine.market();
        let owner = (kind == AppealKind::Contest).then_some(self.who.user);
        let newest = docket.newest(kind, &market, owner);
        let attempt = match order.attempt {
            Some(number) => docket.attempts.iter().find(|attempt| attempt.number == number),
            None => newest,
        };
        let attempt = attempt.ok_or_else(|| not_found("attempt that this could be about"))?;
        let only = Docket { attempts: vec![attempt.clone()], appeals: Vec::new() };
        if only.newest(kind, &market, owner).is_none() {
            let what = match kind {
                AppealKind::Complaint => "its answer was not accepted",
                AppealKind::Contest => "it is no failed attempt of an agent of yours",
            };
            return Err(invalid("attempt", format!("attempt {} cannot be meant: {what}", attempt.number)));
        }
        let window = self.desk.engine.parts().limits.appeal_window;
        let ended = attempt.ended_at.unwrap_or(now);
        if now.since(ended) > window {
            let message = format!("attempt {} ended more than {} ago", attempt.number, show_span(window));
            return Err(ApiError::new(ErrorKind::Conflict, message));
        }
        Ok(attempt.number)
    }

    /// The client's reply, checked against the question's schema if it gave one.
    async fn checked_reply(&self, job: &JobRecord, docket: &Docket, order: &Order) -> Result<Json, ApiError> {
        let text = order.text.as_deref().map(str::trim).filter(|text| !text.is_empty());
        let text = text.ok_or_else(|| invalid("text", "say what the answer is"))?;
        if text.len() > REPLY_BYTES_MAX {
            return Err(invalid("text", format!("is longer than {REPLY_BYTES_MAX} bytes")));
        }
        let question = if job.state == JobState::InputRequired(Asker::Daemon) {
            job.question
        } else {
            docket.attempts.last().and_then(|attempt| attempt.question)
        };
        let question: Option<Question> = match question {
            None => None,
            Some(body) => {
                let bytes = self.desk.store().body(body).await.map_err(store)?;
                bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok())
            }
        };
        let plain = || Json::from(serde_json::Value::from(text));
        let Some(schema) = question.and_then(|question| question.schema) else { return Ok(plain()) };
        // Where the agent wants more than text, what reads as JSON is meant so.
        let reply = Json::from_text(text.to_owned()).unwrap_or_else(|_| plain());
        let value = reply.value();
        let problem = self.desk.on_pool(move || reply_problem(&schema, &value)).await?;
        match problem {
            None => Ok(reply),
            Some(problem) => {
                let message = format!("this does not fit what the agent asks for: {problem}");
                Err(invalid("text", message).hint("`guildhall job show` prints the question and its schema"))
            }
        }
    }
}

fn reply_problem(schema: &Json, reply: &serde_json::Value) -> Option<String> {
    // A schema that cannot be used binds nobody.
    let schema = Schema::compile(&schema.value()).ok()?;
    match schema.check(reply) {
        SchemaVerdict::Pass | SchemaVerdict::TooMuchWork { .. } => None,
        SchemaVerdict::Fail(violations) => {
            let line = |path: &str, message: &str| {
                if path.is_empty() { message.to_owned() } else { format!("{path}: {message}") }
            };
            let lines: Vec<String> =
                violations.iter().map(|found| line(&found.instance_path, &found.message)).collect();
            Some(lines.join("; "))
        }
    }
}

fn checked_deadline(order: &Order, now: Timestamp) -> Result<Timestamp, ApiError> {
    let deadline = order.deadline.ok_or_else(|| invalid("deadline", "say until when"))?;
    let latest = now.after(Duration::from_millis(limits::DEADLINE_MS_MAX));
    if deadline <= now || deadline > latest {
        return Err(invalid("deadline", "must lie ahead, and within 90 days"));
    }
    Ok(deadline)
}

/// The text that an order needs.
fn text(order: &Order) -> Result<String, ApiError> {
    let text = order.text.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| invalid("text", "say what is wrong: whoever goes on with it reads it"))?;
    if text.len() > limits::CRITERION_BYTES_MAX {
        return Err(invalid("text", format!("is longer than {} bytes", limits::CRITERION_BYTES_MAX)));
    }
    Ok(text.to_owned())
}
