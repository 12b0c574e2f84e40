//! Managed sign-in: tokens of one `OpenID` Connect issuer, such as Clerk, let their people in.
//!
//! What a token proves is decided by one function of values; only the issuer's keys come from outside.

mod issuer;
mod verify;

pub use guildhall_protocol::sign_in::{SignIn, is_safe};
pub use issuer::{Issuer, IssuerSetupError, SignInError};
pub use jsonwebtoken::Algorithm;
pub use verify::{Person, Policy, Refused};
