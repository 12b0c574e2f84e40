//! Sealing every secret anew, in memory.

use super::State;
use guildhall_daemon::store::reseal::{Resealed, SecretAt};
use guildhall_daemon::store::{Chain, Entry, OldSecrets, Outcome, SealedBytes, StoreError};
use guildhall_protocol::ids::AgentId;
use guildhall_protocol::time::Timestamp;

impl State {
    pub(super) fn reseal(
        &mut self,
        now: Timestamp,
        chain: Chain,
        secrets: Vec<Resealed>,
        entry: &Entry,
    ) -> Result<Outcome, StoreError> {
        let webhooks = self.people.values().filter(|person| person.secret.is_some()).count();
        let as_read = secrets
            .iter()
            .all(|secret| self.secret(secret.at).is_some_and(|stored| *stored == secret.before.0));
        let replaced = self.agents.values().filter(|agent| agent.old_secrets.is_some()).count();
        if 2 * self.agents.len() + 2 * replaced + webhooks != secrets.len() || !as_read {
            return Err(StoreError::Stale);
        }
        self.system_change(now, chain, true, entry)?;
        for secret in secrets {
            *self.secret(secret.at).expect("it was there") = secret.after.0;
        }
        Ok(Outcome::Done)
    }

    fn secret(&mut self, at: SecretAt) -> Option<&mut SealedBytes> {
        match at {
            SecretAt::Delivery(agent) => self.agents.get_mut(&agent).map(|agent| &mut agent.delivery_secret),
            SecretAt::Callback(agent) => self.agents.get_mut(&agent).map(|agent| &mut agent.callback_secret),
            SecretAt::OldDelivery(agent) => self.old(agent).map(|old| &mut old.delivery),
            SecretAt::OldCallback(agent) => self.old(agent).map(|old| &mut old.callback),
            SecretAt::Webhook(user) => self.people.get_mut(&user).and_then(|person| person.secret.as_mut()),
        }
    }

    fn old(&mut self, agent: AgentId) -> Option<&mut OldSecrets> {
        self.agents.get_mut(&agent).and_then(|agent| agent.old_secrets.as_mut())
    }
}
