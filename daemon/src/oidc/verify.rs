//! What a token proves: a function of the token, the issuer's keys, the policy and the time.
//!
//! Nothing that stands in a token is believed before its signature was checked; its header only says which key to try.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use guildhall_protocol::clean::{clean_line, cut};
use guildhall_protocol::sign_in::SignIn;
use guildhall_protocol::time::Timestamp;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::Value;

/// Largest token, bytes. It must fit into a handshake frame.
const TOKEN_BYTES_MAX: usize = 3_584;
/// By how much the issuer's clock may differ from ours, s.
const LEEWAY_S: i64 = 30;
/// Longest subject, bytes: `OpenID` Connect allows no more.
const SUBJECT_BYTES_MAX: usize = 255;
/// Longest name, graphemes.
const NAME_MAX: usize = 80;

/// Which tokens are taken.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Who must have issued them, exactly.
    pub issuer: String,
    /// For whom they must be meant, beside [`Self::client`]; none: also tokens that name nobody, as Clerk's session tokens,
    /// if there are parties.
    pub audience: Option<String>,
    /// To which applications they may have been given, beside [`Self::client`]; none: to any, if they name an audience.
    pub parties: Vec<String>,
    /// The application that our front ends are.
    pub client: Option<String>,
    /// What our front ends ask for, spaces between.
    pub scopes: String,
    /// How they may be signed: with a private key, never with a shared secret.
    pub algorithms: Vec<Algorithm>,
}

impl Policy {
    /// What front ends are told; none where they can't sign anybody in.
    pub fn sign_in(&self) -> Option<SignIn> {
        let client_id = self.client.clone()?;
        Some(SignIn { issuer: self.issuer.clone(), client_id, scopes: self.scopes.clone() })
    }
}

/// Whom a token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// As the issuer knows them.
    pub subject: String,
    /// How they are called; cleaned.
    pub name: String,
    /// When the token ends.
    pub expires_at: Timestamp,
}

/// Why a token lets nobody in. Its text is for the person, and repeats nothing of the token but names that are cleaned.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Refused {
    /// It is too large.
    #[error("this sign-in token has more than {TOKEN_BYTES_MAX} bytes: ask for fewer claims in it")]
    TooLarge,
    /// It is no token.
    #[error("this is no whole sign-in token: it was cut short or mistyped; sign in again")]
    Malformed,
    /// It is signed in a way that is not taken.
    #[error("sign-in tokens signed with {0} are not taken: the daemon's oidc_algorithms says which are")]
    Algorithm(String),
    /// It is a token for something else.
    #[error("this is a token of type {0}, which is not for signing in")]
    Type(String),
    /// It asks for an extension.
    #[error("this sign-in token needs an extension (`crit`) that the daemon does not know")]
    Extension,
    /// It does not name its key.
    #[error("this sign-in token does not name its key (`kid`): it cannot be checked")]
    NoKey,
    /// Its key is not among the issuer's.
    #[error("this sign-in token is signed with a key that its issuer does not publish; sign in again")]
    UnknownKey,
    /// The key is not for this.
    #[error("the key that this sign-in token names is not for signing with {0}")]
    UnfitKey(String),
    /// The signature is not the issuer's.
    #[error("the signature of this sign-in token is wrong: it is not from its issuer, or was changed")]
    Signature,
    /// Somebody else issued it.
    #[error("this sign-in token is not from {0}, whose tokens the daemon takes")]
    Issuer(String),
    /// It is meant for somebody else.
    #[error("this sign-in token is not meant for this daemon (`aud`): sign in to it, not to something else")]
    Audience,
    /// It was given to another application.
    #[error("this sign-in token was given to an application (`azp`) that the daemon does not know")]
    Party,
    /// It is over.
    #[error("this sign-in token has expired: sign in again")]
    Expired,
    /// It does not hold yet.
    #[error("this sign-in token does not hold yet: compare the clocks of the daemon and its issuer")]
    TooEarly,
    /// The person has not finished signing in.
    #[error("the sign-in is not finished (its status is {0}): finish it where you signed in")]
    Pending(String),
    /// It does not say who.
    #[error("this sign-in token does not say whom it stands for (`sub`)")]
    NoSubject,
}

/// What the header says. It is not proven.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
}

/// What is proven by the signature.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: Option<String>,
    aud: Option<Audience>,
    azp: Option<String>,
    exp: i64,
    nbf: Option<i64>,
    sts: Option<String>,
    name: Option<String>,
    preferred_username: Option<String>,
    email: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn names(&self, wanted: &str) -> bool {
        match self {
            Self::One(name) => name == wanted,
            Self::Several(names) => names.iter().any(|name| name == wanted),
        }
    }
}

/// Which key would prove a token, if it is of a kind that is taken at all: what fails here needs no key.
///
/// # Errors
/// See [`Refused`].
pub(super) fn key_of(token: &str, policy: &Policy) -> Result<(String, Algorithm), Refused> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(Refused::TooLarge);
    }
    let parts: Vec<&str> = token.split('.').collect();
    let [header, _, _] = parts[..] else { return Err(Refused::Malformed) };
    let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| Refused::Malformed)?;
    let header: Header = serde_json::from_slice(&header).map_err(|_| Refused::Malformed)?;
    let algorithm = header.alg.parse().ok().filter(|algorithm| policy.algorithms.contains(algorithm));
    let algorithm = algorithm.ok_or_else(|| Refused::Algorithm(short(&header.alg)))?;
    if let Some(typ) = &header.typ {
        let lower = typ.to_ascii_lowercase();
        if !["jwt", "at+jwt"].contains(&lower.strip_prefix("application/").unwrap_or(&lower)) {
            return Err(Refused::Type(short(typ)));
        }
    }
    if header.crit.is_some() {
        return Err(Refused::Extension);
    }
    Ok((header.kid.ok_or(Refused::NoKey)?, algorithm))
}

/// Whom a token stands for, by these keys.
///
/// # Errors
/// See [`Refused`]: nobody.
pub(super) fn verify(token: &str, keys: &[Jwk], policy: &Policy, now: Timestamp) -> Result<Person, Refused> {
    let (kid, algorithm) = key_of(token, policy)?;
    let is_named = |key: &&Jwk| key.common.key_id.as_deref() == Some(kid.as_str());
    let key = keys.iter().find(is_named).ok_or(Refused::UnknownKey)?;
    let unfit = || Refused::UnfitKey(format!("{algorithm:?}"));
    let for_signing =
        key.common.public_key_use.as_ref().is_none_or(|purpose| *purpose == PublicKeyUse::Signature);
    let for_this =
        key.common.key_algorithm.is_none_or(|of_key| of_key.to_string() == format!("{algorithm:?}"));
    let decoding = DecodingKey::from_jwk(key).map_err(|_| unfit())?;
    if !for_signing || !for_this || decoding.family() != algorithm.family() {
        return Err(unfit());
    }
    let mut signature_only = Validation::new(algorithm);
    // The library would read the claims by a clock of its own, and takes claims of a wrong type for missing ones.
    signature_only.required_spec_claims.clear();
    signature_only.validate_exp = false;
    signature_only.validate_nbf = false;
    signature_only.validate_aud = false;
    let proven = jsonwebtoken::decode::<Value>(token, &decoding, &signature_only);
    let claims = proven.map_err(|_| Refused::Signature)?.claims;
    let claims: Claims = serde_json::from_value(claims).map_err(|_| Refused::Malformed)?;
    check(&claims, policy, now)?;
    person(claims)
}

fn check(claims: &Claims, policy: &Policy, now: Timestamp) -> Result<(), Refused> {
    if claims.iss != policy.issuer {
        return Err(Refused::Issuer(policy.issuer.clone()));
    }
    let is_meant = match &claims.aud {
        Some(audience) => policy.audience.iter().chain(&policy.client).any(|wanted| audience.names(wanted)),
        None => policy.audience.is_none() && !policy.parties.is_empty(),
    };
    if !is_meant {
        return Err(Refused::Audience);
    }
    // Clerk's tokens may lack the party: then no browser asked for them.
    let is_known = |party: &String| {
        policy.parties.is_empty() || policy.parties.contains(party) || policy.client.as_ref() == Some(party)
    };
    if !claims.azp.as_ref().is_none_or(is_known) {
        return Err(Refused::Party);
    }
    let now_s = now.0.div_euclid(1_000);
    if claims.exp.saturating_add(LEEWAY_S) <= now_s {
        return Err(Refused::Expired);
    }
    if claims.nbf.is_some_and(|from| from.saturating_sub(LEEWAY_S) > now_s) {
        return Err(Refused::TooEarly);
    }
    match claims.sts.as_deref() {
        None | Some("active") => Ok(()),
        Some(other) => Err(Refused::Pending(short(other))),
    }
}

fn person(claims: Claims) -> Result<Person, Refused> {
    let is_subject = |subject: &String| {
        !subject.is_empty() && subject.len() <= SUBJECT_BYTES_MAX && !subject.chars().any(char::is_control)
    };
    let subject = claims.sub.filter(is_subject).ok_or(Refused::NoSubject)?;
    let candidates = [claims.name, claims.preferred_username, claims.email];
    let named = candidates.into_iter().flatten().map(|name| short(&name)).find(|name| !name.is_empty());
    let expires_at = Timestamp(claims.exp.saturating_add(LEEWAY_S).saturating_mul(1_000));
    Ok(Person { name: named.unwrap_or_else(|| short(&subject)), subject, expires_at })
}

fn short(text: &str) -> String {
    cut(clean_line(text).trim(), NAME_MAX)
}
