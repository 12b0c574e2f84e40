//! Peers who mean no good, on the socket and on the network: each ends its own connection only, and a caller beside them
//! goes on.

use crate::network::Network;
use crate::people::scope;
use crate::place::PATIENCE;
use guildhall_protocol::account::{Role, TokenKind};
use guildhall_protocol::client::Client;
use guildhall_protocol::endpoint::{Connection, Endpoint};
use guildhall_protocol::error::ErrorKind;
use guildhall_protocol::handshake::{Hello, Welcome};
use guildhall_protocol::transport;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Both ways in.
fn ways(network: &Network) -> [Endpoint; 2] {
    [Endpoint::from(network.place.folder.path().join("s.sock")), network.endpoint("127.0.0.1")]
}

async fn connect(endpoint: &Endpoint) -> Box<dyn Connection> {
    endpoint.connect().await.expect("it is taken")
}

/// Waits until the daemon has hung up, whatever it says before.
async fn hangs_up(connection: &mut (impl AsyncReadExt + Unpin)) {
    let mut said = Vec::new();
    let ended = tokio::time::timeout(PATIENCE, connection.read_to_end(&mut said)).await;
    // A connection that is reset has ended, too.
    drop(ended.expect("the daemon hangs up"));
}

async fn goes_on(client: &Client, what: &str) {
    let status = client.call(|service, context| async move { service.status(context).await }).await;
    status.unwrap_or_else(|error| panic!("after {what}: {error}"));
}

fn frame(length: u32, bytes: &[u8]) -> Vec<u8> {
    [&length.to_be_bytes(), bytes].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_breaks_the_handshake_is_alone() {
    let network = Network::open(&[]).await;
    let token = network.place.token(None, scope(TokenKind::Api, Role::Owner)).await.token;
    let normal = network.client(&token);
    goes_on(&normal, "nothing").await;
    for endpoint in ways(&network) {
        for (what, bytes) in [
            ("a header of 1 GiB", frame(1 << 30, b"")),
            ("a frame over the limit", frame(4_097, &[b' '; 4_097])),
            ("no JSON", frame(4, b"{{{{")),
            ("another JSON", frame(4, b"[[]]")),
            ("JSON of great depth", frame(4_000, &[b'['; 4_000])),
            ("an empty frame", frame(0, b"")),
            ("a web request", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ] {
            let mut connection = connect(&endpoint).await;
            connection.write_all(&bytes).await.expect("it is sent");
            connection.flush().await.expect("it is sent");
            hangs_up(&mut connection).await;
            goes_on(&normal, what).await;
        }
        let mut half = connect(&endpoint).await;
        half.write_all(&frame(100, b"{")).await.expect("it is sent");
        half.shutdown().await.expect("it is closed");
        hangs_up(&mut half).await;
        goes_on(&normal, "half a frame").await;
    }
    for bytes in [b"GET / HTTP/1.1\r\n\r\n".to_vec(), vec![0x16; 2_000], frame(1 << 30, b"")] {
        let mut plain = TcpStream::connect(("127.0.0.1", network.port)).await.expect("it is taken");
        plain.write_all(&bytes).await.expect("it is sent");
        hangs_up(&mut plain).await;
        goes_on(&normal, "plain text on the network").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_who_say_nothing_keep_nobody_out() {
    let network = Network::open(&[]).await;
    let token = network.place.token(None, scope(TokenKind::Api, Role::Owner)).await.token;
    let normal = network.client(&token);
    goes_on(&normal, "nothing").await;
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(TcpStream::connect(("127.0.0.1", network.port)).await.expect("it is taken"));
    }
    goes_on(&normal, "300 silent connections").await;
    goes_on(&network.client(&token), "300 silent connections, with a new one").await;
    goes_on(&network.place.client, "300 silent connections, on the socket").await;
    // The first gave way to those who came later; the last is turned away when its time is up.
    for mut connection in [silent.remove(0), silent.pop().expect("many")] {
        hangs_up(&mut connection).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_call_ends_the_connection_that_made_it() {
    let network = Network::open(&[]).await;
    let token = network.place.token(None, scope(TokenKind::Api, Role::Owner)).await.token;
    let normal = network.client(&token);
    for endpoint in ways(&network) {
        for (what, bytes) in [
            ("a header of 1 GiB", frame(1 << 30, b"")),
            ("a frame over the limit", frame(2 * 1024 * 1024 + 1, b"")),
            ("no JSON", frame(4, b"{{{{")),
            ("a hello again", frame(2, b"{}")),
        ] {
            let mut connection = connect(&endpoint).await;
            let hello = Hello { credential: Some(token.clone()), ..Hello::of("test") };
            let welcome = transport::greet(&mut connection, &hello).await.expect("a welcome");
            assert!(matches!(welcome, Welcome::Accepted { .. }), "{welcome:?}");
            connection.write_all(&bytes).await.expect("it is sent");
            connection.flush().await.expect("it is sent");
            hangs_up(&mut connection).await;
            goes_on(&normal, what).await;
        }
        let mut connection = connect(&endpoint).await;
        let hello = Hello { credential: Some(token.clone()), ..Hello::of("test") };
        transport::greet(&mut connection, &hello).await.expect("a welcome");
        // A deadline that no clock can hold.
        let call = r#"{"Request":{"context":{"deadline":{"secs":18446744073709551615,"nanos":0},"trace_context":{"trace_id":0,"span_id":0,"sampling_decision":"Unsampled"}},"id":1,"message":{"Status":{}}}}"#;
        let length = u32::try_from(call.len()).expect("it is short");
        connection.write_all(&frame(length, call.as_bytes())).await.expect("it is sent");
        connection.shutdown().await.expect("it is closed");
        hangs_up(&mut connection).await;
        goes_on(&normal, "an absurd deadline").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_makes_too_many_calls_or_connections_is_told_and_others_go_on() {
    let network = Network::open(&["calls_per_s=5", "connections_per_user_max=3"]).await;
    let grace = network.place.person("grace", Role::Owner).await;
    let token = network.place.token(Some("name:grace"), scope(TokenKind::Api, Role::Owner)).await.token;
    let other = network.place.token(None, scope(TokenKind::Api, Role::Owner)).await.token;
    let normal = network.client(&other);
    goes_on(&normal, "nothing").await;
    let mut refused = Vec::new();
    for _ in 0..30 {
        let answer = grace.client.call(|service, context| async move { service.status(context).await }).await;
        refused.extend(answer.err());
    }
    let first = refused.first().expect("30 calls are more than 5 a second");
    assert_eq!(first.kind, ErrorKind::Limited);
    assert!(first.message.contains("try again in"), "{first}");
    goes_on(&normal, "a flood of calls").await;

    let mut held = Vec::new();
    let told = loop {
        let client = network.client(&token);
        match client.principal().await {
            Ok(_) => held.push(client),
            Err(error) => break error,
        }
        assert!(held.len() < 3, "one more than the most");
    };
    assert!(told.message.contains("3 connections already"), "{told}");
    goes_on(&normal, "a flood of connections").await;
    goes_on(&network.place.client, "a flood of connections").await;
}
