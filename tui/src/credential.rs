//! Which daemon, and what to come with.

use crate::cli::Remote;
use crate::fault::Fault;
use guildhall_protocol::endpoint::Endpoint;
use guildhall_protocol::transport::usual_socket;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

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
        Some(path) => {
            let failed = |error| Fault::Io(format!("cannot read the token in {}", path.display()), error);
            let mode = std::fs::metadata(path).map_err(failed)?.mode() & 0o777;
            if mode & 0o077 != 0 {
                return Err(Fault::Input(format!(
                    "{} holds a token and can be read by others (mode {mode:o}): run `chmod 600` on it",
                    path.display()
                )));
            }
            Some(std::fs::read_to_string(path).map_err(failed)?)
        }
    };
    Ok(text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()))
}
