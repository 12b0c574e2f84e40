//! The configuration: defaults, then a TOML file, then `GUILDHALL_*` in the environment, then flags. Every setting is a
//! line of [`SETTINGS`]; unknown keys are refused with the nearest known one.

use guildhall_protocol::transport::usual_socket;
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its key in the file; in the environment `GUILDHALL_` and the same in capitals.
    pub key: &'static str,
    /// Its default; empty where it follows from the user's folders.
    pub default: &'static str,
    /// What it does, with unit and bounds.
    pub about: &'static str,
}

/// Every setting.
pub const SETTINGS: [Setting; 17] = [
    Setting {
        key: "store",
        default: "",
        about: "the store's file; default guildhall.db in the state folder",
    },
    Setting {
        key: "socket",
        default: "",
        about: "the socket for front ends; default guildhalld.sock in the runtime folder",
    },
    Setting { key: "socket_mode", default: "600", about: "mode of the socket, octal" },
    Setting {
        key: "key_file",
        default: "",
        about: "seals agents' secrets; default master.key beside the store; made on first start",
    },
    Setting {
        key: "ops_listen",
        default: "127.0.0.1:7431",
        about: "address of /healthz and /metrics, loopback only; `off` for none",
    },
    Setting {
        key: "public_listen",
        default: "off",
        about: "address where agents call back, with TLS or behind a proxy; `off` for none",
    },
    Setting {
        key: "public_url",
        default: "",
        about: "how agents reach public_listen, such as https://hall.example; default: its address if that is loopback",
    },
    Setting {
        key: "public_tls_cert",
        default: "",
        about: "PEM file with the certificate chain of public_listen; without it a proxy speaks TLS",
    },
    Setting {
        key: "public_calls_per_s",
        default: "100",
        about: "most calls to public_listen from one address, per second, 1 to 100,000",
    },
    Setting { key: "public_tls_key", default: "", about: "PEM file with its private key" },
    Setting {
        key: "answer_bytes_max",
        default: "1048576",
        about: "largest answer of an agent, bytes, 1,024 to 16,777,216",
    },
    Setting { key: "steps_max", default: "256", about: "most steps of the engine at a time, 1 to 10,000" },
    Setting { key: "drain_s", default: "30", about: "time for running steps at shutdown, s, 0 to 3,600" },
    Setting {
        key: "review_window_h",
        default: "72",
        about: "time for a person to review an answer, h, 1 to 720",
    },
    Setting {
        key: "question_window_h",
        default: "24",
        about: "time for a client to answer an agent's question, h, 1 to 720",
    },
    Setting {
        key: "appeal_window_d",
        default: "7",
        about: "time to complain about a result or to contest a finding, days, 1 to 90",
    },
    Setting {
        key: "log",
        default: "info",
        about: "what is logged: error, warn, info, debug, or a tracing filter",
    },
];

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
    /// Certificate chain and key of the listener.
    pub public_tls: Option<(PathBuf, PathBuf)>,
    /// The log filter.
    pub log: String,
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
        let mut layers: Layers = SETTINGS
            .iter()
            .map(|setting| (setting.key, (setting.default.to_owned(), Origin::Default)))
            .collect();
        let usual = usual_file();
        let file = file.or(usual.as_deref().filter(|path| path.exists()));
        if let Some(path) = file {
            read_file(path, &mut layers)?;
        }
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
        if layers["key_file"].0.is_empty() {
            let beside = PathBuf::from(&layers["store"].0).with_file_name("master.key");
            layers.insert("key_file", (beside.display().to_string(), Origin::Default));
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
            (cert, key) => Some((PathBuf::from(cert), PathBuf::from(key))),
        };
        let socket_mode = u32::from_str_radix(&layers["socket_mode"].0, 8).ok().filter(|mode| *mode <= 0o777);
        let number = |key, min: u64, max: u64| {
            let value = layers[key]
                .0
                .replace('_', "")
                .parse::<u64>()
                .ok()
                .filter(|value| (min..=max).contains(value));
            value.ok_or_else(|| wrong(&layers, key))
        };
        let size =
            |key, min, max| number(key, min, max).map(|value| usize::try_from(value).unwrap_or(usize::MAX));
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
            public_tls,
            log: layers["log"].0.clone(),
            shown: layers,
        })
    }
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

impl Setting {
    /// The setting with this key.
    ///
    /// # Errors
    /// There is none; the error names the nearest.
    pub fn named(key: &str, origin: &Origin) -> Result<&'static Self, ConfigError> {
        let known = SETTINGS.iter().find(|setting| setting.key == key);
        known.ok_or_else(|| {
            let distance = |setting: &&Self| strsim::levenshtein(setting.key, key);
            let nearest = SETTINGS.iter().min_by_key(distance).map_or("store", |setting| setting.key);
            ConfigError::Unknown { origin: origin.clone(), key: key.to_owned(), nearest }
        })
    }
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

fn usual_file() -> Option<PathBuf> {
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
