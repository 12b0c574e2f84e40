//! The commands on agents, in memory.

use super::State;
use super::write::{head, next};
use guildhall_daemon::store::{
    AgentFence, AgentRecord, AgentTurn, Chain, Command, Conflict, Entry, Holding, NewVersion, Outcome,
    Pulses, Receipt, Request, StoreError,
};
use guildhall_protocol::agent::{AgentState, Health};
use guildhall_protocol::history::Subject;
use guildhall_protocol::ids::AgentId;
use guildhall_protocol::time::Timestamp;

type Result<T> = std::result::Result<T, StoreError>;

impl State {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller chose the commands on agents")]
    pub(super) fn apply_agent(&mut self, now: Timestamp, command: Command) -> Result<Outcome> {
        match command {
            Command::Register { .. } => self.register(now, command),
            Command::Revise { .. } => self.revise(now, command),
            Command::Hold { fence, request, holding, entry } => {
                let is_gone =
                    |user| self.users.get(&user).is_some_and(|user| user.account.merged_into.is_some());
                if self.repeated(&request)?.is_none() && holding.users().any(is_gone) {
                    return Err(StoreError::Stale);
                }
                self.on_agent(now, fence, &request, &entry, |agent| {
                    let Holding { owner, co_owners, offered_to, audience, wanted } = holding;
                    (agent.owner, agent.co_owners, agent.offered_to) = (owner, co_owners, offered_to);
                    (agent.audience, agent.wanted) = (audience, wanted);
                })
            }
            Command::Rekey { fence, request, delivery_secret, callback_secret, old, entry } => {
                self.on_agent(now, fence, &request, &entry, |agent| {
                    (agent.delivery_secret, agent.callback_secret) = (delivery_secret.0, callback_secret.0);
                    agent.old_secrets = old;
                })
            }
            Command::TurnAgent { fence, request, turn, entry } => {
                if let Some(request) = &request
                    && let Some(outcome) = self.repeated(request)?
                {
                    return Ok(outcome);
                }
                self.turn_agent(fence, turn, &entry)?;
                self.record(now, Subject::Agent(fence.agent), &entry);
                self.keep(now, request.as_ref(), Receipt::Agent(fence.agent));
                Ok(Outcome::Done)
            }
            other => unreachable!("{other:?} is about no agent"),
        }
    }

    fn register(&mut self, now: Timestamp, command: Command) -> Result<Outcome> {
        let Command::Register {
            request,
            name,
            owner,
            audience,
            version,
            delivery_secret,
            callback_secret,
            due_at,
            entry,
        } = command
        else {
            unreachable!("the caller matched a registration");
        };
        if let Some(outcome) = self.repeated(&request)? {
            return Ok(outcome);
        }
        if self.agents.values().any(|agent| agent.name == name) {
            return Err(StoreError::Conflict(Conflict::NameTaken));
        }
        let id = AgentId(next(self.agents.len()));
        let agent = AgentRecord {
            id,
            name,
            owner,
            co_owners: Vec::new(),
            offered_to: None,
            state: AgentState::Pending,
            health: Health::Closed,
            audience,
            wanted: None,
            old_secrets: None,
            version: version.version,
            definition: version.definition,
            concurrency: version.concurrency,
            running: 0,
            grants: Vec::new(),
            delivery_secret: delivery_secret.0,
            callback_secret: callback_secret.0,
            due_at: Some(due_at),
            tries: 0,
            pulses: Pulses::default(),
            registered_at: now,
            chain: head(&entry, Chain::default()),
        };
        self.agents.insert(id, agent);
        self.write_version(now, id, version);
        self.record(now, Subject::Agent(id), &entry);
        self.keep(now, Some(&request), Receipt::Agent(id));
        Ok(Outcome::Registered(id))
    }

    fn revise(&mut self, now: Timestamp, command: Command) -> Result<Outcome> {
        let Command::Revise { fence, request, version, delivery_secret, audience, wanted, turn, entry } =
            command
        else {
            unreachable!("the caller matched a revision");
        };
        if let Some(outcome) = self.repeated(&request)? {
            return Ok(outcome);
        }
        let current = self.agents.get(&fence.agent).map(|agent| agent.version.0);
        if current.map(|current| current + 1) != Some(version.version.0) {
            return Err(StoreError::Stale);
        }
        self.turn_agent(fence, turn, &entry)?;
        let agent = self.agents.get_mut(&fence.agent).ok_or(StoreError::Stale)?;
        if let Some(secret) = delivery_secret {
            agent.delivery_secret = secret.0;
        }
        (agent.audience, agent.wanted) = (audience, wanted);
        agent.version = version.version;
        agent.definition = version.definition;
        agent.concurrency = version.concurrency;
        self.write_version(now, fence.agent, version);
        self.record(now, Subject::Agent(fence.agent), &entry);
        self.keep(now, Some(&request), Receipt::Agent(fence.agent));
        Ok(Outcome::Done)
    }

    fn on_agent(
        &mut self,
        now: Timestamp,
        fence: AgentFence,
        request: &Request,
        entry: &Entry,
        change: impl FnOnce(&mut AgentRecord),
    ) -> Result<Outcome> {
        if let Some(outcome) = self.repeated(request)? {
            return Ok(outcome);
        }
        let agent = self
            .agents
            .get_mut(&fence.agent)
            .filter(|agent| agent.chain.revision == fence.revision && agent.state != AgentState::Retired)
            .ok_or(StoreError::Stale)?;
        agent.chain = head(entry, agent.chain);
        change(agent);
        self.record(now, Subject::Agent(fence.agent), entry);
        self.keep(now, Some(request), Receipt::Agent(fence.agent));
        Ok(Outcome::Done)
    }

    fn turn_agent(&mut self, fence: AgentFence, turn: AgentTurn, entry: &Entry) -> Result<()> {
        let agent = self
            .agents
            .get_mut(&fence.agent)
            .filter(|agent| agent.chain.revision == fence.revision && agent.state != AgentState::Retired)
            .ok_or(StoreError::Stale)?;
        agent.state = turn.state;
        agent.health = turn.health;
        agent.due_at = turn.due_at;
        agent.tries = turn.tries;
        agent.pulses = turn.pulses;
        agent.chain = head(entry, agent.chain);
        Ok(())
    }

    fn write_version(&mut self, now: Timestamp, agent: AgentId, version: NewVersion) {
        self.versions.insert((agent, version.version), (now, version.definition));
        if let Some(agent) = self.agents.get_mut(&agent) {
            agent.grants.extend(version.grants);
            agent.grants.sort();
            agent.grants.dedup();
        }
    }
}
