//! The settings of language models and of the cache of their answers.

use super::{ConfigError, Layers, Origin, number, wrong};
use crate::agents::key_file::loose_bits;
use crate::llm::settings::{ApiKey, CacheSettings, EmbeddingModel, LlmSettings, Price, SecondModel};
use guildhall_protocol::job::Priority;
use guildhall_protocol::model::{Budgets, Micros, ModelName};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// OpenAI's own server.
const OPENAI: &str = "https://api.openai.com/v1";

/// What other programs call its key, and another server that speaks as it does.
const OPENAI_KEY: &str = "OPENAI_API_KEY";
const OPENAI_SERVER: &str = "OPENAI_BASE_URL";

/// Takes what other programs call the same, where nothing else was said: a key for OpenAI is usually there already.
pub(super) fn take_usual_names(environment: &[(String, String)], layers: &mut Layers) {
    for (name, key) in [(OPENAI_KEY, "llm_key"), (OPENAI_SERVER, "llm_base_url")] {
        let said = environment.iter().find(|(known, value)| known == name && !value.trim().is_empty());
        if let Some((name, value)) = said.filter(|_| layers[key].1 == Origin::Default) {
            layers.insert(key, (value.clone(), Origin::Environment(name.clone())));
        }
    }
}

/// The models; none where neither a server nor a key is named.
pub(super) fn llm(layers: &Layers) -> Result<Option<LlmSettings>, ConfigError> {
    let text = |key| layers[key].0.trim();
    let key = key(layers)?;
    let base_url = match text("llm_base_url") {
        "" if key.is_none() => return Ok(None),
        "" => OPENAI.to_owned(),
        _ => url(layers, "llm_base_url")?,
    };
    let class = |key| match text(key) {
        "low" => Ok(Priority::Low),
        "normal" => Ok(Priority::Normal),
        "high" => Ok(Priority::High),
        _ => Err(wrong(layers, key)),
    };
    let second = match model(layers, "llm_second_model")? {
        Some(model) => Some(SecondModel { model, from: class("llm_second_from")? }),
        None => None,
    };
    let embedding = match model(layers, "llm_embedding_model")? {
        Some(model) => {
            let own = !text("llm_embedding_url").is_empty();
            let base_url = if own { url(layers, "llm_embedding_url")? } else { base_url.clone() };
            Some(EmbeddingModel { model, base_url })
        }
        None => None,
    };
    let day_tokens_max = match text("llm_day_tokens_max") {
        "off" => None,
        _ => Some(number(layers, "llm_day_tokens_max", 0, 1_000_000_000_000)?),
    };
    let count = |key, min, max| {
        number(layers, key, min, max).map(|number| usize::try_from(number).unwrap_or(usize::MAX))
    };
    let answer_tokens_max = number(layers, "llm_answer_tokens_max", 100, 100_000)?;
    Ok(Some(LlmSettings {
        base_url,
        key,
        model: model(layers, "llm_model")?.ok_or_else(|| wrong(layers, "llm_model"))?,
        second,
        embedding,
        time_limit: Duration::from_secs(number(layers, "llm_time_limit_s", 1, 600)?),
        calls_max: count("llm_calls_max", 1, 1_000)?,
        answer_tokens_max: u32::try_from(answer_tokens_max).unwrap_or(u32::MAX),
        job_tokens_max: number(layers, "llm_job_tokens_max", 1_000, 100_000_000)?,
        day_tokens_max,
        prices: prices(layers)?,
        budgets: Budgets {
            day: money(layers, "llm_budget_day")?,
            place: money(layers, "llm_budget_place")?,
            user: money(layers, "llm_budget_user")?,
        },
    }))
}

/// Where answers are kept.
pub(super) fn cache(layers: &Layers) -> Result<CacheSettings, ConfigError> {
    let bytes_max = number(layers, "cache_mb_max", 1, 10_000)? * 1_000_000;
    match layers["cache"].0.trim() {
        "off" => Ok(CacheSettings::Off),
        "memory" => Ok(CacheSettings::Memory { bytes_max }),
        "sled" => Ok(CacheSettings::Sled { folder: PathBuf::from(&layers["cache_folder"].0), bytes_max }),
        _ => Err(wrong(layers, "cache")),
    }
}

/// Refuses a file that others can read, since it holds a key.
pub(super) fn check_private(path: &Path) -> Result<(), ConfigError> {
    let failed = |source| ConfigError::Read { path: path.to_path_buf(), source };
    let mode = std::fs::metadata(path).map_err(failed)?.mode() & 0o777;
    if mode & loose_bits(path) != 0 {
        return Err(ConfigError::Loose { path: path.to_path_buf(), mode });
    }
    Ok(())
}

fn key(layers: &Layers) -> Result<Option<ApiKey>, ConfigError> {
    let file = layers["llm_key_file"].0.trim();
    if !file.is_empty() {
        let path = Path::new(file);
        check_private(path)?;
        let failed = |source| ConfigError::Read { path: path.to_path_buf(), source };
        let text = std::fs::read_to_string(path).map_err(failed)?;
        return if text.trim().is_empty() {
            Err(wrong(layers, "llm_key_file"))
        } else {
            Ok(Some(ApiKey::new(&text)))
        };
    }
    let (key, origin) = &layers["llm_key"];
    let usual = matches!(origin, Origin::Environment(name) if name == OPENAI_KEY);
    // A key that other programs use is not sent to a server of which they know nothing.
    let theirs = !usual || is_their_server(layers);
    Ok(Some(key.trim()).filter(|key| !key.is_empty() && theirs).map(ApiKey::new))
}

/// Whether the server is the one that `OPENAI_API_KEY` is for: OpenAI's own, or that of `OPENAI_BASE_URL`.
fn is_their_server(layers: &Layers) -> bool {
    let (base_url, origin) = &layers["llm_base_url"];
    let usual = matches!(origin, Origin::Environment(name) if name == OPENAI_SERVER);
    usual || base_url.trim().is_empty() || base_url.trim().trim_end_matches('/') == OPENAI
}

fn url(layers: &Layers, key: &'static str) -> Result<String, ConfigError> {
    let text = layers[key].0.trim().trim_end_matches('/');
    let fits = url::Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "https" | "http")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    });
    if fits { Ok(text.to_owned()) } else { Err(wrong(layers, key)) }
}

fn model(layers: &Layers, key: &'static str) -> Result<Option<ModelName>, ConfigError> {
    match layers[key].0.trim() {
        "" => Ok(None),
        name => name.parse().map(Some).map_err(|_| wrong(layers, key)),
    }
}

fn money(layers: &Layers, key: &'static str) -> Result<Option<Micros>, ConfigError> {
    match layers[key].0.trim() {
        "off" => Ok(None),
        amount => amount.parse().map(Some).map_err(|_| wrong(layers, key)),
    }
}

fn prices(layers: &Layers) -> Result<BTreeMap<ModelName, Price>, ConfigError> {
    let one = |text: &str| {
        let (name, price) = text.rsplit_once('=')?;
        let (tokens_in, tokens_out) = price.split_once('/')?;
        let price = Price { tokens_in: tokens_in.parse().ok()?, tokens_out: tokens_out.parse().ok()? };
        Some((name.parse().ok()?, price))
    };
    let named = layers["llm_prices"].0.split_whitespace();
    named.map(|text| one(text).ok_or_else(|| wrong(layers, "llm_prices"))).collect()
}

#[cfg(test)]
mod tests {
    use super::OPENAI;
    use crate::config::{Config, ConfigError};
    use crate::llm::settings::CacheSettings;
    use guildhall_protocol::model::Micros;
    use std::os::unix::fs::PermissionsExt;

    fn load(environment: &[(&str, &str)], flags: &[(&'static str, &str)]) -> Result<Config, ConfigError> {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let flags: Vec<_> = flags.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        // A file of its own: whoever runs the tests may have one.
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("c.toml");
        std::fs::write(&file, "store = \"/s/g.db\"").expect("it is written");
        Config::load(Some(&file), environment, &flags)
    }

    #[test]
    fn no_server_and_no_key_is_no_model() {
        let config = load(&[], &[]).expect("it loads");
        assert!(config.llm.is_none());
        assert!(matches!(config.cache, CacheSettings::Sled { folder, .. } if folder.ends_with("cache")));
    }

    #[test]
    fn the_usual_names_are_enough_and_the_key_is_not_shown() {
        let environment = [("OPENAI_API_KEY", "sk-secret"), ("OPENAI_BASE_URL", "http://127.0.0.1:1/v1/")];
        let config = load(&environment, &[]).expect("it loads");
        let llm = config.llm.as_ref().expect("a model");
        assert_eq!(llm.base_url, "http://127.0.0.1:1/v1");
        assert_eq!(llm.key.as_ref().expect("a key").reveal(), "sk-secret");
        assert_eq!(llm.budgets.day, Some(Micros(5_000_000)));
        assert!(!format!("{config:?}").contains("sk-secret"), "{config:?}");
        let said = load(&environment, &[("llm_base_url", "https://other.example/v1")]).expect("it loads");
        let llm = said.llm.expect("a model");
        assert_eq!(llm.base_url, "https://other.example/v1");
        assert_eq!(llm.key, None, "the key of other programs is not for this server");
        let said = load(&environment[..1], &[("llm_base_url", OPENAI)]).expect("it loads");
        assert!(said.llm.expect("a model").key.is_some(), "it is for OpenAI's own");
    }

    #[test]
    fn prices_and_budgets_are_money() {
        let flags = [
            ("llm_base_url", "http://127.0.0.1:1/v1"),
            ("llm_prices", "a/b:c=1/2.5 d=0/0"),
            ("llm_budget_day", "0.5"),
            ("llm_budget_user", "off"),
        ];
        let llm = load(&[], &flags).expect("it loads").llm.expect("a model");
        let price = llm.prices[&"a/b:c".parse().expect("a name")];
        assert_eq!((price.tokens_in, price.tokens_out), (Micros(1_000_000), Micros(2_500_000)));
        assert_eq!((llm.budgets.day, llm.budgets.user), (Some(Micros(500_000)), None));
        for (key, value) in [
            ("llm_prices", "a=1"),
            ("llm_budget_day", "five"),
            ("llm_base_url", "ftp://x/v1"),
            ("llm_base_url", "https://me:pw@x/v1"),
            ("llm_model", "two words"),
            ("llm_second_from", "urgent"),
            ("cache", "redis"),
        ] {
            let flags = [("llm_base_url", "http://127.0.0.1:1/v1"), ("llm_second_model", "x"), (key, value)];
            let error = load(&[], &flags).expect_err(value).to_string();
            assert!(error.contains(key) && error.contains(value), "{error}");
        }
    }

    #[test]
    fn a_key_in_a_file_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str, mode| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("it is written");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("its mode");
            path
        };
        let loose = write("loose.toml", "llm_key = \"sk-secret\"", 0o644);
        let error = Config::load(Some(&loose), std::iter::empty(), &[]).expect_err("others can read it");
        assert!(
            error.to_string().contains("chmod 600") && !error.to_string().contains("sk-secret"),
            "{error}"
        );
        let tight = write("tight.toml", "llm_key = \"sk-secret\"", 0o600);
        let config = Config::load(Some(&tight), std::iter::empty(), &[]).expect("it loads");
        assert_eq!(config.shown["llm_key"].0, "(hidden)");
        let key_file = write("key", "sk-other\n", 0o640);
        let flag = ("llm_key_file", key_file.display().to_string());
        let error = Config::load(Some(&tight), std::iter::empty(), &[flag]).expect_err("others can read it");
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
}
