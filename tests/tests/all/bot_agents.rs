//! Agents on Discord: an owner's story from the form to the first job, what is written wrong, new versions, and trials.

use crate::cast::number_from;
use crate::chat::{Chat, NUMBER, job_of};
use crate::ownership::hold;
use crate::people::{Person, acting_for};
use crate::place::free_port;
use guildhall_daemon::agents::egress::Egress;
use guildhall_protocol::agent::{AgentDefinition, AgentState, Audience, Example};
use guildhall_protocol::history::What;
use guildhall_protocol::ids::RequestId;
use guildhall_protocol::view::{HoldOrder, RegisterOptions};
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use guildhall_tests::fake_discord::{Attachment, Choice, Message, User};
use serde_json::json;

/// What a form says of an agent that nobody reaches yet.
pub(crate) const ADDER: [(&str, &str); 4] = [
    ("name", "@adder"),
    ("description", "Adds numbers."),
    ("endpoint", "https://agents.invalid/add"),
    ("tags", "math, sums"),
];

impl Chat {
    /// A chat whose daemon has an address that browsers reach.
    pub(crate) async fn open_public(settings: &[&str]) -> Self {
        let port = free_port();
        let listen = format!("public_listen=127.0.0.1:{port}");
        let url = format!("public_url=http://127.0.0.1:{port}");
        Self::open_with(&[&[listen.as_str(), url.as_str()], settings].concat()).await
    }

    /// Somebody on Discord, as the daemon knows them.
    pub(crate) async fn person(&self, user: &User) -> Person {
        let acting = acting_for(&format!("discord:{}", user.id()), None);
        let client = self.place.client_with(&self.token, Some(acting));
        let user = client.principal().await.expect("they are let in").user;
        Person { client, user }
    }

    /// Fills the form of a new agent; what is said then.
    pub(crate) async fn register(&self, user: &User, fields: &[(&str, &str)]) -> Message {
        let form = user.types(&self.channel, "/agent register", &[]).await.modal();
        user.fills(&form, fields).await.until(|message| !message.text().is_empty()).await
    }

    /// Asks for new secrets, and confirms; what is said then.
    pub(crate) async fn rotate(&self, user: &User, options: &[(&str, &str)]) -> Message {
        let asked = user.types(&self.channel, "/agent rotate-secret", options).await.message();
        user.clicks(&asked, "Make the link").await.until(|message| !message.text().is_empty()).await
    }

    /// An operator lets an agent be where a fake one listens, which no bridge may.
    pub(crate) async fn move_to(&self, name: &str, agent: &FakeAgent) {
        let story = self.place.agent(name).await;
        let endpoint = agent.definition("@any", "Any.").endpoint;
        let definition = AgentDefinition { endpoint, ..story.definition };
        let options = RegisterOptions { allow_private: true, ..RegisterOptions::default() };
        let updated = self.place.client.call(|service, context| async move {
            service.update_agent(context, RequestId::fresh(), definition, options).await
        });
        updated.await.expect("an operator may");
    }

    /// How often the secrets of an agent were replaced.
    pub(crate) async fn rotations(&self, name: &str) -> usize {
        let events = self.place.agent(name).await.events;
        let is_rotation =
            |event: &&guildhall_protocol::history::Event| matches!(event.what, What::SecretsRotated { .. });
        events.iter().filter(is_rotation).count()
    }
}

/// The address in a message.
pub(crate) fn link_in(message: &Message) -> String {
    let text = message.content();
    let link = text.split(['<', '>']).find(|part| part.starts_with("http"));
    link.unwrap_or_else(|| panic!("no link: {text}")).to_owned()
}

fn browser() -> reqwest::Client {
    // Reqwest takes the TLS provider that the process has.
    drop(Egress::new().expect("the daemon's own client"));
    reqwest::Client::new()
}

/// Presses the button of a page; its status and what it shows.
pub(crate) async fn press(link: &str) -> (u16, String) {
    let response = browser().post(link).send().await.expect("the daemon answers");
    (response.status().as_u16(), response.text().await.expect("a page"))
}

pub(crate) async fn look(link: &str) -> (u16, String) {
    let response = browser().get(link).send().await.expect("the daemon answers");
    (response.status().as_u16(), response.text().await.expect("a page"))
}

/// Both secrets on a page.
pub(crate) fn secrets_on(page: &str) -> [String; 2] {
    ["delivery", "callback"].map(|id| {
        let after = page.split(&format!("<code id=\"{id}\">")).nth(1);
        let secret = after.and_then(|after| after.split('<').next()).unwrap_or_default().to_owned();
        assert!(secret.starts_with("whsec_"), "{id}: {page}");
        secret
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_registers_sees_the_secrets_once_and_hears_of_the_first_job() {
    let chat = Chat::open_public(&[]).await;
    let agent = FakeAgent::start(|_| Answer::Output(json!(42))).await;
    let owen = chat.discord.user("owen");
    let fields = [ADDER.as_slice(), &[("more", r#"{"input": [1, 2]}"#)]].concat();
    let told = chat.register(&owen, &fields).await;
    assert!(
        told.is_ephemeral() && told.shows("is registered") && !told.text().contains("whsec_"),
        "{told:?}"
    );
    let story = chat.place.agent("adder").await;
    assert_eq!((story.head.state.known(), story.definition.tags.len()), (Some(&AgentState::Pending), 2));

    // Whatever looks at links uses none up.
    let link = link_in(&told);
    for _ in 0..50 {
        let response = browser().get(&link).send().await.expect("the daemon answers");
        for (name, value) in [
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(response.headers()[name], value, "{name}");
        }
        let policy = response.headers()["content-security-policy"].to_str().expect("text");
        assert!(
            policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        let page = response.text().await.expect("a page");
        assert!(page.contains("Show them once") && !page.contains("whsec_"), "{page}");
    }
    let head = browser().head(&link).send().await.expect("the daemon answers");
    assert_eq!((head.status().as_u16(), chat.rotations("adder").await), (200, 0));
    let (status, page) = press(&link).await;
    assert_eq!(status, 200, "{page}");
    let [delivery, callback] = secrets_on(&page);
    for (status, page) in [press(&link).await, look(&link).await] {
        assert!(status == 410 && !page.contains("whsec_"), "{status} {page}");
    }
    assert_eq!(chat.rotations("adder").await, 1);

    chat.move_to("adder", &agent).await;
    agent.trust(&delivery, &callback);
    chat.place.until_agent("adder", AgentState::Active).await;
    let person = chat.person(&owen).await;
    for client in [&person.client, &chat.place.client] {
        let publish = HoldOrder::Publish { audience: Audience::Public };
        hold(client, "@adder", publish).await.expect("its example passes");
    }
    chat.place.post(number_from(&["@adder"])).await.expect("it is posted");
    let told = owen.until_dm(|message| message.shows("adder got job")).await;
    assert!(told.has_button("Show"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_wrong_is_said_field_by_field_and_kept() {
    let chat = Chat::open_public(&[]).await;
    let owen = chat.discord.user("owen");
    let long = "x".repeat(70);
    let wrong = [
        ("name", "a b"),
        ("description", " "),
        ("endpoint", "agents"),
        ("tags", long.as_str()),
        ("more", "{ no"),
    ];
    let told = chat.register(&owen, &wrong).await;
    for field in ["name", "description", "endpoint", "tags", "more"] {
        assert!(told.text().contains(&format!("**{field}**")), "{field}: {}", told.text());
    }
    assert!(told.shows("Nothing was registered"), "{told:?}");
    let form = owen.clicks(&told, "Edit again").await.modal();
    let typed: Vec<String> = form.fields().into_iter().map(|field| field.value).collect();
    assert_eq!(typed[0], "a b", "it stands there as it was typed: {typed:?}");
    // What only the daemon knows is said in the same way.
    let private = [&[("endpoint", "http://127.0.0.1:1/"), ("more", "")], &ADDER[..2], &ADDER[3..]].concat();
    let told = owen.fills(&form, &private).await.until(|message| message.has_button("Edit again")).await;
    assert!(told.shows("endpoint"), "{told:?}");
    let form = owen.clicks(&told, "Edit again").await.modal();
    let told = owen.fills(&form, &[ADDER[2]]).await.until(|message| message.shows("is registered")).await;
    assert!(told.is_ephemeral());

    let file = |name: &str, bytes: Vec<u8>| Attachment::new(name, bytes);
    let everything = json!({"name": 7, "description": "", "endpoint": "x", "kind": "robot", "chat": 1, "skills": "a", "tags": 1,
        "languages": 1, "examples": 1, "display": "text", "caps": {"concurrency": 0}, "time_limits": 1, "idempotent": "yes",
        "colour": "red"});
    let keys = everything.as_object().expect("an object").keys();
    let everything_wrong: Vec<String> = keys.map(|key| format!("**{key}")).collect();
    for (bytes, expected) in [
        (b"name = \"@adder\"".to_vec(), vec!["not JSON"]),
        (vec![b' '; 2_000_000], vec!["2000000 bytes", "1000000"]),
        (vec![0, 159, 146, 150], vec!["no text"]),
        (everything.to_string().into_bytes(), everything_wrong.iter().map(String::as_str).collect()),
    ] {
        let shown = owen
            .types_with(
                &chat.channel,
                "/agent register",
                &[("definition", "agent.json")],
                &[file("agent.json", bytes)],
            )
            .await;
        let told = shown.until(|message| !message.text().is_empty()).await;
        let text = told.text().replace('\\', "");
        assert!(expected.iter().all(|part| text.contains(part)), "{expected:?}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_registers_and_the_same_name_makes_a_new_version() {
    let chat = Chat::open_public(&[]).await;
    let (owen, bob) = (chat.discord.user("owen"), chat.discord.user("bob"));
    let definition = json!({"name": "@adder", "description": "Adds numbers.", "endpoint": "https://agents.invalid/add",
        "caps": {"concurrency": 7}});
    let send = async |user: &User, definition: &serde_json::Value| {
        let file = Attachment::new("agent.json", definition.to_string().into_bytes());
        let shown =
            user.types_with(&chat.channel, "/agent register", &[("definition", "agent.json")], &[file]).await;
        shown.until(|message| !message.text().is_empty()).await
    };
    let told = send(&owen, &definition).await;
    assert!(told.shows("is registered"), "{told:?}");
    let told = send(&owen, &definition).await;
    assert!(told.shows("nothing differs"), "{told:?}");
    // It is no business of others what is there already.
    let told = send(&bob, &definition).await;
    assert!(told.shows("is taken") && !told.has_button("Make it a new version"), "{told:?}");

    // A form says what changes, and the rest stays.
    let fields = [&[("description", "Adds two numbers.")], &ADDER[..1], &ADDER[2..3]].concat();
    let told = chat.register(&owen, &fields).await;
    assert!(told.shows("Nothing is changed yet") && told.shows("Adds two numbers"), "{told:?}");
    assert_eq!(chat.place.agent("adder").await.head.version.0, 1);
    let edit = owen.clicks(&told, "Edit").await.modal();
    assert_eq!(edit.fields()[1].value, "Adds two numbers.");
    for _ in 0..2 {
        let done = owen.clicks(&told, "Make it a new version").await;
        done.until(|message| message.shows("is at v2")).await;
    }
    let story = chat.place.agent("adder").await;
    assert_eq!((story.head.version.0, story.definition.caps.concurrency), (2, 7));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_counts_for_nobody_and_its_answer_comes_back() {
    let chat = Chat::open().await;
    let reader = FakeAgent::start(|delivery| Answer::Output(delivery.data["input"].clone())).await;
    let mut definition = reader.definition("@reader", "Reads a page.");
    let schema = json!({"type": "object", "required": ["url"], "properties": {
        "url": {"type": "string", "title": "Which page"}, "depth": {"type": "integer", "title": "How deep"}}});
    definition.input_schema = Some(schema.into());
    definition.output_schema = Some(json!({"type": "object"}).into());
    chat.place.hire_as(&reader, definition).await;
    let echo = FakeAgent::start(|delivery| Answer::Output(delivery.data["input"].clone())).await;
    let mut definition = echo.definition("@echo", "Says it again.");
    definition.examples = vec![Example { input: json!("to be").into(), output: None }];
    chat.place.hire_as(&echo, definition).await;
    for agent in ["reader", "echo"] {
        chat.place.until_agent(agent, AgentState::Active).await;
    }
    let ada = chat.discord.user("ada");
    let told = ada.types(&chat.channel, "/agent try", &[("agent", "@nobody")]).await.message();
    assert!(told.shows("there is no agent"), "{told:?}");

    // Its form is the agent's own; the first post waits for consent, here as anywhere.
    let form = ada.types(&chat.channel, "/agent try", &[("agent", "@reader")]).await.modal();
    let labels: Vec<String> = form.fields().iter().map(|field| field.label.clone()).collect();
    assert_eq!(labels, ["Which page", "How deep"]);
    let fields = [("Which page", "https://a.example"), ("How deep", "very")];
    let told = ada.fills(&form, &fields).await.until(|message| !message.text().is_empty()).await;
    assert!(told.shows("no whole number"), "{told:?}");
    let form = ada.clicks(&told, "Edit again").await.modal();
    let told = ada.fills(&form, &[("How deep", "3")]).await.until(|message| !message.text().is_empty()).await;
    assert!(told.shows("who receives its text"), "{told:?}");
    let told = ada.clicks(&told, "I have read it: post my job").await;
    let told = told.until(|message| message.shows("A trial")).await;
    assert!(told.is_ephemeral() && told.shows("a.example") && told.shows("completed"), "{told:?}");
    assert_eq!(reader.assigned()[0].data["input"], json!({"url": "https://a.example", "depth": 3}));

    // Without a schema the form holds the first example; what is given beside it needs no form.
    let form = ada.types(&chat.channel, "/agent try", &[("agent", "@echo")]).await.modal();
    assert_eq!(form.fields()[1].value, "to be");
    let told = ada.fills(&form, &[]).await.until(|message| message.shows("A trial")).await;
    assert!(told.shows("to be") && told.has_button("Accept"), "nothing checks it: {told:?}");
    let options = [("agent", "@echo"), ("input", r#"{"n": 7}"#)];
    let told = ada.types(&chat.channel, "/agent try", &options).await;
    told.until(|message| message.shows("A trial") && message.shows("7")).await;
    assert_eq!(echo.assigned()[1].data["input"], json!({"n": 7}));
    for agent in ["reader", "echo"] {
        let record = chat.place.agent(agent).await.head.record;
        assert_eq!((record.passed, record.failed), (0, 0), "{agent}");
    }
    assert!(chat.channel.messages().is_empty(), "a trial is nobody else's");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_types_is_offered_what_fits_among_hundreds() {
    let chat = Chat::open().await;
    let agent = chat.steady().await;
    for number in 1..=230 {
        // Nobody listens there: they are only chosen from.
        let endpoint = "http://127.0.0.1:1/".to_owned();
        let definition = agent.definition(&format!("@fence-{number}"), "Paints fences.");
        chat.place.register(AgentDefinition { endpoint, ..definition }).await;
    }
    let ada = chat.client("ada").await;
    let offered = async |command, option, part| {
        let choices = ada.completes(&chat.channel, command, option, part).await;
        let value = |choice: Choice| choice.value.as_str().unwrap_or_default().to_owned();
        choices.into_iter().map(value).collect::<Vec<_>>()
    };
    assert_eq!(offered("/agent show", "agent", "@fence-230").await, ["@fence-230"]);
    assert_eq!(
        offered("/job post", "agent", "E-229").await,
        ["@fence-229"],
        "in any case, anywhere in the name"
    );
    assert_eq!(offered("/agent show", "agent", "fence").await.len(), 25, "as many as Discord takes");
    let first = job_of(&chat.post(&ada, &[], NUMBER).await);
    let second = job_of(&chat.post(&ada, &[], &[("brief", "Say another number")]).await);
    let number = format!("#{first}");
    assert_eq!(offered("/job show", "job", &number).await.first(), Some(&number), "by number");
    assert_eq!(offered("/job show", "job", "another").await, [format!("#{second}")], "by title");
    assert_eq!(offered("/job show", "job", "nothing like it").await, [""; 0]);
}
