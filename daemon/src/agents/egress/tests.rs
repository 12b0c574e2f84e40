//! Every spelling of a private address that is known to have passed somebody's guard, and the ways around a guard.

use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

fn refused(endpoint: &str) -> EgressError {
    check(endpoint, &Grants::default(), PrivateAddresses::ByGrant)
        .err()
        .unwrap_or_else(|| panic!("{endpoint} was accepted"))
}

#[test]
fn private_addresses_in_every_spelling() {
    let hosts = [
        "127.0.0.1",
        "127.1",
        "127.255.255.254",
        "0x7f.1",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "017700000001",
        "１２７.０.０.１",
        "0.0.0.0",
        "0",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.127.255.255",
        "169.254.169.254",
        "169.254.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.31.196.1",
        "192.52.193.1",
        "192.88.99.1",
        "192.168.0.1",
        "192.175.48.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "[::]",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::ffff:10.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::1]",
        "[100::1]",
        "[2001::1]",
        "[2001:1ff::1]",
        "[2001:db8::1]",
        "[2002:7f00:1::]",
        "[3fff::1]",
        "[3fff:fff::1]",
        "[fc00::1]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[fec0::1]",
        "[ff02::1]",
        "[4000::1]",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "a.localhost",
        "printer.local",
        "metadata.google.internal",
        "intranet",
        "router.lan",
        "1.0.0.127.in-addr.arpa",
    ];
    for host in hosts {
        let error = refused(&format!("https://{host}/hook"));
        assert!(matches!(error, EgressError::Private { .. }), "{host}: {error}");
    }
}

#[test]
fn public_addresses_pass() {
    for host in [
        "agents.example.com",
        "1.1.1.1",
        "172.32.0.1",
        "100.128.0.1",
        "192.0.1.1",
        "198.20.0.1",
        "[2606:4700::1111]",
        "[2001:200::1]",
        "[2a00::1]",
        "xn--bcher-kva.example",
    ] {
        let endpoint = format!("https://{host}:8443/hook");
        let checked = check(&endpoint, &Grants::default(), PrivateAddresses::ByGrant).expect(host);
        assert!(!checked.granted);
    }
}

#[test]
fn refusals_say_what_to_do() {
    let table = [
        ("agents.example.com/hook", "the endpoint is not a URL: relative URL without a base"),
        (
            "ftp://agents.example.com/",
            "the endpoint uses ftp; only https is allowed, unless an operator grants it (--allow-private)",
        ),
        (
            "http://agents.example.com/",
            "the endpoint uses http; only https is allowed, unless an operator grants it (--allow-private)",
        ),
        (
            "https://user:pass@agents.example.com/",
            "the endpoint holds a user name or password; deliveries are signed instead",
        ),
        ("https://agents.example.com/#top", "the endpoint has a fragment (#...), which is never sent"),
        (
            "https://agents.example.com:22/",
            "port 22 is not allowed for an endpoint: use 443, or one from 1024 up",
        ),
        (
            "https://10.0.0.8:8080/",
            "10.0.0.8 is not a public address; an operator can grant exactly 10.0.0.8:8080 (--allow-private)",
        ),
    ];
    for (endpoint, expected) in table {
        assert_eq!(refused(endpoint).to_string(), expected);
    }
}

#[test]
fn a_grant_is_for_exactly_one_host_and_port() {
    let grants = Grants::new([("127.0.0.1".to_owned(), 8080)]);
    let reach = |endpoint| check(endpoint, &grants, PrivateAddresses::ByGrant).map(|checked| checked.granted);
    assert_eq!(reach("http://127.0.0.1:8080/hook"), Ok(true));
    assert_eq!(reach("http://127.1:8080/other"), Ok(true), "another spelling of the same address");
    for other in
        ["http://127.0.0.1:8081/", "http://127.0.0.2:8080/", "http://localhost:8080/", "http://[::1]:8080/"]
    {
        assert!(reach(other).is_err(), "{other}");
    }
    assert_eq!(reach("https://agents.example.com/"), Ok(false), "others go by the guarded client");
}

#[tokio::test]
async fn a_name_that_leads_to_a_private_address_is_never_connected_to() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a canary");
    let port = listener.local_addr().expect("its address").port();
    let egress = Egress::new().expect("clients");
    // What a name under somebody's control may lead to; the check of the text is passed by on purpose.
    let url = Url::parse(&format!("https://localhost:{port}/")).expect("a URL");
    let checked = Checked { url: url.clone(), granted: false };
    let error = egress.client(&checked).get(url).send().await.expect_err("it is refused");
    let mut story = format!("{error}");
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        story = format!("{story}: {cause}");
        source = cause.source();
    }
    assert!(story.contains("leads to addresses that are not public"), "{story}");
    let canary = tokio::time::timeout(Duration::from_millis(1), listener.accept()).await;
    assert!(canary.is_err(), "somebody connected");
}

#[tokio::test]
async fn redirects_are_not_followed_and_bodies_not_unpacked() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("an agent");
    let address = listener.local_addr().expect("its address");
    let agent = tokio::spawn(async move {
        let mut heads = Vec::new();
        for reply in [
            format!(
                "HTTP/1.1 302 Found\r\nlocation: http://{address}/again\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            ),
            "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\nconnection: close\r\n\r\nZZZZ"
                .to_owned(),
        ] {
            let (mut stream, _) = listener.accept().await.expect("a caller");
            let mut head = [0; 2048];
            let read = stream.read(&mut head).await.expect("a request");
            heads.push(String::from_utf8_lossy(&head[..read]).to_lowercase());
            stream.write_all(reply.as_bytes()).await.expect("it takes the reply");
        }
        heads
    });
    let egress = Egress::new().expect("clients");
    let grants = Grants::new([("127.0.0.1".to_owned(), address.port())]);
    let endpoint = format!("http://{address}/hook");
    let checked = check(&endpoint, &grants, PrivateAddresses::ByGrant).expect("it is granted");
    let client = egress.client(&checked);
    let first = client.get(checked.url.clone()).send().await.expect("an answer");
    assert_eq!(first.status(), 302);
    assert!(came_from_allowed(&checked, first.remote_addr()));
    assert!(!came_from_allowed(&Checked { granted: false, ..checked.clone() }, first.remote_addr()));
    let second = client.get(checked.url.clone()).send().await.expect("an answer");
    assert_eq!(second.bytes().await.expect("its body").as_ref(), b"ZZZZ");
    for head in agent.await.expect("the agent ends") {
        assert!(!head.contains("accept-encoding") && !head.contains("referer"), "{head}");
    }
}
