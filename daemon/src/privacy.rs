//! The privacy policy: who receives the text of a job, what is kept and how long, from the settings in force.

use crate::config::Config;
use sha2::{Digest, Sha256};

/// What people consent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The text.
    pub text: String,
    /// The first twelve hex digits of its SHA-256: another text is another version.
    pub version: String,
}

/// The policy under this configuration.
pub fn policy(config: &Config) -> Policy {
    let model = match &config.llm {
        None => "No language model of this marketplace reads it.".to_owned(),
        Some(llm) => {
            let url = url::Url::parse(&llm.base_url).ok();
            let host = url.as_ref().and_then(url::Url::host_str).unwrap_or(&llm.base_url);
            format!(
                "A language model at {host} may read it to choose an agent and to judge the answer, unless you post with `--models off`."
            )
        }
    };
    let text = format!(
        "Who receives what you post: the agent that is chosen for it, which means the server of that agent's owner, and the \
         operators of this marketplace. {model} A private job is seen by nobody else, unless you share it.\n\
         What is kept: the job, its answers and every step of its history, until somebody has it forgotten; what was sent \
         to agents and what you were told, 14 days.\n"
    );
    let version = hex::encode(&Sha256::digest(&text)[..6]);
    Policy { text, version }
}
