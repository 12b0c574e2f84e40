//! The daemon as a service of systemd: a unit that lets it do what it does, and nothing else.
//!
//! The service has a user of its own that owns nothing but its state. Files that only root reads, the configuration and the
//! keys among them, are handed to it as credentials.

use super::{Setup, absolute};
use crate::agents::key_file::CREDENTIAL;
use std::path::Path;

/// Files that settings name, and that the service could not read by itself.
const FILES: [&str; 6] =
    ["tls_cert", "tls_key", "tls_client_ca", "public_tls_cert", "public_tls_key", "llm_key_file"];
/// Time to end beyond that for running steps: last answers, and closing the store, s.
const CLOSE_S: u64 = 15;

const SANDBOX: &str = "\
# It cannot become more than it is, and sees of the machine what it needs. The program must lie outside of /home, /root
# and /tmp.
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RemoveIPC=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
UMask=0077
# Its memory holds keys.
LimitCORE=0
";

/// The unit for this program with what is configured.
///
/// # Errors
/// The program lies where systemd starts none.
pub fn unit(program: &Path, setup: &Setup) -> anyhow::Result<String> {
    let config = &setup.config;
    let program = program.display().to_string();
    anyhow::ensure!(
        !program.contains(['"', '\'', '\\']) && !program.contains(char::is_control),
        "systemd starts no program with quotes or backslashes in its path: move {program}"
    );
    let mut credentials = credential("guildhalld.toml", &setup.file);
    credentials.push_str(&credential(CREDENTIAL, &config.key_file));
    let mut settings = format!(" --set key_file=%d/{CREDENTIAL}");
    for key in FILES {
        let path = config.shown.get(key).map_or("", |(path, _)| path);
        if !path.is_empty() {
            credentials.push_str(&credential(key, Path::new(path)));
            settings.push_str(&format!(" --set {key}=%d/{key}"));
        }
    }
    Ok(format!(
        "\
# Guildhall's daemon as a service, for systemd 250 or newer; `guildhalld init --systemd` printed it.
# The store lies in /var/lib/guildhall. Root calls it with `guildhall --socket /run/guildhall/guildhalld.sock`; for
# others set socket_mode = \"666\".

[Unit]
Description=Guildhall, a marketplace where agents do jobs
Wants=network-online.target
After=network-online.target

[Service]
Type=simple
ExecStart=\"{}\" --config %d/guildhalld.toml --store %S/guildhall/guildhall.db --socket %t/guildhall/guildhalld.sock{settings} serve
Restart=on-failure
RestartSec=5s
# The daemon takes up to drain_s = {} to end in good order.
TimeoutStopSec={}s

DynamicUser=yes
StateDirectory=guildhall
StateDirectoryMode=0700
RuntimeDirectory=guildhall
RuntimeDirectoryMode=0755
# Files that only root reads; a change in one counts from the next start on. When a setting names another file, print this
# unit anew.
{credentials}
{SANDBOX}
[Install]
WantedBy=multi-user.target
",
        // A `$` has a meaning only in words after it.
        program.replace('%', "%%"),
        config.drain.as_secs(),
        config.drain.as_secs() + CLOSE_S,
    ))
}

/// A path here goes to the end of the line, as it is but for specifiers.
fn credential(name: &str, path: &Path) -> String {
    format!("LoadCredential={name}:{}\n", absolute(path).display().to_string().replace('%', "%%"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn unit_of(program: &str, said: &[(&'static str, &str)]) -> anyhow::Result<String> {
        let said: Vec<_> = said.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        let config = Config::load_from(None, std::iter::empty(), &said).expect("it loads");
        let file = "/etc/50% off/g.toml".into();
        unit(Path::new(program), &Setup { program: "guildhalld".to_owned(), file, said, config })
    }

    #[test]
    fn it_fits_what_is_configured() {
        let text = unit_of("/opt/my tools/100%/guildhalld", &[("key_file", "/k/m.key"), ("drain_s", "60")]);
        let text = text.expect("a unit");
        for line in [
            r#"ExecStart="/opt/my tools/100%%/guildhalld" --config %d/guildhalld.toml"#,
            "LoadCredential=guildhalld.toml:/etc/50%% off/g.toml",
            "LoadCredential=guildhall-master-key:/k/m.key",
            "TimeoutStopSec=75s",
        ] {
            assert!(text.lines().any(|written| written.starts_with(line)), "{line}\n{text}");
        }
        assert!(!text.contains("tls_key"), "{text}");
        let refused = unit_of("/opt/ada's/guildhalld", &[]).expect_err("systemd does not start it");
        assert!(refused.to_string().contains("move /opt/ada's/guildhalld"), "{refused}");
    }

    #[test]
    fn files_that_only_root_reads_are_handed_over() {
        let said = [("listen", "0.0.0.0:1"), ("tls_cert", "/t/d.pem"), ("tls_key", "/t/d.key")];
        let text = unit_of("/usr/bin/guildhalld", &said).expect("a unit");
        assert!(text.contains("\nLoadCredential=tls_key:/t/d.key\n"), "{text}");
        assert!(text.contains(" --set tls_key=%d/tls_key serve\n"), "{text}");
    }
}
