//! After a busy run, no secret is anywhere: not in what people were told, not in the log, not in the store.

use crate::bot_agents::{look, press, secrets_on};
use crate::cast::number_from;
use crate::linking::code;
use crate::people::scope;
use crate::place::Place;
use crate::thinking::VERSES;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use guildhall_protocol::account::{Role, TokenKind};
use guildhall_protocol::agent::AgentState;
use guildhall_protocol::ids::EventId;
use guildhall_tests::fake_agent::{Answer, FakeAgent};
use guildhall_tests::fake_chat::{FakeChat, MODEL, Says};
use guildhall_tests::fake_issuer::{FakeIssuer, SigningKey};
use guildhall_tests::fake_openai::{FakeOpenAi, Reply};
use guildhall_tests::hook::Hook;
use serde_json::json;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

const AGENT_KEY: &str = "sk-agent-4b825dc642cb6eb9a060e54bf8d69288";

/// What nobody may read anywhere, with a name for it.
struct Secrets(Vec<(String, Vec<u8>)>);

impl Secrets {
    fn add(&mut self, name: &str, text: &str) {
        assert!(text.len() >= 8, "{name} is no secret");
        self.0.push((name.to_owned(), text.as_bytes().to_vec()));
        // The bytes behind the text are as good.
        if let Some(bytes) = text.strip_prefix("whsec_").and_then(|text| STANDARD.decode(text).ok()) {
            self.0.push((format!("the bytes of {name}"), bytes));
        }
    }

    /// Every secret word of a text.
    fn add_words(&mut self, name: &str, text: &str) {
        let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || c == '"').collect();
        let secret = words.iter().filter(|word| word.starts_with("whsec_") || word.starts_with("hall_"));
        let found: Vec<&&str> = secret.collect();
        assert!(!found.is_empty(), "{name}: {text}");
        for word in found {
            self.add(name, word);
        }
    }

    fn are_not_in(&self, place: &str, bytes: &[u8]) {
        for (name, secret) in &self.0 {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_slice());
            assert!(!found, "{name} is in {place}");
        }
    }
}

/// Has an agent's secrets replaced behind a link, with one that nobody opens before it; what the page shows.
async fn open_link(place: &Place, secrets: &mut Secrets) -> String {
    let mut page = String::new();
    for name in ["a link that ends", "a link to secrets"] {
        let agent = "@sum".parse().expect("a name");
        let link = place
            .client
            .call(|service, context| async move { service.secret_link(context, agent, 0).await })
            .await
            .expect("it is theirs");
        secrets.add(name, link.url.rsplit('/').next().expect("a code"));
        assert!(!format!("{link:?}").contains("http"), "it is printed without its address");
        let (status, shown) = look(&link.url).await;
        secrets.are_not_in("a page that only asks", shown.as_bytes());
        assert_eq!(status, 200);
        if name == "a link to secrets" {
            page = press(&link.url).await.1;
            assert_eq!(press(&link.url).await.0, 410);
        }
    }
    page
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one busy day")]
async fn no_secret_is_anywhere_after_a_busy_run() {
    let mut secrets = Secrets(Vec::new());
    let models = FakeOpenAi::start(|_| Reply::Sensible).await;
    let (key, issuer) = {
        let key = SigningKey::ed25519("k1", 1);
        let issuer = FakeIssuer::start(&[&key]).await;
        (key, issuer)
    };
    let mut place = Place::open_thinking(
        &models,
        &[&format!("oidc_issuer={}", issuer.url), "oidc_audience=guildhall", "public_listen=127.0.0.1:0"],
    )
    .await;
    secrets.add("the key of the models", models.key());
    let log = place.log_to_file("trace");
    place.stop().await;
    place.start().await;
    let master = std::fs::read(place.folder.path().join("master.key")).expect("a key");
    secrets.0.push(("the master key".to_owned(), master.trim_ascii().to_vec()));

    // Agents of both kinds, their old secrets and their new ones; a webhook; tokens; a sign-in; a code.
    let agent = FakeAgent::start(|_| Answer::Output(json!(VERSES))).await;
    let definition = serde_json::to_string(&agent.definition("@sum", "Says verses.")).expect("JSON");
    let file = place.folder.path().join("agent.json");
    std::fs::write(&file, definition).expect("a file");
    let file = file.to_str().expect("a path");
    let told =
        place.run(&["agent", "register", "--file", file, "--allow-private", "--audience", "public"]).await;
    secrets.add_words("a first secret of an agent", &told);
    let told = place.run(&["agent", "rotate-secret", "@sum", "--json"]).await;
    secrets.add_words("a second secret of an agent", &told);
    let rotated: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    let secret = |name: &str| rotated[name].as_str().expect("a secret").to_owned();
    agent.trust(&secret("delivery_secret"), &secret("callback_secret"));
    place.until_agent("sum", AgentState::Active).await;
    let page = open_link(&place, &mut secrets).await;
    let [delivery, callback] = secrets_on(&page);
    secrets.add("a third secret of an agent", &delivery);
    secrets.add("a third secret of its callbacks", &callback);
    agent.trust(&delivery, &callback);
    let chat = FakeChat::start(AGENT_KEY, |_| Says::Text(VERSES.to_owned())).await;
    let written = |name: &str, text: &str| {
        let path = place.folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("a mode");
        path.to_str().expect("a path").to_owned()
    };
    let (prompt, key_file) = (written("prompt.md", "Says verses."), written("agent.key", AGENT_KEY));
    let base_url = chat.base_url();
    let register = [
        "agent",
        "register",
        "@chat",
        "--kind",
        "chat",
        "--base-url",
        &base_url,
        "--model",
        MODEL,
        "--prompt-file",
        &prompt,
        "--key-file",
        &key_file,
        "--allow-private",
        "--audience",
        "public",
    ];
    place.run(&register).await;
    secrets.add("the key of a chat agent", AGENT_KEY);
    place.until_agent("chat", AgentState::Active).await;
    let hook = Hook::start().await;
    let told = place.run(&["notices", "settings", "--webhook", &hook.url, "--allow-private"]).await;
    secrets.add_words("the secret of a webhook", &told);
    let token = place.token(None, scope(TokenKind::Api, Role::Admin)).await.token;
    place.client_with(&token, None).principal().await.expect("they get in");
    secrets.add("a token", &token);
    let wrong = format!("{}x", &token[..token.len() - 1]);
    let refusal = place.client_with(&wrong, None).principal().await.expect_err("it is mistyped").to_string();
    secrets.add("a token that is wrong", &wrong);
    let seconds = guildhall_protocol::time::Timestamp::now().0 / 1_000;
    let signed =
        key.sign(&json!({"iss": issuer.url, "sub": "ada", "aud": "guildhall", "exp": seconds + 600}));
    place.client_with(&signed, None).principal().await.expect("they get in");
    secrets.add("a sign-in", &signed);
    let linking = code(&place.client).await.expect("a code").code;
    secrets.add("a code", &linking);

    // Work that succeeds, and work that does not.
    let mut numbers = Vec::new();
    for agent in ["@sum", "@chat"] {
        let job = place.post(number_from(&[agent])).await.expect("it is posted");
        place.ended(job).await;
        numbers.push(job.to_string());
    }
    chat.change_key("sk-another-0123456789abcdef");
    let job = place.post(number_from(&["@chat"])).await.expect("it is posted");
    place
        .until_story(job, |story| {
            story
                .attempts
                .iter()
                .any(|attempt| attempt.state.known().is_some_and(|state| state.ended().is_some()))
        })
        .await;
    numbers.push(job.to_string());

    let mut told = refusal;
    for agent in ["@sum", "@chat"] {
        for words in [
            &["agent", "show", agent, "--json"][..],
            &["agent", "export", agent],
            &["agent", "log", agent, "--full"],
            &["agent", "log", agent, "--json"],
            &["agent", "test", agent, "--json"],
        ] {
            let (_, said, complaint) = place.guildhall(words).await;
            told += &(said + &complaint);
        }
    }
    for number in &numbers {
        told += &place.run(&["job", "show", number, "--json"]).await;
    }
    for words in [
        &["notices", "list", "--all", "--json"][..],
        &["notices", "settings", "--json"],
        &["account", "show", "--json"],
        &["whoami", "--json"],
        &["user", "list", "--json"],
        &["llm", "status", "--json"],
        &["status", "--json"],
        &["inbox", "--json"],
    ] {
        told += &place.run(words).await;
    }
    for words in [&["config", "show"][..], &["token", "list"], &["privacy"]] {
        told += &place.guildhalld(words).await;
    }
    let feed =
        place.client.call(|service, context| async move { service.events(context, EventId(0), 500).await });
    told += &format!("{:?}", feed.await.expect("an admin may"));
    secrets.are_not_in("what people are told", told.as_bytes());

    place.stop().await;
    let mut files = 0;
    for name in ["guildhall.db", "guildhall.db-wal", "guildhall.db-shm"] {
        if let Ok(bytes) = std::fs::read(place.folder.path().join(name)) {
            secrets.are_not_in(name, &bytes);
            files += 1;
        }
    }
    let log = std::fs::read(&log).expect("a log");
    secrets.are_not_in("the log", &log);
    assert!(files > 0 && log.len() > 10_000 && secrets.0.len() > 12, "there is something to look through");
}
