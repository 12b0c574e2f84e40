//! Standard Webhooks: how a delivery proves who sent it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderMap;
use standardwebhooks::Webhook;
use std::fmt;
use zeroize::Zeroizing;

/// Bytes of a secret.
pub const SECRET_BYTES: usize = 32;

/// A signing secret. Its text form is `whsec_` and base64; it is never printed by accident, and wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret(Zeroizing<[u8; SECRET_BYTES]>);

impl SigningSecret {
    /// The secret made of these random bytes.
    pub fn from_random(bytes: [u8; SECRET_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The secret of these bytes; none if they are not as many as a secret has.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::from_random)
    }

    /// The secret of its text form.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(STANDARD.decode(text.strip_prefix("whsec_")?).ok()?);
        Self::from_bytes(&bytes)
    }

    /// The text form, to be shown once.
    pub fn reveal(&self) -> String {
        format!("whsec_{}", STANDARD.encode(self.bytes()))
    }

    /// The bytes, to be sealed.
    pub fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// The `webhook-signature` of a message. `timestamp` is in Unix seconds.
    ///
    /// # Errors
    /// The payload is not UTF-8.
    pub fn sign(&self, id: &str, timestamp: i64, payload: &[u8]) -> Result<String, SignError> {
        self.webhook().sign(id, timestamp, payload).map_err(|_| SignError)
    }

    /// Whether headers and payload were signed with this secret within the last five minutes.
    pub fn verifies(&self, headers: &HeaderMap, payload: &[u8]) -> bool {
        self.webhook().verify(payload, headers).is_ok()
    }

    fn webhook(&self) -> Webhook {
        Webhook::from_bytes(self.0.to_vec()).expect("any bytes are a key")
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(..)")
    }
}

/// A payload that cannot be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message is not UTF-8 and cannot be signed")]
pub struct SignError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_signed_verifies_and_nothing_else_does() {
        let secret = SigningSecret::from_random([7; SECRET_BYTES]);
        let now = guildhall_protocol::time::Timestamp::now().0 / 1_000;
        let headers = |timestamp: i64| {
            let signature = secret.sign("att_1", timestamp, b"{}").expect("it signs");
            let mut headers = HeaderMap::new();
            headers.insert("webhook-id", "att_1".parse().expect("a value"));
            headers.insert("webhook-timestamp", timestamp.to_string().parse().expect("a value"));
            headers.insert("webhook-signature", signature.parse().expect("a value"));
            headers
        };
        assert!(secret.verifies(&headers(now), b"{}"));
        assert!(!secret.verifies(&headers(now), b"{ }"), "another body");
        assert!(!secret.verifies(&headers(now - 301), b"{}"), "an old one");
        assert!(
            !SigningSecret::from_random([8; SECRET_BYTES]).verifies(&headers(now), b"{}"),
            "another secret"
        );
        assert!(secret.sign("x", now, &[0xff]).is_err());
    }

    #[test]
    fn the_text_form_is_shown_on_purpose_only() {
        let secret = SigningSecret::from_random([7; SECRET_BYTES]);
        assert_eq!(SigningSecret::parse(&secret.reveal()), Some(secret.clone()));
        assert_eq!(format!("{secret:?}"), "SigningSecret(..)");
        for wrong in ["", "whsec_", "whsec_AAAA", &secret.reveal()[6..]] {
            assert!(SigningSecret::parse(wrong).is_none(), "{wrong}");
        }
    }
}
