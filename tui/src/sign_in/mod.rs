//! `login`, `logout`, `whoami`
//!
//! The daemon names its issuer in the handshake; the person signs in there, and the issuer's token is what later commands
//! come with. It is kept in [`saved`] and renewed there. The daemon believes none of this: it checks the token itself.

mod issuer;
mod loopback;
mod saved;

pub(crate) use saved::Saved;

use crate::cli::{LoginArgs, Remote};
use crate::credential::endpoint;
use crate::fault::Fault;
use crate::session::{Session, clock, print};
use guildhall_protocol::account::UserStory;
use guildhall_protocol::clean::clean_line;
use guildhall_protocol::client::Client;
use guildhall_protocol::endpoint::Endpoint;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::handshake::{Hello, Principal, Welcome};
use guildhall_protocol::sign_in::SignIn;
use guildhall_protocol::transport;
use issuer::Issuer;
use loopback::Loopback;
use serde::Serialize;
use std::io::Write;
use std::path::PathBuf;

/// Signs somebody in: by a code that they type on any machine where the issuer offers that, or else in a browser on this one.
pub(crate) async fn login(socket: Option<PathBuf>, remote: Remote, args: LoginArgs) -> Result<(), Fault> {
    let endpoint = endpoint(socket, remote)?;
    let sign_in = offered(&endpoint).await?;
    let issuer = Issuer::discover(sign_in).await?;
    let signed_in = if issuer.has_device_flow() {
        let device = issuer.device().await?;
        let (page, code) = (device.page(), clean_line(device.code()));
        say(&format!(
            "To sign in to {endpoint}, open {} on any machine, and see that it shows the code {code}. Waiting for you to sign in there ...",
            clean_line(page.as_str())
        ));
        browse(page.as_str(), args.no_browser);
        issuer.by_device(&device).await?
    } else {
        let loopback = Loopback::open(args.port).await?;
        let asked = issuer.ask(loopback.address())?;
        say(&format!(
            "To sign in to {endpoint}, open this in a browser on this machine: {}\nWaiting for it ...",
            clean_line(asked.page.as_str())
        ));
        browse(asked.page.as_str(), args.no_browser);
        let code = loopback.answer(asked.state(), issuer.name()).await?;
        issuer.by_code(asked, code).await?
    };
    let hello = Hello { credential: Some(signed_in.token().to_owned()), ..Hello::of("guildhall") };
    let principal = Client::new(endpoint.clone(), hello).principal().await?;
    Saved::of(&endpoint)?.keep(&signed_in).await?;
    let Principal { user, name, role, .. } = principal;
    print(&format!("signed in to {endpoint} as {} ({user}, {role})\n", clean_line(&name)))
}

/// Forgets the sign-in, here and at the issuer.
pub(crate) async fn logout(socket: Option<PathBuf>, remote: Remote) -> Result<(), Fault> {
    let endpoint = endpoint(socket, remote)?;
    let saved = Saved::of(&endpoint)?;
    let Some(signed_in) = saved.forget().await? else {
        return print(&format!("nobody was signed in to {endpoint}\n"));
    };
    // Whoever signs out wants it to be over, whether the issuer can be told or not.
    if let Err(error) = signed_in.revoke().await {
        say(&format!("guildhall: the issuer could not be told, its token ends by itself: {error}"));
    }
    print(&format!("signed out of {endpoint}\n"))
}

/// What `whoami` tells.
#[derive(Serialize)]
struct Whoami<'a> {
    daemon: String,
    by: String,
    #[serde(flatten)]
    principal: &'a Principal,
    identities: Vec<String>,
}

/// Says whom the daemon takes us for, and by what.
pub(crate) async fn whoami(session: &Session) -> Result<(), Fault> {
    let principal = session.principal().await?;
    let story: UserStory =
        session.call(|service, context| async move { service.user(context, None).await }).await?;
    let told = Whoami {
        daemon: session.endpoint().to_string(),
        by: session.means().to_string(),
        principal: &principal,
        identities: story.identities.iter().map(ToString::to_string).collect(),
    };
    session.answer(&told, |told| {
        let Principal { user, name, role, .. } = told.principal;
        let known: Vec<String> = told.identities.iter().map(|identity| clean_line(identity)).collect();
        format!(
            "{} ({user}, {role}) at {}\n  by {}\n  known as {}\n",
            clean_line(name),
            told.daemon,
            clean_line(&told.by),
            known.join(", ")
        )
    })
}

/// By what the daemon knows us, for `whoami`.
pub(crate) fn by_sign_in(issuer: &str, expires_at_ms: i64) -> String {
    let until = clock(guildhall_protocol::time::Timestamp(expires_at_ms));
    format!("a sign-in with {issuer}, good until {until} and renewed then if the issuer allows it")
}

/// Where the daemon's people sign in.
async fn offered(endpoint: &Endpoint) -> Result<SignIn, Fault> {
    let away = |error: &dyn std::fmt::Display| {
        Fault::Api(ApiError::new(ErrorKind::Unavailable, format!("no daemon answers at {endpoint}: {error}")))
    };
    let mut connection = endpoint.connect().await.map_err(|error| away(&error))?;
    let welcome =
        transport::greet(&mut connection, &Hello::of("guildhall")).await.map_err(|error| away(&error))?;
    let (Welcome::Accepted { sign_in, .. } | Welcome::Refused { sign_in, .. }) = welcome;
    sign_in.ok_or_else(|| {
        let error =
            ApiError::new(ErrorKind::Unsupported, format!("the daemon at {endpoint} signs nobody in"));
        error.hint("its operator sets oidc_issuer and oidc_client_id; or ask an admin for a token").into()
    })
}

/// Opens a page, if there is something to open it with: the person was told the address anyway.
fn browse(page: &str, unwanted: bool) {
    let has_screen = cfg!(target_os = "macos")
        || ["DISPLAY", "WAYLAND_DISPLAY"].into_iter().any(|name| std::env::var_os(name).is_some());
    if has_screen && !unwanted && open::that_detached(page).is_err() {
        say("No browser could be started: open the address yourself.");
    }
}

/// For the person, beside what goes to a program.
fn say(text: &str) {
    // Standard error may be closed, and then nobody listens.
    drop(writeln!(std::io::stderr(), "{text}"));
}
