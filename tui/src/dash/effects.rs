//! What is done outside: calls to the daemon. Each comes back as a message.

use super::data::{FEED_LINES, LOG_LINES, PEOPLE_ROWS, ROWS_MAX};
use super::msg::Outcome;
use super::need::{Answer, Need};
use super::overlay::{Deed, Target};
use crate::session::Session;
use guildhall_protocol::account::UserRef;
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::bulk::{BulkOrder, BulkTarget, SeenJob};
use guildhall_protocol::clean::clean_line;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::ids::{BodyId, JobId, RequestId};
use guildhall_protocol::job::JobDraft;
use guildhall_protocol::listing::{JobCount, JobFilter};
use guildhall_protocol::view::{
    AgentHead, EngineOrder, HoldOrder, NewJob, Order, PageRequest, Posted, Preview,
};
use std::future::Future;
use std::time::Duration;

/// How often an order is sent again whose fate is not known; the request's id makes that safe.
const SENT_AGAIN_MAX: u32 = 5;
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// Reads something.
pub(super) async fn read(session: &Session, need: &Need) -> Result<Answer, ApiError> {
    match need {
        Need::Status => {
            let status = session.ask(|service, context| async move { service.status(context).await });
            Ok(Answer::Status(Box::new(status.await?)))
        }
        Need::Overview => {
            let overview = session.ask(|service, context| async move { service.overview(context).await });
            Ok(Answer::Overview(Box::new(overview.await?)))
        }
        Need::Jobs { query, .. } => {
            let query = (**query).clone();
            let page = session.ask(|service, context| async move { service.find_jobs(context, query).await });
            Ok(Answer::Jobs(page.await?))
        }
        Need::Job(id) => {
            let id = *id;
            let story = session.ask(|service, context| async move { service.job(context, id).await });
            Ok(Answer::Job(Box::new(story.await?)))
        }
        Need::Body(job, body) => Ok(Answer::Body(whole(session, *job, *body).await?)),
        Need::Draft(job, body) => {
            let text = whole(session, *job, *body).await?;
            let draft = serde_json::from_str(&text);
            let odd =
                |error| ApiError::new(ErrorKind::Unsupported, format!("it reads otherwise here: {error}"));
            Ok(Answer::Draft(Box::new(draft.map_err(odd)?)))
        }
        Need::Agents => Ok(Answer::Agents(agents(session).await?)),
        Need::Agent(name) => {
            let story = session.ask(|service, context| {
                let name = name.clone();
                async move { service.agent(context, name).await }
            });
            Ok(Answer::Agent(Box::new(story.await?)))
        }
        Need::Inbox => {
            let inbox = session.ask(|service, context| async move { service.inbox(context).await });
            Ok(Answer::Inbox(Box::new(inbox.await?)))
        }
        Need::Notices { all } => {
            let all = *all;
            let page = PageRequest { after: None, limit: ROWS_MAX };
            let notices =
                session.ask(|service, context| async move { service.notices(context, all, page).await });
            Ok(Answer::Notices(notices.await?.rows))
        }
        Need::Notice(id) => {
            let id = *id;
            let story = session.ask(|service, context| async move { service.notice(context, id).await });
            Ok(Answer::Notice(Box::new(story.await?)))
        }
        Need::People => {
            let page = PageRequest { after: None, limit: PEOPLE_ROWS };
            let people = session.ask(|service, context| async move { service.users(context, page).await });
            Ok(Answer::People(people.await?.rows))
        }
        Need::Person(id) => {
            let user = Some(UserRef::Number(*id));
            let story = session.ask(|service, context| async move { service.user(context, user).await });
            Ok(Answer::Person(Box::new(story.await?)))
        }
        Need::Feed(after) => {
            let after = *after;
            let lines = session
                .ask(|service, context| async move { service.events(context, after, FEED_LINES).await });
            Ok(Answer::Feed(lines.await?))
        }
        Need::Log(after) => {
            let after = *after;
            let page = session
                .ask(|service, context| async move { service.log_lines(context, after, LOG_LINES).await });
            Ok(Answer::Log(page.await?))
        }
    }
}

/// A body, page by page.
async fn whole(session: &Session, job: JobId, body: BodyId) -> Result<String, ApiError> {
    let mut text = String::new();
    let mut offset = Some(0);
    while let Some(from) = offset {
        let page = session
            .ask(|service, context| async move { service.read_body(context, job, body, from).await })
            .await?;
        text.push_str(&page.text);
        offset = page.next;
    }
    Ok(text)
}

/// All agents, page by page, as many as a list holds.
pub(super) async fn agents(session: &Session) -> Result<Vec<AgentHead>, ApiError> {
    let mut heads = Vec::new();
    let mut after = None;
    loop {
        let page = PageRequest { after, limit: ROWS_MAX };
        let page = session.ask(|service, context| async move { service.agents(context, page).await }).await?;
        heads.extend(page.rows);
        after = page.next;
        if after.is_none() || heads.len() >= usize::try_from(PEOPLE_ROWS).unwrap_or(usize::MAX) * 4 {
            return Ok(heads);
        }
    }
}

/// Counts the jobs that a filter admits.
pub(super) async fn count(session: &Session, filter: JobFilter) -> Result<JobCount, ApiError> {
    session.ask(|service, context| async move { service.count_jobs(context, filter).await }).await
}

/// Does something, once, however often it must be sent.
pub(super) async fn perform(session: &Session, deed: Deed) -> Outcome {
    let request = RequestId::fresh();
    match deed {
        Deed::Jobs { jobs, order } => many(session, request, &jobs, order).await,
        Deed::Matching { matching, order } => {
            let target = BulkTarget::Matching { filter: matching.filter, expected_count: matching.count };
            bulk(session, request, BulkOrder { target, order }).await
        }
        Deed::Agent { name, order } => {
            let done = again(|| async {
                let (request, name) = (request.clone(), name.clone());
                session
                    .ask(|service, context| async move {
                        service.order_agent(context, request, name, order).await
                    })
                    .await
            });
            Outcome::One(done.await.map(|head| format!("{} is {}", head.name, head.state)))
        }
        Deed::Hold { name, order } => hold(session, request, name, order).await,
        Deed::TestAgent { name } => {
            let asked = name.clone();
            let report =
                session.ask(|service, context| async move { service.test_agent(context, asked).await });
            Outcome::One(report.await.map(|report| {
                let failed = report.steps.iter().find(|step| !step.passed);
                match failed {
                    None => format!("{name} passed all {} steps", report.steps.len()),
                    Some(step) => format!("{name} failed: {}: {}", step.name, clean_line(&step.detail)),
                }
            }))
        }
        Deed::Post { request, draft } => Outcome::Posted(post(session, request, *draft).await),
        Deed::Register { request, definition, options } => {
            let name = definition.name.clone();
            let done = again(|| async {
                let (request, definition, options) =
                    (request.clone(), (*definition).clone(), options.clone());
                session
                    .ask(|service, context| async move {
                        service.register_agent(context, request, definition, options).await
                    })
                    .await
            });
            Outcome::Registered(done.await.map(|registered| (name, registered)))
        }
        Deed::Update { request, definition, options } => {
            let name = definition.name.clone();
            let done = again(|| async {
                let (request, definition, options) =
                    (request.clone(), (*definition).clone(), options.clone());
                session
                    .ask(|service, context| async move {
                        service.update_agent(context, request, definition, options).await
                    })
                    .await
            });
            Outcome::Updated(done.await.map(|updated| (name, Box::new(updated))))
        }
        Deed::Engine { order, reason } => {
            let done = again(|| async {
                let (request, reason) = (request.clone(), reason.clone());
                session
                    .ask(|service, context| async move {
                        service.order_engine(context, request, order, reason).await
                    })
                    .await
            });
            let told = match order {
                EngineOrder::Pause => "no new attempts are started",
                EngineOrder::Resume => "new attempts are started again",
            };
            Outcome::One(done.await.map(|_| told.to_owned()))
        }
        Deed::Replay { notice } => {
            let done = again(|| async {
                let request = request.clone();
                session.ask(|service, context| async move { service.replay_notice(context, request, notice).await }).await
            });
            Outcome::One(done.await.map(|_| "it goes out again".to_owned()))
        }
        Deed::Reveal { job, reason } => {
            let done = again(|| async {
                let (request, reason) = (request.clone(), reason.clone());
                session
                    .ask(
                        |service, context| async move { service.reveal(context, request, job, reason).await },
                    )
                    .await
            });
            Outcome::One(done.await.map(|_| "its texts are shown for a quarter of an hour".to_owned()))
        }
    }
}

async fn hold(session: &Session, request: RequestId, name: AgentName, order: HoldOrder) -> Outcome {
    let done = again(|| async {
        let (request, name, order) = (request.clone(), name.clone(), order.clone());
        session
            .ask(|service, context| async move { service.hold_agent(context, request, name, order).await })
            .await
    });
    Outcome::One(done.await.map(|head| format!("{} works for {}", head.name, head.audience.whom())))
}

async fn post(session: &Session, request: RequestId, draft: JobDraft) -> Result<Posted, ApiError> {
    let posted = again(|| async {
        let job = NewJob { request: request.clone(), draft: draft.clone() };
        session.ask(|service, context| async move { service.post(context, vec![job]).await }).await
    });
    let nothing = || ApiError::new(ErrorKind::Internal, "the daemon posted nothing");
    posted.await?.pop().ok_or_else(nothing)?
}

/// Who would get a job.
pub(super) async fn preview(session: &Session, draft: JobDraft) -> Result<Box<Preview>, ApiError> {
    let preview = session.ask(|service, context| async move { service.preview(context, draft).await });
    Ok(Box::new(preview.await?))
}

async fn many(session: &Session, request: RequestId, jobs: &[Target], order: Order) -> Outcome {
    if let [one] = jobs {
        let (job, order) = (one.job, Order { epoch: Some(one.epoch), ..order });
        let done = again(|| async {
            let (request, order) = (request.clone(), order.clone());
            session
                .ask(|service, context| async move { service.order(context, request, job, order).await })
                .await
        });
        return Outcome::Jobs(vec![(job, done.await)]);
    }
    let seen = jobs.iter().map(|target| SeenJob { job: target.job, epoch: target.epoch }).collect();
    bulk(session, request, BulkOrder { target: BulkTarget::Jobs(seen), order }).await
}

async fn bulk(session: &Session, request: RequestId, bulk: BulkOrder) -> Outcome {
    let done = again(|| async {
        let (request, bulk) = (request.clone(), bulk.clone());
        session.ask(|service, context| async move { service.order_many(context, request, bulk).await }).await
    });
    match done.await {
        Ok(outcomes) => Outcome::Jobs(outcomes.into_iter().map(|one| (one.job, one.outcome)).collect()),
        Err(error) => Outcome::One(Err(error)),
    }
}

/// Sends something again as long as nobody knows whether it happened.
async fn again<T, F: Future<Output = Result<T, ApiError>>>(send: impl Fn() -> F) -> Result<T, ApiError> {
    let mut tries = 0;
    loop {
        match send().await {
            Err(error) if error.kind == ErrorKind::Unknown && tries < SENT_AGAIN_MAX => {
                tries += 1;
                tokio::time::sleep(AGAIN_AFTER).await;
            }
            outcome => return outcome,
        }
    }
}
