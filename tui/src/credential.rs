//! Which daemon, and what to come with.

use crate::cli::Remote;
use crate::fault::Fault;
use guildhall_protocol::endpoint::Endpoint;
use guildhall_protocol::transport::usual_socket;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Most bytes of such a file: more than a key and the white space around it is something else.
const PRIVATE_BYTES_MAX: u64 = 4_096;

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

/// The token to come with, if there is one. A file that others can read lets others in, too.
pub(crate) fn credential(file: Option<&Path>) -> Result<Option<String>, Fault> {
    let text = match file {
        None => std::env::var("GUILDHALL_TOKEN").ok(),
        Some(path) => Some(read_private(path, "token")?),
    };
    Ok(text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()))
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
