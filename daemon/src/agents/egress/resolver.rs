//! Names to addresses. The connection goes to exactly the addresses that leave here, so what was checked is what is used.

use super::is_public;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::SocketAddr;

/// A name led nowhere that may be called.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The name has no address.
    #[error("the name {name} does not resolve: {why}")]
    Nowhere {
        /// The name.
        name: String,
        /// What the system says.
        why: String,
    },
    /// Every address of the name is refused.
    #[error("the name {0} leads to addresses that are not public")]
    Private(String),
}

/// Lets public addresses through. One that is not spoils the whole answer: honest names do not mix.
pub(super) struct PublicOnly;

/// Lets every address through, for hosts that were granted.
pub(super) struct AnyAddress;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = look_up(name.as_str()).await?;
            if found.iter().all(|address| is_public(address.ip())) {
                Ok(Box::new(found.into_iter()) as Addrs)
            } else {
                Err(ResolveError::Private(name.as_str().to_owned()).into())
            }
        })
    }
}

impl Resolve for AnyAddress {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move { Ok(Box::new(look_up(name.as_str()).await?.into_iter()) as Addrs) })
    }
}

async fn look_up(name: &str) -> Result<Vec<SocketAddr>, ResolveError> {
    let nowhere = |why: String| ResolveError::Nowhere { name: name.to_owned(), why };
    // Port 0: the client puts the URL's port in.
    let found = tokio::net::lookup_host((name, 0)).await.map_err(|error| nowhere(error.to_string()))?;
    let found: Vec<SocketAddr> = found.collect();
    if found.is_empty() { Err(nowhere("it has no address".to_owned())) } else { Ok(found) }
}
