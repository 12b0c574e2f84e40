//! Which daemon, and what to come with.

use crate::cli::Remote;
use crate::fault::Fault;
use crate::sign_in::Saved;
use guildhall_protocol::endpoint::Endpoint;
use guildhall_protocol::transport::usual_socket;
use std::fmt;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Most bytes of such a file: more than some tokens is something else.
const PRIVATE_BYTES_MAX: u64 = 32_768;

/// The daemon that is meant: the one that is named, or the one of this user on this machine.
pub(crate) fn endpoint(socket: Option<PathBuf>, remote: Remote) -> Result<Endpoint, Fault> {
    let Some(server) = remote.server else {
        let no_home =
            || Fault::Input("there is no home folder: name the daemon's socket with --socket".to_owned());
        return Ok(Endpoint::Socket(socket.or_else(usual_socket).ok_or_else(no_home)?));
    };
    let mut endpoint = Endpoint::server(&server, remote.ca).map_err(Fault::Input)?;
    if let Endpoint::Tls(tls) = &mut endpoint {
        tls.identity = remote.client_cert.zip(remote.client_key);
    }
    Ok(endpoint)
}

/// What we come with, for people.
pub(crate) enum Means {
    /// A token in this file.
    File(PathBuf),
    /// A token in the environment.
    Environment,
    /// A sign-in, if there is one: else the daemon sees on the socket who we are.
    SignIn(Arc<Saved>),
    /// Nothing: there is no place to keep a sign-in in.
    Nothing,
}

const BY_SOCKET: &str = "the user who runs this program, as the daemon's socket tells";

impl fmt::Display for Means {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "the token in {}", path.display()),
            Self::Environment => f.write_str("the token in GUILDHALL_TOKEN"),
            Self::SignIn(saved) => match saved.find() {
                Ok(Some(signed_in)) => f.write_str(&signed_in.told()),
                Ok(None) | Err(_) => f.write_str(BY_SOCKET),
            },
            Self::Nothing => f.write_str(BY_SOCKET),
        }
    }
}

/// What to come with, and the token if it is one. A file that others can read lets others in, too.
pub(crate) fn means(file: Option<PathBuf>, endpoint: &Endpoint) -> Result<(Means, Option<String>), Fault> {
    let token = std::env::var("GUILDHALL_TOKEN").ok().and_then(|text| whole(&text));
    if file.is_none() && token.is_some() {
        return Ok((Means::Environment, token));
    }
    means_of_context(file, endpoint)
}

/// The same without the token of the environment, which is for another daemon.
pub(crate) fn means_of_context(
    file: Option<PathBuf>,
    endpoint: &Endpoint,
) -> Result<(Means, Option<String>), Fault> {
    if let Some(path) = file {
        let token = whole(&read_private(&path, "token")?);
        let empty = || Fault::Input(format!("the token file {} is empty", path.display()));
        return Ok((Means::File(path.clone()), Some(token.ok_or_else(empty)?)));
    }
    let saved = Saved::of(endpoint).map(|saved| Means::SignIn(Arc::new(saved)));
    Ok((saved.unwrap_or(Means::Nothing), None))
}

fn whole(text: &str) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// The text in a file that nobody else can read; `what` it holds. No complaint quotes it.
pub(crate) fn read_private(path: &Path, what: &str) -> Result<String, Fault> {
    let file = path.display();
    let failed = |error| Fault::Io(format!("cannot read the {what} file {file}"), error);
    let source = std::fs::File::open(path).map_err(failed)?;
    let mode = source.metadata().map_err(failed)?.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(Fault::Input(format!(
            "the {what} file {file} can be read by others (mode {mode:o}): run `chmod 600 {file}`"
        )));
    }
    let mut bytes = Vec::new();
    source.take(PRIVATE_BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?;
    Ok(String::from_utf8(bytes).unwrap_or_else(|_| "\0".to_owned()))
}
