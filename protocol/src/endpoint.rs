//! Where a daemon is reached: its unix socket on this machine, or TLS from another one.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

/// The port of a daemon of which nothing else is said.
pub const PORT: u16 = 7432;
/// Longest wait for a connection.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// Where a daemon is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Its unix socket.
    Socket(PathBuf),
    /// TLS over TCP.
    Tls(TlsEndpoint),
}

/// A daemon on another machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsEndpoint {
    /// The name that its certificate must have, or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// PEM file with the authorities that are trusted; none: those of this machine.
    pub ca: Option<PathBuf>,
    /// PEM files with our own certificate and its key, where the daemon asks for one.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// A connection, whatever carries it.
pub trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody answers there.
    #[error("{0}")]
    Unreachable(#[from] io::Error),
    /// Nobody answered in time.
    #[error("nothing answered within {} s", CONNECT_MAX.as_secs())]
    Slow,
    /// A file cannot be used.
    #[error("{} cannot be used: {why}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// What answers is not who it should be, or speaks no TLS.
    #[error("{0}")]
    Tls(String),
}

impl Endpoint {
    /// A daemon behind `host`, `host:port` or `[address]:port`.
    ///
    /// # Errors
    /// A sentence that says what to write.
    pub fn server(text: &str, ca: Option<PathBuf>) -> Result<Self, String> {
        let wrong =
            || format!("{text:?} names no daemon: write host or host:port, such as hall.example:{PORT}");
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                (host, port.parse().map_err(|_| wrong())?)
            }
            Some(_) | None => (text, PORT),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if ServerName::try_from(host.clone()).is_err() {
            return Err(wrong());
        }
        Ok(Self::Tls(TlsEndpoint { host, port, ca, identity: None }))
    }

    /// Connects.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn connect(&self) -> Result<Box<dyn Connection>, ConnectError> {
        match self {
            Self::Socket(path) => Ok(Box::new(UnixStream::connect(path).await?)),
            Self::Tls(endpoint) => {
                tokio::time::timeout(CONNECT_MAX, endpoint.connect()).await.map_err(|_| ConnectError::Slow)?
            }
        }
    }
}

impl TlsEndpoint {
    async fn connect(&self) -> Result<Box<dyn Connection>, ConnectError> {
        let config = Arc::new(self.config()?);
        let name = ServerName::try_from(self.host.clone())
            .map_err(|_| ConnectError::Tls(format!("{} is no name of a machine", self.host)))?;
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        let connected = TlsConnector::from(config).connect(name, stream).await;
        Ok(Box::new(connected.map_err(|error| self.explain(&error))?))
    }

    fn config(&self) -> Result<ClientConfig, ConnectError> {
        let mut roots = RootCertStore::empty();
        match &self.ca {
            Some(path) => {
                for certificate in certificates(path)? {
                    roots.add(certificate).map_err(|error| unusable(path, &error))?;
                }
            }
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = |error: rustls::Error| ConnectError::Tls(error.to_string());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(tls)?
            .with_root_certificates(roots);
        let Some((certificate, key)) = &self.identity else { return Ok(builder.with_no_client_auth()) };
        let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, &error))?;
        builder.with_client_auth_cert(certificates(certificate)?, secret).map_err(tls)
    }

    /// What a person can do about a handshake that failed.
    #[expect(clippy::wildcard_enum_match_arm, reason = "a library's error: its own words tell the rest")]
    fn explain(&self, error: &io::Error) -> ConnectError {
        use rustls::{CertificateError, Error};
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
        let host = &self.host;
        ConnectError::Tls(match inner {
            Some(Error::InvalidCertificate(why)) => match why {
                CertificateError::UnknownIssuer => format!(
                    "nobody whom we trust vouches for {host}: name the authority of its certificate with --ca"
                ),
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                    format!("the certificate is not for {host}: name the daemon as its certificate does")
                }
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                    format!("the certificate of {host} has expired: its operator renews it")
                }
                other => format!("the certificate of {host} is not good: {other}"),
            },
            Some(Error::InvalidMessage(_)) => format!("what answers at {host}:{} speaks no TLS", self.port),
            Some(Error::AlertReceived(alert)) => {
                format!("the daemon refuses us ({alert:?}): it may ask for a certificate, see --client-cert")
            }
            Some(other) => other.to_string(),
            None => format!("the connection to {host} broke while it began: {error}"),
        })
    }
}

/// The certificates in a PEM file, at least one.
///
/// # Errors
/// Why there are none.
pub fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = read.map_err(|error| error.to_string())?;
    if found.is_empty() { Err("there is no certificate in it".to_owned()) } else { Ok(found) }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ConnectError> {
    read_certificates(path).map_err(|why| unusable(path, &why))
}

fn unusable(path: &Path, why: &dyn fmt::Display) -> ConnectError {
    ConnectError::File { path: path.to_path_buf(), why: why.to_string() }
}

impl<P: Into<PathBuf>> From<P> for Endpoint {
    fn from(path: P) -> Self {
        Self::Socket(path.into())
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => write!(f, "{}", path.display()),
            Self::Tls(endpoint) => write!(f, "{}:{}", endpoint.host, endpoint.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_is_named_by_host_and_port() {
        let named = |text| match Endpoint::server(text, None) {
            Ok(Endpoint::Tls(endpoint)) => Ok((endpoint.host, endpoint.port)),
            Ok(Endpoint::Socket(_)) => panic!("a socket"),
            Err(why) => Err(why),
        };
        assert_eq!(named("hall.example"), Ok(("hall.example".to_owned(), PORT)));
        assert_eq!(named("127.0.0.1:80"), Ok(("127.0.0.1".to_owned(), 80)));
        assert_eq!(named("[::1]:80"), Ok(("::1".to_owned(), 80)));
        for wrong in ["", "hall.example:x", "a b", "https://hall.example"] {
            assert!(named(wrong).is_err(), "{wrong}");
        }
    }
}
