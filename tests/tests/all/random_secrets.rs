//! Random commands that seal the store's secrets anew: all of them, and now and then not as they are.

use crate::random_commands::{Author, Seen};
use guildhall_daemon::store::reseal::{Resealed, SecretAt};
use guildhall_daemon::store::{Command, SealedSecret};
use rand::RngExt;

impl Author {
    pub(crate) fn reseal(&mut self, seen: &Seen) -> Command {
        let mut chain = seen.chain;
        let entry = self.entry(chain);
        if self.one_in(6) {
            chain.revision += 1;
        }
        let agents = seen.agents.iter().flat_map(|agent| {
            [
                (SecretAt::Delivery(agent.id), agent.delivery_secret.clone()),
                (SecretAt::Callback(agent.id), agent.callback_secret.clone()),
            ]
        });
        let replaced = seen.agents.iter().filter_map(|agent| Some((agent.id, agent.old_secrets.as_ref()?)));
        let replaced = replaced.flat_map(|(agent, old)| {
            [
                (SecretAt::OldDelivery(agent), old.delivery.clone()),
                (SecretAt::OldCallback(agent), old.callback.clone()),
            ]
        });
        let webhooks = seen
            .people
            .iter()
            .filter_map(|person| Some((SecretAt::Webhook(person.user), person.secret.clone()?)));
        let mut secrets: Vec<Resealed> = agents
            .chain(replaced)
            .chain(webhooks)
            .map(|(at, before)| {
                let after = SealedSecret(vec![self.random.random_range(3..9); 8]);
                Resealed { at, before: SealedSecret(before), after }
            })
            .collect();
        if self.one_in(6) {
            secrets.pop();
        }
        if self.one_in(6)
            && let Some(first) = secrets.first_mut()
        {
            first.before = SealedSecret(vec![0; 8]);
        }
        Command::Reseal { chain, secrets, entry }
    }
}
