//! Sending an attempt to its agent: what is sent, and under which id.

use super::Engine;
use super::commit::CommitError;
use super::reading::{Sent, read};
use super::settle::Heard;
use super::work::{Work, read as work_read};
use crate::agents::chat;
use crate::agents::contract::{Assignment, InputProvided, MessageType, Reply, message};
use crate::agents::delivery::{Delivered, DeliveryLog, Exchange, FailedStep};
use crate::agents::egress::Grants;
use crate::agents::secrets::{SecretKind, place};
use crate::agents::signing::SigningSecret;
use crate::agents::speech::Speech;
use crate::market::Compiled;
use crate::store::{AgentRecord, AttemptRecord, StoreError};
use guildhall_protocol::agent::{AgentDefinition, AgentKey, AgentName};
use guildhall_protocol::attempt::Question;
use guildhall_protocol::ids::{AgentId, DeliveryId};
use guildhall_protocol::json::Json;
use guildhall_protocol::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;

impl Engine {
    /// Sends an attempt whose lease is held, and writes down what came of it.
    pub(super) async fn send(&self, work: Work, attempt: AttemptRecord) -> Result<(), CommitError> {
        let compiled = self.compiled(attempt.agent, attempt.version).await?;
        let (kind, delivered, log) = self.deliver(&work, &attempt, &compiled).await?;
        let sent = Sent {
            tries: attempt.tries,
            policy: &work.draft.policy,
            idempotent: compiled.definition.idempotent,
            chance: self.chance(),
            time_left: attempt.deadline.since(Timestamp::now()),
        };
        let (reading, pulse) = read(delivered, sent);
        let log = Some((kind, serde_json::to_vec(&log).unwrap_or_default()));
        let replies = Some(attempt.replies);
        let heard = Heard { attempt: attempt.number, reading, log, callback: None, replies, pulse };
        Box::pin(self.settle(work, heard)).await.map(drop)
    }

    /// Between 0 and 1, for jitter.
    pub(super) fn chance(&self) -> f64 {
        f64::from(u32::try_from(self.parts.maker.random_u64() >> 32).unwrap_or(0)) / f64::from(u32::MAX)
    }

    async fn deliver(
        &self,
        work: &Work,
        attempt: &AttemptRecord,
        compiled: &Compiled,
    ) -> Result<(MessageType, Delivered, DeliveryLog), StoreError> {
        let now = Timestamp::now();
        let findings = work.findings(&*self.parts.store, attempt).await?;
        // An agent that says what it takes gets that; one that does not reads the brief.
        let input = match (work.input_of(&*self.parts.store, attempt).await?, &compiled.input) {
            (Some(input), _) => Some(input),
            (None, Some(_)) => Some(Json::from(work.input())),
            (None, None) => None,
        };
        let (title, brief) = (work.draft.shown_title(), work.words());
        let delivery = DeliveryId { store: self.parts.tag, attempt: attempt.reference() }.to_string();
        let callback_url = self.parts.public_url.as_ref().map(|url| format!("{url}/v1/attempts/{delivery}"));
        let assignment = Assignment {
            job: work.job.id,
            attempt: attempt.number.0,
            title: &title,
            brief: &brief,
            input: input.as_ref(),
            criteria: &work.draft.criteria,
            findings: &findings,
            callback_url: callback_url.as_deref(),
        };
        let (kind, id, body) = match self.dialog(attempt).await? {
            None => {
                let body = assigned(&compiled.definition, now, &assignment);
                (MessageType::JobAssigned, delivery, body)
            }
            Some((question, reply)) => {
                let id = format!("{delivery}_in{}", attempt.replies);
                let input = InputProvided {
                    assignment,
                    delivery: &delivery,
                    question: &question.text,
                    reply: &reply,
                };
                let body = message(MessageType::JobInputProvided, now, &input);
                (MessageType::JobInputProvided, id, body)
            }
        };
        let time_left = attempt.deadline.since(now).max(Duration::from_millis(1));
        let time_limit = Duration::from_millis(compiled.definition.time_limits.exchange_ms).min(time_left);
        let out = Outgoing {
            agent: attempt.agent,
            definition: &compiled.definition,
            kind,
            id: &id,
            deadline: Some(attempt.deadline),
            body,
            time_limit,
            keep_reply: true,
        };
        let (delivered, log) = self.exchange(out, now).await?;
        Ok((kind, delivered, log))
    }

    /// The agent's newest question and the client's reply, once there is one: then that is what is delivered.
    async fn dialog(&self, attempt: &AttemptRecord) -> Result<Option<(Question, Json)>, StoreError> {
        let (Some(question), Some(reply)) = (attempt.question, attempt.reply) else { return Ok(None) };
        let store = &self.parts.store;
        let question = store.body(question).await?.map(|bytes| work_read(&bytes)).transpose()?;
        let reply = store.body(reply).await?.and_then(|bytes| String::from_utf8(bytes).ok());
        let reply = reply.and_then(|text| Json::from_text(text).ok());
        Ok(question.zip(reply))
    }

    /// The secrets that sign what is sent to an agent: the current one, and the one before while it counts.
    ///
    /// # Errors
    /// There is no such agent, or its secrets were sealed with another key.
    pub fn delivery_secrets(
        &self,
        name: &AgentName,
        now: Timestamp,
    ) -> Result<Vec<SigningSecret>, StoreError> {
        let record = self.market().named(name).ok_or(StoreError::NotFound)?.record.clone();
        let mut secrets = vec![self.opened(name, SecretKind::Delivery, &record.delivery_secret)?];
        if let Some(old) = record.old_secrets.filter(|old| old.until > now) {
            secrets.push(self.opened(name, SecretKind::OldDelivery, &old.delivery)?);
        }
        Ok(secrets)
    }

    /// The secrets that verify what an agent sends by itself: the current one, and the one before while it counts.
    ///
    /// # Errors
    /// As [`Engine::delivery_secrets`].
    pub fn callback_secrets(
        &self,
        name: &AgentName,
        now: Timestamp,
    ) -> Result<Vec<SigningSecret>, StoreError> {
        let record = self.market().named(name).ok_or(StoreError::NotFound)?.record.clone();
        let mut secrets = vec![self.opened(name, SecretKind::Callback, &record.callback_secret)?];
        if let Some(old) = record.old_secrets.filter(|old| old.until > now) {
            secrets.push(self.opened(name, SecretKind::OldCallback, &old.callback)?);
        }
        Ok(secrets)
    }

    fn opened(&self, name: &AgentName, kind: SecretKind, sealed: &[u8]) -> Result<SigningSecret, StoreError> {
        let bytes = self.parts.key.open(&place(name, kind), sealed).map_err(|_| unusable(name))?;
        SigningSecret::from_bytes(&bytes).ok_or_else(|| unusable(name))
    }

    /// The key that opens a chat agent's endpoint.
    ///
    /// # Errors
    /// It was sealed with another key.
    pub fn agent_key(&self, record: &AgentRecord) -> Result<AgentKey, StoreError> {
        let name = &record.name;
        let place = place(name, SecretKind::Delivery);
        let bytes = self.parts.key.open(&place, &record.delivery_secret).map_err(|_| unusable(name))?;
        let text = std::str::from_utf8(&bytes).map_err(|_| unusable(name))?;
        text.parse().map_err(|_| unusable(name))
    }

    /// One exchange with an agent, in its own way, with its secret and under its grants.
    pub(super) async fn exchange(
        &self,
        out: Outgoing<'_>,
        now: Timestamp,
    ) -> Result<(Delivered, DeliveryLog), StoreError> {
        let (record, current) = {
            let market = self.market();
            let listing = market.get(out.agent).ok_or(StoreError::NotFound)?;
            (listing.record.clone(), Arc::clone(&listing.compiled))
        };
        if out.definition.chat.is_none() {
            let secrets = self.delivery_secrets(&record.name, now)?;
            return Ok(self.carry(out, Speech::Native(&secrets), record.grants, now).await);
        }
        if !is_for_chat(out.kind) {
            return Ok(unsent(None, Delivered::Reply(Reply::NotSupported)));
        }
        // A version of before may name another server, which the key was never meant for.
        if !chat::is_same_server(&out.definition.endpoint, &current.definition.endpoint) {
            let why = "the agent has moved to another server, and its key is for that one".to_owned();
            return Ok(unsent(Some(FailedStep::Guard), Delivered::NotConnected { why }));
        }
        let key = self.agent_key(&record)?;
        let speech = Speech::Chat { key: &key, structured: out.definition.output_schema.is_some() };
        Ok(self.carry(out, speech, record.grants, now).await)
    }

    async fn carry(
        &self,
        out: Outgoing<'_>,
        speech: Speech<'_>,
        granted: Vec<(String, u16)>,
        now: Timestamp,
    ) -> (Delivered, DeliveryLog) {
        let grants = Grants::new(granted);
        let trace = (u128::from_le_bytes(self.parts.maker.random()), self.parts.maker.random_u64());
        let exchange = Exchange {
            endpoint: &out.definition.endpoint,
            grants: &grants,
            speech,
            kind: out.kind,
            id: out.id,
            now,
            deadline: out.deadline,
            trace,
            body: out.body,
            time_limit: out.time_limit,
            keep_reply: out.keep_reply,
        };
        self.parts.courier.deliver(exchange).await
    }
}

fn unusable(name: &AgentName) -> StoreError {
    StoreError::Unavailable(format!("the secret of {name} does not open: is this the store's key file?"))
}

/// The bytes that give a job to an agent of this definition.
pub(super) fn assigned(definition: &AgentDefinition, now: Timestamp, assignment: &Assignment<'_>) -> Vec<u8> {
    match &definition.chat {
        Some(chat) => chat::ask(chat, definition.output_schema.as_ref(), assignment),
        None => message(MessageType::JobAssigned, now, assignment),
    }
}

/// Whether a chat endpoint can be told this: it knows nothing of jobs beyond the one that it is asked to do.
pub(super) fn is_for_chat(kind: MessageType) -> bool {
    match kind {
        MessageType::JobAssigned | MessageType::AgentChallenge | MessageType::AgentProbe => true,
        MessageType::JobInputProvided
        | MessageType::JobStatus
        | MessageType::JobCanceled
        | MessageType::JobForget => false,
    }
}

fn unsent(failed_step: Option<FailedStep>, delivered: Delivered) -> (Delivered, DeliveryLog) {
    let log = DeliveryLog::unsent(failed_step, &delivered);
    (delivered, log)
}

/// A message on its way out.
pub(super) struct Outgoing<'a> {
    pub(super) agent: AgentId,
    /// The version that it is for.
    pub(super) definition: &'a AgentDefinition,
    pub(super) kind: MessageType,
    pub(super) id: &'a str,
    pub(super) deadline: Option<Timestamp>,
    pub(super) body: Vec<u8>,
    pub(super) time_limit: Duration,
    pub(super) keep_reply: bool,
}
