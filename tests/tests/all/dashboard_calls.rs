//! What a dashboard asks: an overview, lists in any order, one order to many jobs, texts that are masked, the log.

use crate::cast::{Cast, number_from, tells};
use crate::people::Person;
use crate::place::{PATIENCE, Place};
use guildhall_protocol::account::{Role, UserRef};
use guildhall_protocol::bulk::{BulkOrder, BulkOutcome, BulkTarget, SeenJob};
use guildhall_protocol::client::Client;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::history::What;
use guildhall_protocol::ids::{JobId, RequestId};
use guildhall_protocol::job::{JobDraft, Priority, Visibility};
use guildhall_protocol::listing::{
    Direction, JobCount, JobFilter, JobPage, JobQuery, JobSort, PageFrom, SortBy,
};
use guildhall_protocol::log::{LogLevel, LogPage};
use guildhall_protocol::overview::{Overview, OverviewOf};
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::state::{Asker, HeldWhy, JobState};
use guildhall_protocol::undo::{Undo, undo};
use guildhall_protocol::view::{JobHead, Order, PageRequest, Revealed, Scope, Sight};
use std::time::Instant;

async fn overview(client: &Client) -> Overview {
    client.call(|service, context| async move { service.overview(context).await }).await.expect("it answers")
}

async fn find(client: &Client, query: JobQuery) -> JobPage {
    client
        .call(|service, context| async move { service.find_jobs(context, query).await })
        .await
        .expect("it answers")
}

async fn count(client: &Client, filter: JobFilter) -> JobCount {
    client
        .call(|service, context| async move { service.count_jobs(context, filter).await })
        .await
        .expect("it answers")
}

async fn order_many(
    client: &Client,
    request: &RequestId,
    target: BulkTarget,
    order: Order,
) -> Result<Vec<BulkOutcome>, ApiError> {
    let (request, bulk) = (request.clone(), BulkOrder { target, order });
    client.call(|service, context| async move { service.order_many(context, request, bulk).await }).await
}

async fn reveal(client: &Client, job: JobId, reason: &str) -> Result<Revealed, ApiError> {
    let reason = reason.to_owned();
    client
        .call(
            |service, context| async move { service.reveal(context, RequestId::fresh(), job, reason).await },
        )
        .await
}

fn ids(page: &JobPage) -> Vec<i64> {
    page.rows.iter().map(|head| head.id.0).collect()
}

fn query(filter: JobFilter, by: SortBy, direction: Direction, limit: u32) -> JobQuery {
    JobQuery { filter, sort: JobSort { by, direction }, from: PageFrom::First, limit }
}

/// A job that waits for an agent that nobody is.
fn waits(title: &str) -> JobDraft {
    JobDraft { title: Some(title.to_owned()), tags: vec!["nobody".to_owned()], ..number_from(&[]) }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overview_tells_operators_of_all_and_others_of_their_own() {
    let place = Place::open().await;
    let cast = Cast::hire(&place).await;
    let ada = place.person("ada", Role::Client).await;
    let done = place.post(number_from(&["steady"])).await.expect("it is posted");
    place.ended(done).await;
    for state in [JobState::Working, JobState::InputRequired(Asker::Agent), JobState::Held(HeldWhy::Unclear)]
    {
        Cast::bring(&place, state).await;
    }
    let hers = ada.post(waits("one of hers")).await.expect("it is posted");
    place.until_story(hers, |story| story.waiting.is_some()).await;
    let canceled = ada.post(waits("canceled")).await.expect("it is posted");
    place.order(canceled, JobAction::Cancel, None).await.expect("an operator may");

    let all = overview(&place.client).await;
    assert_eq!(all.of.known(), Some(&OverviewOf::Market));
    let counts: Vec<(&str, u64)> = all.jobs.iter().map(|(state, count)| (state.as_str(), *count)).collect();
    let expected =
        [("canceled", 1), ("completed", 1), ("held", 1), ("input_required", 1), ("open", 1), ("working", 1)];
    assert_eq!((counts.as_slice(), all.jobs_exact), (&expected[..], true));
    assert_eq!(all.oldest_open.map(|oldest| oldest.job), Some(hers));
    assert_eq!(all.oldest_ready, None, "the one that is open waits for agents");
    assert_eq!((all.waiting.questions, all.waiting.held, all.waiting.reviews), (1, 1, 0));
    let market = all.market.expect("an operator sees it");
    let sum = |count: fn(&guildhall_protocol::overview::Bucket) -> u64| {
        market.series.buckets.iter().map(count).sum::<u64>()
    };
    assert_eq!((sum(|bucket| bucket.posted), sum(|bucket| bucket.completed)), (6, 1));
    assert_eq!((sum(|bucket| bucket.canceled), sum(|bucket| bucket.failed)), (1, 0));
    assert!(market.series.per_second(all.at).posted > 0.0);
    let waited = market.series.buckets.iter().filter_map(|bucket| bucket.wait).map(|wait| wait.count);
    assert!(waited.sum::<u64>() >= 4, "{market:#?}");
    let ran = market.series.buckets.iter().filter_map(|bucket| bucket.run).map(|run| run.count);
    assert_eq!(ran.sum::<u64>(), 1);
    assert_eq!((market.agents.agents, market.agents.active), (5, 5));
    // Who asks or is unclear holds its slot.
    assert_eq!(
        market.agents.used,
        market.agents.busiest.iter().map(|load| u64::from(load.used)).sum::<u64>()
    );
    assert!(market.agents.used >= 2 && market.agents.slots >= 5, "{market:#?}");
    assert_eq!(market.agents.breakers.closed + market.agents.breakers.open, 5);
    assert_eq!(market.models, None);
    drop(cast);

    let own = overview(&ada.client).await;
    assert_eq!((own.of.known(), own.market), (Some(&OverviewOf::Caller), None));
    assert_eq!(own.jobs, [("canceled".to_owned(), 1), ("open".to_owned(), 1)]);
    assert_eq!((own.waiting.held, own.oldest_open.map(|oldest| oldest.job)), (0, Some(hers)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passed_is_counted_anew_after_a_restart_and_jobs_are_not() {
    let mut place = Place::open().await;
    place.post(waits("one")).await.expect("it is posted");
    let before = overview(&place.client).await;
    place.stop().await;
    place.start().await;
    let after = overview(&place.client).await;
    assert_eq!(after.jobs, before.jobs);
    let series = after.market.expect("an operator sees it").series;
    assert!(series.since > before.market.expect("an operator sees it").series.since);
    assert_eq!(series.buckets.iter().map(|bucket| bucket.posted).sum::<u64>(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_found_in_any_order_from_any_row_on() {
    let place = Place::open().await;
    let ada = place.person("ada", Role::Client).await;
    for number in 1..=7 {
        let label = (number % 2 == 0).then(|| "even".to_owned());
        let draft = JobDraft { label, ..waits(&format!("Number {number} of MANY")) };
        let by = if number == 7 { ada.post(draft).await } else { place.post(draft).await };
        let job = by.expect("it is posted");
        place.until_story(job, |story| story.waiting.is_some()).await;
    }
    let prioritized = Order { priority: Some(Priority::High), ..Order::of(JobAction::Prioritize) };
    place.order_with(JobId(3), prioritized).await.expect("an operator may");
    let any = JobFilter::default;
    let by = |by, direction| query(any(), by, direction, 3);
    let page = find(&place.client, by(SortBy::Number, Direction::Descending)).await;
    assert_eq!(ids(&page), [7, 6, 5]);
    let sort = JobSort { by: SortBy::Number, direction: Direction::Descending };
    let below = JobQuery {
        from: PageFrom::After(page.next.expect("there are more")),
        ..by(SortBy::Number, Direction::Descending)
    };
    let page = find(&place.client, below).await;
    assert_eq!(ids(&page), [4, 3, 2]);
    let above = PageFrom::Before(sort.cursor(&page.rows[0]).expect("each row has a place"));
    let up = JobQuery { from: above, ..by(SortBy::Number, Direction::Descending) };
    assert_eq!(ids(&find(&place.client, up).await), [7, 6, 5]);
    let end = JobQuery { from: PageFrom::Last, ..by(SortBy::Posted, Direction::Descending) };
    assert_eq!(ids(&find(&place.client, end).await), [3, 2, 1]);
    assert_eq!(ids(&find(&place.client, by(SortBy::Priority, Direction::Descending)).await)[0], 3);
    assert_eq!(ids(&find(&place.client, by(SortBy::Changed, Direction::Descending)).await)[0], 3);
    assert_eq!(ids(&find(&place.client, by(SortBy::Deadline, Direction::Ascending)).await), [1, 2, 3]);

    let filters = [
        (JobFilter { text: Some("5 of many".to_owned()), ..any() }, vec![5]),
        (JobFilter { label: Some("even".to_owned()), ..any() }, vec![6, 4, 2]),
        (JobFilter { client: Some(UserRef::Number(ada.user)), ..any() }, vec![7]),
        (JobFilter { client: Some("name:ada".parse().expect("a user")), ..any() }, vec![7]),
        (JobFilter { priority: Some(Priority::High), ..any() }, vec![3]),
        (JobFilter { attempts_min: Some(1), ..any() }, vec![]),
        (JobFilter { held: Some(HeldWhy::Poison), ..any() }, vec![]),
        (JobFilter { posted_before: Some(guildhall_protocol::time::Timestamp(5)), ..any() }, vec![]),
    ];
    for (filter, expected) in filters {
        let counted = count(&place.client, filter.clone()).await;
        assert_eq!(counted, JobCount { count: expected.len() as u64, exact: true }, "{filter:?}");
        for by in [SortBy::Number, SortBy::Posted, SortBy::Due] {
            let page = find(&place.client, query(filter.clone(), by, Direction::Descending, 50)).await;
            let mut found = ids(&page);
            found.sort_unstable_by_key(|id| -id);
            assert_eq!((found, page.next), (expected.clone(), None), "{filter:?} by {by}");
        }
    }
    assert_eq!(count(&place.client, any()).await.to_string(), "7");

    // Who is no operator finds their own, and learns nothing about who else is there.
    assert_eq!(ids(&find(&ada.client, by(SortBy::Posted, Direction::Ascending)).await), [7]);
    for other in ["1", "name:ada", "name:nobody"] {
        let filter = JobFilter { client: Some(other.parse().expect("a user")), ..any() };
        let found = find(&ada.client, query(filter, SortBy::Number, Direction::Descending, 9)).await;
        assert_eq!(ids(&found), if other == "name:ada" { vec![7] } else { vec![] }, "{other}");
    }
    assert_eq!(count(&ada.client, any()).await.count, 1);

    let refused = JobFilter { text: Some("x".repeat(201)), ..any() };
    let refused =
        place.client.call(|service, context| async move { service.count_jobs(context, refused).await });
    assert_eq!(refused.await.expect_err("it is too long").field.as_deref(), Some("text"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_order_goes_to_many_jobs_and_each_answers_for_itself() {
    let place = Place::open().await;
    let ada = place.person("ada", Role::Client).await;
    let mut jobs: Vec<JobHead> = Vec::new();
    for number in 0..5 {
        let job = ada.post(waits(&format!("job {number}"))).await.expect("it is posted");
        jobs.push(place.until_story(job, |story| story.waiting.is_some()).await.head);
    }
    let mut seen: Vec<SeenJob> = jobs.iter().map(SeenJob::from).collect();
    place.order(jobs[1].id, JobAction::Retry, None).await.expect("it looks again");
    place.until_story(jobs[1].id, |story| story.head.epoch > jobs[1].epoch && story.waiting.is_some()).await;
    seen.push(SeenJob { job: JobId(99), epoch: 1 });
    let request = RequestId::fresh();
    let cancel = Order { text: Some("a test".to_owned()), ..Order::of(JobAction::Cancel) };
    let target = BulkTarget::Jobs(seen[..4].iter().chain(&seen[5..]).copied().collect());
    let outcomes =
        order_many(&place.client, &request, target.clone(), cancel.clone()).await.expect("each answers");
    let told = |outcome: &BulkOutcome| match &outcome.outcome {
        Ok(head) => format!("{} is {}", outcome.job, head.state),
        Err(error) => format!("{}: {:?}", outcome.job, error.kind),
    };
    let expected = ["#1 is canceled", "#2: Conflict", "#3 is canceled", "#4 is canceled", "#99: NotFound"];
    let shown: Vec<String> = outcomes.iter().map(told).collect();
    assert_eq!(
        shown.iter().map(|line| line.replace("is called off", "is canceled")).collect::<Vec<_>>(),
        expected
    );
    let again = order_many(&place.client, &request, target, cancel.clone()).await.expect("each answers");
    assert_eq!(again.iter().map(told).collect::<Vec<_>>(), shown, "the same request does it once");
    let story = place.until(jobs[0].id, |_| true).await;
    assert_eq!(tells(&story, |what| matches!(what, What::Canceled { reason: Some(_) })), 1);

    let open = JobFilter { states: vec!["open".to_owned()], ..JobFilter::default() };
    let matching = |expected_count| BulkTarget::Matching { filter: open.clone(), expected_count };
    let request = RequestId::fresh();
    let refused = order_many(&place.client, &request, matching(5), cancel.clone()).await;
    let refused = refused.expect_err("there are two");
    assert_eq!((refused.kind, refused.field.as_deref()), (ErrorKind::Conflict, Some("expected_count")));
    assert!(refused.message.contains("2 of these jobs by now, and not 5"), "{refused}");
    let (reassign, fresh) = (Order::of(JobAction::Reassign), RequestId::fresh());
    let outcomes = order_many(&ada.client, &fresh, matching(2), reassign).await.expect("each answers");
    assert!(
        outcomes
            .iter()
            .all(|outcome| matches!(&outcome.outcome, Err(error) if error.kind == ErrorKind::Forbidden))
    );
    for _ in 0..2 {
        let outcomes = order_many(&place.client, &request, matching(2), cancel.clone()).await;
        let outcomes = outcomes.expect("there are two, or it is the same call again");
        assert_eq!(outcomes.iter().filter(|outcome| outcome.outcome.is_ok()).count(), 2);
    }
    assert_eq!(count(&place.client, open.clone()).await.count, 0);
    let with_epoch = Order { epoch: Some(3), ..cancel.clone() };
    let refused = order_many(&place.client, &RequestId::fresh(), BulkTarget::Jobs(vec![]), with_epoch).await;
    assert_eq!(refused.expect_err("each job has one").kind, ErrorKind::Invalid);
    let many = (0..1_001).map(|number| SeenJob { job: JobId(number), epoch: 1 }).collect();
    let refused = order_many(&place.client, &RequestId::fresh(), BulkTarget::Jobs(many), cancel).await;
    assert_eq!(refused.expect_err("they are too many").kind, ErrorKind::Limited);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_undone_is_as_it_was() {
    let place = Place::open().await;
    let _cast = Cast::hire(&place).await;
    let job = place.post(waits("to and fro")).await.expect("it is posted");
    let before = place.until_story(job, |story| story.waiting.is_some()).await.head;
    let agent = Some("@slow".parse().expect("a name"));
    let orders = [
        Order { priority: Some(Priority::High), ..Order::of(JobAction::Prioritize) },
        Order {
            deadline: Some(before.deadline.after(std::time::Duration::from_hours(1))),
            ..Order::of(JobAction::Extend)
        },
        Order { agent: agent.clone(), ..Order::of(JobAction::Exclude) },
    ];
    for order in orders {
        place.order_with(job, order.clone()).await.expect("an operator may");
        let Some(Undo::By(back)) = undo(&order, &before) else { panic!("{order:?} can be undone") };
        place.order_with(job, back).await.expect("an operator may");
    }
    let story = place.until(job, |_| true).await;
    assert_eq!((story.head.priority, story.head.deadline), (before.priority, before.deadline));
    assert_eq!(story.excluded, []);
    let not_there = Order { agent, ..Order::of(JobAction::Include) };
    let refused = place.order_with(job, not_there).await.expect_err("it is not ruled out");
    assert_eq!((refused.kind, refused.field.as_deref()), (ErrorKind::Conflict, Some("agent")));
}

/// The words of a job, in every place where a story could tell them.
fn says(story: &guildhall_protocol::view::JobStory, words: &str) -> bool {
    serde_json::to_string(story).expect("it prints").contains(words)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_the_texts_of_a_private_job_after_saying_why() {
    let place = Place::open().await;
    let _cast = Cast::hire(&place).await;
    let ada = place.person("ada", Role::Client).await;
    let olga = place.person("olga", Role::Operator).await;
    let secret = "my diagnosis is between us";
    let draft = |visibility| JobDraft {
        title: Some("A number".to_owned()),
        brief: format!("Say a number above zero: {secret}."),
        visibility: Some(visibility),
        ..number_from(&["steady"])
    };
    let job = ada.post(draft(Visibility::Private)).await.expect("it is posted");
    place.ended(job).await;
    let own = ada.read(job).await.expect("it is hers");
    assert!(says(&own, secret) && own.sight == Sight::Open);
    let masked = olga.read(job).await.expect("operators see that it is there");
    assert!(!says(&masked, secret) && masked.sight == Sight::Masked, "{masked:#?}");
    assert_eq!((masked.head.title.as_deref(), masked.draft.bytes), (Some("A number"), own.draft.bytes));
    assert!(masked.attempts.iter().all(|attempt| attempt.findings.is_empty()));
    let body = own.draft.id;
    let read = async |person: &Person| {
        person
            .client
            .call(|service, context| async move { service.read_body(context, job, body, 0).await })
            .await
    };
    let refused = read(&olga).await.expect_err("it is masked");
    assert!(refused.kind == ErrorKind::Forbidden && refused.hint.is_some(), "{refused}");
    let page = PageRequest::default();
    let logged = async |person: &Person| {
        let name = "@steady".parse().expect("a name");
        let rows = person
            .client
            .call(|service, context| async move { service.deliveries(context, name, page).await });
        let rows = rows.await.expect("an operator may").rows;
        rows.into_iter().find(|row| row.job == Some(job)).expect("it was sent").curl
    };
    assert!(!logged(&olga).await.contains(secret));

    for (reason, kind) in [("  ", ErrorKind::Invalid), (&"x".repeat(501), ErrorKind::Invalid)] {
        assert_eq!(reveal(&olga.client, job, reason).await.expect_err("it says nothing").kind, kind);
    }
    let stranger = place.person("eve", Role::Client).await;
    assert_eq!(
        reveal(&stranger.client, job, "curious").await.expect_err("not hers").kind,
        ErrorKind::NotFound
    );
    assert_eq!(reveal(&ada.client, job, "it is mine").await.expect("it is hers").until, None);
    let told = place.run(&["job", "show", &job.0.to_string()]).await;
    assert!(told.contains("masked") && !told.contains(secret), "{told}");
    let until = reveal(&olga.client, job, "the client asks for help").await.expect("an operator may").until;
    let shown = olga.read(job).await.expect("it is there");
    assert_eq!(Some(shown.sight), until.map(|until| Sight::Revealed { until }));
    assert!(says(&shown, secret) && read(&olga).await.is_ok());
    assert!(logged(&olga).await.contains(secret));
    // Only she who said why; and the client reads who it was.
    assert_eq!(place.until(job, |_| true).await.sight, Sight::Masked);
    let own = ada.read(job).await.expect("it is hers");
    let looked =
        |what: &What| matches!(what, What::TextsRevealed { until: told, .. } if Some(*told) == until);
    assert_eq!(tells(&own, looked), 1);
    assert!(own.texts.iter().any(|(_, text)| text == "the client asks for help"));

    // What everybody here may see is not masked, nor what an operator is waited for.
    let seen = ada.post(draft(Visibility::Place)).await.expect("it is posted");
    assert_eq!(place.ended(seen).await.sight, Sight::Open);
    let held = JobDraft { visibility: Some(Visibility::Private), ..number_from(&["careful"]) };
    let held = ada.post(held).await.expect("it is posted");
    let story = place.until(held, |state| matches!(state, JobState::Held(_))).await;
    assert_eq!(story.sight, Sight::Open);
}

async fn lines(client: &Client, after: Option<u64>) -> Result<LogPage, ApiError> {
    client.call(|service, context| async move { service.log_lines(context, after, 1_000).await }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_read_the_log_from_afar() {
    let mut place = Place::open().await;
    place.stop().await;
    let file = place.log_to_file("info");
    place.start().await;
    let page = lines(&place.client, None).await.expect("an operator may");
    let starts = page.lines.iter().find(|line| line.message.starts_with("serving the store"));
    assert_eq!(starts.expect("it says so").level.known(), Some(&LogLevel::Info), "{page:#?}");
    let waited = place.client.call(|service, context| async move {
        service.wait_for_change(context, Scope::Log, 0, 20_000).await
    });
    assert!(waited.await.expect("an operator may") >= page.seen);
    let _cast = Cast::hire(&place).await;
    let job = place.post(number_from(&["steady"])).await.expect("it is posted");
    place.ended(job).await;
    let ends = Instant::now() + PATIENCE;
    let mut after = page.seen;
    loop {
        let page = lines(&place.client, Some(after)).await.expect("an operator may");
        let about =
            |line: &guildhall_protocol::log::LogLine| line.message.contains(&format!("job {}", job.0));
        if page.lines.iter().any(about) {
            break;
        }
        assert!(page.lines.iter().all(|line| line.number > after) && Instant::now() < ends, "{page:#?}");
        after = page.seen;
        let seen = after;
        let waited = place.client.call(|service, context| async move {
            service.wait_for_change(context, Scope::Log, seen, 1_000).await
        });
        waited.await.expect("an operator may");
    }
    let written = std::fs::read_to_string(file).expect("the log");
    for line in lines(&place.client, Some(0)).await.expect("an operator may").lines {
        assert!(written.contains(&line.message), "{line:?} stands in the log");
    }
    let ada = place.person("ada", Role::Owner).await;
    assert_eq!(lines(&ada.client, None).await.expect_err("not hers").kind, ErrorKind::Forbidden);
    let waited = ada
        .client
        .call(|service, context| async move { service.wait_for_change(context, Scope::Log, 0, 1_000).await });
    assert_eq!(waited.await.expect_err("not hers").kind, ErrorKind::Forbidden);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_s_page_tells_its_past() {
    let place = Place::open().await;
    let _cast = Cast::hire(&place).await;
    for _ in 0..2 {
        let job = place.post(number_from(&["steady"])).await.expect("it is posted");
        place.ended(job).await;
    }
    let other = Cast::bring(&place, JobState::Working).await;
    let steady = place.until_agent_tells("steady", |story| story.recent.len() == 2).await;
    assert_eq!(steady.recent.iter().map(|attempt| attempt.job.0).collect::<Vec<_>>(), [2, 1]);
    assert!(steady.recent.iter().all(|attempt| attempt.ended_at >= Some(attempt.started_at)));
    assert_eq!(steady.breaker, []);
    let slow = place.agent("slow").await;
    assert_eq!((slow.recent[0].job, slow.recent[0].ended_at), (other, None));
    let ada = place.person("ada", Role::Client).await;
    let name = "steady".parse().expect("a name");
    let story = ada.client.call(|service, context| async move { service.agent(context, name).await });
    assert_eq!(
        story.await.expect("it is for everybody").recent,
        [],
        "whose jobs they were is not hers to know"
    );
}
