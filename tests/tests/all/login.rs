//! Signing in with `guildhall login` at a real provider, over TLS, from another folder than the daemon's.

use crate::network::Network;
use crate::place::{PATIENCE, ended_program};
use guildhall_tests::oidc_provider::{Browser, OidcProvider};
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// Somebody with a machine of their own: the authority of the daemon's certificate, and nothing else.
struct Visitor<'a> {
    network: &'a Network,
    home: tempfile::TempDir,
}

impl<'a> Visitor<'a> {
    fn of(network: &'a Network) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        std::fs::copy(network.tls.join("ca.pem"), home.path().join("ca.pem")).expect("a copy");
        Self { network, home }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_test-guildhall"));
        command.env_clear().env("HOME", self.home.path()).current_dir(self.home.path());
        command.args(["--server", &format!("localhost:{}", self.network.port), "--ca", "ca.pem"]);
        command.args(arguments).kill_on_drop(true);
        command
    }

    async fn guildhall(&self, arguments: &[&str]) -> (i32, String, String) {
        ended_program(self.command(arguments).output().await.expect("it runs"))
    }

    async fn run(&self, arguments: &[&str]) -> String {
        let (code, told, complaint) = self.guildhall(arguments).await;
        assert_eq!(code, 0, "guildhall {}: {told}{complaint}", arguments.join(" "));
        told
    }

    /// `guildhall login`, with a browser on the page that it names; what it says in the end, and what the browser shows.
    async fn login(&self, person: &str) -> (String, String) {
        let mut login = self
            .command(&["login", "--no-browser", "--port", "0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        let mut lines = BufReader::new(login.stderr.take().expect("a pipe")).lines();
        let page = loop {
            let line =
                tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("in time").expect("text");
            let line = line.expect("it names a page");
            if let Some(at) = line.find("http://") {
                let rest = &line[at..];
                break rest.split_whitespace().next().expect("an address").trim_end_matches(',').to_owned();
            }
        };
        let shown = Browser::of(person).open(&page).await;
        let ended = tokio::time::timeout(PATIENCE, login.wait_with_output()).await;
        let (code, told, _) = ended_program(ended.expect("it ends").expect("it ran"));
        assert_eq!(code, 0, "{told} {:?} {shown}", lines.next_line().await);
        (told, shown)
    }

    fn sign_in_file(&self) -> std::path::PathBuf {
        let folder = self.home.path().join(".local/state/guildhall/sign-in");
        let mut files =
            std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
        files.find(|path| path.extension().is_some_and(|end| end == "json")).expect("a file")
    }
}

/// A daemon whose people sign in at a provider; none where there is no provider.
async fn open(options: &[&str]) -> Option<(OidcProvider, Network)> {
    let provider = OidcProvider::start(options).await?;
    let issuer = format!("oidc_issuer={}", provider.url);
    let client = format!("oidc_client_id={}", provider.client_id);
    let network = Network::open(&[&issuer, &client]).await;
    Some((provider, network))
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::MetadataExt;
    path.metadata().expect("it is there").mode() & 0o777
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_signs_in_with_a_code_and_posts_a_job() {
    let Some((provider, network)) = open(&["device"]).await else { return };
    let ada = Visitor::of(&network);
    let (code, _, told) = ada.guildhall(&["job", "post", "Say hello"]).await;
    assert!(code != 0 && told.contains("`guildhall login` signs you in"), "{told}");

    let (told, _) = ada.login("ada").await;
    assert!(told.contains("as ada of the provider (user") && told.contains("owner)"), "{told}");
    let whoami = ada.run(&["whoami"]).await;
    assert!(whoami.contains("ada of the provider") && whoami.contains(&provider.url), "{whoami}");
    let file = ada.sign_in_file();
    assert_eq!((mode(&file), mode(file.parent().expect("a folder"))), (0o600, 0o700));

    let policy = ada.run(&["account", "privacy"]).await;
    let version = policy.split("Version ").nth(1).and_then(|rest| rest.split('.').next()).expect("a version");
    ada.run(&["account", "consent", version]).await;
    ada.run(&["job", "post", "Say hello"]).await;
    assert!(ada.run(&["job", "list"]).await.contains("Say hello"));
    let bob = Visitor::of(&network);
    bob.login("bob").await;
    assert!(!bob.run(&["job", "list"]).await.contains("Say hello"), "a private job is its client's");

    assert!(ada.run(&["logout"]).await.contains("signed out"));
    assert!(!file.exists());
    let (code, _, told) = ada.guildhall(&["job", "list"]).await;
    assert!(code != 0 && told.contains("`guildhall login` signs you in"), "{told}");
    assert!(ada.run(&["logout"]).await.contains("nobody was signed in"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_codes_a_browser_on_this_machine_signs_in() {
    let Some((_provider, network)) = open(&[]).await else { return };
    let ada = Visitor::of(&network);
    let (told, shown) = ada.login("ada").await;
    assert!(told.contains("as ada of the provider"), "{told}");
    assert!(shown.contains("You are signed in"), "{shown}");
    assert!(ada.run(&["--json", "whoami"]).await.contains("\"role\":\"owner\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_is_renewed_once_however_many_need_it() {
    // Each token lives so shortly that it is renewed within this test.
    let Some((_provider, network)) = open(&["3"]).await else { return };
    let ada = Visitor::of(&network);
    ada.login("ada").await;
    let kept = || std::fs::read_to_string(ada.sign_in_file()).expect("it is kept");
    for _ in 0..2 {
        let before = kept();
        let json: serde_json::Value = serde_json::from_str(&before).expect("JSON");
        let renew_at = json["renew_at"].as_i64().expect("a time");
        let is_due = || guildhall_protocol::time::Timestamp::now().0 / 1_000 >= renew_at;
        network.place.until_met(is_due).await;
        // A refresh token is good once: if two of these used the same, the provider would end the sign-in.
        let runs = (0..4).map(|_| ada.run(&["whoami"]));
        for told in futures::future::join_all(runs).await {
            assert!(told.contains("ada of the provider"), "{told}");
        }
        assert_ne!(kept(), before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_ended_says_what_to_do() {
    let Some((provider, network)) = open(&["3"]).await else { return };
    let ada = Visitor::of(&network);
    ada.login("ada").await;
    drop(provider);
    let json: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(ada.sign_in_file()).expect("it is kept"))
            .expect("JSON");
    let expires_at = json["expires_at"].as_i64().expect("a time");
    network.place.until_met(|| guildhall_protocol::time::Timestamp::now().0 / 1_000 > expires_at).await;
    let (code, _, told) = ada.guildhall(&["whoami"]).await;
    assert!(code == 5 && told.contains("does not answer"), "{code} {told}");
    std::fs::write(ada.sign_in_file(), "{").expect("it is written");
    let (code, _, told) = ada.guildhall(&["whoami"]).await;
    assert!(code == 5 && told.contains("`guildhall login` makes a new one"), "{code} {told}");
    let (code, _, told) = ada.guildhall(&["login", "--no-browser"]).await;
    assert!(code == 5 && told.contains("does not answer"), "{code} {told}");
    assert!(ada.run(&["logout"]).await.contains("nobody was signed in"));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_can_sign_in_login_says_so() {
    let network = Network::open(&[]).await;
    let (code, _, told) = Visitor::of(&network).guildhall(&["login"]).await;
    assert!(
        code == 1 && told.contains("signs nobody in") && told.contains("oidc_client_id"),
        "{code} {told}"
    );
}
