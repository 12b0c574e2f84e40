//! What one connection stands for, and what it may: every check of a right goes through here, to one table.

use super::authenticate::Peer;
use super::errors::{not_found, store};
use super::{Caller, Desk};
use crate::accounts::Terms;
use crate::store::{AccountQuery, AgentRecord, JobRecord, Query};
use guildhall_protocol::account::{Identity, Role};
use guildhall_protocol::agent::Audience;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::handshake::Principal;
use guildhall_protocol::ids::{PlaceId, TokenId, UserId};
use guildhall_protocol::job::Visibility;
use guildhall_protocol::matrix::{Denied, Powers, Verb, Whose};
use guildhall_protocol::time::Timestamp;

/// One connection.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// Who.
    pub(super) user: UserId,
    /// How they are called.
    pub(super) name: String,
    /// Under what they stand.
    pub(super) terms: Terms,
    /// The groups that they are in where they act, as a bridge says.
    pub(super) groups: Vec<String>,
    /// By what the daemon knows them, if not by a token of their own.
    pub(super) identity: Option<Identity>,
    /// The token that they came with.
    pub(super) token: Option<TokenId>,
    /// When what they came with ends.
    pub(super) expires_at: Option<Timestamp>,
    /// That this is a bridge itself, and nobody for whom it acts.
    pub(super) bridge: Option<Bridge>,
    /// Whether they may change nothing.
    pub(super) read_only: bool,
    /// Whether their connections and calls are counted.
    pub(super) is_limited: bool,
}

/// How far somebody looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sees {
    /// As no operator.
    Own,
    /// As an operator of the place where they act.
    Place,
    /// As an operator of the marketplace.
    Everything,
}

/// A bridge that comes as itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bridge {
    /// Whether it may act everywhere.
    pub(super) has_all_places: bool,
}

impl Session {
    /// Somebody on this machine, or with a credential of their own that has no ceiling.
    pub(super) fn of(user: UserId, name: String) -> Self {
        Self {
            user,
            name,
            terms: Terms::up_to(Role::Admin),
            groups: Vec::new(),
            identity: None,
            token: None,
            expires_at: None,
            bridge: None,
            read_only: false,
            is_limited: true,
        }
    }

    /// Whether this is an admin who sits at the machine: they can do worse to it than calling.
    pub(super) fn is_at_home(&self, peer: Peer) -> bool {
        matches!(peer, Peer::Local { .. }) && self.terms.born
    }

    /// What the caller is told of themselves.
    pub(super) fn principal(&self, desk: &Desk) -> Principal {
        let powers = desk.accounts.powers(self.user, &self.terms_now(desk), self.terms.place);
        Principal {
            user: self.user,
            name: self.name.clone(),
            role: powers.market,
            place: self.terms.place,
            place_role: powers.place,
            bridged: powers.bridged,
            timezone: desk.engine.parts().people.settings(self.user).timezone,
        }
    }

    /// Under what they stand now: members of the place's group of operators are that, whatever the bridge says of the person.
    fn terms_now(&self, desk: &Desk) -> Terms {
        let here = desk.engine.parts().places.of(self.terms.place);
        let is_member = here.operators.as_ref().is_some_and(|group| self.groups.contains(group));
        let claimed = if is_member { Role::Operator } else { self.terms.claimed };
        Terms { claimed: claimed.max(self.terms.claimed), ..self.terms }
    }

    /// Why no call of this connection is taken any more.
    pub(super) fn ended(&self, desk: &Desk, now: Timestamp) -> Option<&'static str> {
        if self.token.is_some_and(|token| desk.accounts.is_revoked(token)) {
            return Some("this token was revoked");
        }
        if self.expires_at.is_some_and(|at| at <= now) {
            return Some("what you signed in with has expired: sign in again");
        }
        if desk.accounts.is_left(self.user, self.identity.as_ref()) {
            return Some("you are known as somebody else by now: connect again");
        }
        None
    }
}

impl Caller {
    /// What this caller has to show in their own place.
    pub(super) fn powers(&self) -> Powers {
        self.powers_in(self.who.terms.place)
    }

    pub(super) fn powers_in(&self, place: PlaceId) -> Powers {
        self.desk.accounts.powers(self.who.user, &self.who.terms_now(&self.desk), place)
    }

    /// Whether this caller runs the marketplace.
    pub(super) fn is_operator(&self) -> bool {
        self.powers().market >= Role::Operator
    }

    /// How far this caller looks as an operator.
    pub(super) fn sees(&self) -> Sees {
        let powers = self.powers();
        if powers.market >= Role::Operator {
            Sees::Everything
        } else if powers.place >= Role::Operator {
            Sees::Place
        } else {
            Sees::Own
        }
    }

    /// Refuses what this caller may not do to their own, or to nothing in particular.
    pub(super) fn check(&self, verb: Verb) -> Result<(), ApiError> {
        self.check_on(verb, Whose::Own)
    }

    /// Refuses what this caller may not do to something of the marketplace.
    pub(super) fn check_on(&self, verb: Verb, whose: Whose) -> Result<(), ApiError> {
        verb.may(whose, self.powers()).map_err(denied)
    }

    /// Refuses who serves no channel: a bridge does, as itself and not in somebody's name; and who runs the marketplace may.
    /// What people are told is of all places, so a bridge of some of them tells nothing.
    pub(super) fn check_teller(&self) -> Result<(), ApiError> {
        match self.who.bridge {
            Some(Bridge { has_all_places: true }) => Ok(()),
            Some(Bridge { has_all_places: false }) => {
                let told =
                    "a bridge that is bound to places tells nobody anything: that would be of all places";
                Err(ApiError::new(ErrorKind::Forbidden, told)
                    .hint("make its token without --place: `guildhalld token create NAME --kind bridge`"))
            }
            None => self.check(Verb::TellNotices),
        }
    }

    /// What this caller is to a user.
    pub(super) fn relation_to_user(&self, user: UserId) -> Whose {
        if user == self.who.user { Whose::Own } else { Whose::Others }
    }

    /// What this caller is to an agent.
    pub(super) fn relation_to_agent(&self, record: &AgentRecord) -> Whose {
        if record.is_owned_by(self.who.user) {
            Whose::Own
        } else if record.audience == Audience::Owner {
            Whose::Others
        } else {
            Whose::Seen
        }
    }

    /// Whether an agent exists for this caller.
    pub(super) fn may_see(&self, record: &AgentRecord) -> bool {
        Verb::ReadAgent.may(self.relation_to_agent(record), self.powers()).is_ok()
    }

    /// Refuses what this caller may not do to an agent that they see.
    pub(super) fn check_agent(&self, verb: Verb, record: &AgentRecord) -> Result<(), ApiError> {
        self.check_on(verb, self.relation_to_agent(record))
    }

    /// What this caller is to a job, leaving out their agents.
    pub(super) async fn relation_to_job(&self, job: &JobRecord) -> Result<Whose, ApiError> {
        if job.client == self.who.user {
            return Ok(Whose::Own);
        }
        let query = Query::Account(AccountQuery::Shares(job.id));
        if self.desk.store().user_ids(query).await.map_err(store)?.contains(&self.who.user) {
            return Ok(Whose::Shared);
        }
        let is_here = job.visibility == Visibility::Place && job.place == self.who.terms.place;
        Ok(if is_here { Whose::Seen } else { Whose::Others })
    }

    /// Whether a job exists for this caller.
    pub(super) async fn may_read(&self, job: &JobRecord) -> Result<bool, ApiError> {
        let powers = self.powers_in(job.place);
        // Who reads everything is not looked for among those who were let in.
        if Verb::ReadJob.may(Whose::Others, powers).is_ok() {
            return Ok(true);
        }
        Ok(Verb::ReadJob.may(self.relation_to_job(job).await?, powers).is_ok())
    }

    /// A job that exists for this caller.
    pub(super) async fn readable(&self, job: JobRecord) -> Result<JobRecord, ApiError> {
        if self.may_read(&job).await? { Ok(job) } else { Err(not_found(&format!("job {}", job.id))) }
    }
}

/// What a refusal means for a person.
pub(super) fn denied(denied: Denied) -> ApiError {
    let error = ApiError::new(ErrorKind::Forbidden, denied.to_string());
    match denied {
        Denied::Role { .. } => error,
        Denied::Suspended => error.hint("an operator can tell you why, and end it"),
        Denied::Bridged { .. } => error.hint("use `guildhall` on the command line"),
    }
}
