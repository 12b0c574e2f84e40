//! Tells people by the channels that the daemon serves itself: its log, and webhooks. Other channels are served by front
//! ends over RPC, with the same lease, acknowledgment and back-off.
//!
//! At least once: a notice may be told twice, under the same id, and none is lost.

pub mod alerts;
pub mod pace;
mod webhook;
pub mod words;

use crate::agents::egress::{Egress, PrivateAddresses};
use crate::engine::Engine;
use crate::store::front_end::FrontEndCommand;
use crate::store::{Command, NotificationRecord, Outcome, Query, StoreError};
use guildhall_protocol::ids::{AgentId, JobId, UserId};
use guildhall_protocol::notice::Channel;
use guildhall_protocol::time::Timestamp;
use pace::{Bundle, bundles};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use webhook::Webhook;

pub(crate) use webhook::place as sealed_for;
pub(crate) use webhook::{grants, place};
use words::{Words, words};

/// Notices handed out at a time.
const LEASE_ROWS_MAX: u32 = 500;
/// A lease for webhooks.
const WEBHOOK_LEASE: Duration = Duration::from_mins(2);
/// A lease for the log, which takes what it is told at once: should the store not, the next try is soon.
const LOG_LEASE: Duration = Duration::from_secs(10);
/// Longest detail of a delivery log, characters.
pub(crate) const DETAIL_MAX: usize = 400;
/// Most webhooks that are posted to at a time.
const POSTS_MAX: usize = 64;
/// Longest between two looks, and shortest.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const LOOK_MIN: Duration = Duration::from_millis(50);

/// Tells what is due on the log and on webhooks, until `stop`.
pub async fn run(engine: Arc<Engine>, egress: Egress, private: PrivateAddresses, stop: CancellationToken) {
    let webhook = Webhook { engine: Arc::clone(&engine), egress, private };
    let posts = Semaphore::new(POSTS_MAX);
    let teller = Arc::new(Teller { engine, webhook, turns: Turns::default(), posts, stop });
    for channel in [Channel::Log, Channel::Webhook] {
        // What a daemon had in hand when it died is told again at once.
        let release = Command::FrontEnd(FrontEndCommand::Release { channel });
        if let Err(error) = teller.engine.parts().store.apply(Timestamp::now(), release).await {
            tracing::debug!(%error, "leases of an earlier daemon are left to run out");
        }
    }
    let mut seen = 0;
    while !teller.stop.is_cancelled() {
        for channel in [Channel::Log, Channel::Webhook] {
            if let Err(error) = teller.tell_due(channel).await {
                tracing::debug!(%error, "notices could not be told; trying again");
            }
        }
        tokio::select! {
            changed = teller.engine.parts().changes.everything(seen, LOOK_EVERY) => seen = changed,
            () = teller.stop.cancelled() => return,
        }
        tokio::time::sleep(LOOK_MIN).await;
    }
}

struct Teller {
    engine: Arc<Engine>,
    webhook: Webhook,
    turns: Turns,
    posts: Semaphore,
    stop: CancellationToken,
}

/// Whose webhook is being told: one notice at a time for each person.
type Turns = Mutex<BTreeMap<UserId, Arc<tokio::sync::Mutex<()>>>>;

/// A lease that this daemon holds.
#[derive(Clone, Copy)]
struct Lease {
    lease: i64,
    until: Timestamp,
}

impl Teller {
    async fn tell_due(self: &Arc<Self>, channel: Channel) -> Result<(), StoreError> {
        let now = Timestamp::now();
        let span = if channel == Channel::Log { LOG_LEASE } else { WEBHOOK_LEASE };
        let (lease, until) = (self.engine.parts().maker.id(now), now.after(span));
        let command = Command::LeaseNotifications { channel, lease, until, limit: LEASE_ROWS_MAX };
        let Outcome::Leased(rows) = self.engine.parts().store.apply(now, command).await? else {
            return Ok(());
        };
        let bundles = bundles(rows);
        if channel == Channel::Log {
            for bundle in bundles {
                let words = say(&self.engine, &bundle, Titles::LeftOut).await?;
                let user = bundle.first.user.0;
                let notice = bundle.first.kind.name();
                tracing::info!(user.id = user, notice, "{}; {}", words.text, words.next);
                settle(&self.engine, &bundle, lease, Told::Taken("logged".to_owned())).await?;
            }
            return Ok(());
        }
        let mut people: BTreeMap<UserId, Vec<Bundle>> = BTreeMap::new();
        for bundle in bundles {
            people.entry(bundle.first.user).or_default().push(bundle);
        }
        for (user, bundles) in people {
            let teller = Arc::clone(self);
            // Nobody waits for the webhook of somebody else.
            tokio::spawn(async move {
                let told = teller.tell_person(user, bundles, Lease { lease, until });
                if let Some(Err(error)) = teller.stop.run_until_cancelled(told).await {
                    tracing::debug!(user.id = user.0, %error, "notices could not be told; trying again");
                }
            });
        }
        Ok(())
    }

    /// Tells one person, in order. What there is no time for before the lease ends is left to the next lease; when the
    /// webhook does not take one, the others wait as long as it does.
    async fn tell_person(&self, user: UserId, bundles: Vec<Bundle>, held: Lease) -> Result<(), StoreError> {
        let turn = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(turns.entry(user).or_default())
        };
        let _turn = turn.lock().await;
        let mut reached = true;
        for bundle in bundles {
            let told = if reached {
                let _post = self.posts.acquire().await;
                if Timestamp::now().after(webhook::POST_LIMIT) > held.until {
                    return Ok(());
                }
                let words = say(&self.engine, &bundle, Titles::Said).await?;
                self.webhook.tell(&bundle, &words).await
            } else {
                Told::Later("the one before it was not taken".to_owned())
            };
            reached = !matches!(told, Told::Later(_));
            settle(&self.engine, &bundle, held.lease, told).await?;
        }
        Ok(())
    }
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

/// Whether the titles of jobs are said: they are the words of a client, which no log keeps.
#[derive(Clone, Copy)]
enum Titles {
    Said,
    LeftOut,
}

/// Puts a bundle into words.
async fn say(engine: &Engine, bundle: &Bundle, titles: Titles) -> Result<Words, StoreError> {
    let first = &bundle.first;
    let agent = |agent: AgentId| engine.market().get(agent).map(|listing| listing.record.name.to_string());
    let title = match (first.job, titles) {
        (Some(job), Titles::Said) => title(engine, job).await?,
        (Some(_), Titles::LeftOut) | (None, _) => None,
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
