//! Certificates: how the daemon's listeners use them, and an authority of one's own for those who have none.

pub mod authority;

use guildhall_protocol::endpoint::read_certificates;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// Files of a TLS listener, all PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificate chain.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authority whose certificates callers must show; none: they need not.
    pub client_ca: Option<PathBuf>,
}

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{} holds no {what} that can be used: {why}", .path.display())]
pub struct TlsError {
    path: PathBuf,
    what: &'static str,
    why: String,
}

/// What takes TLS connections with these files.
///
/// # Errors
/// A file cannot be read, or does not hold what it should.
pub fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, TlsError> {
    let chain = certificates(&files.certificate, "certificate")?;
    let secret = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| unusable(&files.key, "private key", &error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let unfit = |error: rustls::Error| unusable(&files.certificate, "certificate", &error);
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(unfit)?;
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let what = "authority of callers";
            let mut roots = RootCertStore::empty();
            for certificate in certificates(path, what)? {
                roots.add(certificate).map_err(|error| unusable(path, what, &error))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| unusable(path, what, &error))?)
        }
    };
    Ok(TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, secret).map_err(unfit)?)))
}

fn certificates(path: &Path, what: &'static str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    read_certificates(path).map_err(|why| unusable(path, what, &why))
}

fn unusable(path: &Path, what: &'static str, why: &dyn fmt::Display) -> TlsError {
    TlsError { path: path.to_path_buf(), what, why: why.to_string() }
}
