//! Sending an attempt to its agent: what is sent, and under which id.

use super::Engine;
use super::commit::CommitError;
use super::reading::{Sent, read};
use super::work::Work;
use crate::agents::contract::{Assignment, MessageType, message};
use crate::agents::delivery::{Delivered, DeliveryLog, Exchange};
use crate::agents::egress::Grants;
use crate::agents::secrets::{SecretKind, place};
use crate::agents::signing::SigningSecret;
use crate::market::Compiled;
use crate::store::{AttemptRecord, StoreError};
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::ids::{AgentId, AttemptRef, DeliveryId};
use guildhall_protocol::json::Json;
use guildhall_protocol::time::Timestamp;
use std::time::Duration;

impl Engine {
    /// Sends an attempt whose lease is held, and writes down what came of it.
    pub(super) async fn send(&self, work: Work, attempt: AttemptRecord) -> Result<(), CommitError> {
        let compiled = self.compiled(attempt.agent, attempt.version).await?;
        let (delivered, log) = self.deliver(&work, &attempt, &compiled).await?;
        let now = Timestamp::now();
        let chance =
            f64::from(u32::try_from(self.parts.maker.random_u64() >> 32).unwrap_or(0)) / f64::from(u32::MAX);
        let idempotent = compiled.definition.idempotent;
        let sent = Sent { tries: attempt.tries, policy: &work.draft.policy, idempotent, chance };
        let reading = read(delivered, sent);
        self.settle(work, attempt, reading, &log, &compiled, now).await
    }

    async fn deliver(
        &self,
        work: &Work,
        attempt: &AttemptRecord,
        compiled: &Compiled,
    ) -> Result<(Delivered, DeliveryLog), StoreError> {
        let now = Timestamp::now();
        let findings = work.findings(&*self.parts.store, attempt).await?;
        // An agent that says what it takes gets that; one that does not reads the brief.
        let input = match (&work.draft.input, &compiled.input) {
            (Some(input), _) => Some(input.clone()),
            (None, Some(_)) => Some(Json::from(work.input())),
            (None, None) => None,
        };
        let title = work.draft.shown_title();
        let assignment = Assignment {
            job: work.job.id,
            attempt: attempt.number.0,
            title: &title,
            brief: &work.draft.brief,
            input: input.as_ref(),
            criteria: &work.draft.criteria,
            findings: &findings,
            callback_url: None,
        };
        let body = message(MessageType::JobAssigned, now, &assignment);
        let attempt_ref = AttemptRef { job: work.job.id, number: attempt.number };
        let id = DeliveryId { store: self.parts.tag, attempt: attempt_ref }.to_string();
        let time_left = work.job.deadline.since(now).max(Duration::from_millis(1));
        let time_limit = Duration::from_millis(compiled.definition.time_limits.exchange_ms).min(time_left);
        let out = Outgoing {
            agent: attempt.agent,
            endpoint: &compiled.definition.endpoint,
            kind: MessageType::JobAssigned,
            id: &id,
            deadline: Some(work.job.deadline),
            body,
            time_limit,
            keep_reply: true,
        };
        self.exchange(out, now).await
    }

    /// The secret that signs what is sent to an agent.
    ///
    /// # Errors
    /// There is no such agent, or its secret was sealed with another key.
    pub fn delivery_secret(&self, name: &AgentName) -> Result<SigningSecret, StoreError> {
        let sealed = self.market().named(name).ok_or(StoreError::NotFound)?.record.delivery_secret.clone();
        let unusable = || {
            StoreError::Unavailable(format!(
                "the secret of {name} does not open: is this the store's key file?"
            ))
        };
        let bytes =
            self.parts.key.open(&place(name, SecretKind::Delivery), &sealed).map_err(|_| unusable())?;
        Ok(SigningSecret::from_random(bytes.try_into().map_err(|_| unusable())?))
    }

    /// One exchange with an agent, signed with its secret and under its grants.
    pub(super) async fn exchange(
        &self,
        out: Outgoing<'_>,
        now: Timestamp,
    ) -> Result<(Delivered, DeliveryLog), StoreError> {
        let (name, granted) = {
            let market = self.market();
            let record = &market.get(out.agent).ok_or(StoreError::NotFound)?.record;
            (record.name.clone(), record.grants.clone())
        };
        let secret = self.delivery_secret(&name)?;
        let grants = Grants::new(granted);
        let trace = (u128::from_le_bytes(self.parts.maker.random()), self.parts.maker.random_u64());
        let exchange = Exchange {
            endpoint: out.endpoint,
            grants: &grants,
            secret: &secret,
            kind: out.kind,
            id: out.id,
            now,
            deadline: out.deadline,
            trace,
            body: out.body,
            time_limit: out.time_limit,
            keep_reply: out.keep_reply,
        };
        Ok(self.parts.courier.deliver(exchange).await)
    }
}

/// A message on its way out.
pub(super) struct Outgoing<'a> {
    pub(super) agent: AgentId,
    pub(super) endpoint: &'a str,
    pub(super) kind: MessageType,
    pub(super) id: &'a str,
    pub(super) deadline: Option<Timestamp>,
    pub(super) body: Vec<u8>,
    pub(super) time_limit: Duration,
    pub(super) keep_reply: bool,
}
