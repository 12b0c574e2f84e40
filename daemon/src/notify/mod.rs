//! Tells people by the channels that the daemon serves itself: its log, and webhooks. Other channels are served by front
//! ends over RPC, with the same lease, acknowledgment and back-off.
//!
//! At least once: a notice may be told twice, under the same id, and none is lost.

pub mod pace;
mod webhook;
pub mod words;

use crate::agents::egress::{Egress, PrivateAddresses};
use crate::engine::Engine;
use crate::store::{Command, NotificationRecord, Outcome, Query, StoreError};
use guildhall_protocol::ids::{AgentId, JobId};
use guildhall_protocol::notice::Channel;
use guildhall_protocol::time::Timestamp;
use pace::{Bundle, bundles};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use webhook::Webhook;
pub(crate) use webhook::{grants, place};
use words::{Words, words};

/// Notices handed out at a time.
const LEASE_ROWS_MAX: u32 = 500;
/// A lease of the daemon's own channels.
const LEASE: Duration = Duration::from_mins(2);
/// Longest detail of a delivery log, characters.
pub(crate) const DETAIL_MAX: usize = 400;
/// Longest between two looks, and shortest.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const LOOK_MIN: Duration = Duration::from_millis(50);

/// Tells what is due on the log and on webhooks, until `stop`.
pub async fn run(engine: Arc<Engine>, egress: Egress, private: PrivateAddresses, stop: CancellationToken) {
    let webhook = Webhook { engine: Arc::clone(&engine), egress, private };
    let mut seen = 0;
    while !stop.is_cancelled() {
        for channel in [Channel::Log, Channel::Webhook] {
            if let Err(error) = tell_due(&engine, &webhook, channel).await {
                tracing::debug!(%error, "notices could not be told; trying again");
            }
        }
        tokio::select! {
            changed = engine.parts().changes.everything(seen, LOOK_EVERY) => seen = changed,
            () = stop.cancelled() => return,
        }
        tokio::time::sleep(LOOK_MIN).await;
    }
}

async fn tell_due(engine: &Engine, webhook: &Webhook, channel: Channel) -> Result<(), StoreError> {
    let now = Timestamp::now();
    let lease = engine.parts().maker.id(now);
    let until = now.after(LEASE);
    let command = Command::LeaseNotifications { channel, lease, until, limit: LEASE_ROWS_MAX };
    let Outcome::Leased(rows) = engine.parts().store.apply(now, command).await? else { return Ok(()) };
    for bundle in bundles(rows) {
        let words = say(engine, &bundle).await?;
        let told = match channel {
            Channel::Log => {
                let user = bundle.first.user.0;
                tracing::info!(
                    user.id = user,
                    notice = bundle.first.kind.name(),
                    "{}; {}",
                    words.text,
                    words.next
                );
                Told::Taken("logged".to_owned())
            }
            Channel::Webhook => webhook.tell(&bundle, &words).await,
            Channel::Discord => Told::Later("this daemon does not speak to Discord".to_owned()),
        };
        settle(engine, &bundle, lease, told).await?;
    }
    Ok(())
}

/// What became of telling a bundle.
pub enum Told {
    /// The channel took it.
    Taken(String),
    /// Not now.
    Later(String),
    /// Never.
    Refused(String),
}

/// Puts a bundle into words.
async fn say(engine: &Engine, bundle: &Bundle) -> Result<Words, StoreError> {
    let first = &bundle.first;
    let agent = |agent: AgentId| engine.market().get(agent).map(|listing| listing.record.name.to_string());
    let title = match first.job {
        Some(job) => title(engine, job).await?,
        None => None,
    };
    let count = 1 + bundle.others.len();
    Ok(words(first, title.as_deref(), first.agent.and_then(agent).as_deref(), count))
}

async fn title(engine: &Engine, job: JobId) -> Result<Option<String>, StoreError> {
    let jobs = engine.parts().store.jobs(Query::Job(job)).await?;
    Ok(jobs.into_iter().next().and_then(|job| job.title))
}

async fn settle(engine: &Engine, bundle: &Bundle, lease: i64, told: Told) -> Result<(), StoreError> {
    let now = Timestamp::now();
    let (due_at, acknowledged, detail) = match told {
        Told::Taken(detail) => (None, true, detail),
        Told::Refused(detail) => (None, false, detail),
        Told::Later(detail) => (pace::again(&bundle.first, now), false, detail),
    };
    let detail = detail.chars().take(DETAIL_MAX).collect();
    let ids = bundle.rows().map(|row| row.id).collect();
    let command = Command::SettleNotifications { ids, lease, due_at, acknowledged, detail };
    match engine.parts().store.apply(now, command).await {
        // The lease ran out meanwhile: whoever has it now tells it once more.
        Ok(_) | Err(StoreError::Stale) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Rows by what brings them together.
type Groups = BTreeMap<(i64, &'static str), Vec<NotificationRecord>>;
