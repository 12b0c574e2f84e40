//! What whoever manages a server settles for Guildhall in it, and what everybody there notices of it.

use crate::chat::{Chat, NUMBER, is_card_of, job_of};
use crate::people::scope;
use guildhall_protocol::account::{Role, TokenKind};
use guildhall_protocol::agent::{AgentDefinition, AgentState};
use guildhall_protocol::ids::JobId;
use guildhall_protocol::notice::Channel;
use guildhall_protocol::place::PlaceRef;
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use guildhall_tests::fake_discord::{Message, Permission, User};
use serde_json::json;

const BOARD: &str = "Board: a channel for the cards of new jobs";
pub(crate) const ALERTS: &str = "Alerts: a channel for the operators";
const SEEN: &str = "Who sees a new job";
const POSTERS: &str = "Who may post: members of these roles";

impl Chat {
    /// Somebody who manages the server, and has posted before.
    pub(crate) async fn manager(&self, name: &str) -> User {
        let user = self.client(name).await;
        self.server.grants(&user, Permission::ManageGuild);
        user
    }

    pub(crate) async fn setup(&self, user: &User) -> Message {
        user.types(&self.channel, "/setup", &[]).await.until(|message| message.shows("in this server")).await
    }

    /// The page about people and agents.
    pub(crate) async fn people(&self, user: &User) -> Message {
        let shown = self.setup(user).await;
        user.clicks(&shown, "People and agents").await.until(|message| selects(message, POSTERS)).await
    }

    /// Does something that everybody can see, and answers what the bot said.
    pub(crate) async fn answered(&self, user: &User, command: &str, options: &[(&str, &str)]) -> Message {
        user.types(&self.channel, command, options).await.until(|message| !message.text().is_empty()).await
    }
}

fn selects(message: &Message, placeholder: &str) -> bool {
    message.selects().iter().any(|select| select.placeholder.starts_with(placeholder))
}

/// The list of agents that is shown now.
fn agents_of(message: &Message) -> guildhall_tests::fake_discord::Select {
    let lists = message.selects().into_iter();
    lists.into_iter().find(|select| select.placeholder.starts_with("Agents")).expect("a list of agents")
}

#[tokio::test(flavor = "multi_thread")]
async fn cards_that_everybody_may_see_stand_on_the_board() {
    let chat = Chat::open().await;
    let _agent = chat.steady().await;
    let (ada, bob) = (chat.manager("ada").await, chat.client("bob").await);
    let board = chat.server.channel("board");
    let refused =
        bob.try_types(&chat.channel, "/setup", &[], &[]).await.expect_err("Discord does not show it");
    assert!(refused.0.contains("not for this user"), "{refused}");
    let refused = ada.try_types(&ada.dm(), "/setup", &[], &[]).await.expect_err("there is no server");
    assert!(refused.0.contains("not for this place"), "{refused}");

    let shown = chat.setup(&ada).await;
    assert!(
        shown.is_ephemeral() && shown.shows("where jobs are posted") && shown.selects().len() == 3,
        "{shown:?}"
    );
    let id = board.id().to_string();
    let shown = ada.selects(&shown, BOARD, &[&id]).await;
    let shown = shown.until(|message| message.shows(&format!("Board: <#{id}>"))).await;
    assert!(shown.is_ephemeral() && shown.shows("It counts from now on"), "{shown:?}");
    board.until(|message| message.shows("stand here")).await;
    let shown = ada.selects(&shown, SEEN, &["Everybody here sees new jobs"]).await;
    shown.until(|message| message.shows("seen by: everybody here")).await;

    // The form says who will see it.
    let form = bob.types(&chat.channel, "/job post", &[]).await.modal();
    assert_eq!(form.title(), "Seen by all here: post a job");
    let told = bob.fills(&form, NUMBER).await.until(|message| message.shows("is posted")).await;
    assert!(told.shows(&format!("<#{id}>")), "{told:?}");
    let number = job_of(&told);
    let card = board.until(is_card_of(&number)).await;
    assert!(card.shows("Say a number") && card.pings().is_empty(), "{card:?}");
    board.until(|message| is_card_of(&number)(message) && message.shows("completed")).await;
    assert!(!chat.channel.messages().iter().any(is_card_of(&number)), "it stands once");
    // Whoever wants it private says so, and its card stands where it is posted.
    let form = bob.types(&chat.channel, "/job post", &[("visibility", "Only me")]).await.modal();
    assert_eq!(form.title(), "Post a job");
    let told = bob.fills(&form, NUMBER).await.until(|message| message.shows("is posted")).await;
    let card = chat.channel.until(is_card_of(&job_of(&told))).await;
    assert!(!card.shows("Say a number"), "{card:?}");
    let message = bob.says(&chat.channel, "Say another number", &[]);
    let form = bob.uses_on(&message, "Make this a job").await.modal();
    assert_eq!(form.title(), "Seen by all here: post a job");
    let told = bob.fills(&form, NUMBER).await.until(|message| message.shows("is posted")).await;
    board.until(is_card_of(&job_of(&told))).await;

    // A thread is opened at the card, wherever that stands.
    let options = [("visibility", "Everybody here"), ("thread", "true")];
    let number = job_of(&chat.post(&ada, &options, &[("brief", "Say a number")]).await);
    board.until_thread(&format!("Job #{number}")).await;

    // A board that is gone holds nobody up, and everybody is told who can help.
    board.goes();
    let told = chat.post(&bob, &[], NUMBER).await;
    assert!(told.shows("is posted") && told.shows("takes no cards") && told.shows("/setup"), "{told:?}");
    chat.channel.until(is_card_of(&job_of(&told))).await;
    let shown = chat.setup(&ada).await;
    assert!(shown.shows("do not see the channel for board"), "{shown:?}");
    let shown = ada.clicks(&shown, "No board").await;
    shown.until(|message| message.shows("where jobs are posted") && !message.has_button("No board")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_s_jobs_that_everybody_may_see_stand_on_the_board() {
    let chat = Chat::open().await;
    let _agent = chat.steady().await;
    let ada = chat.manager("ada").await;
    let (board, shown) = (chat.server.channel("board"), chat.setup(&ada).await);
    ada.selects(&shown, BOARD, &[&board.id().to_string()])
        .await
        .until(|message| message.shows("It counts"))
        .await;
    let lines = "{\"brief\": \"Say a number\", \"visibility\": \"place\"}\n{\"brief\": \"Say another\"}\n";
    let file = guildhall_tests::fake_discord::Attachment::new("jobs.jsonl", lines);
    let options = [("material", "jobs.jsonl"), ("criteria", "valid JSON")];
    let shown = ada.types_with(&chat.channel, "/job post", &options, &[file]).await;
    let shown = shown.until(|message| message.has_button("Post all of them")).await;
    ada.clicks(&shown, "Post all of them").await.until(|message| message.shows("2 jobs are posted")).await;
    board.until(is_card_of("1")).await;
    chat.place.ended(JobId(2)).await;
    assert!(!board.messages().iter().any(is_card_of("2")), "a private job has no card there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_takes_nothing_is_not_chosen() {
    let chat = Chat::open().await;
    let ada = chat.manager("ada").await;
    let closed = chat.server.channel("closed");
    closed.denies(Permission::SendMessages);
    let shown = chat.setup(&ada).await;
    let told = ada.selects(&shown, ALERTS, &[&closed.id().to_string()]).await;
    let told = told.until(|message| message.shows("may not write")).await;
    assert!(told.shows("Send Messages") && told.shows("told directly"), "nothing is saved: {told:?}");
    // Of the channel where somebody is, Discord says what is missing.
    chat.channel.denies(Permission::EmbedLinks);
    let told = ada.selects(&told, ALERTS, &[&chat.channel.id().to_string()]).await;
    let told = told.until(|message| message.shows("I need Embed Links")).await;
    assert!(!told.shows("Send Messages"), "{told:?}");
    chat.channel.allows(Permission::EmbedLinks);
    let told = ada.selects(&told, ALERTS, &[&chat.channel.id().to_string()]).await;
    told.until(|message| message.shows("It counts from now on")).await;
    let gone = chat.server.channel("gone");
    gone.goes();
    let refused = ada.try_selects(&told.message(), BOARD, &[&gone.id().to_string()]).await;
    assert!(refused.is_err(), "Discord offers none that is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_post_is_a_matter_of_roles() {
    let chat = Chat::open().await;
    let _agent = chat.steady().await;
    let (ada, bob) = (chat.manager("ada").await, chat.client("bob").await);
    let (writers, poets) = (chat.server.role("writers"), chat.server.role("poets"));
    let shown = chat.people(&ada).await;
    let both = [writers.id().to_string(), poets.id().to_string()];
    let told = ada.selects(&shown, POSTERS, &[&both[0], &both[1]]).await;
    let told = told.until(|message| message.shows(&format!("<@&{}>", poets.id()))).await;
    assert!(told.pings().is_empty() && told.has_button("Everybody may post"), "{told:?}");

    // Nobody writes a page for nothing.
    let refused = chat.answered(&bob, "/job post", &[]).await;
    let named = format!("<@&{}>", writers.id());
    assert!(refused.is_ephemeral() && refused.shows("certain roles") && refused.shows(&named), "{refused:?}");
    chat.server.gives(&bob, poets);
    chat.post(&bob, &[], NUMBER).await;
    // A role that is taken while the form is open: the daemon says it then.
    let form = bob.types(&chat.channel, "/job post", &[]).await.modal();
    chat.server.takes(&bob, poets);
    let refused = bob.fills(&form, NUMBER).await.until(|message| !message.text().is_empty()).await;
    assert!(refused.shows("certain groups") && refused.shows("Nothing was posted"), "{refused:?}");
    // What was typed is there when the role is back.
    chat.server.gives(&bob, poets);
    let form = bob.clicks(&refused, "Edit again").await.modal();
    bob.fills(&form, &[]).await.until(|message| message.shows("is posted")).await;

    // Roles that are deleted leave nobody but whoever manages the server, who can change that.
    chat.server.deletes(writers);
    chat.server.deletes(poets);
    chat.answered(&bob, "/job post", &[])
        .await
        .shows("certain roles")
        .then_some(())
        .expect("nobody has the role");
    chat.post(&ada, &[], NUMBER).await;
    let shown = chat.people(&ada).await;
    let told = ada.clicks(&shown, "Everybody may post").await;
    told.until(|message| message.shows("Who may post: everybody")).await;
    chat.post(&bob, &[], NUMBER).await;
    // Everybody is a role, too, with the server's number.
    let shown = chat.people(&ada).await;
    let everybody = chat.server.id().to_string();
    let told = ada.selects(&shown, POSTERS, &[&everybody]).await;
    told.until(|message| message.shows("Who may post: everybody")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_are_chosen_from_many_pages() {
    let chat = Chat::open().await;
    let agent = chat.steady().await;
    for number in 1..=29 {
        // Nobody listens there: they are only chosen from.
        let endpoint = "http://127.0.0.1:1/".to_owned();
        let definition = agent.definition(&format!("@crowd-{number}"), "Paints fences.");
        chat.place.register(AgentDefinition { endpoint, ..definition }).await;
    }
    let chosen = FakeAgent::start(|_| Answer::Output(json!(2))).await;
    chat.place.hire(&chosen, "@last", "Says a number.").await;
    chat.place.until_agent("last", AgentState::Active).await;
    let ada = chat.manager("ada").await;
    let first = chat.people(&ada).await;
    assert!(agents_of(&first).options.len() == 25 && first.shows("all that work"), "{first:?}");
    let second = ada.clicks(&first, "More agents").await;
    let second = second.until(|message| agents_of(message).options.len() == 6).await;
    let list = agents_of(&second).custom_id;
    let told = ada.selects(&second, &list, &["@last", "@crowd-29"]).await;
    let told = told.until(|message| message.shows("Agents: @\u{200b}crowd\\-29, @\u{200b}last")).await;
    // On another page others are added, and those that were not shown stay.
    let first = ada.clicks(&told, "Channels").await.until(|message| selects(message, BOARD)).await;
    let first =
        ada.clicks(&first, "People and agents").await.until(|message| selects(message, POSTERS)).await;
    let list = agents_of(&first).custom_id;
    let told = ada.selects(&first, &list, &["@steady"]).await;
    let told = told.until(|message| message.shows("steady") && message.shows("last")).await;
    let list = agents_of(&told).custom_id;
    let told = ada.selects(&told, &list, &[]).await;
    told.until(|message| !message.shows("steady") && message.shows("last")).await;

    // Only they are offered, and only they get jobs.
    let names = |choices: Vec<guildhall_tests::fake_discord::Choice>| {
        choices.into_iter().map(|choice| choice.name).collect::<Vec<_>>()
    };
    let offered = names(ada.completes(&chat.channel, "/job post", "agent", "").await);
    assert_eq!(offered, ["@crowd-29", "@last"]);
    let offered = names(ada.completes(&chat.channel, "/agent show", "agent", "stead").await);
    assert_eq!(offered, ["@steady"], "they can be looked at all the same");
    let refused = chat.answered(&ada, "/job post", &[("agent", "@steady")]).await;
    assert!(refused.shows("gets no jobs in this server"), "{refused:?}");
    let told = chat.post(&ada, &[], NUMBER).await;
    let number = job_of(&told);
    chat.place.ended(JobId(number.parse().expect("a number"))).await;
    assert!(agent.assigned().is_empty() && chosen.assigned().len() == 1);
    // A job that nobody here may take says why.
    let shown = chat.people(&ada).await;
    let second = ada.clicks(&shown, "More agents").await;
    let second = second.until(|message| agents_of(message).options.len() == 6).await;
    let list = agents_of(&second).custom_id;
    ada.selects(&second, &list, &["@crowd-28"]).await.until(|message| message.shows("crowd\\-28")).await;
    let told = chat.post(&ada, &[], NUMBER).await;
    let number = job_of(&told);
    let is_told = |message: &Message| message.shows("not among the agents that the job's place allows");
    let asked = || async { chat.answered(&ada, "/job why", &[("job", &number)]).await };
    let mut why = asked().await;
    while !is_told(&why) {
        tokio::task::yield_now().await;
        why = asked().await;
    }
    let shown = chat.people(&ada).await;
    ada.clicks(&shown, "All agents").await.until(|message| message.shows("all that work")).await;
    // It waited for that.
    chat.place.ended(JobId(number.parse().expect("a number"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lost_the_permission_meanwhile_is_refused_with_words() {
    let mut chat = Chat::open().await;
    let (ada, eve) = (chat.manager("ada").await, chat.manager("eve").await);
    let shown = chat.setup(&ada).await;
    let of_eve = chat.setup(&eve).await;
    // Two people at once: each sees what counts then.
    let private = async || {
        let shown = ada.selects(&shown, SEEN, &["Everybody here sees new jobs"]).await;
        shown.until(|message| message.shows("It counts")).await
    };
    let board = chat.server.channel("board").id().to_string();
    let boards = async || {
        let shown = eve.selects(&of_eve, BOARD, &[&board]).await;
        shown.until(|message| message.shows("It counts")).await
    };
    tokio::join!(private(), boards());
    let both = chat.setup(&eve).await;
    assert!(both.shows(&format!("<#{board}>")) && both.shows("seen by: everybody here"), "{both:?}");

    chat.server.revokes(&ada);
    let refused = ada.selects(&shown, SEEN, &["New jobs are private"]).await;
    let refused = refused.until(|message| message.shows("only whoever manages this server")).await;
    assert!(refused.selects().is_empty() && refused.shows("Manage Server"), "{refused:?}");
    let both = chat.setup(&eve).await;
    assert!(both.shows("seen by: everybody here"), "nothing was changed: {both:?}");
    // Components work after a restart of everything.
    chat.kill_bot().await;
    chat.place.kill().await;
    chat.place.start().await;
    chat.start_bot().await;
    let told = eve.selects(&both, SEEN, &["New jobs are private"]).await;
    told.until(|message| message.shows("their client only")).await;
    // Without a daemon people are told that nothing happened.
    chat.place.stop().await;
    let told =
        eve.types(&chat.channel, "/setup", &[]).await.until(|message| !message.text().is_empty()).await;
    assert!(told.shows("Nothing was changed"), "{told:?}");
    chat.place.start().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_settled_elsewhere_in_other_words_is_shown_as_it_is() {
    let chat = Chat::open().await;
    let _agent = chat.steady().await;
    let ada = chat.manager("ada").await;
    chat.setup(&ada).await;
    let server = format!("discord:{}", chat.server.id());
    let set = [
        "place",
        "set",
        &server,
        "--board",
        "@everyone <@1>",
        "--visibility",
        "place",
        "--posters",
        "no role,7",
    ];
    let (code, told, complaint) = chat.place.guildhall(&set).await;
    assert_eq!(code, 0, "{told}{complaint}");
    assert!(server.parse::<PlaceRef>().is_ok());
    let shown = chat.setup(&ada).await;
    assert!(!shown.shows("@everyone") && !shown.shows("<@1>") && shown.pings().is_empty(), "{shown:?}");
    // No such channel: the card stands where it is posted.
    let told = chat.post(&ada, &[], NUMBER).await;
    chat.channel.until(is_card_of(&job_of(&told))).await;
    // A bridge that is bound to places tells nobody anything, alerts neither.
    let bound = guildhall_protocol::account::TokenScope {
        places: vec![server.parse().expect("an identity")],
        ..scope(TokenKind::Bridge, Role::Owner)
    };
    let bound = chat.place.token(None, bound).await.token;
    let bound = chat.place.client_with(&bound, None);
    let refused = bound
        .call(|service, context| async move { service.lease_alerts(context, Channel::Discord, 9).await });
    assert!(refused.await.expect_err("it is of all places").message.contains("bound to places"));
}
