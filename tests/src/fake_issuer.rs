//! An issuer of sign-in tokens: a real server on loopback with discovery and keys, which signs whatever a test wants.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A key that was made for these tests and opens nothing.
const RSA: &[u8] = include_bytes!("fake_issuer/rsa.der");

/// A key to sign with.
pub struct SigningKey {
    kid: &'static str,
    algorithm: Algorithm,
    key: EncodingKey,
}

impl SigningKey {
    /// An RSA key, as Clerk has; always the same.
    pub fn rsa(kid: &'static str) -> Self {
        Self { kid, algorithm: Algorithm::RS256, key: EncodingKey::from_rsa_der(RSA) }
    }

    /// An Ed25519 key, of one byte.
    pub fn ed25519(kid: &'static str, seed: u8) -> Self {
        // What PKCS #8 puts before the 32 bytes of the key.
        let mut der = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".to_vec();
        der.extend_from_slice(&[seed; 32]);
        Self { kid, algorithm: Algorithm::EdDSA, key: EncodingKey::from_ed_der(&der) }
    }

    /// What is published of it.
    ///
    /// # Panics
    /// The key is none.
    pub fn published(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.algorithm).expect("it is a key");
        jwk.common.key_id = Some(self.kid.to_owned());
        serde_json::to_value(jwk).expect("it is JSON")
    }

    /// A token with these claims.
    ///
    /// # Panics
    /// It cannot be signed.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_with(claims, |_| {})
    }

    /// A token with these claims and a header that is not as usual.
    ///
    /// # Panics
    /// It cannot be signed.
    pub fn sign_with(&self, claims: &Value, change: impl FnOnce(&mut Header)) -> String {
        let mut header = Header::new(self.algorithm);
        header.kid = Some(self.kid.to_owned());
        change(&mut header);
        jsonwebtoken::encode(&header, claims, &self.key).expect("it is signed")
    }
}

struct Desk {
    names_itself: String,
    keys: Mutex<Vec<Value>>,
    asked: AtomicUsize,
}

/// The running issuer. It ends when it is dropped.
pub struct FakeIssuer {
    /// Its address, which is its name.
    pub url: String,
    desk: Arc<Desk>,
    served: JoinHandle<()>,
}

impl FakeIssuer {
    /// Starts an issuer with these keys.
    ///
    /// # Panics
    /// There is no port.
    pub async fn start(keys: &[&SigningKey]) -> Self {
        Self::start_as(None, keys).await
    }

    /// Starts an issuer that names itself differently.
    ///
    /// # Panics
    /// There is no port.
    pub async fn start_as(name: Option<&str>, keys: &[&SigningKey]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let names_itself = name.map_or_else(|| url.clone(), str::to_owned);
        let desk = Arc::new(Desk { names_itself, keys: Mutex::default(), asked: AtomicUsize::new(0) });
        let jwks_uri = format!("{url}/keys");
        let discovery = |State(desk): State<Arc<Desk>>| async move {
            json!({"issuer": desk.names_itself, "jwks_uri": jwks_uri}).to_string()
        };
        let listed = |State(desk): State<Arc<Desk>>| async move {
            desk.asked.fetch_add(1, Ordering::SeqCst);
            let keys = desk.keys.lock().unwrap_or_else(PoisonError::into_inner).clone();
            json!({"keys": keys}).to_string()
        };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(listed))
            .with_state(Arc::clone(&desk));
        let served = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("it serves");
        });
        let issuer = Self { url, desk, served };
        issuer.publish(keys);
        issuer
    }

    /// Publishes these keys and no others from now on.
    pub fn publish(&self, keys: &[&SigningKey]) {
        let keys = keys.iter().map(|key| key.published()).collect();
        *self.desk.keys.lock().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    /// How often somebody asked for its keys.
    pub fn asked(&self) -> usize {
        self.desk.asked.load(Ordering::SeqCst)
    }

    /// Goes away.
    pub async fn stop(&mut self) {
        self.served.abort();
        // It ends by being aborted, which counts as an error.
        drop((&mut self.served).await);
    }
}

impl Drop for FakeIssuer {
    fn drop(&mut self) {
        self.served.abort();
    }
}
