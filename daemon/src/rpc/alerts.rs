//! Calls of front ends about what the alert channels of places are to be told.

use super::Caller;
use super::errors::{denied_channel, store};
use crate::notify::alerts::told;
use crate::notify::pace;
use crate::store::{Command, Outcome, PlaceCommand, PlaceQuery, Query, StoreError};
use guildhall_protocol::error::ApiError;
use guildhall_protocol::ids::AlertId;
use guildhall_protocol::notice::{Channel, NoticeOutcome};
use guildhall_protocol::place::LeasedAlert;
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::PAGE_ROWS_MAX;
use std::time::Duration;

/// How long an alert is leased for.
const LEASE: Duration = Duration::from_mins(1);

impl Caller {
    pub(super) async fn alerts_to_tell(
        &self,
        channel: Channel,
        limit: u32,
    ) -> Result<Vec<LeasedAlert>, ApiError> {
        self.check_teller()?;
        if channel != Channel::Discord {
            return Err(denied_channel(channel));
        }
        let now = Timestamp::now();
        let lease = self.desk.maker().id(now);
        let (until, limit) = (now.after(LEASE), limit.clamp(1, PAGE_ROWS_MAX));
        let command = PlaceCommand::LeaseAlerts { channel, lease, until, limit };
        let outcome = self.desk.store().apply(now, Command::Place(command)).await.map_err(store)?;
        let Outcome::Alerts(alerts) = outcome else {
            return Err(store(StoreError::Unavailable("an outcome of another command".to_owned())));
        };
        let mut leased = Vec::new();
        for alert in alerts {
            let query = Query::Place(PlaceQuery::Place(alert.place));
            let place = self.desk.store().places(query).await.map_err(store)?.pop();
            let channel = place.and_then(|place| Some((place.identity, place.settings.alerts?)));
            let (id, job, kind) = (alert.id, alert.job, alert.kind);
            if let Some((place, channel)) = channel {
                let text = told(kind, job);
                leased.push(LeasedAlert { id, lease, place, channel, kind: kind.into(), job, text });
            } else {
                // Nobody wants to hear it any more.
                if let Err(error) = self.settle_alert_at(id, lease, None).await {
                    tracing::debug!(%error, "an alert that nobody wants comes up again");
                }
            }
        }
        Ok(leased)
    }

    pub(super) async fn alert_settled(
        &self,
        id: AlertId,
        lease: i64,
        outcome: NoticeOutcome,
        detail: String,
    ) -> Result<(), ApiError> {
        self.check_teller()?;
        let found = self.desk.store().alerts(Query::Place(PlaceQuery::Alert(id))).await.map_err(store)?.pop();
        let now = Timestamp::now();
        let due_at = match (outcome, &found) {
            (NoticeOutcome::Later, Some(alert)) => pace::again_after(alert.made_at, alert.tries, now),
            (NoticeOutcome::Later, None)
            | (
                NoticeOutcome::Taken
                | NoticeOutcome::Refused
                | NoticeOutcome::Shown
                | NoticeOutcome::Elsewhere
                | NoticeOutcome::Closed,
                _,
            ) => None,
        };
        let is_lost = match outcome {
            NoticeOutcome::Later => due_at.is_none(),
            NoticeOutcome::Refused | NoticeOutcome::Closed => true,
            NoticeOutcome::Taken | NoticeOutcome::Shown | NoticeOutcome::Elsewhere => false,
        };
        if let Some(alert) = found.filter(|_| is_lost) {
            let (kind, job) = (alert.kind.name(), alert.job.map(|job| job.0));
            tracing::warn!(
                place.id = alert.place.0,
                job.id = job,
                kind,
                detail,
                "an alert channel takes nothing"
            );
        }
        self.settle_alert_at(id, lease, due_at).await
    }

    async fn settle_alert_at(
        &self,
        id: AlertId,
        lease: i64,
        due_at: Option<Timestamp>,
    ) -> Result<(), ApiError> {
        let command = Command::Place(PlaceCommand::SettleAlert { id, lease, due_at });
        self.desk.store().apply(Timestamp::now(), command).await.map_err(store).map(drop)
    }
}
