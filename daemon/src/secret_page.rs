//! The page behind an address that shows new secrets of an agent once. Opening it shows a button and changes nothing, so that
//! previews of links and crawlers use nothing up; the button shows the secrets, and the address is over.
//!
//! Nothing of a page is kept by anybody, loaded from elsewhere, or shown in a frame.

use crate::crowd::Throttle;
use crate::rpc::{Desk, NotHanded};
use axum::Router;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::view::Rotated;
use std::net::IpAddr;
use std::sync::Arc;

/// What every page comes with. A browser loads nothing for it, keeps nothing of it, and tells nobody where it was.
const HEADERS: [(HeaderName, &str); 8] = [
    (header::CONTENT_TYPE, "text/html; charset=utf-8"),
    (header::CACHE_CONTROL, "no-store"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Pages, and how often one address may ask for them: as often as for anything else there.
struct Pages {
    desk: Arc<Desk>,
    calls: Arc<Throttle<IpAddr>>,
}

/// The routes of these pages.
pub(crate) fn routes(desk: Arc<Desk>, calls: Arc<Throttle<IpAddr>>) -> Router {
    let path = format!("{}{{code}}", crate::rpc::SECRETS_PATH);
    Router::new().route(&path, get(look).post(open)).with_state(Arc::new(Pages { desk, calls }))
}

async fn look(
    State(pages): State<Arc<Pages>>,
    Extension(peer): Extension<IpAddr>,
    Path(code): Path<String>,
) -> Response {
    if pages.calls.call(peer).is_err() {
        return too_many();
    }
    match pages.desk.look_at_link(&code) {
        Some(name) => page(StatusCode::OK, &asking(&name)),
        None => over(),
    }
}

async fn open(
    State(pages): State<Arc<Pages>>,
    Extension(peer): Extension<IpAddr>,
    Path(code): Path<String>,
) -> Response {
    if pages.calls.call(peer).is_err() {
        return too_many();
    }
    match Arc::clone(&pages.desk).open_link(code).await {
        Ok(handed) => page(StatusCode::OK, &showing(&handed.name, &handed.rotated)),
        Err(NotHanded::Over) => over(),
        Err(NotHanded::NotNow) => page(
            StatusCode::SERVICE_UNAVAILABLE,
            "<h1>Not now</h1><p>Nothing was changed. Go back, and try it again in a moment.</p>",
        ),
    }
}

fn asking(name: &AgentName) -> String {
    format!(
        "<h1>New secrets for {name}</h1>\
        <p>The button makes them and shows them once. Be ready to copy them; this address is over then.</p>\
        <form method=\"post\"><button type=\"submit\">Show them once</button></form>"
    )
}

fn showing(name: &AgentName, rotated: &Rotated) -> String {
    let Rotated { secrets, old_until } = rotated;
    let old = match old_until {
        Some(until) => format!("Those before count until {until}: replace them in your agent by then."),
        None => "None before them counts any more.".to_owned(),
    };
    format!(
        "<h1>The secrets of {name}</h1><p>Copy them now: nobody shows them again.</p>\
        <dl><dt>delivery: verifies what is sent to the agent</dt><dd><code id=\"delivery\">{}</code></dd>\
        <dt>callback: signs what the agent sends by itself</dt><dd><code id=\"callback\">{}</code></dd></dl>\
        <p>{old}</p>",
        escaped(&secrets.delivery_secret),
        escaped(&secrets.callback_secret)
    )
}

fn over() -> Response {
    page(
        StatusCode::GONE,
        "<h1>This link is over</h1><p>It shows secrets once, within a quarter of an hour. Where you got it, ask for \
        another: <code>/agent rotate-secret</code>.</p>",
    )
}

fn too_many() -> Response {
    let mut response =
        page(StatusCode::TOO_MANY_REQUESTS, "<h1>Too many calls</h1><p>Come again in some seconds.</p>");
    response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("5"));
    response
}

fn page(status: StatusCode, body: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Guildhall</title>\
        <meta name=\"viewport\" content=\"width=device-width\"></head><body>{body}</body></html>\n"
    );
    (status, HEADERS, html).into_response()
}

/// Text that is nothing else in a page.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall_protocol::view::Secrets;

    #[test]
    fn a_page_loads_nothing_and_shows_both_secrets() {
        let name: AgentName = "@sum".parse().expect("a name");
        let secrets =
            Secrets { delivery_secret: "whsec_a<b".to_owned(), callback_secret: "whsec_c&d".to_owned() };
        let shown = showing(&name, &Rotated { secrets, old_until: None });
        assert!(shown.contains("whsec_a&lt;b") && shown.contains("whsec_c&amp;d"), "{shown}");
        for html in [shown, asking(&name)] {
            assert!(!html.contains("src=") && !html.contains("href=") && !html.contains("script"), "{html}");
        }
        let response = page(StatusCode::OK, "");
        for (name, value) in HEADERS {
            assert_eq!(response.headers()[&name], value, "{name}");
        }
    }
}
