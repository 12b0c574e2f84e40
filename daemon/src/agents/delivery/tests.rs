//! Each way in which an endpoint can misbehave, over real sockets: what it is taken for, and at which step.

use super::*;
use crate::agents::signing::SigningSecret;
use std::future::Future;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const BYTES_MAX: usize = 10_000;

/// Reads one request: its head, and its body by the length that it names.
async fn read_request(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let read = stream.read(&mut chunk).await.expect("a request");
        assert!(read > 0, "the request ended early");
        bytes.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        let Some(end) = text.find("\r\n\r\n") else { continue };
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
        let length: usize = length.trim().parse().expect("a number");
        if bytes.len() >= end + 4 + length {
            return (text[..end].to_owned(), bytes[end + 4..].to_vec());
        }
    }
}

fn courier() -> Courier {
    Courier::new(Egress::new().expect("clients"), PrivateAddresses::ByGrant, BYTES_MAX)
}

/// Delivers one message to an endpoint that answers one connection as told, with time enough for a busy machine.
async fn deliver_to<F: Future<Output = ()> + Send + 'static>(
    answer: impl FnOnce(TcpStream) -> F + Send + 'static,
) -> (Delivered, DeliveryLog, (String, Vec<u8>)) {
    deliver_within(Duration::from_secs(30), answer).await
}

/// The same, with this time for the exchange.
async fn deliver_within<F: Future<Output = ()> + Send + 'static>(
    time_limit: Duration,
    answer: impl FnOnce(TcpStream) -> F + Send + 'static,
) -> (Delivered, DeliveryLog, (String, Vec<u8>)) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("an endpoint");
    let port = listener.local_addr().expect("its address").port();
    let agent = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a caller");
        let request = read_request(&mut stream).await;
        tokio::spawn(async move { tokio::time::timeout(Duration::from_secs(30), answer(stream)).await });
        request
    });
    let grants = Grants::new([("127.0.0.1".to_owned(), port)]);
    let endpoint = format!("http://127.0.0.1:{port}/hook");
    let secret = SigningSecret::from_random([5; 32]);
    let exchange = Exchange { time_limit, ..exchange(&endpoint, &grants, &secret) };
    let (outcome, log) = courier().deliver(exchange).await;
    (outcome, log, agent.await.expect("the agent ends"))
}

fn exchange<'a>(endpoint: &'a str, grants: &'a Grants, secret: &'a SigningSecret) -> Exchange<'a> {
    Exchange {
        endpoint,
        grants,
        speech: Speech::Native(std::slice::from_ref(secret)),
        kind: MessageType::JobAssigned,
        id: "att_aaaaaa_1_1",
        now: Timestamp::now(),
        deadline: Some(Timestamp(1_795_390_000_000)),
        trace: (0xab, 0xcd),
        body: br#"{"contract":1,"it's":"data"}"#.to_vec(),
        time_limit: SHORT,
        keep_reply: true,
    }
}

fn http(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
        .into_bytes()
}

/// Time for exchanges that are meant to run out of it.
const SHORT: Duration = Duration::from_millis(1_500);
const JSON: &str = "content-type: application/json\r\n";

async fn answer_with(bytes: Vec<u8>) -> (Delivered, DeliveryLog, (String, Vec<u8>)) {
    deliver_to(move |mut stream| async move {
        stream.write_all(&bytes).await.expect("it takes the reply");
    })
    .await
}

#[tokio::test]
async fn a_good_answer_and_what_the_agent_saw() {
    let (outcome, log, (head, body)) = answer_with(http("200 OK", JSON, r#"{"output": [1]}"#)).await;
    assert_eq!(outcome, Delivered::Reply(Reply::Output(serde_json::from_str("[1]").expect("JSON"))));
    assert_eq!(
        (log.failed_step, log.status, log.summary.as_str()),
        (None, Some(200), "answered with 3 bytes")
    );
    assert_eq!(log.reply_head, r#"{"output": [1]}"#);
    for line in [
        "post /hook http/1.1",
        "webhook-id: att_aaaaaa_1_1",
        "guildhall-deadline: 2026-11-22t23:26:40z",
        "traceparent: 00-000000000000000000000000000000ab-00000000000000cd-01",
        "content-type: application/json",
    ] {
        assert!(head.lines().any(|seen| seen == line), "{line} is not in\n{head}");
    }
    let header =
        |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).expect(name).trim().to_owned();
    let seconds: i64 = header("webhook-timestamp:").parse().expect("seconds");
    let expected =
        SigningSecret::from_random([5; 32]).sign("att_aaaaaa_1_1", seconds, &body).expect("it signs");
    assert_eq!(header("webhook-signature:"), expected.to_lowercase());
    assert!(log.curl.contains(&expected) && log.curl.contains(r"it'\''s"), "{}", log.curl);
    assert!(!log.curl.contains(&SigningSecret::from_random([5; 32]).reveal()), "{}", log.curl);
}

#[tokio::test]
async fn each_misbehavior_is_told_from_the_others() {
    use FailedStep::{Body, Size, Status, Type};
    let deep = format!("{{\"output\":{}{}}}", "[".repeat(129), "]".repeat(129));
    let large = format!("{{\"output\":\"{}\"}}", "x".repeat(BYTES_MAX));
    let table: [(&str, Vec<u8>, FailedStep, &str); 12] = [
        ("later", http("503 Busy", "retry-after: 7\r\n", "busy"), Status, "asks to come later (503), in 7 s"),
        ("gone", http("410 Gone", "", ""), Status, "is gone (410)"),
        ("refused", http("401 No", "", ""), Status, "refused the request (401)"),
        ("server error", http("500 Oops", "", "<h1>"), Status, "unclear: the agent answered 500"),
        (
            "redirect",
            http("302 Found", "location: http://127.0.0.1:1/\r\n", ""),
            Status,
            "the agent answered with a redirect (302), which is not followed",
        ),
        (
            "html",
            http("200 OK", "content-type: text/html\r\n", "{}"),
            Type,
            "the answer is text/html, not application/json",
        ),
        (
            "packed",
            http("200 OK", "content-type: application/json\r\ncontent-encoding: gzip\r\n", "zzz"),
            Type,
            "the answer is packed (content-encoding), which is not unpacked",
        ),
        ("no JSON", http("200 OK", JSON, "{"), Body, "the answer is not JSON"),
        ("deep", http("200 OK", JSON, &deep), Body, "recursion limit exceeded"),
        ("two keys", http("200 OK", JSON, r#"{"output":1,"declined":"x"}"#), Body, "two meanings"),
        ("empty", http("200 OK", JSON, ""), Body, "the answer is not JSON"),
        ("large", http("200 OK", JSON, &large), Size, "larger than 10000 bytes"),
    ];
    for (name, reply, step, summary) in table {
        let (_, log, _) = answer_with(reply).await;
        assert_eq!(log.failed_step, Some(step), "{name}: {log:?}");
        assert!(log.summary.contains(summary), "{name}: {log:?}");
    }
}

#[tokio::test]
async fn a_lost_connection_and_a_slow_one_are_unclear() {
    let unclear = |outcome: Delivered, log: DeliveryLog| {
        assert!(matches!(outcome, Delivered::Reply(Reply::Unclear { .. })), "{outcome:?}");
        assert_eq!(log.failed_step, Some(FailedStep::Exchange), "{log:?}");
        log.summary
    };
    let (outcome, log, _) = deliver_to(|stream| async move { drop(stream) }).await;
    unclear(outcome, log);

    let cut = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{\"output\""
        .to_vec();
    let (outcome, log, _) = answer_with(cut).await;
    unclear(outcome, log);

    // A byte now and then would outlive any limit on the single read.
    let (outcome, log, _) = deliver_within(SHORT, |mut stream| async move {
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n";
        let mut sent = stream.write_all(head).await;
        let mut beat = tokio::time::interval(Duration::from_millis(50));
        while sent.is_ok() {
            beat.tick().await;
            sent = stream.write_all(b" ").await;
        }
    })
    .await;
    assert_eq!(unclear(outcome, log), "unclear: no answer within 1500 ms");

    let (outcome, log, _) = deliver_within(SHORT, |stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    assert_eq!(unclear(outcome, log), "unclear: no answer within 1500 ms");
}

#[tokio::test]
async fn an_endless_answer_is_cut() {
    let (outcome, log, _) = deliver_to(|mut stream| async move {
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
        let mut sent = stream.write_all(head).await;
        while sent.is_ok() {
            sent = stream.write_all(b"10\r\n0123456789abcdef\r\n").await;
        }
    })
    .await;
    assert_eq!(outcome, Delivered::TooLarge { bytes_max: BYTES_MAX });
    assert_eq!(log.failed_step, Some(FailedStep::Size));
}

#[tokio::test]
async fn what_never_left_is_not_connected() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    drop(listener);
    let endpoint = format!("http://127.0.0.1:{port}/");
    let secret = SigningSecret::from_random([5; 32]);
    let granted = Grants::new([("127.0.0.1".to_owned(), port)]);
    for (grants, step) in [(granted, FailedStep::Connect), (Grants::default(), FailedStep::Guard)] {
        let (outcome, log) = courier().deliver(exchange(&endpoint, &grants, &secret)).await;
        assert!(matches!(outcome, Delivered::NotConnected { .. }), "{outcome:?}");
        assert_eq!(log.failed_step, Some(step), "{log:?}");
    }
}

#[tokio::test]
async fn names_and_certificates_fail_at_their_own_step() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("an endpoint");
    let port = listener.local_addr().expect("its address").port();
    let agent = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a caller");
        stream
            .write_all(b"this is no TLS at all, and long enough to be read as a record")
            .await
            .expect("it takes it");
    });
    let secret = SigningSecret::from_random([5; 32]);
    let name = "no-such-name.invalid".to_owned();
    let grants = Grants::new([("127.0.0.1".to_owned(), port), (name.clone(), port)]);
    for (scheme, host, step) in [("https", "127.0.0.1", FailedStep::Tls), ("http", &name, FailedStep::Dns)] {
        let endpoint = format!("{scheme}://{host}:{port}/");
        let (outcome, log) = courier().deliver(exchange(&endpoint, &grants, &secret)).await;
        assert!(matches!(outcome, Delivered::NotConnected { .. }), "{outcome:?}");
        assert_eq!(log.failed_step, Some(step), "{log:?}");
    }
    agent.await.expect("the agent ends");
}

#[tokio::test]
async fn a_reply_is_not_kept_before_the_challenge_passed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("an endpoint");
    let port = listener.local_addr().expect("its address").port();
    let agent = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a caller");
        read_request(&mut stream).await;
        stream.write_all(&http("403 No", "", "internal: secret page")).await.expect("it takes the reply");
    });
    let grants = Grants::new([("127.0.0.1".to_owned(), port)]);
    let endpoint = format!("http://127.0.0.1:{port}/");
    let secret = SigningSecret::from_random([5; 32]);
    let probe = Exchange {
        keep_reply: false,
        kind: MessageType::AgentChallenge,
        ..exchange(&endpoint, &grants, &secret)
    };
    let (_, log) = courier().deliver(probe).await;
    assert_eq!((log.status, log.reply_head.as_str()), (Some(403), ""));
    agent.await.expect("the agent ends");
}

#[tokio::test]
async fn a_chat_endpoint_gets_its_key_and_nobody_else_does() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("an endpoint");
    let port = listener.local_addr().expect("its address").port();
    let agent = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a caller");
        let (head, _) = read_request(&mut stream).await;
        let body = r#"{"choices": [{"message": {"content": "SK-0123456789-abc and sk-0123456789-abc"}}]}"#;
        stream.write_all(&http("200 OK", JSON, body)).await.expect("it takes the reply");
        head
    });
    let grants = Grants::new([("127.0.0.1".to_owned(), port)]);
    let endpoint = format!("http://127.0.0.1:{port}/v1");
    let secret = SigningSecret::from_random([5; 32]);
    let key = "sk-0123456789-abc".parse().expect("a key");
    let speech = Speech::Chat { key: &key, structured: false };
    let exchange =
        Exchange { speech, time_limit: Duration::from_secs(30), ..exchange(&endpoint, &grants, &secret) };
    let (outcome, log) = courier().deliver(exchange).await;
    let head = agent.await.expect("the agent ends");
    for line in ["post /v1/chat/completions http/1.1", "authorization: bearer sk-0123456789-abc"] {
        assert!(head.lines().any(|seen| seen == line), "{line} is not in\n{head}");
    }
    assert!(!head.contains("webhook-"), "{head}");
    let output = serde_json::json!({"text": "SK-0123456789-abc and $KEY"});
    assert_eq!(outcome, Delivered::Reply(Reply::Output(output.into())));
    assert!(log.curl.contains(r#"-H "authorization: Bearer $KEY""#), "{}", log.curl);
    assert!(!format!("{log:?}").contains("sk-0123456789-abc"), "{log:?}");
}
