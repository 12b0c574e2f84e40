//! Every secret in the store, where it stands, and what it becomes under another master key.

use super::turn::SealedSecret;
use guildhall_protocol::ids::{AgentId, UserId};

/// Where a sealed secret stands. Whoever adds a column with one adds it here, so that a new master key reaches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretAt {
    /// What authorizes deliveries to an agent.
    Delivery(AgentId),
    /// What verifies callbacks of an agent.
    Callback(AgentId),
    /// What authorized deliveries before, and still does.
    OldDelivery(AgentId),
    /// What verified callbacks before, and still does.
    OldCallback(AgentId),
    /// What signs notices to a person's webhook.
    Webhook(UserId),
}

/// One secret, sealed anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resealed {
    /// Where.
    pub at: SecretAt,
    /// As read.
    pub before: SealedSecret,
    /// Under the new key.
    pub after: SealedSecret,
}
