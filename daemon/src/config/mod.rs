//! The configuration: defaults, then a TOML file, then `GUILDHALL_*` in the environment, then flags. Every setting is a
//! line of [`SETTINGS`]; unknown keys are refused with the nearest known one.

mod commented;
mod models;
mod network;
mod people;
mod settings;
mod sign_in;

pub use commented::commented;
pub use people::{Approval, PeopleSettings};
pub use settings::{SETTINGS, Setting};

use crate::agents::key_file::{CREDENTIAL, CREDENTIALS_DIRECTORY};
use crate::llm::settings::{CacheSettings, LlmSettings};
use crate::oidc;
use crate::rpc::DoorLimits;
use crate::tls::TlsFiles;
use guildhall_protocol::transport::usual_socket;
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said otherwise.
    Default,
    /// A file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// A flag.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(name) => write!(f, "${name}"),
            Self::Flag => f.write_str("flag"),
        }
    }
}

/// The configuration in force.
#[derive(Clone, Debug)]
pub struct Config {
    /// The store's file.
    pub store: PathBuf,
    /// The socket for front ends.
    pub socket: PathBuf,
    /// The socket's mode.
    pub socket_mode: u32,
    /// The master key's file.
    pub key_file: PathBuf,
    /// Where health and metrics are served.
    pub ops_listen: Option<SocketAddr>,
    /// Largest answer.
    pub answer_bytes_max: usize,
    /// Most steps at a time.
    pub steps_max: usize,
    /// Time to drain.
    pub drain: Duration,
    /// Time to review.
    pub review_window: Duration,
    /// Time to answer a question.
    pub question_window: Duration,
    /// Time to complain or contest.
    pub appeal_window: Duration,
    /// Where agents call back.
    pub public_listen: Option<SocketAddr>,
    /// How agents reach it, without a slash at the end.
    pub public_url: Option<String>,
    /// Most calls of one address to it.
    pub public_calls_per_s: NonZeroU32,
    /// Callbacks of one agent in a second; twice as many in a burst.
    pub agent_calls_per_s: NonZeroU32,
    /// Its certificate.
    pub public_tls: Option<TlsFiles>,
    /// Where front ends on other machines connect.
    pub listen: Option<(SocketAddr, TlsFiles)>,
    /// Limits on connections and calls.
    pub door: DoorLimits,
    /// The group of the socket.
    pub socket_group: Option<String>,
    /// Who is an admin, and what limits everybody.
    pub people: PeopleSettings,
    /// Whose tokens let people in; none: nobody's.
    pub sign_in: Option<oidc::Policy>,
    /// The log filter.
    pub log: String,
    /// Language models; none: the marketplace does without.
    pub llm: Option<LlmSettings>,
    /// Where their answers are kept.
    pub cache: CacheSettings,
    /// Every value as text, and where it came from.
    pub shown: BTreeMap<&'static str, (String, Origin)>,
}

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("cannot read the configuration {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file is no TOML.
    #[error("the configuration {} is not TOML: {why}", .path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and why.
        why: String,
    },
    /// A key is unknown.
    #[error("{origin}: there is no setting {key:?}; did you mean {nearest:?}?")]
    Unknown {
        /// Where it stands.
        origin: Origin,
        /// The key.
        key: String,
        /// The nearest known one.
        nearest: &'static str,
    },
    /// A value does not fit.
    #[error("{origin}: {key} = {value:?} does not fit: {about}")]
    Value {
        /// Where it stands.
        origin: Origin,
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
        /// What fits.
        about: &'static str,
    },
    /// The network is to be listened to without a certificate.
    #[error(
        "{origin}: listen needs tls_cert and tls_key: `guildhalld tls init` makes a certificate and says what to write"
    )]
    NoCertificate {
        /// Where it stands.
        origin: Origin,
    },
    /// A file that holds a key can be read by others.
    #[error("{} holds a key and can be read by others (mode {mode:o}): run `chmod 600` on it", .path.display())]
    Loose {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// There is no folder to put things.
    #[error("there is no home folder: name store, socket and key_file in the configuration")]
    NoHome,
}

type Layers = BTreeMap<&'static str, (String, Origin)>;

impl Config {
    /// Reads the configuration. `file` must exist if it is named; otherwise the usual place may be empty.
    ///
    /// # Errors
    /// The first thing that is wrong, where it stands, and what fits.
    pub fn load(
        file: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
        flags: &[(&'static str, String)],
    ) -> Result<Self, ConfigError> {
        let usual = usual_file();
        Self::load_from(file.or(usual.as_deref().filter(|path| path.exists())), environment, flags)
    }

    /// The same from this file, and where it is none from no file at all.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_from(
        file: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
        flags: &[(&'static str, String)],
    ) -> Result<Self, ConfigError> {
        let mut layers: Layers = SETTINGS
            .iter()
            .map(|setting| (setting.key, (setting.default.to_owned(), Origin::Default)))
            .collect();
        if let Some(path) = file {
            read_file(path, &mut layers)?;
        }
        let environment: Vec<(String, String)> = environment.collect();
        models::take_usual_names(&environment, &mut layers);
        take_credential(&environment, &mut layers);
        for (name, value) in environment {
            let Some(key) = name.strip_prefix("GUILDHALL_") else { continue };
            let known = SETTINGS.iter().find(|setting| setting.key.eq_ignore_ascii_case(key));
            // Front ends, tests and benches have variables of their own under the same prefix.
            if let Some(setting) = known {
                layers.insert(setting.key, (value, Origin::Environment(name)));
            }
        }
        for (key, value) in flags {
            layers.insert(key, (value.clone(), Origin::Flag));
        }
        Self::of(layers)
    }

    fn of(mut layers: Layers) -> Result<Self, ConfigError> {
        let folders = Folders::find();
        for (key, place) in [("store", folders.store()), ("socket", usual_socket())] {
            if layers[key].0.is_empty() {
                let place = place.ok_or(ConfigError::NoHome)?;
                layers.insert(key, (place.display().to_string(), Origin::Default));
            }
        }
        for (key, name) in [("key_file", "master.key"), ("cache_folder", "cache")] {
            if layers[key].0.is_empty() {
                let beside = PathBuf::from(&layers["store"].0).with_file_name(name);
                layers.insert(key, (beside.display().to_string(), Origin::Default));
            }
        }
        let path = |key| PathBuf::from(&layers[key].0);
        let ops = &layers["ops_listen"].0;
        let ops_listen = if ops == "off" {
            None
        } else {
            let address = ops.parse::<SocketAddr>().ok().filter(|address| address.ip().is_loopback());
            Some(address.ok_or_else(|| wrong(&layers, "ops_listen"))?)
        };
        let public = &layers["public_listen"].0;
        let public_listen = if public == "off" {
            None
        } else {
            Some(public.parse::<SocketAddr>().map_err(|_| wrong(&layers, "public_listen"))?)
        };
        let public_url = Some(layers["public_url"].0.trim_end_matches('/').to_owned());
        let public_url = public_url.filter(|url| !url.is_empty());
        if public_url.as_ref().is_some_and(|url| !is_public_url(url)) {
            return Err(wrong(&layers, "public_url"));
        }
        let public_tls = match (layers["public_tls_cert"].0.as_str(), layers["public_tls_key"].0.as_str()) {
            ("", "") => None,
            ("", _) => return Err(wrong(&layers, "public_tls_cert")),
            (_, "") => return Err(wrong(&layers, "public_tls_key")),
            (cert, key) => {
                Some(TlsFiles { certificate: PathBuf::from(cert), key: PathBuf::from(key), client_ca: None })
            }
        };
        let socket_mode = u32::from_str_radix(&layers["socket_mode"].0, 8).ok().filter(|mode| *mode <= 0o777);
        let number = |key, min: u64, max: u64| number(&layers, key, min, max);
        let size =
            |key, min, max| number(key, min, max).map(|value| usize::try_from(value).unwrap_or(usize::MAX));
        let llm = models::llm(&layers)?;
        let cache = models::cache(&layers)?;
        Ok(Self {
            store: path("store"),
            socket: path("socket"),
            socket_mode: socket_mode.ok_or_else(|| wrong(&layers, "socket_mode"))?,
            key_file: path("key_file"),
            ops_listen,
            answer_bytes_max: size("answer_bytes_max", 1_024, 16_777_216)?,
            steps_max: size("steps_max", 1, 10_000)?,
            drain: Duration::from_secs(number("drain_s", 0, 3_600)?),
            review_window: Duration::from_hours(number("review_window_h", 1, 720)?),
            question_window: Duration::from_hours(number("question_window_h", 1, 720)?),
            appeal_window: Duration::from_hours(24 * number("appeal_window_d", 1, 90)?),
            public_listen,
            public_url,
            public_calls_per_s: u32::try_from(number("public_calls_per_s", 1, 100_000)?)
                .ok()
                .and_then(NonZeroU32::new)
                .ok_or_else(|| wrong(&layers, "public_calls_per_s"))?,
            agent_calls_per_s: u32::try_from(number("agent_calls_per_s", 1, 100_000)?)
                .ok()
                .and_then(NonZeroU32::new)
                .ok_or_else(|| wrong(&layers, "agent_calls_per_s"))?,
            public_tls,
            listen: network::listen(&layers)?,
            door: network::door(&layers)?,
            socket_group: Some(layers["socket_group"].0.clone()).filter(|group| !group.is_empty()),
            people: people::people(&layers)?,
            sign_in: sign_in::sign_in(&layers)?,
            log: layers["log"].0.clone(),
            llm,
            cache,
            shown: without_key(layers),
        })
    }
}

/// Takes the master key that systemd hands to the service, where nothing else was said.
fn take_credential(environment: &[(String, String)], layers: &mut Layers) {
    let folder = environment.iter().find(|(name, _)| name == CREDENTIALS_DIRECTORY);
    let Some((name, folder)) = folder.filter(|_| layers["key_file"].0.is_empty()) else { return };
    let path = Path::new(folder).join(CREDENTIAL);
    if path.exists() {
        layers.insert("key_file", (path.display().to_string(), Origin::Environment(name.clone())));
    }
}

/// What may be shown: of the key only that it is there.
fn without_key(mut layers: Layers) -> Layers {
    if let Some((key, _)) = layers.get_mut("llm_key").filter(|(key, _)| !key.is_empty()) {
        "(hidden)".clone_into(key);
    }
    layers
}

/// A whole number within bounds.
fn number(layers: &Layers, key: &'static str, min: u64, max: u64) -> Result<u64, ConfigError> {
    let value = layers[key].0.replace('_', "").parse::<u64>().ok();
    value.filter(|value| (min..=max).contains(value)).ok_or_else(|| wrong(layers, key))
}

fn is_public_url(text: &str) -> bool {
    let url = url::Url::parse(text);
    url.is_ok_and(|url| {
        matches!(url.scheme(), "https" | "http")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
    })
}

fn wrong(layers: &Layers, key: &'static str) -> ConfigError {
    let (value, origin) = layers[key].clone();
    let about = SETTINGS.iter().find(|setting| setting.key == key).map_or("", |setting| setting.about);
    ConfigError::Value { origin, key, value, about }
}

fn read_file(path: &Path, layers: &mut Layers) -> Result<(), ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Read { path: path.to_path_buf(), source })?;
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| ConfigError::Syntax {
        path: path.to_path_buf(),
        why: error.to_string(),
    })?;
    let origin = Origin::File(path.to_path_buf());
    if table.contains_key("llm_key") {
        models::check_private(path)?;
    }
    for (key, value) in table {
        let setting = Setting::named(&key, &origin)?;
        let text = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Boolean(yes) => yes.to_string(),
            toml::Value::Float(_)
            | toml::Value::Datetime(_)
            | toml::Value::Array(_)
            | toml::Value::Table(_) => {
                format!("a {}", value.type_str())
            }
        };
        layers.insert(setting.key, (text, origin.clone()));
    }
    Ok(())
}

/// Where things are by default: the XDG folders.
struct Folders {
    home: Option<PathBuf>,
}

impl Folders {
    fn find() -> Self {
        Self { home: std::env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from) }
    }

    fn in_folder(&self, variable: &str, fallback: &str) -> Option<PathBuf> {
        let named = std::env::var_os(variable).map(PathBuf::from).filter(|folder| folder.is_absolute());
        named.or_else(|| Some(self.home.as_ref()?.join(fallback))).map(|folder| folder.join("guildhall"))
    }

    fn store(&self) -> Option<PathBuf> {
        Some(self.in_folder("XDG_STATE_HOME", ".local/state")?.join("guildhall.db"))
    }
}

/// The file that is read when none is named, if there is a home.
pub fn usual_file() -> Option<PathBuf> {
    Some(Folders::find().in_folder("XDG_CONFIG_HOME", ".config")?.join("guildhalld.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(
        file: Option<&Path>,
        environment: &[(&str, &str)],
        flags: &[(&'static str, &str)],
    ) -> Result<Config, ConfigError> {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let flags: Vec<_> = flags.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        Config::load(file, environment, &flags)
    }

    #[test]
    fn later_layers_win_and_say_so() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("c.toml");
        std::fs::write(&file, "store = \"/a/one.db\"\nsteps_max = 7\ndrain_s = 1\n").expect("a file");
        let config =
            load(Some(&file), &[("GUILDHALL_STEPS_MAX", "8"), ("GUILDHALL_SEEDS", "3")], &[("drain_s", "2")]);
        let config = config.expect("it fits");
        assert_eq!((config.steps_max, config.drain), (8, Duration::from_secs(2)));
        assert_eq!(config.key_file, Path::new("/a/master.key"));
        let origins: Vec<String> = ["store", "steps_max", "drain_s", "log"]
            .iter()
            .map(|key| config.shown[key].1.to_string())
            .collect();
        assert_eq!(
            origins,
            [
                file.display().to_string(),
                "$GUILDHALL_STEPS_MAX".to_owned(),
                "flag".to_owned(),
                "default".to_owned()
            ]
        );
    }

    #[test]
    fn mistakes_are_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("c.toml");
        let name = file.display();
        for (text, expected) in [
            ("sokcet = \"x\"", format!("{name}: there is no setting \"sokcet\"; did you mean \"socket\"?")),
            (
                "steps_max = 0",
                format!(
                    "{name}: steps_max = \"0\" does not fit: most steps of the engine at a time, 1 to 10,000"
                ),
            ),
            (
                "ops_listen = \"0.0.0.0:1\"",
                format!(
                    "{name}: ops_listen = \"0.0.0.0:1\" does not fit: address of /healthz and /metrics, loopback only; `off` for none"
                ),
            ),
        ] {
            std::fs::write(&file, text).expect("a file");
            assert_eq!(load(Some(&file), &[], &[]).expect_err(text).to_string(), expected);
        }
        std::fs::write(&file, "steps_max =").expect("a file");
        assert!(load(Some(&file), &[], &[]).expect_err("no TOML").to_string().contains("is not TOML"));
        assert!(
            load(Some(Path::new("/no/such")), &[], &[])
                .expect_err("no file")
                .to_string()
                .contains("/no/such")
        );
    }
}
