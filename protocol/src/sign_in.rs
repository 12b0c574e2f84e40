//! Where people of a daemon sign in: what a front end needs to know before it has anything to come with.

use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// The issuer whose people a daemon lets in, and as which of its applications a front end asks it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    /// The `OpenID` Connect issuer, exactly as it names itself.
    pub issuer: String,
    /// The public application that front ends are; it has no secret.
    pub client_id: String,
    /// What is asked for, spaces between.
    pub scopes: String,
}

/// Whether an issuer's address is safe to ask: https, or plain http on this machine.
pub fn is_safe(url: &Url) -> bool {
    let local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return false,
    };
    let is_plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    is_plain && (url.scheme() == "https" || url.scheme() == "http" && local)
}
