//! Front ends on other machines: TLS, tokens, and what is told to those who come otherwise.

use crate::people::scope;
use crate::place::{Place, ended_program, free_port};
use guildhall_protocol::account::{Role, TokenKind};
use guildhall_protocol::client::Client;
use guildhall_protocol::endpoint::Endpoint;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::handshake::Hello;
use guildhall_protocol::view::Status;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// A place that listens to the network, with an authority of its own.
pub(crate) struct Network {
    pub(crate) place: Place,
    pub(crate) port: u16,
    /// Certificates stand here.
    pub(crate) tls: PathBuf,
}

impl Network {
    pub(crate) async fn open(settings: &[&str]) -> Self {
        let mut place = Place::open().await;
        place.stop().await;
        place.guildhalld(&["tls", "init", "--name", "localhost", "--name", "127.0.0.1"]).await;
        let tls = place.folder.path().join("tls");
        let port = free_port();
        let file = |key: &str, name: &str| format!("{key}={}", tls.join(name).display());
        place.set(&[
            &format!("listen=127.0.0.1:{port}"),
            &file("tls_cert", "daemon.pem"),
            &file("tls_key", "daemon.key"),
        ]);
        place.set(settings);
        place.start().await;
        Self { place, port, tls }
    }

    pub(crate) fn endpoint(&self, host: &str) -> Endpoint {
        Endpoint::server(&format!("{host}:{}", self.port), Some(self.tls.join("ca.pem")))
            .expect("an endpoint")
    }

    pub(crate) fn client(&self, token: &str) -> Client {
        let hello = Hello { credential: Some(token.to_owned()), ..Hello::of("test") };
        Client::new(self.endpoint("127.0.0.1"), hello)
    }

    /// Runs `guildhall` in another folder, as on another machine: only with what it was given.
    async fn guildhall(&self, folder: &Path, arguments: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_test-guildhall"));
        command.env_clear().current_dir(folder).args(["--server", &format!("localhost:{}", self.port)]);
        ended_program(command.args(arguments).output().await.expect("it runs"))
    }
}

async fn status(client: &Client) -> Result<Status, ApiError> {
    client.call(|service, context| async move { service.status(context).await }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_posted_over_tls_from_somewhere_else() {
    let network = Network::open(&[]).await;
    network.place.run(&["user", "add", "ada"]).await;
    let made = network.place.guildhalld(&["token", "create", "laptop", "--for", "name:ada"]).await;
    let token = made.lines().next().expect("a token");
    let laptop = tempfile::tempdir().expect("a folder");
    let file = |name: &str| laptop.path().join(name);
    std::fs::copy(network.tls.join("ca.pem"), file("ca.pem")).expect("a copy");
    std::fs::write(file("token"), token).expect("a file");
    let usual = ["--ca", "ca.pem", "--token-file", "token"];
    let with = |arguments: &[&'static str]| [&usual, arguments].concat();

    std::fs::set_permissions(file("token"), Permissions::from_mode(0o644)).expect("a mode");
    let (code, _, told) = network.guildhall(laptop.path(), &with(&["status"])).await;
    assert!(code == 2 && told.contains("chmod 600"), "{told}");
    std::fs::set_permissions(file("token"), Permissions::from_mode(0o600)).expect("a mode");

    let (code, _, told) = network.guildhall(laptop.path(), &with(&["job", "post", "Say hello"])).await;
    assert!(code == 6 && told.contains("guildhall account consent"), "{code} {told}");
    let (_, policy, _) = network.guildhall(laptop.path(), &with(&["account", "privacy"])).await;
    let version = policy.split("Version ").nth(1).and_then(|rest| rest.split('.').next()).expect("a version");
    let consent = [&usual[..], &["account", "consent", version]].concat();
    assert_eq!(network.guildhall(laptop.path(), &consent).await.0, 0);
    let (code, told, complaint) =
        network.guildhall(laptop.path(), &with(&["job", "post", "Say hello"])).await;
    assert!(code == 0, "{told}{complaint}");
    let (_, listed, _) = network.guildhall(laptop.path(), &with(&["job", "list"])).await;
    assert!(listed.contains("Say hello"), "{listed}");

    let (code, _, told) = network.guildhall(laptop.path(), &["--ca", "ca.pem", "status"]).await;
    assert!(code != 0 && told.contains("guildhalld token create"), "without a token: {told}");
    let (code, _, told) = network.guildhall(laptop.path(), &["--token-file", "token", "status"]).await;
    assert!(code == 5 && told.contains("with --ca"), "without its authority: {told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_the_daemon_is_not_taken_for_it() {
    let network = Network::open(&[]).await;
    let token = network.place.token(None, scope(TokenKind::Api, Role::Owner)).await.token;
    let hello = || Hello { credential: Some(token.clone()), ..Hello::of("test") };
    assert!(status(&Client::new(network.endpoint("localhost"), hello())).await.is_ok());
    let by_other_name = Client::new(network.endpoint("127.0.0.2"), hello());
    let error = status(&by_other_name).await.expect_err("its certificate is for others");
    assert!(error.kind == ErrorKind::Unavailable && !error.message.contains(&token), "{error}");

    let plain = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = plain.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = plain.accept().await {
            drop(tokio::io::AsyncWriteExt::write_all(&mut connection, b"HTTP/1.1 400 no\r\n\r\n").await);
        }
    });
    let endpoint = Endpoint::server(&format!("127.0.0.1:{port}"), Some(network.tls.join("ca.pem")));
    let error =
        status(&Client::new(endpoint.expect("an endpoint"), hello())).await.expect_err("it is no daemon");
    assert!(error.message.contains("speaks no TLS"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_show_a_certificate_where_it_is_asked_for() {
    let mut network = Network::open(&[]).await;
    network.place.guildhalld(&["tls", "client", "laptop"]).await;
    let token = network.place.token(None, scope(TokenKind::Api, Role::Owner)).await.token;
    network.place.stop().await;
    network.place.set(&[&format!("tls_client_ca={}", network.tls.join("ca.pem").display())]);
    network.place.start().await;
    assert!(status(&network.client(&token)).await.is_err(), "it shows none");
    let mut endpoint = network.endpoint("127.0.0.1");
    if let Endpoint::Tls(tls) = &mut endpoint {
        tls.identity = Some((network.tls.join("laptop.pem"), network.tls.join("laptop.key")));
    }
    let hello = Hello { credential: Some(token), ..Hello::of("test") };
    assert!(status(&Client::new(endpoint, hello)).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_network_is_not_listened_to_without_a_certificate() {
    let mut place = Place::open().await;
    place.stop().await;
    place.set(&["listen=127.0.0.1:0"]);
    let output = place.daemon_command().arg("serve").output().await.expect("it runs");
    let (code, _, told) = ended_program(output);
    assert!(code == 1 && told.contains("guildhalld tls init"), "{told}");
}
