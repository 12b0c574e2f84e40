//! Calls about jobs.

use super::check::violations;
use super::errors::{commit, forbidden, invalid, not_found, store};
use super::orders::Ordered;
use super::story::whole_characters;
use super::{Caller, errors};
use crate::engine::decide::Decision;
use crate::engine::meanings::Compared;
use crate::engine::{CommitError, Engine};
use crate::market::Market;
use crate::pick::choose::{Material, Wanted, choose, exclusion};
use crate::scribe::Scribe;
use crate::store::{
    Chain, Command, JobRecord, NewPost, Outcome, Query, Receipt, Request, Steering, StoreError,
};
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::history::{Actor, Subject, What};
use guildhall_protocol::ids::{AgentId, BodyId, JobId, PlaceId, RequestId, UserId};
use guildhall_protocol::job::{Criterion, JobDraft, Review, limits};
use guildhall_protocol::json::Json;
use guildhall_protocol::model::Payer;
use guildhall_protocol::pick::Exclusion;
use guildhall_protocol::place::PlaceSettings;
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::{
    BODY_PAGE_BYTES_MAX, BodyPage, JobHead, NewJob, Order, Posted, Preview, Sight, WhyNot,
};
use serde_json::{Value, json};
use std::sync::Arc;

/// How often an order is tried when the job changes under it.
const ORDER_TRIES: u32 = 5;

/// A command that posts a job, and its time.
type Prepared = (Timestamp, Command);

impl Caller {
    pub(super) async fn post_all(
        &self,
        jobs: Vec<NewJob>,
    ) -> Result<Vec<Result<Posted, ApiError>>, ApiError> {
        if jobs.len() > limits::POST_JOBS_MAX {
            let message = format!("{} jobs in one call, the limit is {}", jobs.len(), limits::POST_JOBS_MAX);
            return Err(invalid("jobs", message));
        }
        let requests = jobs.iter().map(|job| self.post_request(job)).collect::<Result<Vec<_>, _>>()?;
        let drafts = jobs.into_iter().map(|job| job.draft);
        let ready = requests.iter().cloned().zip(drafts).map(|(request, draft)| self.prepare(request, draft));
        let ready = futures::future::join_all(ready).await;
        // In one order to the store, which gives numbers in the order in which it is asked.
        let posts = ready.into_iter().map(async |ready| self.write_post(ready?).await);
        let posted = futures::future::join_all(posts).await;
        let posted = requests.iter().zip(posted).map(async |(request, posted)| match posted {
            Ok(posted) => Ok(posted),
            Err(refused) => self.posted_before(request).await?.ok_or(refused),
        });
        let posted = futures::future::join_all(posted).await;
        self.desk.engine.nudge();
        Ok(posted)
    }

    /// What is asked: the draft as it came, so that a span stays the same request at any time.
    fn post_request(&self, job: &NewJob) -> Result<Request, ApiError> {
        let content = serde_json::to_vec(&job.draft).map_err(|error| errors::internal(&error))?;
        Ok(self.request(job.request.clone(), "post", &content))
    }

    async fn posted_before(&self, request: &Request) -> Result<Option<Posted>, ApiError> {
        Ok(match self.receipt(request).await? {
            Some(Receipt::Posted(ids)) => ids.first().map(|id| Posted { id: *id, repeated: true }),
            Some(Receipt::Job(_) | Receipt::Agent(_) | Receipt::Done) | None => None,
        })
    }

    /// Checks a draft and makes the command that posts it.
    async fn prepare(&self, request: Request, draft: JobDraft) -> Result<Prepared, ApiError> {
        let now = Timestamp::now();
        self.check_poster()?;
        let (draft, _) = self.checked_draft(draft, now).await?;
        self.check_post(draft.brief.len(), now).await?;
        if let Some(earlier) = draft.derived_from {
            self.visible_job(earlier).await.map_err(|error| error.in_field("derived_from"))?;
        }
        let deadline = draft.deadline.unwrap_or(now);
        let mut scribe = Scribe::new(self.desk.maker(), now, Chain::default(), Actor::User(self.who.user));
        let bytes = serde_json::to_vec(&draft).map_err(|error| errors::internal(&error))?;
        let (body, commitment) = scribe.body(bytes);
        let (client, trial, derived_from) = (self.who.user, draft.trial, draft.derived_from);
        scribe.event(What::Posted { client, draft: commitment, deadline, derived_from, trial });
        let post = NewPost {
            client,
            place: self.who.terms.place,
            visibility: draft.visibility.unwrap_or_default(),
            priority: draft.priority,
            title: draft.shown_title(),
            label: draft.label,
            derived_from,
            trial,
            draft: body,
            deadline,
            entry: scribe.finish(),
        };
        Ok((now, Command::Post { request, jobs: vec![post] }))
    }

    async fn write_post(&self, (now, post): Prepared) -> Result<Posted, ApiError> {
        let outcome = self.desk.store().apply(now, post).await.map_err(store)?;
        let (ids, repeated) = match outcome {
            Outcome::Posted(ids) => (ids, false),
            Outcome::Repeated(Receipt::Posted(ids)) => (ids, true),
            Outcome::Repeated(Receipt::Job(_) | Receipt::Agent(_) | Receipt::Done)
            | Outcome::Done
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
        let id = ids.first().copied().ok_or_else(|| not_found("job"))?;
        self.desk.engine.parts().changes.touch(Some(id));
        if !repeated {
            self.desk.engine.flow().posted(now);
        }
        Ok(Posted { id, repeated })
    }

    pub(super) async fn preview_one(&self, draft: JobDraft) -> Result<Preview, ApiError> {
        self.check_poster()?;
        let now = Timestamp::now();
        let (draft, mut notes) = self.checked_draft(draft, now).await?;
        let judged_by_person = draft.criteria.is_empty() && draft.review != Review::Never
            || draft.criteria.iter().any(|criterion| matches!(criterion, Criterion::Judge(_)));
        let payer = Payer { place: self.who.terms.place, user: self.who.user };
        let models = self.desk.engine.models_for(&draft, payer, now);
        match models {
            Ok(llm) => {
                let model = &llm.settings().model;
                notes
                    .push(format!("{model} may choose another of the best eight than the first of the rank"));
            }
            Err(Some(why)) if judged_by_person => {
                notes.push(format!("no model will judge it ({why}): you will be asked to review the answer"));
            }
            Err(None) if judged_by_person => {
                notes.push("no model is configured: you will be asked to review the answer".to_owned());
            }
            Err(_) => {}
        }
        let engine = &self.desk.engine;
        let here = self.who.terms.place;
        let mut asks = Asks::of(engine, draft, self.who.user, here, now).with_meaning(engine).await;
        if asks.compared.is_none() && engine.compares(&asks.draft) {
            notes.push("agents are compared by words here; by meaning too, once it is posted".to_owned());
        }
        let market = Arc::clone(&self.desk.engine.parts().market);
        let look = move || {
            asks.compare();
            let market = market.read().unwrap_or_else(std::sync::PoisonError::into_inner);
            choose(&market, &asks.wanted(), now).pick
        };
        Ok(Preview { pick: self.desk.on_pool(look).await?, notes })
    }

    pub(super) async fn why_not_one(&self, job: JobId, name: AgentName) -> Result<WhyNot, ApiError> {
        let now = Timestamp::now();
        let job = self.visible_job(job).await?;
        let draft =
            self.desk.store().body(job.draft).await.map_err(store)?.ok_or_else(|| not_found("draft"))?;
        let draft: JobDraft = serde_json::from_slice(&draft).map_err(|error| errors::internal(&error))?;
        let shows = self.sight_of(&job).await? != Sight::Masked;
        let nobody = not_found(&format!("agent {name}"));
        let known =
            self.desk.engine.market().named(&name).is_some_and(|listing| self.may_see(&listing.record));
        if !known {
            return Err(nobody);
        }
        let engine = &self.desk.engine;
        let asks =
            Asks { steering: job.steering.clone(), ..Asks::of(engine, draft, job.client, job.place, now) };
        let mut asks = asks.with_meaning(engine).await;
        let market = Arc::clone(&self.desk.engine.parts().market);
        let wanted_name = name.clone();
        let look = move || {
            asks.compare();
            let market = market.read().unwrap_or_else(std::sync::PoisonError::into_inner);
            place(&market, &asks, &wanted_name, now)
        };
        let Place { exclusion, rank, problem } = self.desk.on_pool(look).await?.ok_or(nobody)?;
        let detail = match (exclusion, rank) {
            (Some(reason), _) => {
                // What does not fit may be quoted.
                let problem = problem.filter(|_| shows).map(|problem| format!(": {problem}"));
                let problem = problem.unwrap_or_default();
                format!("{name} cannot take it now: it {}{problem}", reason.of_one())
            }
            (None, Some(1)) => format!("{name} would be chosen now"),
            (None, Some(rank)) => format!("{name} could take it now, and is number {rank} of the rank"),
            (None, None) => format!("{name} could take it now"),
        };
        Ok(WhyNot { agent: name, exclusion, rank, detail })
    }

    /// Whether an agent that an operator names could take the job at all.
    pub(super) async fn check_reassign(
        &self,
        job: &JobRecord,
        name: &AgentName,
        agent: AgentId,
    ) -> Result<(), ApiError> {
        let now = Timestamp::now();
        let draft = self.desk.store().body(job.draft).await.map_err(store)?;
        let draft = draft.ok_or_else(|| not_found("text of this job any more: it was forgotten"))?;
        let draft: JobDraft = serde_json::from_slice(&draft).map_err(|error| errors::internal(&error))?;
        let steering = Steering { assign: Some(agent), ..job.steering.clone() };
        let asks = Asks { steering, ..Asks::of(&self.desk.engine, draft, job.client, job.place, now) };
        let may_be_asked = asks.material != Material::Given;
        let (market, wanted) = (Arc::clone(&self.desk.engine.parts().market), name.clone());
        let look = move || {
            let market = market.read().unwrap_or_else(std::sync::PoisonError::into_inner);
            place(&market, &asks, &wanted, now).and_then(|place| place.exclusion)
        };
        match self.desk.on_pool(look).await? {
            // The client is asked for the input then.
            Some(Exclusion::InputInvalid) if may_be_asked => Ok(()),
            Some(reason) if !reason.passes_with_time() => {
                let message = format!("{name} cannot take job {}: it {}", job.id, reason.of_one());
                Err(ApiError::new(ErrorKind::Conflict, message).in_field("agent"))
            }
            Some(_) | None => Ok(()),
        }
    }

    pub(super) async fn order_job(
        &self,
        id: RequestId,
        job: JobId,
        order: Order,
    ) -> Result<JobHead, ApiError> {
        let content = serde_json::to_vec(&(job, &order)).map_err(|error| errors::internal(&error))?;
        let request = self.request(id, "order", &content);
        match self.receipt(&request).await? {
            None => {}
            Some(Receipt::Job(job)) => return self.head(job).await,
            Some(Receipt::Posted(ids)) => return self.head(ids.first().copied().unwrap_or(job)).await,
            Some(Receipt::Agent(_) | Receipt::Done) => {
                return Err(store(StoreError::Conflict(crate::store::Conflict::RequestReused)));
            }
        }
        for _ in 0..ORDER_TRIES {
            let record = self.job_to_order(job).await?;
            let docket = self.docket(&record).await?;
            self.check_order(&record, &docket, &order).await?;
            let (who, request, text) = (self.who.user, request.clone(), order.text.clone());
            let done = match self.ordered(&record, &docket, &order).await? {
                Ordered::Again => return self.post_again(request, &record, text).await,
                Ordered::Decision(decision) => {
                    // What the decision itself carries is not a reason beside it.
                    let carried = matches!(
                        decision,
                        Decision::RequestChanges(_) | Decision::Dispute(_) | Decision::Reply(_)
                    );
                    let reason = text.filter(|_| !carried);
                    self.desk.engine.decide(record, who, request, decision, reason).await
                }
                Ordered::Change(change) => self.desk.engine.steer(record, who, request, change, text).await,
            };
            match done {
                Ok(()) => return self.head(job).await,
                // The job moved on while this was decided; unless the person named an epoch, the order still stands.
                Err(CommitError::Store(StoreError::Stale)) if order.epoch.is_none() => {}
                Err(error) => return Err(commit(error)),
            }
        }
        Err(store(StoreError::Stale))
    }

    /// Posts a job that ended once more; agents that failed are not the first choice.
    async fn post_again(
        &self,
        request: Request,
        job: &JobRecord,
        wrong: Option<String>,
    ) -> Result<JobHead, ApiError> {
        let forgotten = || not_found("text of this job any more: it was forgotten");
        let draft = self.desk.store().body(job.draft).await.map_err(store)?.ok_or_else(forgotten)?;
        let draft: JobDraft = serde_json::from_slice(&draft).map_err(|error| errors::internal(&error))?;
        let draft = JobDraft { deadline: None, derived_from: Some(job.id), correction: wrong, ..draft };
        let posted = self.write_post(self.prepare(request, draft).await?).await?;
        self.desk.engine.nudge();
        self.head(posted.id).await
    }

    pub(super) async fn body_page(
        &self,
        job: JobId,
        body: BodyId,
        offset: u64,
    ) -> Result<BodyPage, ApiError> {
        let job = self.visible_job(job).await?;
        if self.sight_of(&job).await? == Sight::Masked {
            return Err(forbidden(
                "the texts of this job are masked: it is somebody's, and no operator is waited for",
            )
            .hint(format!("`guildhall job reveal {} --reason ...`: its client reads why", job.id.0)));
        }
        let nothing = || not_found("such body");
        let bodies = self.desk.store().bodies(Query::Bodies(vec![body])).await.map_err(store)?;
        let record = bodies
            .into_iter()
            .next()
            .filter(|body| body.subject == Subject::Job(job.id))
            .ok_or_else(nothing)?;
        let bytes = record.bytes.ok_or_else(|| not_found("text any more: it was forgotten"))?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let end = bytes.len().min(start + BODY_PAGE_BYTES_MAX);
        let text = whole_characters(&bytes[start..end]).to_owned();
        let next = start + text.len();
        let next = (next < bytes.len() && !text.is_empty()).then(|| u64::try_from(next).unwrap_or(u64::MAX));
        Ok(BodyPage { bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX), text, next })
    }
}

/// A draft, with what the picker asks of it.
struct Asks {
    draft: JobDraft,
    place: Arc<PlaceSettings>,
    steering: Steering,
    client: UserId,
    input: Value,
    input_bytes: usize,
    material: Material,
    deadline: Timestamp,
    compared: Option<Compared>,
    near: Vec<(AgentId, f32)>,
}

impl Asks {
    fn of(engine: &Engine, draft: JobDraft, client: UserId, place: PlaceId, now: Timestamp) -> Self {
        let place = engine.parts().places.of(place);
        let input = draft.input.as_ref().map_or_else(|| json!({"text": draft.brief}), Json::value);
        let input_bytes = draft.input.as_ref().map_or(draft.brief.len(), |input| input.as_str().len());
        let deadline = draft.deadline.unwrap_or(now);
        let material = engine.material(&draft, client);
        let steering = Steering::default();
        let (compared, near) = (None, Vec::new());
        Self { draft, place, steering, client, input, input_bytes, material, deadline, compared, near }
    }

    /// With what is known of the meaning of its texts, at no cost.
    async fn with_meaning(mut self, engine: &Engine) -> Self {
        self.compared = engine.compare_as_known(&self.draft).await;
        self
    }

    /// Compares it to the agents. Reads every vector: for the pool, and not under the market's lock.
    fn compare(&mut self) {
        self.near = self.compared.take().map(|compared| compared.near()).unwrap_or_default();
    }

    fn wanted(&self) -> Wanted<'_> {
        Wanted {
            client: self.client,
            draft: &self.draft,
            place: &self.place,
            steering: &self.steering,
            input: &self.input,
            input_bytes: self.input_bytes,
            material: self.material,
            tried: &[],
            deadline: self.deadline,
            near: &self.near,
            seed: 0,
        }
    }
}

/// How one agent stands to a job.
struct Place {
    exclusion: Option<Exclusion>,
    rank: Option<u32>,
    /// What its input schema misses.
    problem: Option<String>,
}

fn place(market: &Market, asks: &Asks, name: &AgentName, now: Timestamp) -> Option<Place> {
    let listing = market.named(name)?;
    let wanted = asks.wanted();
    let candidates = choose(market, &wanted, now).pick.candidates;
    let rank =
        candidates.iter().zip(1..).find(|(candidate, _)| candidate.name == *name).map(|(_, rank)| rank);
    let exclusion = exclusion(market, listing, &wanted, now);
    let schema = listing.compiled.input.as_ref().filter(|_| exclusion == Some(Exclusion::InputInvalid));
    let problem = schema.and_then(|schema| violations(schema, &asks.input));
    Some(Place { exclusion, rank, problem })
}
