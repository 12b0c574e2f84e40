//! What is configured about models.

use guildhall_protocol::job::Priority;
use guildhall_protocol::model::{Budgets, Micros, ModelName};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
use zeroize::Zeroizing;

/// A server of models, and what may be asked of it.
#[derive(Clone, Debug)]
pub struct LlmSettings {
    /// Where it is, up to and with `/v1`, without a slash at the end.
    pub base_url: String,
    /// Authorizes calls; none for a server that wants none.
    pub key: Option<ApiKey>,
    /// Chooses, shapes and judges.
    pub model: ModelName,
    /// Judges a second time.
    pub second: Option<SecondModel>,
    /// Embeds texts.
    pub embedding: Option<EmbeddingModel>,
    /// For one call with all its tries and waits.
    pub time_limit: Duration,
    /// Most calls in flight.
    pub calls_max: usize,
    /// Most tokens that one answer may have.
    pub answer_tokens_max: u32,
    /// Most tokens that one job may use, read and written.
    pub job_tokens_max: u64,
    /// Most tokens that one UTC day may use.
    pub day_tokens_max: Option<u64>,
    /// What models cost.
    pub prices: BTreeMap<ModelName, Price>,
    /// Budgets until an operator says otherwise.
    pub budgets: Budgets,
}

/// A model that judges what the first one passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondModel {
    /// Which.
    pub model: ModelName,
    /// Jobs of this class and above.
    pub from: Priority,
}

/// A model that embeds texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbeddingModel {
    /// Which.
    pub model: ModelName,
    /// Where, as `base_url`.
    pub base_url: String,
}

/// What a model costs for a million tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Price {
    /// Read.
    pub tokens_in: Micros,
    /// Written.
    pub tokens_out: Micros,
}

/// A key that is never printed, and wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(Zeroizing<String>);

impl ApiKey {
    /// Keeps a key. White space around it is dropped.
    pub fn new(key: &str) -> Self {
        Self(Zeroizing::new(key.trim().to_owned()))
    }

    /// The key itself, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(hidden)")
    }
}

/// Where answers are kept, so that equal questions are asked once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CacheSettings {
    /// Nowhere.
    Off,
    /// In memory: until the daemon ends.
    Memory {
        /// Most bytes.
        bytes_max: u64,
    },
    /// In a folder, by sled. It may be deleted at any time.
    Sled {
        /// The folder.
        folder: PathBuf,
        /// Most bytes.
        bytes_max: u64,
    },
}
