//! Secrets at rest: XChaCha20-Poly1305 under a master key that lives in a file of its own. What is sealed for one place
//! does not open in another.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use guildhall_protocol::agent::AgentName;
use sha2::{Digest, Sha256};
use std::fmt;
use zeroize::Zeroizing;

/// Bytes of a master key.
pub const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
const KEY_ID_BYTES: usize = 4;
/// First byte of what was sealed before keys had ids.
const FORM_WITHOUT_ID: u8 = 1;
/// First byte of what is sealed: the form. The key's id, the nonce and the text follow.
const FORM: u8 = 2;

/// Tells keys apart without telling anything about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyId([u8; KEY_ID_BYTES]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// The key that seals what the store keeps. Whoever has it and the store has every secret. It is wiped when dropped.
pub struct MasterKey {
    cipher: XChaCha20Poly1305,
    id: KeyId,
}

/// Which of an agent's secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretKind {
    /// Authorizes what goes to the agent: it signs, or opens a chat agent's endpoint.
    Delivery,
    /// Verifies what it sends by itself.
    Callback,
    /// What did the first before it was replaced.
    OldDelivery,
    /// What did the second before it was replaced.
    OldCallback,
}

/// The place that a secret of an agent is sealed for: table, row and column. Names are never given away.
pub fn place(agent: &AgentName, kind: SecretKind) -> String {
    match kind {
        SecretKind::Delivery => format!("agents|{agent}|delivery_secret"),
        SecretKind::Callback => format!("agents|{agent}|callback_secret"),
        SecretKind::OldDelivery => format!("agents|{agent}|old_delivery_secret"),
        SecretKind::OldCallback => format!("agents|{agent}|old_callback_secret"),
    }
}

/// What was to be opened was not sealed with this key for this place, or was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored secret does not open: it was sealed with another key, or changed")]
pub struct OpenSealedError;

impl MasterKey {
    /// The key made of these bytes.
    pub fn from_bytes(bytes: &[u8; KEY_BYTES]) -> Self {
        let digest = Sha256::new().chain_update("guildhall master key").chain_update(bytes).finalize();
        let mut id = [0; KEY_ID_BYTES];
        id.copy_from_slice(&digest[..KEY_ID_BYTES]);
        Self { cipher: XChaCha20Poly1305::new(&Key::from(*bytes)), id: KeyId(id) }
    }

    /// Which key it is.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Seals a secret for one place, such as `agents|@echo|delivery`. `nonce` is random and never used twice.
    pub fn seal(&self, place: &str, nonce: [u8; NONCE_BYTES], secret: &[u8]) -> Vec<u8> {
        let bound = format!("{place}|{}", self.id);
        let payload = Payload { msg: secret, aad: bound.as_bytes() };
        let text =
            self.cipher.encrypt(&XNonce::from(nonce), payload).expect("a secret is shorter than 256 GB");
        [&[FORM], self.id.0.as_slice(), nonce.as_slice(), &text].concat()
    }

    /// Opens what was sealed for this place. What comes back is wiped when dropped.
    ///
    /// # Errors
    /// Another key, another place, or not what was sealed.
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenSealedError> {
        let (form, rest) = sealed.split_first().ok_or(OpenSealedError)?;
        let (bound, rest) = match *form {
            FORM_WITHOUT_ID => (place.to_owned(), rest),
            FORM => {
                let rest = rest.strip_prefix(self.id.0.as_slice()).ok_or(OpenSealedError)?;
                (format!("{place}|{}", self.id), rest)
            }
            _ => return Err(OpenSealedError),
        };
        let (nonce, text) = rest.split_at_checked(NONCE_BYTES).ok_or(OpenSealedError)?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| OpenSealedError)?;
        let payload = Payload { msg: text, aad: bound.as_bytes() };
        let opened = self.cipher.decrypt(&XNonce::from(nonce), payload);
        opened.map(Zeroizing::new).map_err(|_| OpenSealedError)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_in_its_place_only() {
        let key = MasterKey::from_bytes(&[1; KEY_BYTES]);
        let sealed = key.seal("agents|1|delivery", [9; NONCE_BYTES], b"secret");
        assert_eq!(key.open("agents|1|delivery", &sealed), Ok(b"secret".to_vec().into()));
        assert_eq!(key.open("agents|2|delivery", &sealed), Err(OpenSealedError));
        assert_eq!(
            MasterKey::from_bytes(&[2; KEY_BYTES]).open("agents|1|delivery", &sealed),
            Err(OpenSealedError)
        );
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(key.open("agents|1|delivery", &changed), Err(OpenSealedError), "byte {at}");
            assert_eq!(key.open("agents|1|delivery", &sealed[..at]), Err(OpenSealedError), "cut at {at}");
        }
    }

    #[test]
    fn what_was_sealed_before_keys_had_ids_still_opens() {
        let bytes = [1; KEY_BYTES];
        let cipher = XChaCha20Poly1305::new(&Key::from(bytes));
        let nonce = [9; NONCE_BYTES];
        let payload = Payload { msg: b"secret", aad: b"people|1|secret" };
        let text = cipher.encrypt(&XNonce::from(nonce), payload).expect("it seals");
        let sealed = [&[FORM_WITHOUT_ID], nonce.as_slice(), &text].concat();
        let key = MasterKey::from_bytes(&bytes);
        assert_eq!(key.open("people|1|secret", &sealed), Ok(b"secret".to_vec().into()));
        assert_eq!(key.open("people|2|secret", &sealed), Err(OpenSealedError));
    }
}
