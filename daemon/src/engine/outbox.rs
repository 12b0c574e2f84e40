//! Messages to agents beside deliveries: claimed when they are due, sent, and sent again with growing waits.
//!
//! A message may go out twice; its id is the same then. An agent that does not take it, or is not there for long, is not
//! told for ever.

use super::Engine;
use super::deliver::{Outgoing, is_for_chat};
use crate::agents::contract::{About, MessageType, Reply, message};
use crate::agents::delivery::Delivered;
use crate::store::{Command, MessageRecord, NewDelivery, Query, StoreError};
use guildhall_protocol::ids::{AgentId, DeliveryLogId, MessageId};
use guildhall_protocol::time::Timestamp;
use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio_util::task::TaskTracker;

/// Most messages on their way at a time.
const AT_A_TIME: usize = 32;
/// Time for one exchange.
const MESSAGE_LIMIT: Duration = Duration::from_secs(10);
/// First wait before a message goes out again; it doubles.
const AGAIN_FIRST: Duration = Duration::from_secs(2);
/// Sends after which it is given up: about half an hour.
const TRIES_MAX: u32 = 10;

/// Messages that are not to be sent just now.
#[derive(Debug, Default)]
pub(super) struct OnTheirWay {
    now: BTreeSet<MessageId>,
    /// Those that were settled since somebody began to look for due ones: the look may still have seen them.
    settled: BTreeSet<MessageId>,
}

impl OnTheirWay {
    /// Takes one that was seen to be due, if there is room and nobody has it, or had it since.
    fn take(&mut self, id: MessageId) -> bool {
        self.now.len() < AT_A_TIME && !self.settled.contains(&id) && self.now.insert(id)
    }

    fn settle(&mut self, id: MessageId) {
        self.now.remove(&id);
        self.settled.insert(id);
    }
}

impl Engine {
    /// Sends the messages that are due. One look at a time.
    pub(super) async fn send_messages(
        self: &Arc<Self>,
        steps: &TaskTracker,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let busy = {
            let mut on_their_way = self.on_their_way();
            on_their_way.settled.clear();
            on_their_way.now.len()
        };
        if busy >= AT_A_TIME {
            return Ok(());
        }
        let limit = u32::try_from(AT_A_TIME + busy).unwrap_or(u32::MAX);
        for due in self.parts.store.messages(Query::DueMessages { now, limit }).await? {
            if !self.on_their_way().take(due.id) {
                continue;
            }
            let engine = Arc::clone(self);
            steps.spawn(async move {
                let id = due.id;
                if let Err(error) = engine.send_message(due).await {
                    tracing::warn!(message.id = id.0, %error, "a message to an agent failed; it is sent again");
                    // It is still due: without a wait it would be tried as fast as the machine can.
                    tokio::time::sleep(AGAIN_FIRST).await;
                }
                engine.on_their_way().settle(id);
                engine.nudge();
            });
        }
        Ok(())
    }

    fn on_their_way(&self) -> std::sync::MutexGuard<'_, OnTheirWay> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn send_message(&self, due: MessageRecord) -> Result<(), StoreError> {
        let now = Timestamp::now();
        let kind = match due.kind.as_str() {
            "job.canceled" => MessageType::JobCanceled,
            "job.forget" => MessageType::JobForget,
            other => {
                tracing::error!(
                    message.id = due.id.0,
                    kind = other,
                    "a message of an unknown kind is dropped"
                );
                return self.settle_message(&due, None, None, now).await;
            }
        };
        let attempt = self.parts.store.attempts(Query::Attempts(due.attempt.job)).await?;
        let attempt = attempt.into_iter().find(|attempt| attempt.number == due.attempt.number);
        let Some(attempt) = attempt else { return self.settle_message(&due, None, None, now).await };
        let compiled = self.compiled(due.agent, attempt.version).await?;
        if compiled.definition.chat.is_some() && !is_for_chat(kind) {
            return self.settle_message(&due, None, None, now).await;
        }
        let about = About::of(self.parts.tag, due.attempt);
        let suffix = if kind == MessageType::JobCanceled { "cancel" } else { "forget" };
        let id = format!("{}_{suffix}", about.delivery);
        let out = Outgoing {
            agent: due.agent,
            definition: &compiled.definition,
            kind,
            id: &id,
            deadline: None,
            body: message(kind, now, &about),
            time_limit: MESSAGE_LIMIT,
            keep_reply: true,
        };
        let (delivered, log) = self.exchange(out, now).await?;
        let log = NewDelivery {
            id: DeliveryLogId(self.parts.maker.id(now)),
            agent: due.agent,
            at: now,
            attempt: Some((due.attempt.job, due.attempt.number)),
            message: kind.name(),
            log: serde_json::to_vec(&log).unwrap_or_default(),
        };
        let done = is_taken(&delivered) || due.tries + 1 >= TRIES_MAX;
        let again = Timestamp::now().after(AGAIN_FIRST.saturating_mul(1 << due.tries.min(10)));
        self.settle_message(&due, (!done).then_some(again), Some(log), now).await
    }

    async fn settle_message(
        &self,
        due: &MessageRecord,
        due_at: Option<Timestamp>,
        delivery: Option<NewDelivery>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let command = Command::SettleMessage { id: due.id, tries: due.tries + 1, due_at, delivery };
        self.parts.store.apply(now, command).await.map(drop)
    }

    /// Keeps an exchange that is about no attempt.
    pub(super) async fn log_of_agent(
        &self,
        agent: AgentId,
        kind: MessageType,
        log: Vec<u8>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let id = DeliveryLogId(self.parts.maker.id(now));
        let delivery = NewDelivery { id, agent, at: now, attempt: None, message: kind.name(), log };
        self.parts.store.apply(now, Command::LogDeliveries { deliveries: vec![delivery] }).await.map(drop)
    }
}

/// Whether the agent has been told, or cannot be: anything but "later" and "nobody knows".
fn is_taken(delivered: &Delivered) -> bool {
    match delivered {
        Delivered::NotConnected { .. } => false,
        Delivered::TooLarge { .. } => true,
        Delivered::Reply(reply) => !matches!(reply, Reply::Later { .. } | Reply::Unclear { .. }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_settled_while_somebody_looked_is_not_sent_again() {
        let mut on_their_way = OnTheirWay::default();
        assert!(on_their_way.take(MessageId(1)) && !on_their_way.take(MessageId(1)));
        on_their_way.settle(MessageId(1));
        assert!(!on_their_way.take(MessageId(1)), "it was seen before it was settled");
        on_their_way.settled.clear();
        assert!(on_their_way.take(MessageId(1)), "it is due again");
        assert_eq!((2..=100).filter(|id| on_their_way.take(MessageId(*id))).count(), AT_A_TIME - 1);
    }
}
