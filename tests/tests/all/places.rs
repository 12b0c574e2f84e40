//! What is settled for places, at the daemon itself: who may settle it, what it does to posts and picks, what bridges claim.

use crate::cast::number_from;
use crate::people::{Person, acting_for, identity, scope};
use crate::place::Place;
use guildhall_protocol::account::{Role, TokenKind, TokenScope, UserRef};
use guildhall_protocol::agent::AgentState;
use guildhall_protocol::bulk::{BulkOrder, BulkOutcome, BulkTarget, SeenJob};
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::handshake::ActingFor;
use guildhall_protocol::history::What;
use guildhall_protocol::ids::{JobId, PlaceId, RequestId};
use guildhall_protocol::job::{JobDraft, Visibility};
use guildhall_protocol::listing::{Direction, JobCount, JobFilter, JobQuery, JobSort, PageFrom, SortBy};
use guildhall_protocol::overview::OverviewOf;
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::place::{
    GROUPS_MAX, POSTERS_FIELD, PlaceChange, PlaceRef, PlaceSetting, PlaceStory, Posters,
};
use guildhall_protocol::view::{Order, Sight};
use guildhall_protocol::wire::Wire;
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use serde_json::json;

const HERE: &str = "discord:100";

fn in_groups(who: &str, groups: &[&str]) -> ActingFor {
    let mut acting_for = acting_for(who, Some((HERE, Role::Client)));
    let here = acting_for.place.as_mut().expect("a place");
    here.groups = groups.iter().map(|group| (*group).to_owned()).collect();
    acting_for
}

fn managing(who: &str) -> ActingFor {
    let mut acting_for = in_groups(who, &[]);
    acting_for.place.as_mut().expect("a place").manages = true;
    acting_for
}

fn groups(names: &[&str]) -> PlaceChange {
    PlaceChange::Posters(Posters::Groups(names.iter().map(|name| (*name).to_owned()).collect()))
}

impl Person {
    async fn settle_with(
        &self,
        request: RequestId,
        place: Option<PlaceRef>,
        changes: Vec<PlaceChange>,
    ) -> Result<PlaceStory, ApiError> {
        self.client
            .call(|service, context| async move { service.set_place(context, request, place, changes).await })
            .await
    }

    async fn settle(&self, change: PlaceChange) -> Result<PlaceStory, ApiError> {
        self.settle_with(RequestId::fresh(), None, vec![change]).await
    }

    async fn here(&self) -> PlaceStory {
        let here = self.client.call(|service, context| async move { service.place(context, None).await });
        here.await.expect("they are there")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_post_is_decided_by_the_daemon() {
    let place = Place::open().await;
    let agent = FakeAgent::start(|_| Answer::Output(json!(1))).await;
    place.hire(&agent, "@steady", "Says a number.").await;
    place.until_agent("steady", AgentState::Active).await;
    let bridge = place.token(None, scope(TokenKind::Bridge, Role::Owner)).await.token;
    let manager = place.person_behind(&bridge, managing("discord:1")).await;
    let member = place.person_behind(&bridge, in_groups("discord:2", &["7", "8"])).await;
    let stranger = place.person_behind(&bridge, in_groups("discord:3", &["9"])).await;
    manager.settle(groups(&["5", "8"])).await.expect("they manage it");
    member.post(number_from(&["@steady"])).await.expect("they are in one of them");
    manager.post(number_from(&["@steady"])).await.expect("they could let themselves in");
    let refused = stranger.post(number_from(&["@steady"])).await.expect_err("they are in none");
    assert_eq!((refused.kind, refused.field.as_deref()), (ErrorKind::Forbidden, Some(POSTERS_FIELD)));
    assert!(refused.message.contains("certain groups") && refused.hint.is_some(), "{refused}");
    assert!(!stranger.here().await.may_post && member.here().await.may_post);
    // In another place, and in none, this place's rule is nobody's.
    let elsewhere = acting_for("discord:3", Some(("discord:200", Role::Client)));
    let elsewhere = place.person_behind(&bridge, elsewhere).await;
    elsewhere.post(number_from(&["@steady"])).await.expect("nothing is settled there");
    manager.settle(PlaceChange::Posters(Posters::Everybody)).await.expect("they manage it");
    stranger.post(number_from(&["@steady"])).await.expect("everybody may");
}

#[tokio::test(flavor = "multi_thread")]
async fn new_jobs_are_seen_as_the_place_wants_unless_they_say_otherwise() {
    let mut place = Place::open().await;
    let bridge = place.token(None, scope(TokenKind::Bridge, Role::Owner)).await.token;
    let manager = place.person_behind(&bridge, managing("discord:1")).await;
    let (ada, bob) = (
        place.person_behind(&bridge, in_groups("discord:2", &[])).await,
        place.person_behind(&bridge, in_groups("discord:3", &[])).await,
    );
    let waits = || JobDraft { tags: vec!["nobody".to_owned()], ..number_from(&[]) };
    let before = ada.post(waits()).await.expect("it is posted");
    manager.settle(PlaceChange::Visibility(Visibility::Place)).await.expect("they manage it");
    let after = ada.post(waits()).await.expect("it is posted");
    let private = JobDraft { visibility: Some(Visibility::Private), ..waits() };
    let private = ada.post(private).await.expect("it is posted");
    place.stop().await;
    place.start().await;
    assert_eq!(bob.here().await.head.settings.visibility, Visibility::Place, "a restart forgets nothing");
    bob.read(after).await.expect("everybody there sees it");
    for hidden in [before, private] {
        assert_eq!(bob.read(hidden).await.expect_err("it is hers").kind, ErrorKind::NotFound);
    }
    let last = ada.post(waits()).await.expect("it is posted");
    bob.read(last).await.expect("the daemon after the restart knows it, too");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_s_operators_act_there_up_to_the_bridge_s_ceiling() {
    let place = Place::open().await;
    let bridge = place.token(None, scope(TokenKind::Bridge, Role::Operator)).await.token;
    let low = place.token(None, scope(TokenKind::Bridge, Role::Owner)).await.token;
    let manager = place.person_behind(&low, managing("discord:1")).await;
    let operators = || PlaceChange::Operators(Some("7".to_owned()));
    let refused = manager.settle(operators()).await.expect_err("it would be more than the bridge");
    assert!(
        refused.kind == ErrorKind::Forbidden && refused.message.contains("acts up to owner"),
        "{refused}"
    );
    let manager = place.person_behind(&bridge, managing("discord:1")).await;
    let olga = place.person_behind(&bridge, in_groups("discord:2", &["7"])).await;
    let ada = place.person_behind(&bridge, in_groups("discord:3", &[])).await;
    let waits = || JobDraft { tags: vec!["nobody".to_owned()], ..number_from(&[]) };
    let (hers, elsewhere) =
        (ada.post(waits()).await.expect("a job"), place.post(waits()).await.expect("a job"));
    assert_eq!(olga.read(hers).await.expect_err("not yet").kind, ErrorKind::NotFound);
    manager.settle(operators()).await.expect("they manage it");
    olga.read(hers).await.expect("she operates the place");
    assert_eq!(olga.read(elsewhere).await.expect_err("another place").kind, ErrorKind::NotFound);
    let filter = guildhall_protocol::view::JobFilter::default();
    let page = guildhall_protocol::view::PageRequest { after: None, limit: 50 };
    let listed =
        olga.client.call(|service, context| async move { service.jobs(context, filter, page).await });
    let listed: Vec<_> = listed.await.expect("a list").rows.into_iter().map(|head| head.id).collect();
    assert_eq!(listed, [hers], "the queue of an operator is the place's");
    let refused =
        olga.settle(PlaceChange::Board(Some("1".to_owned()))).await.expect_err("she manages nothing");
    assert_eq!(refused.kind, ErrorKind::Forbidden);
    // Through a bridge with a lower ceiling the same group makes nobody more than that.
    let low = place.person_behind(&low, in_groups("discord:2", &["7"])).await;
    assert_eq!(low.read(hers).await.expect_err("below an operator").kind, ErrorKind::NotFound);
    manager.settle(PlaceChange::Operators(None)).await.expect("they manage it");
    assert_eq!(olga.read(hers).await.expect_err("it ends at once").kind, ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_s_operators_find_count_and_order_what_was_posted_there() {
    let place = Place::open().await;
    let bridge = place.token(None, scope(TokenKind::Bridge, Role::Operator)).await.token;
    let manager = place.person_behind(&bridge, managing("discord:1")).await;
    manager.settle(PlaceChange::Operators(Some("7".to_owned()))).await.expect("they manage it");
    let olga = place.person_behind(&bridge, in_groups("discord:2", &["7"])).await;
    let ada = place.person_behind(&bridge, in_groups("discord:3", &[])).await;
    let beyond = acting_for("discord:2", Some(("discord:200", Role::Client)));
    let beyond = place.person_behind(&bridge, beyond).await;
    let waits = || JobDraft { tags: vec!["nobody".to_owned()], ..number_from(&[]) };
    let (first, second) = (ada.post(waits()).await.expect("a job"), ada.post(waits()).await.expect("a job"));
    let (others, own) =
        (place.post(waits()).await.expect("a job"), beyond.post(waits()).await.expect("a job"));
    let of = |client: &Person| Some(UserRef::Number(client.user));
    let open = || JobFilter { states: vec!["open".to_owned()], ..JobFilter::default() };
    let by = |by: SortBy| JobSort { by, direction: Direction::Ascending };

    for filter in [JobFilter::default(), open(), JobFilter { client: of(&ada), ..JobFilter::default() }] {
        for sort in [SortBy::Number, SortBy::Changed, SortBy::Posted] {
            let mut found = olga.found(filter.clone(), by(sort)).await;
            if sort == SortBy::Changed {
                // Which of them was looked at last is nobody's promise.
                found.sort_unstable();
            }
            assert_eq!(found, [first, second], "{filter:?} by {sort}");
        }
        assert_eq!(olga.counted(filter.clone()).await, JobCount { count: 2, exact: true }, "{filter:?}");
    }
    // Who posted where else is nobody's business; what is her own is hers everywhere.
    let stranger = UserRef::Number(guildhall_protocol::ids::UserId(999));
    for client in [of(&manager), Some(stranger)] {
        let filter = JobFilter { client, ..JobFilter::default() };
        assert!(olga.found(filter, JobSort::default()).await.is_empty());
    }
    let elsewhere = JobFilter { place: Some(PlaceId::LOCAL), ..JobFilter::default() };
    assert!(olga.found(elsewhere, JobSort::default()).await.is_empty());
    for filter in [
        JobFilter { mine: true, ..JobFilter::default() },
        JobFilter { client: of(&olga), ..JobFilter::default() },
    ] {
        assert_eq!(olga.found(filter, JobSort::default()).await, [own]);
    }
    assert_eq!(beyond.found(JobFilter::default(), JobSort::default()).await, [own], "there she is nobody");

    let overview = olga.client.call(|service, context| async move { service.overview(context).await });
    let overview = overview.await.expect("it is known");
    assert_eq!(overview.of, Wire::Known(OverviewOf::Place));
    assert_eq!((overview.jobs, overview.jobs_exact), (vec![("open".to_owned(), 2)], true));
    assert!(overview.oldest_open.is_some_and(|oldest| oldest.job == first) && overview.market.is_none());

    let story = olga.read(second).await.expect("she operates the place");
    assert_eq!(story.sight, Sight::Masked, "it is somebody's private job");
    let revealed = olga.client.call(|service, context| async move {
        service.reveal(context, RequestId::fresh(), second, "they asked for help".to_owned()).await
    });
    assert!(revealed.await.expect("it is here").until.is_some());
    let revealed = olga.client.call(|service, context| async move {
        service.reveal(context, RequestId::fresh(), others, "out of interest".to_owned()).await
    });
    assert_eq!(revealed.await.expect_err("another place").kind, ErrorKind::NotFound);

    let seen = SeenJob { job: others, epoch: 0 };
    let outcomes = olga.cancels(BulkTarget::Jobs(vec![seen])).await.expect("one outcome");
    assert_eq!(outcomes[0].outcome.as_ref().expect_err("another place").kind, ErrorKind::NotFound);
    let all = |expected_count| BulkTarget::Matching { filter: open(), expected_count };
    assert_eq!(olga.cancels(all(4)).await.expect_err("there are two").kind, ErrorKind::Conflict);
    let outcomes = olga.cancels(all(2)).await.expect("both are open");
    assert!(outcomes.len() == 2 && outcomes.iter().all(|one| one.outcome.is_ok()), "{outcomes:?}");
    assert!(olga.found(open(), JobSort::default()).await.is_empty());
    assert_eq!(beyond.found(open(), JobSort::default()).await, [own], "nobody ordered anything there");
}

impl Person {
    async fn found(&self, filter: JobFilter, sort: JobSort) -> Vec<JobId> {
        let query = JobQuery { filter, sort, from: PageFrom::First, limit: 50 };
        let found =
            self.client.call(|service, context| async move { service.find_jobs(context, query).await });
        found.await.expect("a page").rows.into_iter().map(|head| head.id).collect()
    }

    async fn counted(&self, filter: JobFilter) -> JobCount {
        let count =
            self.client.call(|service, context| async move { service.count_jobs(context, filter).await });
        count.await.expect("a count")
    }

    async fn cancels(&self, target: BulkTarget) -> Result<Vec<BulkOutcome>, ApiError> {
        let bulk = BulkOrder { target, order: Order::of(JobAction::Cancel) };
        let request = RequestId::fresh();
        self.client
            .call(|service, context| async move { service.order_many(context, request, bulk).await })
            .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_agents_of_a_place_get_its_jobs_and_why_says_so() {
    let place = Place::open().await;
    let agent = FakeAgent::start(|_| Answer::Output(json!(1))).await;
    place.hire(&agent, "@steady", "Says a number.").await;
    let other = FakeAgent::start(|_| Answer::Output(json!(1))).await;
    place.hire(&other, "@other", "Speaks of other things.").await;
    place.until_agent("steady", AgentState::Active).await;
    place.until_agent("other", AgentState::Active).await;
    let bridge = place.token(None, scope(TokenKind::Bridge, Role::Owner)).await.token;
    let manager = place.person_behind(&bridge, managing("discord:1")).await;
    let name = |name: &str| name.parse().expect("a name");
    let agents = |allow: &[&str], leave: &[&str]| PlaceChange::Agents {
        allow: allow.iter().map(|agent| name(agent)).collect(),
        leave: leave.iter().map(|agent| name(agent)).collect(),
    };
    let refused = manager.settle(agents(&["@nobody"], &[])).await.expect_err("there is none");
    assert_eq!((refused.kind, refused.field.as_deref()), (ErrorKind::NotFound, Some("agents")));
    manager.settle(agents(&["@other"], &[])).await.expect("they manage it");
    let refused = manager.post(number_from(&["@steady"])).await.expect_err("it gets nothing here");
    assert!(refused.field.as_deref() == Some("only") && refused.message.contains("@steady"), "{refused}");
    let job = manager.post(number_from(&[])).await.expect("it is posted");
    place.until_met(|| !other.assigned().is_empty()).await;
    place.ended(job).await;
    let wanted = name("@steady");
    let why = manager
        .client
        .call(|service, context| async move { service.why_not(context, job, wanted).await })
        .await
        .expect("it is known");
    assert!(why.detail.contains("not among the agents that the job's place allows"), "{why:?}");
    let pick = manager.read(job).await.expect("hers").attempts[0].pick.clone().expect("a pick");
    assert_eq!(pick.excluded, [(guildhall_protocol::pick::Exclusion::NotInPlace, 1)]);
    // A waiting job is looked at again as soon as the place allows more.
    manager.settle(agents(&[], &["@other"])).await.expect("they manage it");
    manager.settle(agents(&["@steady"], &[])).await.expect("they manage it");
    let job = manager.post(number_from(&["@steady"])).await.expect("it is posted");
    place.ended(job).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_settle_at_once_and_each_change_is_on_record() {
    const CHANGES: usize = 8;
    let place = Place::open().await;
    let bridge = place.token(None, scope(TokenKind::Bridge, Role::Owner)).await.token;
    let ada = place.person_behind(&bridge, managing("discord:1")).await;
    let eve = place.person_behind(&bridge, managing("discord:2")).await;
    let (first, second) = (&ada, &eve);
    let each = (0..CHANGES).map(|number| async move {
        let channel = |of: &str| Some(format!("{of}{number}"));
        tokio::join!(
            first.settle(PlaceChange::Board(channel("b"))),
            second.settle(PlaceChange::Alerts(channel("a")))
        )
    });
    for (board, alerts) in futures::future::join_all(each).await {
        assert!(board.is_ok() && alerts.is_ok(), "both count: {board:?} {alerts:?}");
    }
    let story = ada.here().await;
    let settled = |setting: PlaceSetting| {
        let is_it =
            |what: &What| matches!(what, What::PlaceChanged { setting: known, .. } if *known == setting);
        story.events.iter().filter(|event| is_it(&event.what)).count()
    };
    assert_eq!((settled(PlaceSetting::Board), settled(PlaceSetting::Alerts)), (CHANGES, CHANGES));
    assert!(story.head.settings.board.is_some() && story.head.settings.alerts.is_some());
    // The same request is carried out once, whatever was settled since; its id is for nothing else.
    let request = RequestId::fresh();
    let change = || vec![PlaceChange::Board(Some("first".to_owned()))];
    ada.settle_with(request.clone(), None, change()).await.expect("they manage it");
    ada.settle(PlaceChange::Board(None)).await.expect("they manage it");
    let again = ada.settle_with(request.clone(), None, change()).await.expect("it was done");
    assert_eq!(again.head.settings.board, None);
    let reused =
        ada.settle_with(request, None, vec![PlaceChange::AllAgents]).await.expect_err("another request");
    assert_eq!(reused.kind, ErrorKind::Conflict);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_claims_more_than_a_bridge_may_say() {
    let place = Place::open().await;
    let bound = TokenScope { places: vec![identity(HERE)], ..scope(TokenKind::Bridge, Role::Owner) };
    let bound = place.token(None, bound).await.token;
    let api = place.token(None, scope(TokenKind::Api, Role::Admin)).await.token;
    let refused = async |credential: Option<&str>, acting_for: ActingFor| {
        let hello = guildhall_protocol::handshake::Hello {
            credential: credential.map(str::to_owned),
            acting_for: Some(acting_for),
            ..guildhall_protocol::handshake::Hello::of("test")
        };
        let socket = place.folder.path().join("s.sock");
        let client = guildhall_protocol::client::Client::new(socket, hello);
        client.principal().await.expect_err("they are not let in").message
    };
    let mut elsewhere = managing("discord:1");
    elsewhere.place.as_mut().expect("a place").identity = identity("discord:200");
    assert!(refused(Some(&bound), elsewhere).await.contains("does not act in discord:200"));
    // Groups are a bridge's to tell, and nobody's own.
    for credential in [None, Some(api.as_str())] {
        assert!(refused(credential, in_groups("discord:1", &["7"])).await.contains("only a bridge's token"));
    }
    let names: Vec<String> = (0..=GROUPS_MAX).map(|number| number.to_string()).collect();
    let many: Vec<&str> = names.iter().map(String::as_str).collect();
    assert!(refused(Some(&bound), in_groups("discord:1", &many)).await.contains("groups of a person"));
    let long = "x".repeat(65);
    assert!(refused(Some(&bound), in_groups("discord:1", &[&long])).await.contains("groups of a person"));
    // Whoever manages one place manages no other, nor the machine itself.
    let manager = place.person_behind(&bound, managing("discord:1")).await;
    for other in [PlaceRef::Identity(identity("local:local")), PlaceRef::Identity(identity("discord:200"))] {
        let change = vec![PlaceChange::Visibility(Visibility::Place)];
        let told =
            manager.settle_with(RequestId::fresh(), Some(other), change).await.expect_err("not theirs");
        assert_eq!(told.kind, ErrorKind::NotFound);
    }
    let moderator = place.person_behind(&bound, acting_for("discord:2", Some((HERE, Role::Operator)))).await;
    let told =
        moderator.settle(PlaceChange::Operators(None)).await.expect_err("they operate, and manage nothing");
    assert!(
        told.kind == ErrorKind::Forbidden && told.message.contains("whoever manages this place"),
        "{told}"
    );
    assert!(moderator.here().await.events.is_empty(), "nor do they read its history");
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_settle_by_the_command_line() {
    let place = Place::open().await;
    let bridge = place.token(None, scope(TokenKind::Bridge, Role::Owner)).await.token;
    place.person_behind(&bridge, in_groups("discord:1", &[])).await;
    let (code, told, complaint) = place.guildhall(&["place", "list"]).await;
    assert!(code == 0 && told.contains(HERE) && told.contains("this machine"), "{told}{complaint}");
    let set = ["place", "set", HERE, "--board", "12", "--posters", "7,8", "--visibility", "place"];
    let (code, told, complaint) = place.guildhall(&set).await;
    assert!(code == 0, "{told}{complaint}");
    for shown in ["board: 12", "members of 7, 8", "seen by: everybody there", "settled its board"] {
        assert!(told.contains(shown), "{told}");
    }
    let (code, _, complaint) = place.guildhall(&["place", "set", HERE]).await;
    assert!(code == 2 && complaint.contains("--visibility place"), "{complaint}");
    let (code, _, complaint) = place.guildhall(&["place", "set", "1", "--board", "12"]).await;
    assert!(code == 2 && complaint.contains("without channels"), "{complaint}");
    let (code, _, complaint) = place.guildhall(&["place", "show", "discord:999"]).await;
    assert!(code == 3 && complaint.contains("there is no place discord:999"), "{complaint}");
    let (code, _, complaint) = place.guildhall(&["place", "set", HERE, "--board", ""]).await;
    assert!(code == 2 && complaint.contains("1 to 64 bytes"), "{complaint}");
    let (code, told, complaint) =
        place.guildhall(&["place", "set", HERE, "--board", "none", "--posters", "everybody"]).await;
    assert!(code == 0 && told.contains("posters: everybody"), "{told}{complaint}");
}
