//! The issuer: its keys, fetched seldom and within bounds. While it is away, the keys that are known go on being used.

use super::verify::{Person, Policy, Refused, key_of, verify};
use super::{SignIn, is_safe};
use guildhall_protocol::time::Timestamp;
use jsonwebtoken::jwk::Jwk;
use reqwest::redirect::Policy as Redirects;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How long keys are taken for new.
const KEYS_TTL: Duration = Duration::from_mins(10);
/// Between two looks for a key that is not known, or after one that failed.
const LOOK_EVERY: Duration = Duration::from_mins(1);
/// Between two tries while no key is known at all.
const TRY_EVERY: Duration = Duration::from_secs(5);
/// Longest time to fetch the keys; callers wait for it within their handshake.
const FETCH_MAX: Duration = Duration::from_secs(3);
/// Largest document of the issuer, bytes.
const DOCUMENT_BYTES_MAX: usize = 65_536;
/// Most keys.
const KEYS_MAX: usize = 64;

/// No requests can be made.
#[derive(Debug, thiserror::Error)]
#[error("the sign-in issuer cannot be asked")]
pub struct IssuerSetupError(#[from] reqwest::Error);

/// Why somebody is not signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The token is not good.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// No key is known to check it with.
    #[error("the keys of {issuer} cannot be had at the moment ({why}): try again in a moment")]
    Away {
        /// Whose.
        issuer: String,
        /// What went wrong.
        why: Trouble,
    },
}

/// What went wrong with the issuer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Trouble {
    /// It does not answer.
    #[error("it does not answer")]
    Silent,
    /// It answers with an error.
    #[error("it answers with status {0}")]
    Status(u16),
    /// What it says is too large.
    #[error("its answer has more than {DOCUMENT_BYTES_MAX} bytes")]
    TooLarge,
    /// It says something else.
    #[error("its answer is not what OpenID Connect says")]
    Unreadable,
    /// Its document is another issuer's.
    #[error("its discovery document names another issuer: compare oidc_issuer with it, to the last slash")]
    Other,
    /// Its keys are on a connection that anybody can change.
    #[error("its keys are not on https")]
    Unsafe,
    /// It has no keys.
    #[error("it publishes no key that the daemon understands")]
    NoKeys,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct Keys {
    keys: Vec<Value>,
}

/// The keys that are known.
#[derive(Clone)]
struct Known {
    keys: Arc<Vec<Jwk>>,
    at: Instant,
}

/// When it was asked, and how the last try went.
#[derive(Default)]
struct Tries {
    last: Option<(Instant, Option<Trouble>)>,
    for_unknown_key: Option<Instant>,
}

/// The issuer whose people may sign in.
pub struct Issuer {
    policy: Policy,
    http: reqwest::Client,
    known: RwLock<Option<Known>>,
    /// Whoever holds it asks; the others use what is known then.
    tries: Mutex<Tries>,
}

impl Issuer {
    /// An issuer that was not asked yet: it may be away while the daemon starts.
    ///
    /// # Errors
    /// The system has no TLS roots.
    pub fn new(policy: Policy) -> Result<Self, IssuerSetupError> {
        // An error only says that one was installed before, which is just as well. Without one, reqwest panics.
        if rustls::crypto::ring::default_provider().install_default().is_err() {
            tracing::trace!("a TLS provider was installed before");
        }
        let http =
            reqwest::Client::builder().no_proxy().redirect(Redirects::none()).timeout(FETCH_MAX).build()?;
        Ok(Self { policy, http, known: RwLock::new(None), tries: Mutex::default() })
    }

    /// Its name, as it stands in its tokens.
    pub fn name(&self) -> &str {
        &self.policy.issuer
    }

    /// What front ends are told; none where they can't sign anybody in.
    pub fn sign_in(&self) -> Option<SignIn> {
        self.policy.sign_in()
    }

    /// Whom a token stands for.
    ///
    /// # Errors
    /// See [`SignInError`]: nobody.
    pub async fn person(&self, token: &str, now: Timestamp) -> Result<Person, SignInError> {
        // What no key could mend never makes us ask.
        key_of(token, &self.policy)?;
        let keys = self.keys().await?;
        match verify(token, &keys, &self.policy, now) {
            Err(Refused::UnknownKey) => {
                let keys = self.keys_with_news().await?;
                Ok(verify(token, &keys, &self.policy, now)?)
            }
            outcome => Ok(outcome?),
        }
    }

    fn known(&self) -> Option<Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The keys; fetched if there are none, or old ones.
    async fn keys(&self) -> Result<Arc<Vec<Jwk>>, SignInError> {
        let is_new = |known: &Known| known.at.elapsed() < KEYS_TTL;
        if let Some(known) = self.known().filter(is_new) {
            return Ok(known.keys);
        }
        let mut tries = self.tries.lock().await;
        let known = self.known();
        let wait = if known.is_some() { LOOK_EVERY } else { TRY_EVERY };
        let may_ask = tries.last.as_ref().is_none_or(|(at, _)| at.elapsed() >= wait);
        if may_ask && !known.as_ref().is_some_and(is_new) {
            self.ask(&mut tries).await;
        }
        self.as_known(&tries)
    }

    /// The keys, after a look whether there are others by now, if the last such look is long ago.
    async fn keys_with_news(&self) -> Result<Arc<Vec<Jwk>>, SignInError> {
        let mut tries = self.tries.lock().await;
        if tries.for_unknown_key.is_none_or(|at| at.elapsed() >= LOOK_EVERY) {
            tries.for_unknown_key = Some(Instant::now());
            self.ask(&mut tries).await;
        }
        self.as_known(&tries)
    }

    fn as_known(&self, tries: &Tries) -> Result<Arc<Vec<Jwk>>, SignInError> {
        let why = || tries.last.as_ref().and_then(|(_, trouble)| trouble.clone()).unwrap_or(Trouble::Silent);
        let away = || SignInError::Away { issuer: self.policy.issuer.clone(), why: why() };
        self.known().map(|known| known.keys).ok_or_else(away)
    }

    async fn ask(&self, tries: &mut Tries) {
        // Written down first: whoever asks may hang up in the middle.
        tries.last = Some((Instant::now(), Some(Trouble::Silent)));
        let fetched = tokio::time::timeout(FETCH_MAX, self.fetch()).await.unwrap_or(Err(Trouble::Silent));
        let trouble = match fetched {
            Ok(keys) => {
                let known = Known { keys: Arc::new(keys), at: Instant::now() };
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(known);
                None
            }
            Err(trouble) => {
                tracing::warn!(
                    "the keys of the sign-in issuer {} cannot be had: {trouble}",
                    self.policy.issuer
                );
                Some(trouble)
            }
        };
        tries.last = Some((Instant::now(), trouble));
    }

    async fn fetch(&self) -> Result<Vec<Jwk>, Trouble> {
        let at = format!("{}/.well-known/openid-configuration", self.policy.issuer.trim_end_matches('/'));
        let discovery: Discovery = self.document(&at).await?;
        if discovery.issuer != self.policy.issuer {
            return Err(Trouble::Other);
        }
        if !url::Url::parse(&discovery.jwks_uri).is_ok_and(|url| is_safe(&url)) {
            return Err(Trouble::Unsafe);
        }
        let listed: Keys = self.document(&discovery.jwks_uri).await?;
        // Keys of kinds that we do not know are others' business.
        let keys = listed.keys.into_iter().take(KEYS_MAX).filter_map(|key| serde_json::from_value(key).ok());
        let keys: Vec<Jwk> = keys.collect();
        if keys.is_empty() { Err(Trouble::NoKeys) } else { Ok(keys) }
    }

    async fn document<T: DeserializeOwned>(&self, url: &str) -> Result<T, Trouble> {
        let mut response = self.http.get(url).send().await.map_err(|_| Trouble::Silent)?;
        if !response.status().is_success() {
            return Err(Trouble::Status(response.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|_| Trouble::Silent)? {
            if chunk.len() > DOCUMENT_BYTES_MAX - body.len() {
                return Err(Trouble::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&body).map_err(|_| Trouble::Unreadable)
    }
}
