//! The service's trait, a line per call.

use super::{Caller, whole};
use guildhall_protocol::account::{
    Identity, LinkCode, LinkOffer, NewToken, Policy, TokenMade, TokenView, UserHead, UserOrder, UserRef,
    UserStory,
};
use guildhall_protocol::agent::{AgentDefinition, AgentName};
use guildhall_protocol::bulk::{BulkOrder, BulkOutcome};
use guildhall_protocol::error::ApiError;
use guildhall_protocol::ids::{
    AgentVersion, AlertId, BodyId, EventId, JobId, NotificationId, RequestId, SurfaceId, TokenId,
};
use guildhall_protocol::job::JobDraft;
use guildhall_protocol::listing::{JobCount, JobPage, JobQuery};
use guildhall_protocol::log::LogPage;
use guildhall_protocol::model::{JudgeReport, ModelOrder, ModelStatus};
use guildhall_protocol::notice::{
    Channel, Inbox, LeasedNotice, NoticeOutcome, NoticeStory, NoticeView, Settings, SettingsSet,
};
use guildhall_protocol::overview::Overview;
use guildhall_protocol::place::{LeasedAlert, PlaceChange, PlaceHead, PlaceRef, PlaceStory};
use guildhall_protocol::service::Guildhall;
use guildhall_protocol::surface::LeasedSurface;
use guildhall_protocol::usage::UsageReport;
use guildhall_protocol::view::{
    AgentHead, AgentOrder, AgentStory, BodyPage, DeliveryView, EngineOrder, FeedLine, HoldOrder, JobFilter,
    JobHead, JobStory, NewJob, Order, Page, PageRequest, Posted, Preview, RegisterOptions, Registered,
    Revealed, Rotated, Scope, SecretLink, Status, TestReport, Updated, WhyNot,
};
use tarpc::context::Context;

type Answer<T> = Result<T, ApiError>;

impl Guildhall for Caller {
    async fn status(self, _: Context) -> Answer<Status> {
        self.status_now().await
    }
    async fn overview(self, _: Context) -> Answer<Overview> {
        self.overview_now().await
    }
    async fn log_lines(self, _: Context, after: Option<u64>, limit: u32) -> Answer<LogPage> {
        self.log_page(after, limit)
    }
    async fn post(self, _: Context, jobs: Vec<NewJob>) -> Answer<Vec<Answer<Posted>>> {
        whole(async move { self.post_all(jobs).await }).await
    }
    async fn preview(self, _: Context, draft: JobDraft) -> Answer<Preview> {
        self.preview_one(draft).await
    }
    async fn job(self, _: Context, id: JobId) -> Answer<JobStory> {
        self.story(id).await
    }
    async fn jobs(self, _: Context, filter: JobFilter, page: PageRequest) -> Answer<Page<JobHead>> {
        self.list_jobs(filter, page).await
    }
    async fn find_jobs(self, _: Context, query: JobQuery) -> Answer<JobPage> {
        self.found_jobs(query).await
    }
    async fn count_jobs(self, _: Context, filter: JobFilter) -> Answer<JobCount> {
        self.counted_jobs(filter).await
    }
    async fn order_many(self, _: Context, request: RequestId, bulk: BulkOrder) -> Answer<Vec<BulkOutcome>> {
        whole(async move { self.many_ordered(request, bulk).await }).await
    }
    async fn order(self, _: Context, request: RequestId, job: JobId, order: Order) -> Answer<JobHead> {
        whole(async move { self.order_job(request, job, order).await }).await
    }
    async fn why_not(self, _: Context, job: JobId, agent: AgentName) -> Answer<WhyNot> {
        self.why_not_one(job, agent).await
    }
    async fn reveal(self, _: Context, request: RequestId, job: JobId, reason: String) -> Answer<Revealed> {
        whole(async move { self.revealed(request, job, reason).await }).await
    }
    async fn read_body(self, _: Context, job: JobId, body: BodyId, offset: u64) -> Answer<BodyPage> {
        self.body_page(job, body, offset).await
    }
    async fn register_agent(
        self,
        _: Context,
        request: RequestId,
        definition: AgentDefinition,
        options: RegisterOptions,
    ) -> Answer<Registered> {
        whole(async move { self.register(request, definition, options).await }).await
    }
    async fn update_agent(
        self,
        _: Context,
        request: RequestId,
        definition: AgentDefinition,
        options: RegisterOptions,
    ) -> Answer<Updated> {
        whole(async move { self.update(request, definition, options).await }).await
    }
    async fn rollback_agent(
        self,
        _: Context,
        request: RequestId,
        name: AgentName,
        to: AgentVersion,
    ) -> Answer<Updated> {
        whole(async move { self.rollback(request, name, to).await }).await
    }
    async fn order_agent(
        self,
        _: Context,
        request: RequestId,
        name: AgentName,
        order: AgentOrder,
    ) -> Answer<AgentHead> {
        whole(async move { self.order_one(request, name, order).await }).await
    }
    async fn hold_agent(
        self,
        _: Context,
        request: RequestId,
        name: AgentName,
        order: HoldOrder,
    ) -> Answer<AgentHead> {
        whole(async move { self.held(request, name, order).await }).await
    }
    async fn rotate_secret(
        self,
        _: Context,
        request: RequestId,
        name: AgentName,
        overlap_ms: u64,
    ) -> Answer<Rotated> {
        whole(async move { self.rotated(request, name, overlap_ms).await }).await
    }
    async fn secret_link(self, _: Context, name: AgentName, overlap_ms: u64) -> Answer<SecretLink> {
        self.link_to_secrets(&name, overlap_ms)
    }
    async fn agent(self, _: Context, name: AgentName) -> Answer<AgentStory> {
        self.agent_story(name).await
    }
    async fn agent_version(
        self,
        _: Context,
        name: AgentName,
        version: AgentVersion,
    ) -> Answer<AgentDefinition> {
        self.version_of(name, version).await
    }
    async fn agents(self, _: Context, page: PageRequest) -> Answer<Page<AgentHead>> {
        Ok(self.list_agents(page))
    }
    async fn find_agents(self, _: Context, text: String, limit: u32) -> Answer<Vec<(AgentHead, f32)>> {
        self.find(&text, limit)
    }
    async fn agents_named(
        self,
        _: Context,
        part: String,
        for_work: bool,
        limit: u32,
    ) -> Answer<Vec<AgentName>> {
        Ok(self.names_with(&part, for_work, limit))
    }
    async fn test_agent(self, _: Context, name: AgentName) -> Answer<TestReport> {
        self.test(name).await
    }
    async fn deliveries(self, _: Context, name: AgentName, page: PageRequest) -> Answer<Page<DeliveryView>> {
        self.deliveries_of(name, page).await
    }
    async fn order_engine(
        self,
        _: Context,
        request: RequestId,
        order: EngineOrder,
        reason: Option<String>,
    ) -> Answer<Status> {
        whole(async move { self.engine_ordered(request, order, reason).await }).await
    }
    async fn models(self, _: Context) -> Answer<ModelStatus> {
        self.model_status().await
    }
    async fn order_models(
        self,
        _: Context,
        request: RequestId,
        order: ModelOrder,
        reason: Option<String>,
    ) -> Answer<ModelStatus> {
        whole(async move { self.models_ordered(request, order, reason).await }).await
    }
    async fn judge_report(self, _: Context) -> Answer<JudgeReport> {
        self.report_of_judges().await
    }
    async fn inbox(self, _: Context) -> Answer<Inbox> {
        self.inbox_now().await
    }
    async fn notices(self, _: Context, all: bool, page: PageRequest) -> Answer<Page<NoticeView>> {
        self.list_notices(all, page).await
    }
    async fn notice(self, _: Context, id: NotificationId) -> Answer<NoticeStory> {
        self.notice_story(id).await
    }
    async fn replay_notice(self, _: Context, request: RequestId, id: NotificationId) -> Answer<NoticeStory> {
        self.replay(request, id).await
    }
    async fn settings(self, _: Context) -> Answer<Settings> {
        Ok(self.own_settings())
    }
    async fn set_settings(self, _: Context, request: RequestId, settings: Settings) -> Answer<SettingsSet> {
        whole(async move { self.change_settings(request, settings).await }).await
    }
    async fn lease_notices(self, _: Context, channel: Channel, limit: u32) -> Answer<Vec<LeasedNotice>> {
        self.lease(channel, limit).await
    }
    async fn settle_notices(
        self,
        _: Context,
        ids: Vec<NotificationId>,
        lease: i64,
        outcome: NoticeOutcome,
        detail: String,
    ) -> Answer<()> {
        self.settle(ids, lease, outcome, detail).await
    }
    async fn user(self, _: Context, user: Option<UserRef>) -> Answer<UserStory> {
        self.user_story(user).await
    }
    async fn usage(self, _: Context, user: Option<UserRef>) -> Answer<UsageReport> {
        self.usage_report(user).await
    }
    async fn users(self, _: Context, page: PageRequest) -> Answer<Page<UserHead>> {
        self.list_users(page).await
    }
    async fn add_user(self, _: Context, _: RequestId, name: String) -> Answer<UserStory> {
        self.add(name).await
    }
    async fn order_user(
        self,
        _: Context,
        request: RequestId,
        user: UserRef,
        order: UserOrder,
        reason: Option<String>,
    ) -> Answer<UserStory> {
        whole(async move { self.user_ordered(request, user, order, reason).await }).await
    }
    async fn place(self, _: Context, place: Option<PlaceRef>) -> Answer<PlaceStory> {
        self.place_story(place).await
    }
    async fn places(self, _: Context, page: PageRequest) -> Answer<Page<PlaceHead>> {
        self.list_places(page).await
    }
    async fn set_place(
        self,
        _: Context,
        request: RequestId,
        place: Option<PlaceRef>,
        changes: Vec<PlaceChange>,
    ) -> Answer<PlaceStory> {
        whole(async move { self.place_settled(request, place, changes).await }).await
    }
    async fn lease_alerts(self, _: Context, channel: Channel, limit: u32) -> Answer<Vec<LeasedAlert>> {
        self.alerts_to_tell(channel, limit).await
    }
    async fn settle_alert(
        self,
        _: Context,
        id: AlertId,
        lease: i64,
        outcome: NoticeOutcome,
        detail: String,
    ) -> Answer<()> {
        self.alert_settled(id, lease, outcome, detail).await
    }
    async fn policy(self, _: Context) -> Answer<Policy> {
        Ok(self.policy_now())
    }
    async fn consent(self, _: Context, request: RequestId, version: String) -> Answer<Policy> {
        whole(async move { self.consents(request, version).await }).await
    }
    async fn make_token(self, _: Context, request: RequestId, token: NewToken) -> Answer<TokenMade> {
        self.token_made(request, token).await
    }
    async fn tokens(self, _: Context, user: Option<UserRef>, all: bool) -> Answer<Vec<TokenView>> {
        self.list_tokens(user, all).await
    }
    async fn show_at(
        self,
        _: Context,
        job: JobId,
        channel: Channel,
        address: String,
        shown: u64,
    ) -> Answer<()> {
        self.shown_at(job, channel, address, shown).await
    }

    async fn surfaces(self, _: Context, job: JobId, channel: Channel) -> Answer<Vec<String>> {
        self.surfaces_of(job, channel).await
    }

    async fn hear_closed(self, _: Context, channel: Channel) -> Answer<bool> {
        self.closed_heard(channel).await
    }

    async fn lease_surfaces(self, _: Context, channel: Channel, limit: u32) -> Answer<Vec<LeasedSurface>> {
        self.surfaces_behind(channel, limit).await
    }

    async fn release_leases(self, _: Context, channel: Channel) -> Answer<()> {
        self.leases_released(channel).await
    }

    async fn settle_surface(
        self,
        _: Context,
        id: SurfaceId,
        lease: i64,
        shown: Option<u64>,
        again_ms: u64,
    ) -> Answer<()> {
        self.surface_settled(id, lease, shown, again_ms).await
    }

    async fn keep_draft(self, _: Context, name: String, content: String) -> Answer<()> {
        self.draft_kept(name, content).await
    }

    async fn draft(self, _: Context, name: String) -> Answer<Option<String>> {
        self.draft_of(name).await
    }

    async fn make_link_code(self, _: Context) -> Answer<LinkCode> {
        self.link_code()
    }

    async fn link_offer(self, _: Context, code: String) -> Answer<LinkOffer> {
        self.offered_link(code).await
    }

    async fn link(self, _: Context, request: RequestId, code: String) -> Answer<UserStory> {
        whole(async move { self.joined(request, code).await }).await
    }

    async fn unlink(self, _: Context, request: RequestId, identity: Identity) -> Answer<UserStory> {
        whole(async move { self.identity_removed(request, identity).await }).await
    }

    async fn revoke_token(self, _: Context, request: RequestId, token: TokenId) -> Answer<TokenView> {
        whole(async move { self.token_revoked(request, token).await }).await
    }
    async fn share_job(
        self,
        _: Context,
        request: RequestId,
        job: JobId,
        user: UserRef,
        shared: bool,
    ) -> Answer<JobHead> {
        self.share(request, job, user, shared).await
    }
    async fn events(self, _: Context, after: EventId, limit: u32) -> Answer<Vec<FeedLine>> {
        self.feed(after, limit).await
    }
    async fn wait_for_change(self, _: Context, scope: Scope, seen: u64, wait_ms: u64) -> Answer<u64> {
        self.wait(scope, seen, wait_ms).await
    }
}
