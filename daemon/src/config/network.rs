//! What is configured about front ends on other machines, and about how many may come.

use super::{ConfigError, Layers, number, wrong};
use crate::rpc::DoorLimits;
use crate::tls::TlsFiles;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

/// Where front ends on other machines connect, and with which certificate.
pub(super) fn listen(layers: &Layers) -> Result<Option<(SocketAddr, TlsFiles)>, ConfigError> {
    let (text, origin) = &layers["listen"];
    if text == "off" {
        return Ok(None);
    }
    let address = text.parse().map_err(|_| wrong(layers, "listen"))?;
    let file = |key| Some(PathBuf::from(&layers[key].0)).filter(|path| !path.as_os_str().is_empty());
    let (Some(certificate), Some(key)) = (file("tls_cert"), file("tls_key")) else {
        return Err(ConfigError::NoCertificate { origin: origin.clone() });
    };
    Ok(Some((address, TlsFiles { certificate, key, client_ca: file("tls_client_ca") })))
}

/// The limits of the door.
pub(super) fn door(layers: &Layers) -> Result<DoorLimits, ConfigError> {
    let size =
        |key, max| number(layers, key, 1, max).map(|value| usize::try_from(value).unwrap_or(usize::MAX));
    let calls = u32::try_from(number(layers, "calls_per_s", 1, 1_000_000)?).ok().and_then(NonZeroU32::new);
    Ok(DoorLimits {
        connections: size("connections_max", 100_000)?,
        connections_of_user: size("connections_per_user_max", 100_000)?,
        calls_per_s: calls.ok_or_else(|| wrong(layers, "calls_per_s"))?,
    })
}
