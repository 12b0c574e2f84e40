//! Telling servers' alert channels what operators must know of their jobs: leased, told once as far as Discord can, and said
//! to be told. Nobody is mentioned.

use crate::act::Bot;
use crate::discord::DiscordError;
use crate::render;
use futures::StreamExt;
use guildhall_protocol::notice::{Channel, NoticeOutcome};
use guildhall_protocol::place::LeasedAlert;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Alerts that are told in one round.
const LEASES: u32 = 20;
/// Alerts that are told at a time.
const AT_ONCE: usize = 8;
/// Between two looks for alerts: most changes of the marketplace bring none.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Longest wait until one alert is told: well within its lease.
const SEND_MAX: Duration = Duration::from_secs(20);

/// Tells everything until `ended`.
pub(crate) async fn tell(bot: Bot, ended: CancellationToken) {
    // Whatever is cut off loses nothing: what was leased is leased again.
    ended.run_until_cancelled(tell_all(&bot)).await;
}

async fn tell_all(bot: &Bot) {
    loop {
        let leased = bot.hall.itself().call(|service, context| async move {
            service.lease_alerts(context, Channel::Discord, LEASES).await
        });
        let leased = leased.await.unwrap_or_else(|error| {
            tracing::debug!(%error, "no alerts can be had at the moment");
            Vec::new()
        });
        let is_busy = !leased.is_empty();
        let each = leased.into_iter().map(|alert| told(bot, alert));
        futures::stream::iter(each).for_each_concurrent(AT_ONCE, |telling| telling).await;
        if !is_busy {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

async fn told(bot: &Bot, alert: LeasedAlert) {
    let LeasedAlert { id, lease, .. } = alert;
    let slow = || DiscordError::Other("Discord did not take it in time".to_owned());
    let sent = tokio::time::timeout(SEND_MAX, send(bot, &alert)).await.unwrap_or_else(|_| Err(slow()));
    let (outcome, detail) = match sent {
        Ok(()) => (NoticeOutcome::Taken, String::new()),
        // Operators of the marketplace were told anyway; whoever manages the server sees it in /setup.
        Err(error @ (DiscordError::Gone | DiscordError::Forbidden | DiscordError::Closed)) => {
            (NoticeOutcome::Refused, error.to_string())
        }
        Err(error) => (NoticeOutcome::Later, error.to_string()),
    };
    let settled = bot.hall.itself().call(|service, context| async move {
        service.settle_alert(context, id, lease, outcome, detail).await
    });
    if let Err(error) = settled.await {
        // Its lease ends by itself, and it is told once more under the same nonce.
        tracing::debug!(%error, "what became of an alert could not be said");
    }
}

async fn send(bot: &Bot, alert: &LeasedAlert) -> Result<(), DiscordError> {
    let channel = alert.channel.parse().map_err(|_| DiscordError::Gone)?;
    let nonce = format!("a{}", alert.id.0);
    bot.discord.send(channel, &render::alert(alert), None, &nonce).await.map(drop)
}
