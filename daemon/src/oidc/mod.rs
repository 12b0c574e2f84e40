//! Managed sign-in: tokens of one `OpenID` Connect issuer, such as Clerk, let their people in.
//!
//! What a token proves is decided by one function of values; only the issuer's keys come from outside.

mod issuer;
mod verify;

pub use issuer::{Issuer, IssuerSetupError, SignInError};
pub use jsonwebtoken::Algorithm;
pub use verify::{Person, Policy, Refused};

/// Whether an issuer's address is safe to ask: https, or plain http on this machine.
pub fn is_safe(url: &url::Url) -> bool {
    let local = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => return false,
    };
    let is_plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    is_plain && (url.scheme() == "https" || url.scheme() == "http" && local)
}
