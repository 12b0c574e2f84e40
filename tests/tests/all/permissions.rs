//! Every cell of the table of rights, through the real service: what it allows is not refused, what it does not is.

use crate::cast::number_from;
use crate::people::{Person, acting_for, scope};
use crate::place::Place;
use guildhall_protocol::account::{Limits, NewToken, Role, TokenKind, TokenScope, UserOrder, UserRef};
use guildhall_protocol::agent::{AgentDefinition, AgentName, AgentState, Audience};
use guildhall_protocol::client::Client;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::ids::{JobId, NotificationId, PlaceId, RequestId, TokenId, UserId};
use guildhall_protocol::job::{JobDraft, Priority, Review, Visibility};
use guildhall_protocol::matrix::{MATRIX, Powers, RELATIONS, Row, Verb, Whose};
use guildhall_protocol::model::ModelOrder;
use guildhall_protocol::notice::{Channel, Settings};
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::place::{PlaceChange, PlaceRef};
use guildhall_protocol::state::{JobState, Reviewer};
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::{
    AgentOrder, EngineOrder, HoldOrder, NewJob, Order, PageRequest, RegisterOptions,
};
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

/// The server in which bridges act, and whose operators some of them are.
const SERVER: &str = "discord:100";
/// A server in which nobody of them is.
const ELSEWHERE: &str = "discord:200";

/// Somebody who tries everything.
struct Actor {
    name: &'static str,
    person: Person,
    /// What they have to show in the place in which they act; jobs that they try are there.
    powers: Powers,
}

/// What somebody tries things on.
struct Things {
    /// A job of each relation, whose answer its client reviews.
    jobs: BTreeMap<Whose, JobId>,
    agents: BTreeMap<Whose, AgentName>,
    /// What whoever runs the daemon was told.
    notice: NotificationId,
    /// Whom it is done to where it is done to somebody else.
    victim: UserId,
    victims_token: TokenId,
    own_token: TokenId,
    /// Where somebody manages, is, or is not.
    places: BTreeMap<Whose, PlaceRef>,
    fresh: AgentDefinition,
}

#[tokio::test(flavor = "multi_thread")]
async fn every_cell_of_the_table_holds() {
    let mut place = Place::open().await;
    let (mut walked, mut refused) = (0, 0);
    let world = World::make(&mut place).await;
    for (actor, things) in &world.actors {
        for row in &MATRIX {
            for whose in RELATIONS {
                let Some(answer) = attempt(&actor.person.client, row.verb, whose, things).await else {
                    continue;
                };
                let expected = expected(row, whose, actor.powers);
                let cell = format!("{} {:?} {whose:?}", actor.name, row.verb);
                match (expected, &answer) {
                    (None, Err(error)) => assert!(!is_refusal(error), "{cell} may: {error:?}"),
                    (None, Ok(())) => {}
                    (Some(kind), Err(error)) => assert_eq!(error.kind, kind, "{cell} may not: {error}"),
                    (Some(_), Ok(())) => panic!("{cell} may not, and did"),
                }
                walked += 1;
                refused += usize::from(expected.is_some());
            }
        }
    }
    assert!(walked > 600 && refused > 200 && walked - refused > 200, "{walked} cells, {refused} refused");
    // Roles, tokens and the engine are where whoever runs the daemon left them.
    assert!(!place.status().await.expect("it answers").paused);
}

/// How a cell refuses, if it does. What somebody cannot see is not there.
#[expect(clippy::wildcard_enum_match_arm, reason = "what is nobody's is never hidden")]
fn expected(row: &Row, whose: Whose, powers: Powers) -> Option<ErrorKind> {
    let sees = |verb: Verb| verb.may(whose, powers).is_ok();
    let hidden = match row.verb {
        Verb::ReadJob | Verb::ReadAgent | Verb::ReadPlace => true,
        Verb::ChangePlace => !sees(Verb::ReadPlace),
        Verb::ShareJob | Verb::RevealJob => !sees(Verb::ReadJob),
        // Whose answer failed may say so, although the job is not theirs to read.
        Verb::Job(_) => !sees(Verb::ReadJob) && whose != Whose::Assigned,
        Verb::ChangeAgent | Verb::AskPublish | Verb::GiveAgent | Verb::RotateSecret | Verb::LinkSecret => {
            !sees(Verb::ReadAgent)
        }
        Verb::ReplayNotice | Verb::ReadUser | Verb::ReadUsage => whose == Whose::Others,
        Verb::RevokeToken => whose == Whose::Others && !powers.bridged,
        _ => false,
    };
    let refused = row.verb.may(whose, powers).is_err();
    refused.then_some(if hidden { ErrorKind::NotFound } else { ErrorKind::Forbidden })
}

fn is_refusal(error: &ApiError) -> bool {
    matches!(error.kind, ErrorKind::Forbidden | ErrorKind::NotFound | ErrorKind::Unsupported)
}

struct World {
    actors: Vec<(Actor, Things)>,
    _agents: Vec<FakeAgent>,
}

impl World {
    async fn make(place: &mut Place) -> Self {
        let steady = FakeAgent::start(|_| Answer::Output(json!(1))).await;
        place.hire(&steady, "@steady", "Says a number.").await;
        place.until_agent("steady", AgentState::Active).await;
        place.post(number_from(&["@steady"])).await.expect("it is posted");
        let bridge = place.token(None, scope(TokenKind::Bridge, Role::Operator)).await.token;
        let low = place.token(None, scope(TokenKind::Bridge, Role::Client)).await.token;
        let mut people = Vec::new();
        for (name, role) in [
            ("client", Role::Client),
            ("owner", Role::Owner),
            ("operator", Role::Operator),
            ("admin", Role::Admin),
            ("suspended", Role::Owner),
            ("suspended-operator", Role::Operator),
        ] {
            let suspended = name.starts_with("suspended");
            let powers = Powers { market: role, place: role, suspended, bridged: false };
            people.push(Actor { name, person: place.person(name, role).await, powers });
        }
        let behind = |who: &'static str, claims| acting_for(who, Some((SERVER, claims)));
        let managing = |who: &'static str| {
            let mut acting_for = behind(who, Role::Client);
            acting_for.place.as_mut().expect("a place").manages = true;
            acting_for
        };
        for (name, token, acting_for, market, here) in [
            ("a manager", &bridge, managing("discord:5"), Role::Owner, Role::Owner),
            ("a member", &bridge, behind("discord:1", Role::Client), Role::Owner, Role::Owner),
            ("a moderator", &bridge, behind("discord:2", Role::Admin), Role::Owner, Role::Operator),
            ("an operator", &bridge, behind("discord:3", Role::Client), Role::Operator, Role::Operator),
            (
                "an operator under a ceiling",
                &low,
                behind("discord:4", Role::Admin),
                Role::Client,
                Role::Client,
            ),
        ] {
            let person = place.person_behind(token, acting_for).await;
            if name.starts_with("an operator") {
                let grant = UserOrder::Grant { role: Role::Operator, place: None };
                place.order_user(person.user, grant).await.expect("an admin may");
            }
            let powers = Powers { market, place: here, suspended: false, bridged: true };
            people.push(Actor { name, person, powers });
        }
        let elsewhere = acting_for("discord:9", Some((ELSEWHERE, Role::Client)));
        place.client_with(&bridge, Some(elsewhere)).principal().await.expect("they are let in");
        let posters = [
            place.person("poster", Role::Client).await,
            place.person_behind(&bridge, behind("discord:9", Role::Client)).await,
        ];
        let mut agents = vec![steady];
        let mut actors = Vec::new();
        for (number, actor) in people.into_iter().enumerate() {
            let poster = &posters[usize::from(actor.powers.bridged)];
            let things = Things::make(place, &actor, poster, number, &mut agents).await;
            actors.push((actor, things));
        }
        place.stop().await;
        for (number, (actor, _)) in actors.iter().enumerate() {
            place.own_agents(&[format!("own-{number}"), format!("failed-{number}")], actor.person.user);
        }
        place.own_agents(&["hidden".to_owned()], posters[0].user);
        place.start().await;
        for (actor, _) in actors.iter().filter(|(actor, _)| actor.powers.suspended) {
            place.order_user(actor.person.user, UserOrder::Suspend).await.expect("an admin may");
        }
        Self { actors, _agents: agents }
    }
}

impl Things {
    async fn make(
        place: &Place,
        actor: &Actor,
        poster: &Person,
        number: usize,
        agents: &mut Vec<FakeAgent>,
    ) -> Self {
        let failing = FakeAgent::start(|_| Answer::Output(json!(0))).await;
        let failed = format!("@failed-{number}");
        place.hire(&failing, &failed, "Says a number.").await;
        place.until_agent(&failed[1..], AgentState::Active).await;
        let own = FakeAgent::start(|_| Answer::Output(json!(1))).await;
        place.hire(&own, &format!("@own-{number}"), "Says a number.").await;
        if number == 0 {
            let hidden = FakeAgent::start(|_| Answer::Output(json!(1))).await;
            let definition = hidden.definition("@hidden", "Says a number.");
            let options = RegisterOptions { allow_private: true, ..RegisterOptions::default() };
            let registered = place.client.call(|service, context| async move {
                service.register_agent(context, RequestId::fresh(), definition, options).await
            });
            let secrets =
                registered.await.expect("it is registered").secrets.expect("a native agent has secrets");
            hidden.trust(&secrets.delivery_secret, &secrets.callback_secret);
            agents.push(hidden);
        }
        let jobs = jobs(place, actor, poster, &failed).await;
        let name = |text: String| text.parse::<AgentName>().expect("a name");
        let notice = place.until_noticed("job_completed").await.id;
        let token = |made: guildhall_protocol::account::TokenMade| made.view.id;
        let api = || scope(TokenKind::Api, Role::Client);
        // Nobody listens there.
        let endpoint = "http://127.0.0.1:1/".to_owned();
        let fresh = own.definition(&format!("@fresh-{number}"), "Says a number.");
        let fresh = AgentDefinition { endpoint, ..fresh };
        agents.extend([failing, own]);
        let own_user = actor.person.user.0.to_string();
        Self {
            jobs,
            agents: BTreeMap::from([
                (Whose::Own, name(format!("@own-{number}"))),
                (Whose::Seen, name("@steady".to_owned())),
                (Whose::Others, name("@hidden".to_owned())),
            ]),
            notice,
            victim: poster.user,
            victims_token: token(place.token(Some(&poster.user.0.to_string()), api()).await),
            places: places(actor),
            own_token: token(place.token(Some(&own_user), api()).await),
            fresh,
        }
    }
}

/// A place of each relation to the actor.
fn places(actor: &Actor) -> BTreeMap<Whose, PlaceRef> {
    let named = |text: &str| text.parse::<PlaceRef>().expect("a place");
    let here = if actor.powers.bridged { named(SERVER) } else { PlaceRef::Number(PlaceId::LOCAL) };
    let whose = if actor.name == "a manager" { Whose::Own } else { Whose::Seen };
    BTreeMap::from([(whose, here), (Whose::Others, named(ELSEWHERE))])
}

/// A job of each relation to the actor, in the actor's place.
async fn jobs(place: &Place, actor: &Actor, poster: &Person, failed: &str) -> BTreeMap<Whose, JobId> {
    let by_client = |agent: &str| JobDraft { review: Review::Always, ..number_from(&[agent]) };
    let mut jobs = BTreeMap::new();
    for whose in RELATIONS {
        let by = if whose == Whose::Own { &actor.person } else { poster };
        let agent = if whose == Whose::Assigned { failed } else { "@steady" };
        let visibility = Some(if whose == Whose::Seen { Visibility::Place } else { Visibility::Private });
        let job = by.post(JobDraft { visibility, ..by_client(agent) }).await.expect("it is posted");
        if whose == Whose::Shared {
            poster.share(job, actor.person.user, true).await.expect("it is theirs");
        }
        let settled =
            |state: &JobState| state.is_terminal() || *state == JobState::InReview(Reviewer::Client);
        place.until(job, settled).await;
        jobs.insert(whose, job);
    }
    jobs
}

/// Does it, if this relation exists for what it is done to.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others have no such relation")]
#[expect(clippy::too_many_lines, reason = "one call for each verb")]
async fn attempt(client: &Client, verb: Verb, whose: Whose, things: &Things) -> Option<Result<(), ApiError>> {
    let request = RequestId::fresh();
    let page = PageRequest { after: None, limit: 5 };
    let is_own = whose == Whose::Own;
    let other = UserRef::Number(things.victim);
    let alone = matches!(whose, Whose::Own);
    let both = matches!(whose, Whose::Own | Whose::Others);
    macro_rules! call {
        ($method:ident($($argument:expr),*)) => {
            client
                .call(|service, context| async move { service.$method(context $(, $argument)*).await })
                .await
                .map(drop)
        };
    }
    Some(match verb {
        Verb::Post if alone => {
            posted(client, JobDraft { tags: vec!["nobody".to_owned()], ..number_from(&[]) }).await
        }
        Verb::RaisePriority if alone => {
            let draft =
                JobDraft { priority: Priority::High, tags: vec!["nobody".to_owned()], ..number_from(&[]) };
            posted(client, draft).await
        }
        Verb::ReadJob => {
            let job = things.jobs[&whose];
            call!(job(job))
        }
        Verb::RevealJob => {
            let job = things.jobs[&whose];
            call!(reveal(request, job, "to see whether it is shown".to_owned()))
        }
        Verb::ShareJob => {
            let job = things.jobs[&whose];
            let with = UserRef::Number(UserId(1));
            call!(share_job(request, job, with, true))
        }
        Verb::Job(action) => return ordered(client, action, whose, things).await,
        Verb::Register if alone => {
            let definition = things.fresh.clone();
            call!(register_agent(request, definition, RegisterOptions::default()))
        }
        Verb::RegisterHouse | Verb::Publish | Verb::GrantAddress if alone => {
            let options = RegisterOptions {
                house: verb == Verb::RegisterHouse,
                audience: if verb == Verb::Publish { Audience::Public } else { Audience::Owner },
                allow_private: verb == Verb::GrantAddress,
                ..RegisterOptions::default()
            };
            // Whether there is an agent of this name by now is another question.
            let definition = things.fresh.clone();
            call!(register_agent(request, definition, options))
        }
        Verb::ReadAgent => {
            let name = things.agents.get(&whose)?.clone();
            call!(agent(name))
        }
        Verb::ChangeAgent => {
            let name = things.agents.get(&whose)?.clone();
            call!(order_agent(request, name, AgentOrder::Pause { for_ms: Some(1_000) }))
        }
        Verb::AskPublish => {
            let name = things.agents.get(&whose)?.clone();
            // Nobody listens there any more, or it works for everybody: what matters is what is said first.
            call!(hold_agent(request, name, HoldOrder::Publish { audience: Audience::Place }))
        }
        Verb::GiveAgent => {
            let name = things.agents.get(&whose)?.clone();
            call!(hold_agent(request, name, HoldOrder::Offer { to: None }))
        }
        Verb::RotateSecret => {
            let name = things.agents.get(&whose)?.clone();
            // No secret counts on for so long: what matters is what is said first.
            call!(rotate_secret(request, name, u64::MAX))
        }
        Verb::LinkSecret => {
            let name = things.agents.get(&whose)?.clone();
            call!(secret_link(name, u64::MAX))
        }
        Verb::ReadNotices if both => call!(notices(!is_own, page)),
        Verb::ReplayNotice if whose == Whose::Others => {
            let notice = things.notice;
            call!(replay_notice(request, notice))
        }
        Verb::ChangeSettings if alone => call!(set_settings(request, Settings::default())),
        Verb::NameWebhook if alone => {
            // That address is no webhook for anybody: what matters is what is said first.
            let webhook = Some("https://127.0.0.1:1/".to_owned());
            call!(set_settings(request, Settings { webhook, ..Settings::default() }))
        }
        Verb::ReachPrivateWebhook if alone => {
            let webhook = Some("http://127.0.0.1:1/".to_owned());
            call!(set_settings(request, Settings { webhook, webhook_private: true, ..Settings::default() }))
        }
        Verb::TellNotices if alone => call!(lease_notices(Channel::Discord, 1)),
        Verb::ReadLog if alone => call!(log_lines(None, 5)),
        Verb::SteerEngine if alone => call!(order_engine(request, EngineOrder::Resume, None)),
        Verb::SteerModels if alone => call!(order_models(request, ModelOrder::On, None)),
        Verb::ReadJudges if alone => call!(judge_report()),
        Verb::ReadPlace => {
            let place = things.places.get(&whose)?.clone();
            call!(place(Some(place)))
        }
        Verb::ListPlaces if alone => call!(places(page)),
        Verb::ChangePlace => {
            let place = things.places.get(&whose)?.clone();
            let changes = vec![PlaceChange::Visibility(Visibility::Private)];
            call!(set_place(request, Some(place), changes))
        }
        Verb::ReadUser if both => call!(user((!is_own).then_some(other))),
        Verb::ReadUsage if both => call!(usage((!is_own).then_some(other))),
        Verb::ListUsers if alone => call!(users(page)),
        Verb::SuspendUser if whose == Whose::Others => {
            call!(order_user(request, other, UserOrder::Limit(Limits::default()), None))
        }
        Verb::ChangeRoles if whose == Whose::Others => {
            let grant = UserOrder::Grant { role: Role::Client, place: None };
            call!(order_user(request, other, grant, None))
        }
        Verb::AddUser if alone => call!(add_user(request, "somebody".to_owned())),
        Verb::Consent if alone => {
            let policy = client.call(|service, context| async move { service.policy(context).await }).await;
            let version = policy.expect("a policy").version;
            call!(consent(request, version))
        }
        Verb::LinkCode if alone => call!(make_link_code()),
        // There is no such code: that says that they might enter one.
        Verb::Link if alone => match call!(link_offer("AAAA-AAAA".to_owned())) {
            Err(error) if error.field.as_deref() == Some("code") => Ok(()),
            other => other,
        },
        Verb::MakeToken if both => {
            let scope =
                TokenScope { kind: TokenKind::Api, up_to: Role::Client, read_only: false, places: vec![] };
            let user = (!is_own).then_some(other);
            let token = NewToken { user, name: "another".to_owned(), scope, days: 1 };
            call!(make_token(request, token))
        }
        Verb::ReadTokens if both => call!(tokens((!is_own).then_some(other), false)),
        Verb::RevokeToken if both => {
            let token = if is_own { things.own_token } else { things.victims_token };
            call!(revoke_token(request, token))
        }
        _ => return None,
    })
}

async fn posted(client: &Client, draft: JobDraft) -> Result<(), ApiError> {
    let job = NewJob { request: RequestId::fresh(), draft };
    let posted =
        client.call(|service, context| async move { service.post(context, vec![job]).await }).await?;
    posted.into_iter().next().expect("one answer").map(drop)
}

/// An order about a job of this relation.
async fn ordered(
    client: &Client,
    action: JobAction,
    whose: Whose,
    things: &Things,
) -> Option<Result<(), ApiError>> {
    let decides = matches!(action, JobAction::Accept | JobAction::RequestChanges);
    // Who reviews an answer is a matter of the job's state: see the scenarios of reviews.
    if decides && !matches!(whose, Whose::Own | Whose::Shared) {
        return None;
    }
    let job = things.jobs[&whose];
    let order = Order {
        text: Some("It is not what was asked for".to_owned()),
        agent: Some("@steady".parse().expect("a name")),
        priority: Some(Priority::Normal),
        deadline: Some(Timestamp::now().after(Duration::from_hours(200))),
        ..Order::of(action)
    };
    let answer = client
        .call(|service, context| async move { service.order(context, RequestId::fresh(), job, order).await });
    Some(answer.await.map(drop))
}
