//! A configuration file to begin with: every setting with what it does, commented out, so that nothing is said that is not
//! so anyway. It is made from [`SETTINGS`] and has no list of its own that could miss one.

use super::{Config, Origin, SETTINGS, Setting};

/// Columns of the file.
const WIDTH: usize = 110;

const HEAD: &str = "\
# The configuration of guildhalld. Each setting stands here with its default, commented out: take away the #
# before it to change it, and start the daemon again. Values stand in quotes. GUILDHALL_ and the key in
# capitals in the environment, and flags, go before what stands here. `guildhalld config show` prints what is
# in force and where it came from.
";

/// What settings are about: a title, and how the keys begin.
const GROUPS: [(&str, &[&str]); 9] = [
    ("The store, and the key that seals the secrets in it", &["store", "key_file"]),
    ("Front ends on this machine", &["socket"]),
    ("Front ends on other machines", &["listen", "tls_"]),
    ("Most connections and calls", &["connections_", "calls_"]),
    ("Agents that call back", &["public_"]),
    ("Language models, and the cache of their answers", &["llm_", "cache"]),
    ("People, and what each may have", &["admin_", "user_"]),
    ("Signing in with OpenID Connect", &["oidc_"]),
    ("Everything else", &[""]),
];

/// The file. What `said` names is in force in it; what follows from the user's folders stands as `config` found it.
pub fn commented(config: &Config, said: &[(&'static str, String)]) -> String {
    let mut text = HEAD.to_owned();
    for (number, (title, _)) in GROUPS.iter().enumerate() {
        let settings = SETTINGS.iter().filter(|setting| group(setting.key) == number);
        let settings: String = settings.map(|setting| entry(setting, config, said)).collect();
        text.push_str(&format!("\n# ---- {title} ----\n{settings}"));
    }
    text
}

/// The first group that the key fits; the last one takes every key.
fn group(key: &str) -> usize {
    let fits = |(_, beginnings): &(&str, &[&str])| beginnings.iter().any(|begins| key.starts_with(begins));
    GROUPS.iter().position(fits).unwrap_or(GROUPS.len() - 1)
}

fn entry(setting: &Setting, config: &Config, said: &[(&'static str, String)]) -> String {
    let about = folded(setting.about);
    // A flag that is said twice counts as it was said last.
    if let Some((key, value)) = said.iter().rev().find(|(key, _)| *key == setting.key) {
        return format!("\n{about}{key} = {}\n", quoted(value));
    }
    let found = config.shown.get(setting.key).filter(|(_, origin)| *origin == Origin::Default);
    let default = found.map_or(setting.default, |(value, _)| value);
    format!("\n{about}#{} = {}\n", setting.key, quoted(default))
}

/// A comment, in lines of at most [`WIDTH`] columns where words allow it.
fn folded(about: &str) -> String {
    let mut lines = vec!["#".to_owned()];
    for word in about.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= WIDTH => line.push_str(&format!(" {word}")),
            Some(_) | None => lines.push(format!("# {word}")),
        }
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

/// A basic string of TOML: one of JSON is one, but for a character that JSON leaves as it is.
fn quoted(value: &str) -> String {
    serde_json::Value::from(value).to_string().replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config::load_from(None, std::iter::empty(), &[("store", "/s/g.db".to_owned())]).expect("it loads")
    }

    #[test]
    fn every_setting_stands_in_it_once() {
        let text = commented(&config(), &[]);
        for setting in SETTINGS {
            let begins = format!("#{} = ", setting.key);
            assert_eq!(text.lines().filter(|line| line.starts_with(&begins)).count(), 1, "{begins}");
        }
        for (title, beginnings) in GROUPS {
            let known = |begins: &&str| SETTINGS.iter().any(|setting| setting.key.starts_with(begins));
            assert!(beginnings.iter().all(known), "{title}");
        }
        assert!(text.parse::<toml::Table>().expect("TOML").is_empty(), "nothing is said");
    }

    #[test]
    fn what_was_said_is_in_force() {
        let strange = "a \"b\" \\ \n\u{7f}é".to_owned();
        let said = [("log", "debug".to_owned()), ("store", "/x".to_owned()), ("log", strange.clone())];
        let table = commented(&config(), &said).parse::<toml::Table>().expect("TOML");
        assert_eq!(table.len(), 2);
        assert_eq!((table["store"].as_str(), table["log"].as_str()), (Some("/x"), Some(strange.as_str())));
    }

    #[test]
    fn long_texts_are_folded() {
        let text = commented(&config(), &[]);
        let long = |line: &&str| line.starts_with("# ") && line.len() > WIDTH;
        assert_eq!(text.lines().find(long), None);
    }
}
