//! What is configured about managed sign-in: whose tokens let people in, and which of them.

use super::{ConfigError, Layers, wrong};
use crate::oidc::{Algorithm, Policy, is_safe};

/// Longest address of an issuer, bytes: with a subject it makes an identity.
const ISSUER_BYTES_MAX: usize = 240;

/// Whose tokens are taken, if anybody's.
pub(super) fn sign_in(layers: &Layers) -> Result<Option<Policy>, ConfigError> {
    let words = |key: &str| layers[key].0.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let issuer = layers["oidc_issuer"].0.clone();
    let algorithms = words("oidc_algorithms").iter().map(|name| algorithm(name)).collect::<Option<Vec<_>>>();
    let algorithms = algorithms.filter(|algorithms| !algorithms.is_empty());
    let algorithms = algorithms.ok_or_else(|| wrong(layers, "oidc_algorithms"))?;
    if issuer.is_empty() {
        return Ok(None);
    }
    let is_issuer = url::Url::parse(&issuer)
        .is_ok_and(|url| is_safe(&url) && url.query().is_none() && issuer.len() <= ISSUER_BYTES_MAX);
    let given = |key: &str| Some(layers[key].0.clone()).filter(|text| !text.is_empty());
    let (audience, client, parties) =
        (given("oidc_audience"), given("oidc_client_id"), words("oidc_parties"));
    if !is_issuer {
        return Err(wrong(layers, "oidc_issuer"));
    }
    // An issuer serves many applications: without any of them, a token for each would be good here.
    if audience.is_none() && client.is_none() && parties.is_empty() {
        return Err(wrong(layers, "oidc_audience"));
    }
    let scopes = words("oidc_scopes");
    if !scopes.iter().any(|scope| scope == "openid") {
        return Err(wrong(layers, "oidc_scopes"));
    }
    Ok(Some(Policy { issuer, audience, parties, client, scopes: scopes.join(" "), algorithms }))
}

/// Algorithms with a shared secret are not among them: whoever can check such a token can make one.
fn algorithm(name: &str) -> Option<Algorithm> {
    match name {
        "RS256" => Some(Algorithm::RS256),
        "RS384" => Some(Algorithm::RS384),
        "RS512" => Some(Algorithm::RS512),
        "PS256" => Some(Algorithm::PS256),
        "PS384" => Some(Algorithm::PS384),
        "PS512" => Some(Algorithm::PS512),
        "ES256" => Some(Algorithm::ES256),
        "ES384" => Some(Algorithm::ES384),
        "EdDSA" => Some(Algorithm::EdDSA),
        _ => None,
    }
}
