//! Where the browser comes back to: a listener on this machine that takes one answer (RFC 8252 section 7.3).

use super::issuer::IssuerError;
use crate::fault::Fault;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Longest wait for a person.
const PERSON_MAX: Duration = Duration::from_mins(15);
/// Longest that one connection may stay; browsers open some that they never use.
const CONNECTION_MAX: Duration = Duration::from_secs(30);
/// Connections at a time.
const CONNECTIONS_MAX: usize = 32;

/// A listener that nobody came to yet.
pub(super) struct Loopback {
    listener: TcpListener,
    port: u16,
}

/// What an address that the browser was sent to says.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Code(String),
    Refused(String),
}

impl Loopback {
    /// Listens on a port of this machine.
    pub(super) async fn open(port: u16) -> Result<Self, Fault> {
        let failed = |error| {
            let told = format!(
                "cannot listen on port {port} for the browser to come back to: name another with --port"
            );
            Fault::Io(told, error)
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        Ok(Self { listener, port })
    }

    /// The address that the issuer sends the browser to.
    pub(super) fn address(&self) -> String {
        format!("http://127.0.0.1:{}/callback", self.port)
    }

    /// Waits for the answer that repeats this state. Whatever else comes is told that it is wrong here.
    pub(super) async fn answer(self, state: &str, issuer: &str) -> Result<String, IssuerError> {
        let (found, mut answers) = mpsc::channel(1);
        let mut connections = JoinSet::new();
        let refused = |why: String| IssuerError::Refused { issuer: issuer.to_owned(), why };
        let expected = Expected { state: state.to_owned(), issuer: issuer.to_owned() };
        let late = tokio::time::sleep(PERSON_MAX);
        tokio::pin!(late);
        let answer = loop {
            tokio::select! {
                accepted = self.listener.accept() => {
                    if let Ok((connection, _)) = accepted && connections.len() < CONNECTIONS_MAX {
                        connections.spawn(serve(connection, expected.clone(), found.clone()));
                    }
                }
                Some(_) = connections.join_next() => {}
                Some(answer) = answers.recv() => break answer,
                () = &mut late => return Err(refused("nobody signed in within 15 minutes".to_owned())),
            }
        };
        // The page that says so is still on its way; connections that nobody uses would never end.
        drop(
            tokio::time::timeout(Duration::from_millis(500), async {
                while connections.join_next().await.is_some() {}
            })
            .await,
        );
        match answer {
            Answer::Code(code) => Ok(code),
            Answer::Refused(why) => Err(refused(why)),
        }
    }
}

/// What an answer must be like.
#[derive(Clone)]
struct Expected {
    state: String,
    issuer: String,
}

async fn serve(connection: TcpStream, expected: Expected, found: mpsc::Sender<Answer>) {
    let service = service_fn(|request: Request<hyper::body::Incoming>| {
        let answer = expected.read(request.method(), request.uri().path(), request.uri().query());
        let page = page(answer.as_ref());
        if let Some(answer) = answer {
            // Only the first counts.
            drop(found.try_send(answer));
        }
        async move { Ok::<_, Infallible>(page) }
    });
    let serving = hyper::server::conn::http1::Builder::new()
        .keep_alive(false)
        .serve_connection(TokioIo::new(connection), service);
    // A connection that broke is the browser's business.
    drop(tokio::time::timeout(CONNECTION_MAX, serving).await);
}

impl Expected {
    /// The answer in a request; none if it is something else.
    fn read(&self, method: &Method, path: &str, query: Option<&str>) -> Option<Answer> {
        if method != Method::GET || path != "/callback" {
            return None;
        }
        let said: BTreeMap<String, String> =
            url::form_urlencoded::parse(query?.as_bytes()).into_owned().collect();
        // RFC 9207: an answer of another issuer would be taken there.
        let is_ours = said.get("state") == Some(&self.state)
            && said.get("iss").is_none_or(|issuer| *issuer == self.issuer);
        if !is_ours {
            return None;
        }
        if let Some(error) = said.get("error") {
            let more = said.get("error_description").map(|text| format!(": {text}")).unwrap_or_default();
            return Some(Answer::Refused(format!("{error}{more}")));
        }
        said.get("code").cloned().map(Answer::Code)
    }
}

fn page(answer: Option<&Answer>) -> Response<String> {
    let (status, text) = match answer {
        Some(Answer::Code(_)) => {
            (StatusCode::OK, "You are signed in. Close this page and go back to the terminal.")
        }
        Some(Answer::Refused(_)) => {
            (StatusCode::OK, "You are not signed in. The terminal says why; you can close this page.")
        }
        None => (StatusCode::NOT_FOUND, "Nothing is here. `guildhall login` waits for another page."),
    };
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Guildhall</title><p>{text}</p></html>"
    );
    let mut response = Response::new(html);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_answer_that_was_asked_for_is_taken() {
        let expected = Expected { state: "s1".to_owned(), issuer: "https://id.example".to_owned() };
        let read = |path, query| expected.read(&Method::GET, path, query);
        let code = Some(Answer::Code("c".to_owned()));
        assert_eq!(read("/callback", Some("code=c&state=s1")), code);
        assert_eq!(read("/callback", Some("code=c&state=s1&iss=https%3A%2F%2Fid.example")), code);
        for wrong in ["code=c", "code=c&state=s2", "code=c&state=s1&iss=https://evil.example", "state=s1"] {
            assert_eq!(read("/callback", Some(wrong)), None, "{wrong}");
        }
        assert_eq!(read("/", Some("code=c&state=s1")), None);
        let refused = Some(Answer::Refused("access_denied: no".to_owned()));
        assert_eq!(read("/callback", Some("error=access_denied&error_description=no&state=s1")), refused);
    }
}
