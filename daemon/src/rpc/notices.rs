//! Calls about what people are told: their inbox, notices and settings; and, for front ends that serve a channel, the
//! leases of notices. And the engine's own pause, which operators are told of.

use super::Caller;
use super::errors::{denied_channel, internal, invalid, not_found, store};
use super::session::Sees;
use super::story::appeal_view;
use crate::agents::egress::{PrivateAddresses, check};
use crate::agents::signing::SigningSecret;
use crate::notify::pace::{self, bundles};
use crate::notify::words::words;
use crate::notify::{DETAIL_MAX, grants, place};
use crate::scribe::Scribe;
use crate::store::front_end::{CLOSED_MS, Reach};
use crate::store::{Command, NotificationRecord, Outcome, PersonRecord, Query, SealedSecret, StoreError};
use guildhall_protocol::error::ApiError;
use guildhall_protocol::history::{Actor, What};
use guildhall_protocol::ids::{JobId, NotificationId, RequestId};
use guildhall_protocol::matrix::{Verb, Whose};
use guildhall_protocol::notice::{
    Channel, Inbox, LeasedNotice, NoticeOutcome, NoticeStory, NoticeView, Settings, SettingsSet,
};
use guildhall_protocol::state::{JobState, Reviewer};
use guildhall_protocol::time::{Timestamp, zone};
use guildhall_protocol::view::{EngineOrder, PAGE_ROWS_MAX, Page, PageRequest, Status};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Jobs of each kind in an inbox.
const INBOX_ROWS_MAX: u32 = 100;
/// A front end's lease.
const LEASE: Duration = Duration::from_mins(1);

impl Caller {
    pub(super) async fn engine_ordered(
        &self,
        request: RequestId,
        order: EngineOrder,
        reason: Option<String>,
    ) -> Result<Status, ApiError> {
        self.check(Verb::SteerEngine)?;
        let request = self.request(request, "order-engine", format!("{order:?} {reason:?}").as_bytes());
        let paused = order == EngineOrder::Pause;
        self.desk.engine.pause(self.who.user, request, paused, reason).await.map_err(store)?;
        self.status_now().await
    }

    pub(super) async fn inbox_now(&self) -> Result<Inbox, ApiError> {
        let list = |states: &[&str], client, place| Query::List {
            states: states.iter().map(|state| (*state).to_owned()).collect(),
            client,
            place,
            label: None,
            agent: None,
            before: None,
            limit: INBOX_ROWS_MAX,
        };
        let mine = list(&["input_required", "in_review"], Some(self.who.user), None);
        let mut mine = self.desk.store().jobs(mine).await.map_err(store)?;
        mine.retain(|job| job.state != JobState::InReview(Reviewer::Operator));
        let mut inbox = Inbox { mine: self.heads(mine).await?, ..Inbox::default() };
        inbox.offers = self.agents_where(|record| record.offered_to == Some(self.who.user));
        let sees = self.sees();
        if sees != Sees::Own {
            let place = (sees == Sees::Place).then_some(self.who.terms.place);
            let held = list(&["in_review", "held"], None, place);
            let held = self.desk.store().jobs(held).await.map_err(store)?;
            let for_operators = held.into_iter().filter(|job| {
                matches!(job.state, JobState::InReview(Reviewer::Operator) | JobState::Held(_))
            });
            inbox.operators = self.heads(for_operators.collect()).await?;
        }
        if sees == Sees::Everything {
            let open = Query::OpenAppeals { limit: INBOX_ROWS_MAX };
            let appeals = self.desk.store().appeals(open).await.map_err(store)?;
            let texts = appeals.iter().map(|appeal| appeal.text).collect();
            let bodies = self.desk.store().bodies(Query::Bodies(texts)).await.map_err(store)?;
            let bodies = bodies.into_iter().map(|body| (body.id, body)).collect();
            inbox.approvals = self.agents_where(|record| record.wanted.is_some());
            inbox.appeals = appeals.iter().map(|appeal| appeal_view(appeal, &bodies)).collect();
        }
        Ok(inbox)
    }

    pub(super) async fn list_notices(
        &self,
        all: bool,
        page: PageRequest,
    ) -> Result<Page<NoticeView>, ApiError> {
        if all {
            self.check_on(Verb::ReadNotices, Whose::Others)?;
        }
        let user = (!all).then_some(self.who.user);
        let limit = page.limit.clamp(1, PAGE_ROWS_MAX);
        let query = Query::Notifications { user, before: page.after.map(NotificationId), limit };
        let rows = self.desk.store().notifications(query).await.map_err(store)?;
        let full = rows.len() == usize::try_from(limit).unwrap_or(usize::MAX);
        let next = rows.last().filter(|_| full).map(|row| row.id.0);
        Ok(Page { rows: self.notice_views(&rows).await?, next })
    }

    /// A notice, if it exists for this caller and this verb.
    async fn notice_for(&self, verb: Verb, id: NotificationId) -> Result<NotificationRecord, ApiError> {
        let found = self.desk.store().notifications(Query::Notification(id)).await.map_err(store)?;
        let visible = |row: &NotificationRecord| self.check_on(verb, self.relation_to_user(row.user)).is_ok();
        found.into_iter().find(visible).ok_or_else(|| not_found(&format!("notice {}", id.0)))
    }

    pub(super) async fn notice_story(&self, id: NotificationId) -> Result<NoticeStory, ApiError> {
        let row = self.notice_for(Verb::ReadNotices, id).await?;
        let log = self.desk.store().notice_log(Query::NoticeLog(id)).await.map_err(store)?;
        let log = log.into_iter().map(|line| (line.at, line.acknowledged, line.detail)).collect();
        let notice = self.notice_views(&[row]).await?.pop().ok_or_else(|| not_found("notice"))?;
        Ok(NoticeStory { notice, log })
    }

    pub(super) async fn replay(
        &self,
        request: RequestId,
        id: NotificationId,
    ) -> Result<NoticeStory, ApiError> {
        self.notice_for(Verb::ReplayNotice, id).await?;
        let request = self.request(request, "replay-notice", &id.0.to_be_bytes());
        let command = Command::ReplayNotification { request, id };
        self.desk.store().apply(Timestamp::now(), command).await.map_err(store)?;
        self.desk.engine.parts().changes.touch(None);
        self.notice_story(id).await
    }

    /// Notices in words.
    async fn notice_views(&self, rows: &[NotificationRecord]) -> Result<Vec<NoticeView>, ApiError> {
        let mut titles = BTreeMap::new();
        for job in rows.iter().filter_map(|row| row.job) {
            if let Entry::Vacant(entry) = titles.entry(job) {
                let found = self.desk.store().jobs(Query::Job(job)).await.map_err(store)?;
                entry.insert(found.into_iter().next().and_then(|job| job.title));
            }
        }
        let market = self.desk.engine.market();
        let view = |row: &NotificationRecord| {
            let title = row.job.and_then(|job| titles.get(&job)?.clone());
            let agent = row.agent.and_then(|agent| Some(market.get(agent)?.record.name.to_string()));
            let said = words(row, title.as_deref(), agent.as_deref(), 1);
            NoticeView {
                id: row.id,
                user: row.user,
                channel: row.channel.into(),
                kind: row.kind.into(),
                job: row.job,
                attempt: row.attempt,
                made_at: row.made_at,
                due_at: row.due_at,
                tries: row.tries,
                acknowledged_at: row.acknowledged_at,
                text: said.text,
                next: said.next,
            }
        };
        Ok(rows.iter().map(view).collect())
    }

    pub(super) fn own_settings(&self) -> Settings {
        self.desk.engine.parts().people.settings(self.who.user)
    }

    pub(super) async fn change_settings(
        &self,
        request: RequestId,
        mut settings: Settings,
    ) -> Result<SettingsSet, ApiError> {
        settings.timezone = settings.timezone.map(|name| known_zone(&name)).transpose()?;
        let content = serde_json::to_string(&settings).map_err(|error| internal(&error))?;
        let request = self.request(request, "set-settings", content.as_bytes());
        self.check(Verb::ChangeSettings)?;
        if settings.webhook != self.own_settings().webhook {
            self.check(Verb::NameWebhook)?;
        }
        if settings.webhook_private {
            self.check(Verb::ReachPrivateWebhook)?;
        }
        if let Some(url) = &settings.webhook {
            check(url, &grants(&settings), PrivateAddresses::ByGrant)
                .map_err(|error| invalid("webhook", error.to_string().replace("endpoint", "webhook")))?;
        }
        let (parts, now, user) = (self.desk.engine.parts(), Timestamp::now(), self.who.user);
        let record = self.desk.store().users(Query::User(user)).await.map_err(store)?;
        let record = record.into_iter().next().ok_or_else(|| not_found("user"))?;
        let moved = settings.webhook.is_some() && settings.webhook != self.own_settings().webhook;
        let secret = moved.then(|| SigningSecret::from_random(parts.maker.random()));
        let sealed =
            secret.as_ref().map(|secret| parts.key.seal(&place(user), parts.maker.random(), secret.bytes()));
        let mut scribe = Scribe::new(&parts.maker, now, record.chain, Actor::User(user));
        scribe.event(What::SettingsChanged);
        let command = Command::SetPerson {
            request,
            revision: record.chain.revision,
            settings: content.clone(),
            secret: sealed.clone().map(SealedSecret),
            entry: scribe.finish(),
        };
        let repeated = match self.desk.store().apply(now, command).await.map_err(store)? {
            Outcome::Done => false,
            Outcome::Repeated(_) => true,
            Outcome::Posted(_)
            | Outcome::Registered(_)
            | Outcome::User(_)
            | Outcome::Place(_)
            | Outcome::Leased(_)
            | Outcome::Surfaces(_)
            | Outcome::Alerts(_)
            | Outcome::Dropped(_) => {
                return Err(store(StoreError::Unavailable("an outcome of another command".to_owned())));
            }
        };
        if !repeated {
            parts.people.put(PersonRecord { user, settings: content, secret: sealed });
        }
        let webhook_secret = secret.filter(|_| !repeated).map(|secret| secret.reveal());
        Ok(SettingsSet { settings: self.own_settings(), webhook_secret })
    }

    pub(super) async fn lease(&self, channel: Channel, limit: u32) -> Result<Vec<LeasedNotice>, ApiError> {
        self.check_teller()?;
        if channel != Channel::Discord {
            return Err(denied_channel(channel));
        }
        let (maker, now) = (self.desk.maker(), Timestamp::now());
        let lease = maker.id(now);
        let limit = limit.clamp(1, PAGE_ROWS_MAX);
        let command = Command::LeaseNotifications { channel, lease, until: now.after(LEASE), limit };
        let Outcome::Leased(rows) = self.desk.store().apply(now, command).await.map_err(store)? else {
            return Ok(Vec::new());
        };
        let mut leased = Vec::new();
        for bundle in bundles(rows) {
            let mut view = self.notice_views(std::slice::from_ref(&bundle.first)).await?.pop();
            if let Some(view) = view.as_mut().filter(|_| !bundle.others.is_empty()) {
                let market = self.desk.engine.market();
                let agent = bundle.first.agent.and_then(|agent| market.get(agent));
                let agent = agent.map(|listing| listing.record.name.to_string());
                let said = words(&bundle.first, None, agent.as_deref(), 1 + bundle.others.len());
                (view.text, view.next) = (said.text, said.next);
            }
            let with = bundle.others.iter().map(|row| row.id).collect();
            let jobs: BTreeSet<JobId> = bundle.others.iter().filter_map(|row| row.job).collect();
            let jobs = jobs.into_iter().filter(|job| Some(*job) != bundle.first.job).collect();
            let to = self.known_on(channel, bundle.first.user).await?;
            let shown_at = self.shown_to(&bundle.first).await?;
            let closed = Query::Closed { user: bundle.first.user, channel };
            let closed = self.desk.store().closed(closed).await.map_err(store)?;
            let closed = closed.is_some_and(|closed| closed.at.0 > now.0 - CLOSED_MS);
            leased.extend(view.map(|notice| LeasedNotice {
                notice,
                lease,
                with,
                jobs,
                to,
                closed,
                shown_at,
            }));
        }
        Ok(leased)
    }

    /// Where the job of a notice is shown, if it is the reader's own: whoever else hears of it may not be there.
    async fn shown_to(&self, notice: &NotificationRecord) -> Result<Vec<String>, ApiError> {
        let Some(job) = notice.job else { return Ok(Vec::new()) };
        let found = self.desk.store().jobs(Query::Job(job)).await.map_err(store)?;
        if found.first().is_none_or(|found| found.client != notice.user) {
            return Ok(Vec::new());
        }
        let surfaces = self.desk.store().surfaces(Query::Surfaces(job)).await.map_err(store)?;
        Ok(surfaces.into_iter().map(|surface| surface.address).collect())
    }

    pub(super) async fn settle(
        &self,
        ids: Vec<NotificationId>,
        lease: i64,
        outcome: NoticeOutcome,
        detail: String,
    ) -> Result<(), ApiError> {
        self.check_teller()?;
        if ids.len() > PAGE_ROWS_MAX as usize {
            return Err(invalid("ids", format!("no more than {PAGE_ROWS_MAX} notices are leased at a time")));
        }
        // The oldest speaks for all, as where they are told by the daemon itself.
        let first = *ids.first().ok_or_else(|| invalid("ids", "no notice is named"))?;
        let row = self.desk.store().notifications(Query::Notification(first)).await.map_err(store)?.pop();
        let row = row.ok_or_else(|| not_found(&first.to_string()))?;
        let now = Timestamp::now();
        let (acknowledged, reach) = match outcome {
            NoticeOutcome::Taken => (true, Some(Reach::Open)),
            NoticeOutcome::Shown => (true, None),
            NoticeOutcome::Elsewhere => (true, Some(Reach::Closed)),
            NoticeOutcome::Closed => (false, Some(Reach::Closed)),
            NoticeOutcome::Later | NoticeOutcome::Refused => (false, None),
        };
        if let Some(reach) = reach {
            self.reach(row.user, row.channel, reach).await.map_err(store)?;
        }
        let due_at = (outcome == NoticeOutcome::Later).then(|| pace::again(&row, now)).flatten();
        let detail = detail.chars().take(DETAIL_MAX).collect();
        let command = Command::SettleNotifications { ids, lease, due_at, acknowledged, detail };
        self.desk.store().apply(now, command).await.map_err(store).map(drop)
    }
}

/// The name of a time zone as the database writes it.
fn known_zone(name: &str) -> Result<String, ApiError> {
    let found = zone(name).and_then(|zone| zone.iana_name().map(str::to_owned));
    found.ok_or_else(|| {
        let shown: String = name.chars().take(40).collect();
        invalid("timezone", format!("{shown:?} is no time zone"))
            .hint("write one such as Europe/Berlin or UTC")
    })
}
