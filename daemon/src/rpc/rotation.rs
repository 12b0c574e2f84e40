//! New secrets of agents: shown at once to whoever may see them here, or once at an address that a browser opens. The second
//! is the way of those who come through a bridge, which no secret passes.

use super::errors::{internal, invalid, store};
use super::secret_links::{CODE_BYTES, Promise};
use super::{Caller, Desk, whole};
use crate::agents::secrets::{SecretKind, place};
use crate::agents::signing::SigningSecret;
use crate::store::{AgentFence, AgentRecord, AgentTurn, Command, OldSecrets, Request, StoreError};
use guildhall_protocol::agent::{AgentKind, AgentName, AgentState};
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::history::What;
use guildhall_protocol::ids::RequestId;
use guildhall_protocol::matrix::Verb;
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::{LINK_FIELD, OVERLAP_MS_MAX, Rotated, SecretLink, Secrets};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;
use url::{Host, Url};

/// How often the secrets behind an address are made when the agent changes under them.
const TRIES: u32 = 5;
/// Where addresses of secrets are, below the public URL; the code follows.
pub(crate) const SECRETS_PATH: &str = "/v1/secrets/";

/// What an address shows, this once.
pub struct Handed {
    /// Whose secrets.
    pub name: AgentName,
    /// They, and until when those before count.
    pub rotated: Rotated,
}

/// Why an address shows nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotHanded {
    /// There is none like it, or no longer: it was opened, is over, or whoever asked for it may not any more.
    #[error("this link is over")]
    Over,
    /// Not now, and nothing was changed: it can be opened again.
    #[error("the secrets cannot be made at the moment")]
    NotNow,
}

impl Caller {
    pub(super) async fn rotated(
        &self,
        id: RequestId,
        name: AgentName,
        overlap_ms: u64,
    ) -> Result<Rotated, ApiError> {
        let now = Timestamp::now();
        let request = self.request(id, "rotate-secret", format!("{name} {overlap_ms}").as_bytes());
        let (record, compiled) = self.own(&name)?;
        self.check_agent(Verb::RotateSecret, &record)?;
        if self.agent_receipt(&request).await?.is_some() {
            // Its answer was lost: the same secrets again.
            self.check_shown(&record, Some(request.id.as_str())).await?;
            let old_until = record.old_secrets.as_ref().map(|old| old.until);
            return Ok(Rotated { secrets: self.reveal(&record)?, old_until });
        }
        check_rotation(&record, compiled.definition.kind, overlap_ms, now)?;
        let (command, rotated) = self.rekeying(request, &record, overlap_ms, now)?;
        self.desk.store().apply(now, command).await.map_err(store)?;
        self.desk.engine.refresh(record.id).await.map_err(store)?;
        Ok(rotated)
    }

    /// An address that makes new secrets and shows them once.
    pub(super) fn link_to_secrets(&self, name: &AgentName, overlap_ms: u64) -> Result<SecretLink, ApiError> {
        let now = Timestamp::now();
        let (record, compiled) = self.own(name)?;
        self.check_agent(Verb::LinkSecret, &record)?;
        check_rotation(&record, compiled.definition.kind, overlap_ms, now)?;
        let base = self.desk.engine.parts().public_url.as_deref().filter(|url| is_private_way(url));
        let nowhere = || {
            conflict("no browser can open a link to secrets here".to_owned()).in_field(LINK_FIELD).hint(
                format!(
                    "`guildhall agent rotate-secret {name}` on the command line, where you are the same user"
                ),
            )
        };
        let base = base.ok_or_else(nowhere)?;
        let promise = Promise {
            who: Arc::clone(&self.who),
            agent: record.id,
            name: name.clone(),
            overlap_ms,
            replaces: sealed_now(&record),
            expires_at: self.desk.secret_links.expiry(now),
        };
        let (expires_at, code) = (promise.expires_at, self.desk.maker().random::<CODE_BYTES>());
        let too_many = |error: super::secret_links::TooManyLinks| {
            ApiError::new(ErrorKind::Limited, error.to_string()).hint("try again in a quarter of an hour")
        };
        let code = self.desk.secret_links.make(promise, code, now).map_err(too_many)?;
        Ok(SecretLink { url: format!("{base}{SECRETS_PATH}{code}"), expires_at })
    }

    /// Makes what an address promised, whatever else happens to the agent at the same moment: it can be opened once.
    async fn keep_promise(&self, request: Request, promise: &Promise) -> Result<Rotated, ApiError> {
        for _ in 0..TRIES {
            let (now, agent) = (Timestamp::now(), promise.agent);
            let (command, rotated) = self.promised(request.clone(), promise, now)?;
            match self.desk.store().apply(now, command).await {
                Ok(_) => {
                    // They are made: whoever opened the page must see them, whatever comes next.
                    if let Err(error) = self.desk.engine.refresh(agent).await {
                        tracing::warn!(agent.id = agent.0, %error, "new secrets are stored, and not read into memory yet");
                    }
                    self.challenge_anew(&promise.name).await;
                    return Ok(rotated);
                }
                // It was challenged, or did a job: memory knows of that in a moment, as soon as it is read.
                Err(StoreError::Stale) => self.desk.engine.refresh(agent).await.map_err(store)?,
                Err(error) => return Err(store(error)),
            }
        }
        Err(ApiError::new(ErrorKind::Limited, "too much happens to this agent at the moment"))
    }

    /// What an address promised, if whoever asked for it still may, and nobody replaced the secrets meanwhile.
    fn promised(
        &self,
        request: Request,
        promise: &Promise,
        now: Timestamp,
    ) -> Result<(Command, Rotated), ApiError> {
        if let Some(why) = self.who.ended(&self.desk, now) {
            return Err(ApiError::new(ErrorKind::Forbidden, why));
        }
        let (record, compiled) = self.own(&promise.name)?;
        self.check_agent(Verb::LinkSecret, &record)?;
        if sealed_now(&record) != promise.replaces {
            return Err(conflict(format!("the secrets of {} were replaced meanwhile", promise.name)));
        }
        check_rotation(&record, compiled.definition.kind, promise.overlap_ms, now)?;
        self.rekeying(request, &record, promise.overlap_ms, now)
    }

    /// New secrets, sealed for the store, and as their owner sees them.
    fn rekeying(
        &self,
        request: Request,
        record: &AgentRecord,
        overlap_ms: u64,
        now: Timestamp,
    ) -> Result<(Command, Rotated), ApiError> {
        let (parts, name) = (self.desk.engine.parts(), &record.name);
        let old = if overlap_ms == 0 {
            None
        } else {
            let moved = |from, to, sealed: &[u8]| {
                let bytes = parts.key.open(&place(name, from), sealed).map_err(|error| internal(&error))?;
                Ok::<_, ApiError>(self.sealed(name, to, &bytes).0)
            };
            Some(OldSecrets {
                delivery: moved(SecretKind::Delivery, SecretKind::OldDelivery, &record.delivery_secret)?,
                callback: moved(SecretKind::Callback, SecretKind::OldCallback, &record.callback_secret)?,
                until: now.after(Duration::from_millis(overlap_ms)),
            })
        };
        let [delivery, callback] = [(); 2].map(|()| SigningSecret::from_random(self.desk.maker().random()));
        let mut scribe = self.scribe(record, now);
        let old_until = old.as_ref().map(|old| old.until);
        scribe.event(What::SecretsRotated { key: request.id.as_str().to_owned(), old_until });
        let command = Command::Rekey {
            fence: AgentFence { agent: record.id, revision: record.chain.revision },
            request,
            delivery_secret: self.sealed(name, SecretKind::Delivery, delivery.bytes()),
            callback_secret: self.sealed(name, SecretKind::Callback, callback.bytes()),
            old,
            entry: scribe.finish(),
        };
        let secrets = Secrets { delivery_secret: delivery.reveal(), callback_secret: callback.reveal() };
        Ok((command, Rotated { secrets, old_until }))
    }

    /// Who sees an agent's secrets for the first time sets it up now: the challenge comes soon, and not after the long wait
    /// that it has come to meanwhile. If that cannot be written, it comes by itself.
    async fn challenge_anew(&self, name: &AgentName) {
        let now = Timestamp::now();
        let record = self.desk.engine.market().named(name).map(|listing| listing.record.clone());
        let Some(record) = record.filter(|record| record.state == AgentState::Pending) else { return };
        let (state, health, pulses) = (record.state, record.health, record.pulses);
        let turn = AgentTurn { state, health, due_at: Some(now), tries: 0, pulses };
        let turned = self.desk.engine.turn_agent(&record, None, turn, self.scribe(&record, now), now).await;
        if let Err(error) = turned {
            tracing::debug!(agent.id = record.id.0, %error, "a challenge comes when it would have come anyway");
        }
        self.desk.engine.nudge();
    }
}

impl Desk {
    /// Whose secrets an address would show. Looking uses nothing up.
    pub fn look_at_link(&self, code: &str) -> Option<AgentName> {
        self.secret_links.look(code, Timestamp::now())
    }

    /// Makes the secrets that an address promises, and shows them: the one time.
    ///
    /// # Errors
    /// See [`NotHanded`].
    pub async fn open_link(self: Arc<Self>, code: String) -> Result<Handed, NotHanded> {
        let promise = self.secret_links.take(&code, Timestamp::now()).ok_or(NotHanded::Over)?;
        let caller = Caller { desk: Arc::clone(&self), who: Arc::clone(&promise.who) };
        // Whoever hangs up now: what is stored counts, and what is not can be opened again.
        let opened = whole(async move {
            let name = promise.name.clone();
            let kept = match caller.opening(&code) {
                Ok(request) => caller.keep_promise(request, &promise).await,
                Err(error) => Err(error),
            };
            if kept.as_ref().is_err_and(|error| is_for_now(error.kind)) {
                caller.desk.secret_links.give_back(&code, promise);
            }
            kept.map(|rotated| Handed { name, rotated })
        });
        opened.await.map_err(|error| {
            tracing::debug!(%error, "a link showed no secrets");
            if is_for_now(error.kind) { NotHanded::NotNow } else { NotHanded::Over }
        })
    }
}

impl Caller {
    /// The request that opening an address is: named by the hash of its code, since the history keeps the name.
    fn opening(&self, code: &str) -> Result<Request, ApiError> {
        let hash = Sha256::digest(code);
        let id = format!("link-{}", hex::encode(&hash[..12])).parse();
        let id = id.map_err(|error: guildhall_protocol::ids::ParseIdError| internal(&error))?;
        Ok(self.request(id, "open-link", hash.as_slice()))
    }
}

/// Whether what went wrong has changed nothing, and may be right in a moment.
fn is_for_now(kind: ErrorKind) -> bool {
    match kind {
        ErrorKind::Unavailable | ErrorKind::Limited => true,
        ErrorKind::Invalid
        | ErrorKind::NotFound
        | ErrorKind::Conflict
        | ErrorKind::Forbidden
        | ErrorKind::Unknown
        | ErrorKind::Unsupported
        | ErrorKind::Internal => false,
    }
}

/// What tells the secrets in force from others, without opening them.
fn sealed_now(record: &AgentRecord) -> [u8; 32] {
    Sha256::digest(&record.delivery_secret).into()
}

/// Refuses new secrets where there are none, or where they would end some that still count.
fn check_rotation(
    record: &AgentRecord,
    kind: AgentKind,
    overlap_ms: u64,
    now: Timestamp,
) -> Result<(), ApiError> {
    let name = &record.name;
    if kind == AgentKind::Chat {
        let told = format!("{name} is opened with a key of its owner's");
        return Err(conflict(told).hint("`guildhall agent update` with --key-file replaces it"));
    }
    if overlap_ms > OVERLAP_MS_MAX {
        return Err(invalid("overlap_ms", "the secrets before count on for 30 days at most"));
    }
    let still = record.old_secrets.as_ref().map(|old| old.until).filter(|until| *until > now);
    if let Some(until) = still.filter(|_| overlap_ms > 0) {
        let told = format!(
            "the secrets before the current ones of {name} count until {until}, and a third would end them"
        );
        return Err(conflict(told).hint("wait until then, or end all of them with `--now`"));
    }
    Ok(())
}

/// Whether nobody reads along on the way to an address: TLS, or no way at all.
fn is_private_way(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || is_here
}

fn conflict(message: String) -> ApiError {
    ApiError::new(ErrorKind::Conflict, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_over_tls_or_nowhere() {
        for (url, expected) in [
            ("https://hall.example", true),
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:8080", true),
            ("http://localhost:8080", true),
            ("http://hall.example", false),
            ("http://10.0.0.1", false),
            ("hall.example", false),
        ] {
            assert_eq!(is_private_way(url), expected, "{url}");
        }
    }
}
