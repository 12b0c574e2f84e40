//! The daemon's RPC service, on one screen. Every writing call carries a request id made by the caller: the same call
//! again gives the same outcome, so that a lost answer can be asked for again.

use crate::account::{
    Identity, LinkCode, LinkOffer, NewToken, Policy, TokenMade, TokenView, UserHead, UserOrder, UserRef,
    UserStory,
};
use crate::agent::{AgentDefinition, AgentName};
use crate::bulk::{BulkOrder, BulkOutcome};
use crate::error::ApiError;
use crate::ids::{
    AgentVersion, AlertId, BodyId, EventId, JobId, NotificationId, RequestId, SurfaceId, TokenId,
};
use crate::job::JobDraft;
use crate::listing::{JobCount, JobPage, JobQuery};
use crate::log::LogPage;
use crate::model::{JudgeReport, ModelOrder, ModelStatus};
use crate::notice::{
    Channel, Inbox, LeasedNotice, NoticeOutcome, NoticeStory, NoticeView, Settings, SettingsSet,
};
use crate::overview::Overview;
use crate::place::{LeasedAlert, PlaceChange, PlaceHead, PlaceRef, PlaceStory};
use crate::surface::LeasedSurface;
use crate::usage::UsageReport;
use crate::view::{
    AgentHead, AgentOrder, AgentStory, BodyPage, DeliveryView, EngineOrder, FeedLine, HoldOrder, JobFilter,
    JobHead, JobStory, NewJob, Order, Page, PageRequest, Posted, Preview, RegisterOptions, Registered,
    Revealed, Rotated, Scope, SecretLink, Status, TestReport, Updated, WhyNot,
};

/// What the daemon does for its front ends.
#[tarpc::service]
pub trait Guildhall {
    /// How the daemon is.
    async fn status() -> Result<Status, ApiError>;
    /// How the marketplace is: all of it for operators, what is theirs for others.
    async fn overview() -> Result<Overview, ApiError>;
    /// The lines of the daemon's own log after one; none: its newest lines. Operators only.
    async fn log_lines(after: Option<u64>, limit: u32) -> Result<LogPage, ApiError>;

    /// Posts up to [`crate::job::limits::POST_JOBS_MAX`] jobs; each succeeds or fails by itself.
    async fn post(jobs: Vec<NewJob>) -> Result<Vec<Result<Posted, ApiError>>, ApiError>;
    /// Who would get this job now. Writes nothing.
    async fn preview(draft: JobDraft) -> Result<Preview, ApiError>;
    /// The whole story of a job.
    async fn job(id: JobId) -> Result<JobStory, ApiError>;
    /// Jobs, newest first.
    async fn jobs(filter: JobFilter, page: PageRequest) -> Result<Page<JobHead>, ApiError>;
    /// Jobs in any order, from any row on, down or up.
    async fn find_jobs(query: JobQuery) -> Result<JobPage, ApiError>;
    /// How many jobs a filter admits, as far as it is worth counting.
    async fn count_jobs(filter: JobFilter) -> Result<JobCount, ApiError>;
    /// Gives one order to many jobs; each has an outcome of its own.
    async fn order_many(request: RequestId, bulk: BulkOrder) -> Result<Vec<BulkOutcome>, ApiError>;
    /// Does what a person decided about a job, and tells how it stands then; of a repeated job, the new one.
    async fn order(request: RequestId, job: JobId, order: Order) -> Result<JobHead, ApiError>;
    /// Why this agent did not get this job, computed now.
    async fn why_not(job: JobId, agent: AgentName) -> Result<WhyNot, ApiError>;
    /// Shows an operator the texts of somebody's private job for a while; its history says so, and why.
    async fn reveal(request: RequestId, job: JobId, reason: String) -> Result<Revealed, ApiError>;
    /// A page of a body that the caller may see.
    async fn read_body(job: JobId, body: BodyId, offset: u64) -> Result<BodyPage, ApiError>;

    /// Registers an agent; its secrets are shown this once, and to no bridge.
    async fn register_agent(
        request: RequestId,
        definition: AgentDefinition,
        options: RegisterOptions,
    ) -> Result<Registered, ApiError>;
    /// Makes a new version of an agent. Running attempts keep theirs.
    async fn update_agent(
        request: RequestId,
        definition: AgentDefinition,
        options: RegisterOptions,
    ) -> Result<Updated, ApiError>;
    /// Makes a new version that repeats an earlier one.
    async fn rollback_agent(
        request: RequestId,
        name: AgentName,
        to: AgentVersion,
    ) -> Result<Updated, ApiError>;
    /// Pauses, resumes or retires an agent.
    async fn order_agent(
        request: RequestId,
        name: AgentName,
        order: AgentOrder,
    ) -> Result<AgentHead, ApiError>;
    /// Changes whose an agent is, or for whom it works; may try its examples first.
    async fn hold_agent(request: RequestId, name: AgentName, order: HoldOrder)
    -> Result<AgentHead, ApiError>;
    /// Gives an agent new secrets, shown this once; those before count on for `overlap_ms`, at most 30 days.
    async fn rotate_secret(request: RequestId, name: AgentName, overlap_ms: u64)
    -> Result<Rotated, ApiError>;
    /// An address that gives an agent new secrets when its owner opens it, and shows them once; those before count on for
    /// `overlap_ms`. Nothing changes before that. Another one for the same agent and owner ends it.
    async fn secret_link(name: AgentName, overlap_ms: u64) -> Result<SecretLink, ApiError>;
    /// Everything about one agent.
    async fn agent(name: AgentName) -> Result<AgentStory, ApiError>;
    /// The definition of one version.
    async fn agent_version(name: AgentName, version: AgentVersion) -> Result<AgentDefinition, ApiError>;
    /// Agents by name.
    async fn agents(page: PageRequest) -> Result<Page<AgentHead>, ApiError>;
    /// The agents whose texts fit best, with their relevance from 0 to 1.
    async fn find_agents(text: String, limit: u32) -> Result<Vec<(AgentHead, f32)>, ApiError>;
    /// The names with this in them, those that begin with it first: of agents that the caller sees and that are not retired.
    /// With `for_work`, only of those that may get jobs that are posted where the caller is. For whoever types a name.
    async fn agents_named(part: String, for_work: bool, limit: u32) -> Result<Vec<AgentName>, ApiError>;
    /// Sends the challenge and the examples to the endpoint, outside any job.
    async fn test_agent(name: AgentName) -> Result<TestReport, ApiError>;
    /// What was sent to an agent and what came back, newest first.
    async fn deliveries(name: AgentName, page: PageRequest) -> Result<Page<DeliveryView>, ApiError>;

    /// Stops or starts new attempts everywhere, and tells how the daemon is then. Operators only.
    async fn order_engine(
        request: RequestId,
        order: EngineOrder,
        reason: Option<String>,
    ) -> Result<Status, ApiError>;
    /// How models are, and what they cost.
    async fn models() -> Result<ModelStatus, ApiError>;
    /// Switches models on or off, or sets a budget, and tells how they are then. Operators only.
    async fn order_models(
        request: RequestId,
        order: ModelOrder,
        reason: Option<String>,
    ) -> Result<ModelStatus, ApiError>;
    /// How far judges agree with people. Operators only.
    async fn judge_report() -> Result<JudgeReport, ApiError>;

    /// Everything that waits for the caller.
    async fn inbox() -> Result<Inbox, ApiError>;
    /// What the caller was told, or with `all` everybody (operators only), newest first.
    async fn notices(all: bool, page: PageRequest) -> Result<Page<NoticeView>, ApiError>;
    /// One notice, with what became of it.
    async fn notice(id: NotificationId) -> Result<NoticeStory, ApiError>;
    /// Tells a notice again.
    async fn replay_notice(request: RequestId, id: NotificationId) -> Result<NoticeStory, ApiError>;
    /// How the caller wants to be told.
    async fn settings() -> Result<Settings, ApiError>;
    /// Says how the caller wants to be told; a new webhook's secret is shown this once.
    async fn set_settings(request: RequestId, settings: Settings) -> Result<SettingsSet, ApiError>;
    /// For front ends that serve a channel: notices to tell, leased for a minute. A bridge itself, or operators.
    async fn lease_notices(channel: Channel, limit: u32) -> Result<Vec<LeasedNotice>, ApiError>;
    /// What became of leased notices of one person that were told as one: of all of them, or of none.
    async fn settle_notices(
        ids: Vec<NotificationId>,
        lease: i64,
        outcome: NoticeOutcome,
        detail: String,
    ) -> Result<(), ApiError>;

    /// A message on a channel shows a job that the caller may read, at this revision; it is kept current from now on.
    async fn show_at(job: JobId, channel: Channel, address: String, shown: u64) -> Result<(), ApiError>;
    /// The addresses of the messages on a channel that show a job which the caller may read.
    async fn surfaces(job: JobId, channel: Channel) -> Result<Vec<String>, ApiError>;
    /// Whether the caller takes nothing on a channel, and was not told so yet. It is said once.
    async fn hear_closed(channel: Channel) -> Result<bool, ApiError>;
    /// For front ends that serve a channel: messages that show less than there is, leased for a minute.
    async fn lease_surfaces(channel: Channel, limit: u32) -> Result<Vec<LeasedSurface>, ApiError>;
    /// For front ends that serve a channel and begin: what was leased there before is handed out again at once.
    async fn release_leases(channel: Channel) -> Result<(), ApiError>;
    /// What became of a leased message: the revision that it shows, or none if it is gone. One that could not be brought up
    /// to date is handed out again after `again_ms`.
    async fn settle_surface(
        id: SurfaceId,
        lease: i64,
        shown: Option<u64>,
        again_ms: u64,
    ) -> Result<(), ApiError>;
    /// Keeps a draft of the caller's for a day, under a name that it replaces.
    async fn keep_draft(name: String, content: String) -> Result<(), ApiError>;
    /// What a draft of the caller's holds; none: it is no longer kept.
    async fn draft(name: String) -> Result<Option<String>, ApiError>;

    /// Everything about a user; none: about the caller.
    async fn user(user: Option<UserRef>) -> Result<UserStory, ApiError>;
    /// What a user has of everything that is limited, and when there is room again; none: the caller.
    async fn usage(user: Option<UserRef>) -> Result<UsageReport, ApiError>;
    /// Users by number. Operators only.
    async fn users(page: PageRequest) -> Result<Page<UserHead>, ApiError>;
    /// Adds somebody who will come with a token: `name:NAME`. Admins only.
    async fn add_user(request: RequestId, name: String) -> Result<UserStory, ApiError>;
    /// Does what an operator or admin decided about a user.
    async fn order_user(
        request: RequestId,
        user: UserRef,
        order: UserOrder,
        reason: Option<String>,
    ) -> Result<UserStory, ApiError>;
    /// What is settled for a place; none: for where the caller acts.
    async fn place(place: Option<PlaceRef>) -> Result<PlaceStory, ApiError>;
    /// Places by number. Operators only.
    async fn places(page: PageRequest) -> Result<Page<PlaceHead>, ApiError>;
    /// Settles something of a place, all of it or nothing: whoever manages it may, and operators.
    async fn set_place(
        request: RequestId,
        place: Option<PlaceRef>,
        changes: Vec<PlaceChange>,
    ) -> Result<PlaceStory, ApiError>;
    /// For front ends that serve a channel: what the alert channels of places are to be told, leased for a minute.
    async fn lease_alerts(channel: Channel, limit: u32) -> Result<Vec<LeasedAlert>, ApiError>;
    /// What became of a leased alert.
    async fn settle_alert(
        id: AlertId,
        lease: i64,
        outcome: NoticeOutcome,
        detail: String,
    ) -> Result<(), ApiError>;
    /// Who receives the text of jobs, what is kept and how long.
    async fn policy() -> Result<Policy, ApiError>;
    /// Consents to a version of it.
    async fn consent(request: RequestId, version: String) -> Result<Policy, ApiError>;
    /// A code to enter where the caller is known as somebody else; an earlier one ends.
    async fn make_link_code() -> Result<LinkCode, ApiError>;
    /// What entering a code would do.
    async fn link_offer(code: String) -> Result<LinkOffer, ApiError>;
    /// Makes the caller part of the account that the code is from: all of theirs is that account's.
    async fn link(request: RequestId, code: String) -> Result<UserStory, ApiError>;
    /// Is no longer known so; whoever comes with it is somebody new.
    async fn unlink(request: RequestId, identity: Identity) -> Result<UserStory, ApiError>;
    /// Makes a token; it is shown this once.
    async fn make_token(request: RequestId, token: NewToken) -> Result<TokenMade, ApiError>;
    /// The tokens of a user, newest first; none: the caller's; with `all` everybody's.
    async fn tokens(user: Option<UserRef>, all: bool) -> Result<Vec<TokenView>, ApiError>;
    /// Revokes a token: whoever came with it is turned away at once.
    async fn revoke_token(request: RequestId, token: TokenId) -> Result<TokenView, ApiError>;
    /// Lets somebody read a job, answer its questions and review its answers; or, with `shared` false, no longer.
    async fn share_job(
        request: RequestId,
        job: JobId,
        user: UserRef,
        shared: bool,
    ) -> Result<JobHead, ApiError>;

    /// Events after the one given, oldest first, of everything that the caller may see.
    async fn events(after: EventId, limit: u32) -> Result<Vec<FeedLine>, ApiError>;
    /// Returns when the scope changed from `seen`, or after `wait_ms` (at most 25,000): a hint to read again.
    async fn wait_for_change(scope: Scope, seen: u64, wait_ms: u64) -> Result<u64, ApiError>;
}
