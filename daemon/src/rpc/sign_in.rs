//! Callers who signed in somewhere else: the token of an issuer makes a session that ends with it.

use super::Desk;
use super::authenticate::Unknown;
use super::session::Session;
use guildhall_protocol::account::Identity;
use guildhall_protocol::time::Timestamp;

/// How the tokens of issuers begin: `{"` in Base64.
const BEGINNING: &str = "eyJ";

/// Whether a credential is from an issuer, and not one of our own tokens.
pub(super) fn is_issued(credential: &str) -> bool {
    credential.starts_with(BEGINNING)
}

/// The user whom an issuer's token stands for; a new one is made.
pub(super) async fn by_issuer(desk: &Desk, token: &str) -> Result<Session, Unknown> {
    let issuer = desk.issuer.as_ref().ok_or(Unknown::NoIssuer)?;
    let person = issuer.person(token, Timestamp::now()).await?;
    let identity = format!("{} {}", issuer.name(), person.subject);
    let user = desk.user("oidc", &identity, &person.name).await?;
    let identity = Some(Identity { kind: "oidc".to_owned(), id: identity });
    Ok(Session { identity, expires_at: Some(person.expires_at), ..Session::of(user, person.name) })
}
