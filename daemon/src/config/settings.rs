//! Every setting: its key, its default, what it does.

use super::{ConfigError, Origin};

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
pub const SETTINGS: [Setting; 59] = [
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
        key: "socket_group",
        default: "",
        about: "group of the socket, by name or number; default the daemon's own",
    },
    Setting {
        key: "listen",
        default: "off",
        about: "address for front ends on other machines, such as 0.0.0.0:7432, always with TLS; `off` for none",
    },
    Setting {
        key: "tls_cert",
        default: "",
        about: "PEM file with the certificate chain of listen; `guildhalld tls init` makes one",
    },
    Setting { key: "tls_key", default: "", about: "PEM file with its private key" },
    Setting {
        key: "tls_client_ca",
        default: "",
        about: "PEM file with the authority whose certificate each caller on listen must show; default none is asked for",
    },
    Setting {
        key: "connections_max",
        default: "4096",
        about: "most connections of front ends at a time, 1 to 100,000",
    },
    Setting {
        key: "connections_per_user_max",
        default: "64",
        about: "most connections of one user at a time, 1 to 100,000; neither this nor calls_per_s holds for admins on the socket",
    },
    Setting {
        key: "calls_per_s",
        default: "200",
        about: "most calls of one user in a second, 1 to 1,000,000; twice as many in a burst",
    },
    Setting {
        key: "key_file",
        default: "",
        about: "seals agents' secrets; default systemd's credential guildhall-master-key, or master.key beside the store; made on first start",
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
        key: "agent_calls_per_s",
        default: "50",
        about: "most callbacks of one agent in a second, 1 to 100,000; twice as many in a burst; one more is told when to come again",
    },
    Setting {
        key: "public_calls_per_s",
        default: "100",
        about: "most calls to public_listen from one address, per second, 1 to 100,000",
    },
    Setting { key: "public_tls_key", default: "", about: "PEM file with its private key" },
    Setting {
        key: "secret_link_s",
        default: "900",
        about: "time to open a link to new secrets of an agent, s, 1 to 3,600",
    },
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
    Setting { key: "cache", default: "sled", about: "where answers of models are kept: sled, memory or off" },
    Setting {
        key: "cache_folder",
        default: "",
        about: "folder of the cache; default `cache` beside the store; may be deleted at any time",
    },
    Setting { key: "cache_mb_max", default: "64", about: "largest cache, MB, 1 to 10,000" },
    Setting {
        key: "llm_base_url",
        default: "",
        about: "server of language models, such as https://api.openai.com/v1; any OpenAI-compatible one; default $OPENAI_BASE_URL, or OpenAI's if there is a key",
    },
    Setting {
        key: "llm_key",
        default: "",
        about: "its key; better in llm_key_file; default $OPENAI_API_KEY; a file that holds it must be readable by its owner only",
    },
    Setting {
        key: "llm_key_file",
        default: "",
        about: "file that holds its key, readable by its owner only",
    },
    Setting {
        key: "llm_model",
        default: "gpt-4.1-mini",
        about: "model that chooses agents, shapes inputs and judges answers",
    },
    Setting {
        key: "llm_second_model",
        default: "",
        about: "model that judges what the first one judged; both must agree",
    },
    Setting {
        key: "llm_second_from",
        default: "high",
        about: "priority class from which the second model judges: low, normal or high",
    },
    Setting {
        key: "llm_embedding_model",
        default: "",
        about: "model that embeds texts, so that the rank knows words that mean the same",
    },
    Setting {
        key: "llm_embedding_url",
        default: "",
        about: "server of the embedding model; default llm_base_url",
    },
    Setting {
        key: "llm_time_limit_s",
        default: "30",
        about: "longest time for a call with its second try, s, 1 to 600",
    },
    Setting { key: "llm_calls_max", default: "32", about: "most calls in flight, 1 to 1,000" },
    Setting {
        key: "llm_answer_tokens_max",
        default: "2000",
        about: "most tokens of one answer, 100 to 100,000",
    },
    Setting {
        key: "llm_job_tokens_max",
        default: "200000",
        about: "most tokens of one job, read and written, 1,000 to 100,000,000",
    },
    Setting {
        key: "llm_day_tokens_max",
        default: "off",
        about: "most tokens of a UTC day, 0 to 1,000,000,000,000; `off` for no limit",
    },
    Setting {
        key: "llm_prices",
        default: "gpt-4.1-mini=0.40/1.60 text-embedding-3-small=0.02/0",
        about: "dollars for a million tokens read/written, by model: `name=0.40/1.60`, with spaces between; others count as free",
    },
    Setting {
        key: "llm_budget_day",
        default: "5",
        about: "most dollars of a UTC day; `off` for no limit; an operator can change it while the daemon runs",
    },
    Setting {
        key: "llm_budget_place",
        default: "off",
        about: "most dollars of each place and day; `off` for no limit",
    },
    Setting {
        key: "llm_budget_user",
        default: "off",
        about: "most dollars of each user and day; `off` for no limit",
    },
    Setting {
        key: "admin_uids",
        default: "0",
        about: "uids whose processes on this machine are admins, beside the daemon's own; spaces between",
    },
    Setting {
        key: "user_open_jobs_max",
        default: "1000",
        about: "most jobs of a user that have not ended, 0 to 10,000,000; none of these limits holds for operators",
    },
    Setting {
        key: "user_posts_per_minute",
        default: "120",
        about: "most jobs that a user posts in a minute, 0 to 1,000,000",
    },
    Setting {
        key: "user_stored_mb_max",
        default: "1000",
        about: "most MB that the posts of a user hold in the store, 0 to 1,000,000",
    },
    Setting {
        key: "user_agents_max",
        default: "100",
        about: "most agents of a user that are not retired, 0 to 100,000",
    },
    Setting {
        key: "agent_approval",
        default: "public",
        about: "which agents wait for an operator's approval before they work for others: none, public, or all (a place's, too)",
    },
    Setting {
        key: "oidc_issuer",
        default: "",
        about: "OpenID Connect issuer whose tokens let people in, exactly as it names itself: https, or http on loopback; empty for none",
    },
    Setting {
        key: "oidc_audience",
        default: "",
        about: "for whom its tokens must be meant (`aud`), beside oidc_client_id; empty: tokens that name nobody, as Clerk's session tokens, are taken if oidc_parties is set",
    },
    Setting {
        key: "oidc_client_id",
        default: "",
        about: "public application as which `guildhall login` signs people in; empty: it does not, and tokens come from elsewhere",
    },
    Setting {
        key: "oidc_scopes",
        default: "openid profile email offline_access",
        about: "what `guildhall login` asks for, spaces between, openid among it; offline_access keeps people signed in",
    },
    Setting {
        key: "oidc_parties",
        default: "",
        about: "applications that its tokens may have been given to (`azp`), beside oidc_client_id, spaces between; empty: any",
    },
    Setting {
        key: "oidc_algorithms",
        default: "RS256 ES256 EdDSA",
        about: "how its tokens may be signed, spaces between: RS256 to RS512, PS256 to PS512, ES256, ES384, EdDSA",
    },
    Setting {
        key: "log",
        default: "info",
        about: "what is logged: error, warn, info, debug, or a tracing filter",
    },
];

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
