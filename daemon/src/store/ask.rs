//! Asking the store with the answer's own type.

use super::front_end::{ClosedRecord, SurfaceRecord};
use super::place::{AlertRecord, PlaceRecord};
use super::{
    AgentRecord, Answer, AppealRecord, AttemptRecord, BodyRecord, DayRecord, DeliveryRecord, EventRecord,
    Found, JobRecord, JudgementSum, MessageRecord, NoticeLogRecord, NotificationRecord, PersonRecord, Query,
    Receipt, SpentRecord, Store, StoreError, SystemRecord, TallyRecord, UserRecord, WaitingRecord,
};
use guildhall_protocol::account::{Identity, TokenView, Usage};
use guildhall_protocol::ids::{AgentVersion, BodyId, UserId};
use guildhall_protocol::listing::JobCount;
use guildhall_protocol::model::{ModelRole, ModelSpending, ModelTotal, WithoutModel};
use guildhall_protocol::time::Timestamp;

macro_rules! ask {
    ($($(#[$doc:meta])* $name:ident, $answer:ident -> $row:ty;)*) => {
        impl dyn Store {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// As [`Store::query`]; `Unavailable` also when the query is not one of this answer.
                pub async fn $name(&self, query: Query) -> Result<$row, StoreError> {
                    match self.query(query).await? {
                        Answer::$answer(rows) => Ok(rows),
                        _ => Err(StoreError::Unavailable("the store answered another question".to_owned())),
                    }
                }
            )*
        }
    };
}

ask! {
    /// A query that answers `System`.
    system, System -> SystemRecord;
    /// A query that answers `Jobs`.
    jobs, Jobs -> Vec<JobRecord>;
    /// A query that answers `Found`.
    found, Found -> Found;
    /// A query that answers `JobCount`.
    job_count, JobCount -> JobCount;
    /// A query that answers `Waiting`.
    waiting, Waiting -> WaitingRecord;
    /// A query that answers `Time`.
    time, Time -> Option<Timestamp>;
    /// A query that answers `Attempts`.
    attempts, Attempts -> Vec<AttemptRecord>;
    /// A query that answers `Bodies`.
    bodies, Bodies -> Vec<BodyRecord>;
    /// A query that answers `Events`.
    events, Events -> Vec<EventRecord>;
    /// A query that answers `Agents`.
    agents, Agents -> Vec<AgentRecord>;
    /// A query that answers `Versions`.
    versions, Versions -> Vec<(AgentVersion, Timestamp, BodyId)>;
    /// A query that answers `Tallies`.
    tallies, Tallies -> Vec<TallyRecord>;
    /// A query that answers `Deliveries`.
    deliveries, Deliveries -> Vec<DeliveryRecord>;
    /// A query that answers `Days`.
    days, Days -> Vec<DayRecord>;
    /// A query that answers `Messages`.
    messages, Messages -> Vec<MessageRecord>;
    /// A query that answers `Notifications`.
    notifications, Notifications -> Vec<NotificationRecord>;
    /// A query that answers `NoticeLog`.
    notice_log, NoticeLog -> Vec<NoticeLogRecord>;
    /// A query that answers `Appeals`.
    appeals, Appeals -> Vec<AppealRecord>;
    /// A query that answers `People`.
    people, People -> Vec<PersonRecord>;
    /// A query that answers `Counts`.
    counts, Counts -> Vec<(String, u64)>;
    /// A query that answers `Text`.
    text, Text -> Option<String>;
    /// A query that answers `Spent`.
    spent, Spent -> Vec<SpentRecord>;
    /// A query that answers `Spending`.
    spending, Spending -> ModelSpending;
    /// A query that answers `ModelTotals`.
    model_totals, ModelTotals -> Vec<ModelTotal>;
    /// A query that answers `Without`.
    without, Without -> Vec<(ModelRole, WithoutModel, u64)>;
    /// A query that answers `Judgements`.
    judgements, Judgements -> Vec<JudgementSum>;
    /// A query that answers `Users`.
    users, Users -> Vec<UserRecord>;
    /// A query that answers `UserIds`.
    user_ids, UserIds -> Vec<UserId>;
    /// A query that answers `Identities`.
    identities, Identities -> Vec<Identity>;
    /// A query that answers `Tokens`.
    tokens, Tokens -> Vec<TokenView>;
    /// A query that answers `Surfaces`.
    surfaces, Surfaces -> Vec<SurfaceRecord>;
    /// A query that answers `Places`.
    places, Places -> Vec<PlaceRecord>;
    /// A query that answers `Alerts`.
    alerts, Alerts -> Vec<AlertRecord>;
    /// A query that answers `Closed`.
    closed, Closed -> Option<ClosedRecord>;
    /// A query that answers `Usage`.
    usage, Usage -> Usage;
    /// A query that answers `Receipt`.
    receipt, Receipt -> Option<([u8; 32], Receipt)>;
}

impl dyn Store {
    /// One job.
    ///
    /// # Errors
    /// `NotFound`, or as [`Store::query`].
    pub async fn job(&self, id: guildhall_protocol::ids::JobId) -> Result<JobRecord, StoreError> {
        self.jobs(Query::Job(id)).await?.into_iter().next().ok_or(StoreError::NotFound)
    }

    /// One user.
    ///
    /// # Errors
    /// `NotFound`, or as [`Store::query`].
    pub async fn user(&self, id: UserId) -> Result<UserRecord, StoreError> {
        self.users(Query::User(id)).await?.into_iter().next().ok_or(StoreError::NotFound)
    }

    /// The bytes of one body; none when it was forgotten.
    ///
    /// # Errors
    /// As [`Store::query`].
    pub async fn body(&self, id: BodyId) -> Result<Option<Vec<u8>>, StoreError> {
        let body = self.bodies(Query::Bodies(vec![id])).await?.into_iter().next();
        Ok(body.and_then(|body| body.bytes))
    }
}
