//! The guard around every URL that a user or an agent supplied.
//!
//! Three walls, each measured to leak when it stood alone: the URL is checked when it is stored and again at every call;
//! every answer of the resolver is filtered, and the connection goes to exactly those addresses, so a name cannot change
//! between check and use; and redirects, proxies, referers, cookies and decompression are off. IP literals never reach a
//! resolver, so they are checked on the parsed host. A private or plain-http endpoint is reached only if an operator
//! granted its exact host and port, through a client of its own: connections of the two never share a pool.

mod addresses;
mod resolver;

pub use addresses::is_public;
pub use resolver::ResolveError;

use reqwest::redirect::Policy;
use resolver::{AnyAddress, PublicOnly};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use url::{Host, Url};

/// The only port below 1024 that an endpoint may use without a grant; lower ones belong to other services.
const HTTPS_PORT: u16 = 443;
/// Longest wait for a connection, ms.
pub const CONNECT_MS_MAX: u64 = 10_000;
/// Idle connections kept per host.
const IDLE_PER_HOST_MAX: usize = 64;

/// Which addresses a call may reach beside public ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    hosts: BTreeSet<(String, u16)>,
}

impl Grants {
    /// Grants exactly these hosts and ports, as `Url` spells them: `127.0.0.1`, `[::1]`, `box.lan`.
    pub fn new(hosts: impl IntoIterator<Item = (String, u16)>) -> Self {
        Self { hosts: hosts.into_iter().collect() }
    }

    fn allow(&self, host: &str, port: u16) -> bool {
        self.hosts.contains(&(host.to_owned(), port))
    }
}

/// Whether private addresses need a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrivateAddresses {
    /// They do.
    ByGrant,
    /// They do not: only a demo on one machine may say so.
    Allowed,
}

/// An endpoint that may be called, and the way to it.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The endpoint.
    pub url: Url,
    /// Whether it is called because it was granted.
    pub granted: bool,
}

/// Why an endpoint may not be called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// It is no URL.
    #[error("the endpoint is not a URL: {why}")]
    NotAUrl {
        /// What the parser says.
        why: String,
    },
    /// It is not `https`.
    #[error(
        "the endpoint uses {scheme}; only https is allowed, unless an operator grants it (--allow-private)"
    )]
    Scheme {
        /// What it uses.
        scheme: String,
    },
    /// It holds a user name or password.
    #[error("the endpoint holds a user name or password; deliveries are signed instead")]
    Credentials,
    /// It has a fragment.
    #[error("the endpoint has a fragment (#...), which is never sent")]
    Fragment,
    /// Its port belongs to something else.
    #[error("port {port} is not allowed for an endpoint: use 443, or one from 1024 up")]
    Port {
        /// The port.
        port: u16,
    },
    /// Its address is not public.
    #[error("{host} is not a public address; an operator can grant exactly {host}:{port} (--allow-private)")]
    Private {
        /// The host.
        host: String,
        /// The port.
        port: u16,
    },
}

/// Checks an endpoint as it is written. Names are checked again when they are resolved.
///
/// # Errors
/// [`EgressError`] says what is wrong and what can be done.
pub fn check(endpoint: &str, grants: &Grants, private: PrivateAddresses) -> Result<Checked, EgressError> {
    let url = Url::parse(endpoint).map_err(|error| EgressError::NotAUrl { why: error.to_string() })?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(EgressError::Scheme { scheme: url.scheme().to_owned() });
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(EgressError::Credentials);
    }
    if url.fragment().is_some() {
        return Err(EgressError::Fragment);
    }
    let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
        return Err(EgressError::NotAUrl { why: "it names no host".to_owned() });
    };
    let name = host.to_string();
    if grants.allow(&name, port) || private == PrivateAddresses::Allowed {
        return Ok(Checked { url, granted: true });
    }
    let literal = match host {
        Host::Ipv4(address) => Some(IpAddr::V4(address)),
        Host::Ipv6(address) => Some(IpAddr::V6(address)),
        Host::Domain(_) => None,
    };
    let local_name = matches!(&host, Host::Domain(name) if is_local_name(name));
    if local_name || literal.is_some_and(|address| !is_public(address)) {
        return Err(EgressError::Private { host: name, port });
    }
    if url.scheme() == "http" {
        return Err(EgressError::Scheme { scheme: "http".to_owned() });
    }
    if port < 1024 && port != HTTPS_PORT {
        return Err(EgressError::Port { port });
    }
    Ok(Checked { url, granted: false })
}

/// Names that never lead outside; said at once instead of at the first delivery.
fn is_local_name(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    let last = name.rsplit('.').next().unwrap_or(name);
    name == "localhost"
        || !name.contains('.')
        || matches!(last, "localhost" | "local" | "internal" | "lan" | "home" | "arpa")
}

/// The HTTP clients behind the guard.
pub struct Egress {
    public: reqwest::Client,
    granted: reqwest::Client,
}

/// The HTTP clients could not be made: the platform's roots of trust cannot be read, for example.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client could not be made")]
pub struct EgressSetupError(#[from] reqwest::Error);

impl Egress {
    /// Makes the clients. Installs the process's TLS provider if there is none yet.
    ///
    /// # Errors
    /// The clients could not be made.
    pub fn new() -> Result<Self, EgressSetupError> {
        // An error only says that one was installed before, which is just as well.
        if rustls::crypto::ring::default_provider().install_default().is_err() {
            tracing::trace!("a TLS provider was installed before");
        }
        let client = || {
            reqwest::Client::builder()
                .no_proxy()
                .redirect(Policy::none())
                .referer(false)
                .connect_timeout(Duration::from_millis(CONNECT_MS_MAX))
                .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
                .user_agent(concat!("guildhall/", env!("CARGO_PKG_VERSION")))
        };
        Ok(Self {
            public: client().https_only(true).dns_resolver(Arc::new(PublicOnly)).build()?,
            granted: client().dns_resolver(Arc::new(AnyAddress)).build()?,
        })
    }

    /// The client for an endpoint that was checked.
    pub fn client(&self, checked: &Checked) -> &reqwest::Client {
        if checked.granted { &self.granted } else { &self.public }
    }
}

/// Whether an answer came from where the guard allows: the last look, at the connection itself.
pub fn came_from_allowed(checked: &Checked, remote: Option<std::net::SocketAddr>) -> bool {
    checked.granted || remote.is_some_and(|address| is_public(address.ip()))
}

#[cfg(test)]
mod tests;
