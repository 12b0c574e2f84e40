//! A private authority: `guildhalld tls init` makes one, a certificate for the daemon, and certificates for callers.
//!
//! Nothing is ever written over: whoever has the authority's key can pose as the daemon, and whoever loses it must tell
//! every caller.

use anyhow::{Context, bail};
use clap::Subcommand;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// How long the authority and what it vouches for are good, days.
const AUTHORITY_DAYS: u32 = 3_650;
const CERTIFICATE_DAYS: u32 = 825;

/// What is done with certificates.
#[derive(Debug, Subcommand)]
pub enum TlsCommand {
    /// Make an authority of your own and a certificate for this daemon
    Init {
        /// A name or address under which callers reach the daemon; may be said more than once
        #[arg(long, value_name = "HOST", default_values_t = ["localhost".to_owned(), "127.0.0.1".to_owned()])]
        name: Vec<String>,
        /// Make a new certificate for the daemon; the authority stays
        #[arg(long)]
        renew: bool,
    },
    /// Make a certificate for a caller, where `tls_client_ca` asks for one
    Client {
        /// What it is called
        name: String,
    },
}

/// Runs the command: the files stand in `folder`.
///
/// # Errors
/// A file is there already, or cannot be written.
pub fn run(folder: &Path, command: &TlsCommand, out: &mut (impl Write + ?Sized)) -> anyhow::Result<()> {
    let files = Files { folder: folder.to_path_buf() };
    match command {
        TlsCommand::Init { name, renew } => {
            let authority = if *renew { files.authority()? } else { files.make_authority()? };
            files.certify(&authority, "daemon", name, ExtendedKeyUsagePurpose::ServerAuth, *renew)?;
            Ok(write!(out, "{}", files.told(name))?)
        }
        TlsCommand::Client { name } => {
            let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
            if name.is_empty() || !name.chars().all(is_letter) || ["ca", "daemon"].contains(&name.as_str()) {
                bail!("a caller is called by letters, digits, dashes and underscores, and not ca or daemon");
            }
            let authority = files.authority()?;
            files.certify(&authority, name, &[], ExtendedKeyUsagePurpose::ClientAuth, false)?;
            let (certificate, key) = (files.certificate(name), files.key(name));
            Ok(writeln!(
                out,
                "made {} and {}\ngive both to the caller: guildhall --client-cert {} --client-key {}",
                certificate.display(),
                key.display(),
                certificate.display(),
                key.display()
            )?)
        }
    }
}

struct Files {
    folder: PathBuf,
}

impl Files {
    fn certificate(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.pem"))
    }

    fn key(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.key"))
    }

    fn make_authority(&self) -> anyhow::Result<Issuer<'static, KeyPair>> {
        let there = [self.certificate("ca"), self.key("ca"), self.certificate("daemon"), self.key("daemon")];
        if let Some(path) = there.iter().find(|path| path.exists()) {
            bail!(
                "{} is there already; `guildhalld tls init --renew` makes a new certificate for the daemon",
                path.display()
            );
        }
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)
            .with_context(|| format!("cannot make the folder {}", self.folder.display()))?;
        let params = authority_params()?;
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        write(&self.key("ca"), &key.serialize_pem(), 0o600, false)?;
        write(&self.certificate("ca"), &certificate.pem(), 0o644, false)?;
        Ok(Issuer::new(params, key))
    }

    fn authority(&self) -> anyhow::Result<Issuer<'static, KeyPair>> {
        let path = self.key("ca");
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}; `guildhalld tls init` makes one", path.display()))?;
        let key = KeyPair::from_pem(&text).with_context(|| format!("{} holds no key", path.display()))?;
        // What vouches is the key, under the name that every authority of ours has.
        Ok(Issuer::new(authority_params()?, key))
    }

    fn certify(
        &self,
        authority: &Issuer<'static, KeyPair>,
        name: &str,
        hosts: &[String],
        purpose: ExtendedKeyUsagePurpose,
        over: bool,
    ) -> anyhow::Result<()> {
        let mut params = params(hosts.first().map_or(name, String::as_str), CERTIFICATE_DAYS)?;
        params.subject_alt_names = CertificateParams::new(hosts)
            .context("a name or address does not fit a certificate")?
            .subject_alt_names;
        params.extended_key_usages = vec![purpose];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, authority)?;
        write(&self.key(name), &key.serialize_pem(), 0o600, over)?;
        write(&self.certificate(name), &certificate.pem(), 0o644, over)
    }

    fn told(&self, names: &[String]) -> String {
        let (ca, certificate, key) = (self.certificate("ca"), self.certificate("daemon"), self.key("daemon"));
        format!(
            "made the certificate of this daemon, for {}, good for {CERTIFICATE_DAYS} days\n\n\
             say in the configuration:\n  listen = \"0.0.0.0:{}\"\n  tls_cert = \"{}\"\n  tls_key = \"{}\"\n\n\
             give {} to callers, who name it with --ca; keep {} to yourself, it makes the others\n",
            names.join(", "),
            guildhall_protocol::endpoint::PORT,
            certificate.display(),
            key.display(),
            ca.display(),
            self.key("ca").display(),
        )
    }
}

fn authority_params() -> anyhow::Result<CertificateParams> {
    let mut params = params("Guildhall private authority", AUTHORITY_DAYS)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn params(name: &str, days: u32) -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::new(Vec::new())?;
    let mut called = DistinguishedName::new();
    called.push(DnType::CommonName, name);
    params.distinguished_name = called;
    let now = std::time::SystemTime::now();
    // A caller's clock may be a little behind.
    let hour = std::time::Duration::from_hours(1);
    params.not_before = (now - hour).into();
    params.not_after = (now + hour * 24 * days).into();
    Ok(params)
}

/// Writes a file whole or not at all.
fn write(path: &Path, text: &str, mode: u32, over: bool) -> anyhow::Result<()> {
    let failed = || format!("cannot write {}", path.display());
    let beside = path.with_extension("new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(mode);
    let mut file = options.open(&beside).with_context(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).with_context(failed)?;
    if over {
        return std::fs::rename(&beside, path).with_context(failed);
    }
    std::fs::hard_link(&beside, path).with_context(failed)?;
    std::fs::remove_file(&beside).with_context(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::{TlsFiles, acceptor};
    use std::os::unix::fs::MetadataExt;

    fn init(folder: &Path, renew: bool) -> anyhow::Result<String> {
        let mut out = Vec::new();
        run(folder, &TlsCommand::Init { name: vec!["hall.example".to_owned()], renew }, &mut out)?;
        Ok(String::from_utf8(out).expect("text"))
    }

    #[test]
    fn an_authority_is_made_once_and_its_keys_are_private() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path().join("tls");
        assert!(init(&folder, true).is_err(), "nothing to renew");
        assert!(init(&folder, false).expect("it is made").contains("--ca"));
        for key in ["ca.key", "daemon.key"] {
            assert_eq!(std::fs::metadata(folder.join(key)).expect("a file").mode() & 0o777, 0o600, "{key}");
        }
        let read = |name: &str| std::fs::read(folder.join(name)).expect("a file");
        let (ca, daemon) = (read("ca.pem"), read("daemon.pem"));
        let again = init(&folder, false).expect_err("it is there").to_string();
        assert!(again.contains("--renew"), "{again}");
        assert_eq!((read("ca.pem"), read("daemon.pem")), (ca.clone(), daemon.clone()));
        init(&folder, true).expect("it is renewed");
        assert_eq!(read("ca.pem"), ca);
        assert_ne!(read("daemon.pem"), daemon);
        run(&folder, &TlsCommand::Client { name: "laptop".to_owned() }, &mut Vec::new()).expect("it is made");
        let file = |name: &str| folder.join(name);
        let files = TlsFiles {
            certificate: file("daemon.pem"),
            key: file("daemon.key"),
            client_ca: Some(file("ca.pem")),
        };
        assert!(acceptor(&files).is_ok());
        let mixed = TlsFiles { key: file("laptop.key"), ..files };
        assert!(acceptor(&mixed).err().expect("another key").to_string().contains("daemon.pem"));
    }
}
