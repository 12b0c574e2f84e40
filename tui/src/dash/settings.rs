//! The dashboard's own file: colors and keys, as the person likes them.
//!
//! ```toml
//! theme = "light"
//! mouse = true
//! [keys]
//! cancel = "ctrl-x"
//! down = ["j", "n"]
//! ```

use super::keys::{Keys, KeysError};
use super::theme::Palette;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What may stand in it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    theme: Option<Palette>,
    ascii: bool,
    mouse: bool,
    keys: BTreeMap<String, OneOrMany>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) theme: Option<Palette>,
    pub(crate) ascii: bool,
    pub(crate) mouse: bool,
    pub(crate) keys: Keys,
}

/// What is wrong with it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    #[error("{path}: it cannot be read: {source}", path = .path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path}: {message}", path = .path.display())]
    Form { path: PathBuf, message: String },
    #[error("{path}: keys: {source}", path = .path.display())]
    Keys { path: PathBuf, source: KeysError },
}

/// Where it is by the conventions of the system; none: there is no home.
pub(crate) fn usual_file() -> Option<PathBuf> {
    let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let config = config.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".config")))?;
    Some(config.join("guildhall/tui.toml"))
}

/// Reads it; where there is none, everything is as usual.
pub(crate) fn read(path: &Path) -> Result<Settings, SettingsError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Settings::default()),
        Err(source) => return Err(SettingsError::Read { path: path.to_owned(), source }),
    };
    let file: File = toml::from_str(&text)
        .map_err(|error| SettingsError::Form { path: path.to_owned(), message: error.to_string() })?;
    let list = |keys| match keys {
        OneOrMany::One(key) => vec![key],
        OneOrMany::Many(keys) => keys,
    };
    let names = file.keys.into_iter().map(|(name, keys)| (name, list(keys))).collect();
    let keys = Keys::new(names).map_err(|source| SettingsError::Keys { path: path.to_owned(), source })?;
    Ok(Settings { theme: file.theme, ascii: file.ascii, mouse: file.mouse, keys })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tui.toml");
        assert!(read(&path).is_ok(), "there is none");
        let told = |text: &str| {
            std::fs::write(&path, text).expect("it is ours");
            read(&path).map(|settings| settings.theme).map_err(|error| error.to_string())
        };
        assert_eq!(told("theme = \"light\"\n[keys]\nquit = \"ctrl-q\"\nup = []"), Ok(Some(Palette::Light)));
        assert!(told("color = 1").expect_err("no such thing").contains("unknown field `color`"));
        assert!(
            told("[keys]\nquit = \"hyper-q\"")
                .expect_err("no such key")
                .contains("quit: \"hyper-q\" is no key")
        );
    }
}
