//! Who may do what: one table, which the daemon enforces and the front ends show.
//!
//! A row says for each relation to the thing the least role that may. Whether the thing's state allows it, too, is
//! another question: see [`crate::permission`] for jobs.

use crate::account::Role;
use crate::permission::JobAction;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "said by `about`")]
pub enum Verb {
    Post,
    RaisePriority,
    ReadJob,
    RevealJob,
    ShareJob,
    Job(JobAction),
    Register,
    RegisterHouse,
    Publish,
    GrantAddress,
    ReadAgent,
    ChangeAgent,
    AskPublish,
    GiveAgent,
    RotateSecret,
    LinkSecret,
    ReadNotices,
    ReplayNotice,
    ChangeSettings,
    NameWebhook,
    ReachPrivateWebhook,
    TellNotices,
    SteerEngine,
    SteerModels,
    ReadJudges,
    ReadPlace,
    ListPlaces,
    ChangePlace,
    ReadLog,
    ReadUser,
    ReadUsage,
    ListUsers,
    SuspendUser,
    ChangeRoles,
    AddUser,
    Consent,
    LinkCode,
    Link,
    MakeToken,
    ReadTokens,
    RevokeToken,
}

/// What the caller is to the thing that it is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// It is theirs; also where there is no thing.
    Own,
    /// Its client shared it with them.
    Shared,
    /// Their agent has or had it.
    Assigned,
    /// Somebody else's, and everybody in their place may see it.
    Seen,
    /// Somebody else's.
    Others,
}

/// Every relation.
pub const RELATIONS: [Whose; 5] = [Whose::Own, Whose::Shared, Whose::Assigned, Whose::Seen, Whose::Others];

/// Whether a role in the thing's place is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It is.
    Place,
    /// Only a role in the whole marketplace counts.
    Market,
}

/// A row of the table. Where a relation has no role, nobody of that relation may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// What is done.
    pub verb: Verb,
    /// Where a role must hold.
    pub reach: Reach,
    /// The least role per relation, in the order of [`RELATIONS`].
    pub least: [Option<Role>; 5],
    /// Whether somebody who is suspended still may.
    pub suspended: bool,
    /// Whether a bridge may, in somebody's name.
    pub bridged: bool,
}

/// What somebody has to show for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Powers {
    /// Their role in the whole marketplace, under the ceiling of what they came with.
    pub market: Role,
    /// Their role in the thing's place: at least that of the marketplace.
    pub place: Role,
    /// Whether they are suspended.
    pub suspended: bool,
    /// Whether a bridge acts for them.
    pub bridged: bool,
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// It needs another role.
    Role {
        /// What they want to do.
        verb: Verb,
        /// The least role that may, if any role may.
        least: Option<Role>,
    },
    /// Who is suspended begins nothing.
    Suspended,
    /// It passes no bridge.
    Bridged {
        /// What they want to do.
        verb: Verb,
    },
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role { verb, least: None } => {
                write!(f, "only those whom it belongs to may {}", verb.about())
            }
            Self::Role { verb, least: Some(role) } => {
                let article = if *role == Role::Client { "a" } else { "an" };
                write!(f, "only {article} {role} may {}", verb.about())
            }
            Self::Suspended => {
                f.write_str("your account is suspended: what runs ends, and nothing new begins")
            }
            Self::Bridged { verb } => {
                write!(f, "nobody can {} through a bridge such as the bot", verb.about())
            }
        }
    }
}

const C: Option<Role> = Some(Role::Client);
const W: Option<Role> = Some(Role::Owner);
const O: Option<Role> = Some(Role::Operator);
const A: Option<Role> = Some(Role::Admin);
const N: Option<Role> = None;
const CALM: bool = true;
const BUSY: bool = false;
const OPEN: bool = true;
const SHUT: bool = false;

const fn row(verb: Verb, reach: Reach, least: [Option<Role>; 5], suspended: bool, bridged: bool) -> Row {
    Row { verb, reach, least, suspended, bridged }
}

use Reach::{Market, Place};

/// The table. Columns: verb, where a role must hold, the least role for what is one's own, shared with one, assigned to
/// one's agent, seen by one's place, others'; whether it is open to the suspended; whether it passes a bridge.
#[rustfmt::skip]
pub const MATRIX: [Row; 58] = [
    row(Verb::Post,                         Market, [C, N, N, N, N], BUSY, OPEN),
    row(Verb::RaisePriority,                Place,  [O, N, N, N, N], BUSY, OPEN),
    row(Verb::ReadJob,                      Place,  [C, C, O, C, O], CALM, OPEN),
    row(Verb::RevealJob,                    Place,  [C, C, O, C, O], CALM, OPEN),
    row(Verb::ShareJob,                     Place,  [C, N, N, N, N], BUSY, OPEN),
    row(Verb::Job(JobAction::Accept),       Place,  [C, C, O, O, O], CALM, OPEN),
    row(Verb::Job(JobAction::RequestChanges), Place, [C, C, O, O, O], CALM, OPEN),
    row(Verb::Job(JobAction::Dispute),      Place,  [C, C, N, N, N], CALM, OPEN),
    row(Verb::Job(JobAction::Reply),        Place,  [C, C, N, N, N], CALM, OPEN),
    row(Verb::Job(JobAction::Resend),       Place,  [O, O, O, O, O], CALM, OPEN),
    row(Verb::Job(JobAction::Reassign),     Place,  [O, O, O, O, O], CALM, OPEN),
    row(Verb::Job(JobAction::GiveUp),       Place,  [O, O, O, O, O], CALM, OPEN),
    row(Verb::Job(JobAction::Exclude),      Place,  [O, O, O, O, O], CALM, OPEN),
    row(Verb::Job(JobAction::Include),      Place,  [O, O, O, O, O], CALM, OPEN),
    row(Verb::Job(JobAction::Prioritize),   Place,  [O, O, O, O, O], CALM, OPEN),
    row(Verb::Job(JobAction::Extend),       Place,  [C, O, O, O, O], CALM, OPEN),
    row(Verb::Job(JobAction::Retry),        Place,  [C, O, O, O, O], BUSY, OPEN),
    row(Verb::Job(JobAction::Again),        Place,  [C, N, N, N, N], BUSY, OPEN),
    row(Verb::Job(JobAction::Complain),     Place,  [C, N, N, N, N], CALM, OPEN),
    row(Verb::Job(JobAction::Contest),      Place,  [N, N, C, N, N], CALM, OPEN),
    row(Verb::Job(JobAction::Uphold),       Market, [O, O, O, O, O], CALM, OPEN),
    row(Verb::Job(JobAction::Reject),       Market, [O, O, O, O, O], CALM, OPEN),
    row(Verb::Job(JobAction::Cancel),       Place,  [C, O, O, O, O], CALM, OPEN),
    row(Verb::Register,                     Market, [W, N, N, N, N], BUSY, OPEN),
    row(Verb::RegisterHouse,                Market, [O, N, N, N, N], BUSY, SHUT),
    row(Verb::Publish,                      Market, [O, N, N, O, O], BUSY, SHUT),
    row(Verb::GrantAddress,                 Market, [O, N, N, O, O], BUSY, SHUT),
    row(Verb::ReadAgent,                    Market, [C, N, N, C, O], CALM, OPEN),
    row(Verb::ChangeAgent,                  Market, [C, N, N, O, O], BUSY, OPEN),
    row(Verb::AskPublish,                   Market, [W, N, N, O, O], BUSY, OPEN),
    row(Verb::GiveAgent,                    Market, [W, N, N, O, O], BUSY, SHUT),
    row(Verb::RotateSecret,                 Market, [W, N, N, O, O], BUSY, SHUT),
    row(Verb::LinkSecret,                   Market, [W, N, N, N, N], BUSY, OPEN),
    row(Verb::ReadNotices,                  Market, [C, N, N, N, O], CALM, OPEN),
    row(Verb::ReplayNotice,                 Market, [C, N, N, N, O], CALM, OPEN),
    row(Verb::ChangeSettings,               Market, [C, N, N, N, N], CALM, OPEN),
    row(Verb::NameWebhook,                  Market, [C, N, N, N, N], CALM, SHUT),
    row(Verb::ReachPrivateWebhook,          Market, [O, N, N, N, N], CALM, SHUT),
    row(Verb::TellNotices,                  Market, [O, N, N, N, N], CALM, OPEN),
    row(Verb::SteerEngine,                  Market, [O, N, N, N, N], CALM, OPEN),
    row(Verb::SteerModels,                  Market, [O, N, N, N, N], CALM, OPEN),
    row(Verb::ReadJudges,                   Market, [O, N, N, N, N], CALM, OPEN),
    row(Verb::ReadPlace,                    Market, [C, N, N, C, O], CALM, OPEN),
    row(Verb::ListPlaces,                   Market, [O, N, N, N, N], CALM, OPEN),
    row(Verb::ChangePlace,                  Market, [C, N, N, O, O], BUSY, OPEN),
    row(Verb::ReadLog,                      Market, [O, N, N, N, N], CALM, SHUT),
    row(Verb::ReadUser,                     Market, [C, N, N, N, O], CALM, OPEN),
    row(Verb::ReadUsage,                    Market, [C, N, N, N, O], CALM, OPEN),
    row(Verb::ListUsers,                    Market, [O, N, N, N, N], CALM, OPEN),
    row(Verb::SuspendUser,                  Market, [O, N, N, N, O], CALM, OPEN),
    row(Verb::ChangeRoles,                  Market, [A, N, N, N, A], CALM, SHUT),
    row(Verb::AddUser,                      Market, [A, N, N, N, N], CALM, SHUT),
    row(Verb::Consent,                      Market, [C, N, N, N, N], CALM, OPEN),
    row(Verb::LinkCode,                     Market, [C, N, N, N, N], BUSY, SHUT),
    row(Verb::Link,                         Market, [C, N, N, N, N], BUSY, OPEN),
    row(Verb::MakeToken,                    Market, [C, N, N, N, A], BUSY, SHUT),
    row(Verb::ReadTokens,                   Market, [C, N, N, N, A], CALM, SHUT),
    row(Verb::RevokeToken,                  Market, [C, N, N, N, A], CALM, SHUT),
];

impl Verb {
    /// Completes "you may ...".
    pub fn about(self) -> &'static str {
        match self {
            Self::Post => "post jobs",
            Self::RaisePriority => "post with a priority above normal",
            Self::ReadJob => "read this job",
            Self::RevealJob => "see the texts of this job",
            Self::ShareJob => "share this job",
            Self::Job(action) => action.name(),
            Self::Register => "register agents",
            Self::RegisterHouse => "register agents of the house",
            Self::Publish => "publish an agent",
            Self::GrantAddress => "allow a private or plain-http endpoint",
            Self::ReadAgent => "read this agent",
            Self::ChangeAgent => "change this agent",
            Self::AskPublish => "ask for an agent to be published",
            Self::GiveAgent => "give an agent to others",
            Self::RotateSecret => "replace the secrets of an agent",
            Self::LinkSecret => "ask for a link to new secrets of an agent",
            Self::ReadNotices => "read these notices",
            Self::ReplayNotice => "tell this notice again",
            Self::ChangeSettings => "change how they are told",
            Self::NameWebhook => "name a webhook",
            Self::ReachPrivateWebhook => "name a private webhook",
            Self::TellNotices => "tell notices for others",
            Self::SteerEngine => "stop or start new attempts",
            Self::SteerModels => "switch models or set their budgets",
            Self::ReadJudges => "compare judges with people",
            Self::ReadPlace => "read the settings of this place",
            Self::ListPlaces => "list places",
            Self::ChangePlace => "change the settings of this place",
            Self::ReadLog => "read the daemon's log",
            Self::ReadUser => "read this account",
            Self::ReadUsage => "see what this account uses",
            Self::ListUsers => "list users",
            Self::SuspendUser => "suspend, restore or limit a user",
            Self::ChangeRoles => "grant or revoke roles",
            Self::AddUser => "add users",
            Self::Consent => "consent to the privacy policy",
            Self::LinkCode => "ask for a code that joins accounts, or remove an identity",
            Self::Link => "join accounts",
            Self::MakeToken => "make tokens",
            Self::ReadTokens => "list tokens",
            Self::RevokeToken => "revoke tokens",
        }
    }

    /// Its row.
    pub fn row(self) -> &'static Row {
        MATRIX.iter().find(|row| row.verb == self).expect("a test looks every verb up")
    }

    /// Whether somebody with these powers, who is this to the thing, may do it.
    ///
    /// # Errors
    /// [`Denied`] says what is missing.
    pub fn may(self, whose: Whose, who: Powers) -> Result<(), Denied> {
        let row = self.row();
        if who.bridged && !row.bridged {
            return Err(Denied::Bridged { verb: self });
        }
        let have = match row.reach {
            Reach::Place => who.place,
            Reach::Market => who.market,
        };
        let least = row.least[whose as usize];
        if least.is_none_or(|least| have < least) {
            return Err(Denied::Role { verb: self, least });
        }
        if who.suspended && !row.suspended {
            return Err(Denied::Suspended);
        }
        Ok(())
    }
}

/// Every verb, each once.
pub fn verbs() -> impl Iterator<Item = Verb> {
    MATRIX.iter().map(|row| row.verb)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permission::JOB_ACTIONS;
    use std::collections::BTreeSet;

    #[test]
    fn every_verb_has_one_row() {
        assert_eq!(verbs().collect::<BTreeSet<_>>().len(), MATRIX.len());
        for action in JOB_ACTIONS {
            assert_eq!(Verb::Job(action).row().verb, Verb::Job(action));
        }
        for (place, whose) in RELATIONS.into_iter().enumerate() {
            assert_eq!(whose as usize, place);
        }
    }

    #[test]
    fn a_place_s_operator_runs_no_market() {
        let here = Powers { market: Role::Owner, place: Role::Operator, suspended: false, bridged: true };
        assert_eq!(Verb::Job(JobAction::Cancel).may(Whose::Others, here), Ok(()));
        for row in MATRIX.iter().filter(|row| row.reach == Reach::Market) {
            let there = Powers { place: here.market, ..here };
            for whose in RELATIONS {
                assert_eq!(row.verb.may(whose, here), row.verb.may(whose, there), "{row:?}");
            }
        }
    }

    #[test]
    fn roles_tokens_grants_and_secrets_pass_no_bridge() {
        let admin = Powers { market: Role::Admin, place: Role::Admin, suspended: false, bridged: true };
        // A new webhook comes with a secret. A new agent does, too, and shows it elsewhere.
        for verb in [
            Verb::ChangeRoles,
            Verb::MakeToken,
            Verb::ReadTokens,
            Verb::RevokeToken,
            Verb::AddUser,
            Verb::NameWebhook,
            Verb::GrantAddress,
            Verb::GiveAgent,
            Verb::RotateSecret,
            Verb::LinkCode,
        ] {
            for whose in RELATIONS {
                assert_eq!(verb.may(whose, admin), Err(Denied::Bridged { verb }));
            }
        }
    }
}
