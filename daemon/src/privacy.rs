//! The privacy policy: who receives the text of a job, what is kept and how long, from the settings in force.

use crate::config::Config;
use crate::engine::run::{DELIVERIES_KEPT, REQUESTS_KEPT};
use sha2::{Digest, Sha256};
use std::time::Duration;

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
    let days = |span: Duration| span.as_secs() / 86_400;
    let (requests, deliveries) = (days(REQUESTS_KEPT), days(DELIVERIES_KEPT));
    let text = format!(
        "Who receives what you post: the agent that is chosen for it, which means the server of that agent's owner; and \
         the operators of this marketplace and of the place where you post it. {} A private job is seen by nobody else, \
         unless you share it.\n\
         What is kept: the job, its answers and every step of its history, without an end; what was sent to agents and \
         what you were told, {deliveries} days; that you asked for something, {requests} days.\n",
        models(config)
    );
    let version = hex::encode(&Sha256::digest(&text)[..6]);
    Policy { text, version }
}

fn models(config: &Config) -> String {
    let Some(llm) = &config.llm else { return "No language model of this marketplace reads it.".to_owned() };
    let mut hosts = vec![host(&llm.base_url)];
    hosts.extend(llm.embedding.as_ref().map(|embedding| host(&embedding.base_url)));
    hosts.dedup();
    format!(
        "Language models at {} may read it to choose an agent and to judge the answer, unless you post with `--models off`.",
        hosts.join(" and ")
    )
}

fn host(url: &str) -> String {
    let parsed = url::Url::parse(url).ok();
    parsed.as_ref().and_then(url::Url::host_str).unwrap_or("a server of the operators' choice").to_owned()
}
