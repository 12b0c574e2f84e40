//! The commands, in memory.

use super::{Kept, State};
use guildhall_daemon::store::{
    AttemptRecord, AttemptTurn, BodyRecord, Chain, Command, Conflict, DeliveryRecord, Entry, EventRecord,
    Fence, JobRecord, JobTurn, NewAttempt, NewDelivery, NewPost, Outcome, Pulse, Receipt, Request, Steering,
    StoreError, TallyRecord, UserRecord,
};
use guildhall_protocol::account::Account;
use guildhall_protocol::agent::AgentState;
use guildhall_protocol::attempt::AttemptState;
use guildhall_protocol::history::Subject;
use guildhall_protocol::ids::{AgentId, BodyId, EventId, JobId, UserId, earliest_id};
use guildhall_protocol::state::JobState;
use guildhall_protocol::time::Timestamp;

type Result<T> = std::result::Result<T, StoreError>;

impl State {
    pub(super) fn apply(&mut self, now: Timestamp, command: Command) -> Result<Outcome> {
        match command {
            Command::Probe => Ok(Outcome::Done),
            Command::Found { tag } => {
                if self.system.tag.is_some() {
                    return Err(StoreError::Stale);
                }
                self.system.tag = Some(tag);
                Ok(Outcome::Done)
            }
            Command::StartDaemon { incarnation, chain, entry } => {
                let expected = self.system.incarnation.0 + 1 == incarnation.0;
                self.system_change(now, chain, expected, &entry)?;
                self.system.incarnation = incarnation;
                self.system.clean = false;
                Ok(Outcome::Done)
            }
            Command::StopDaemon { incarnation, chain, entry } => {
                let expected = self.system.incarnation == incarnation && !self.system.clean;
                self.system_change(now, chain, expected, &entry)?;
                self.system.clean = true;
                Ok(Outcome::Done)
            }
            Command::SeeUser { kind, identity, name, entry } => {
                Ok(self.see_user(now, kind, identity, name, &entry))
            }
            Command::Post { request, jobs } => self.post(now, &request, jobs),
            Command::Assign { fence, attempt, turn, steering, day, entry } => {
                self.assign(now, fence, attempt, turn, steering, day, &entry)
            }
            Command::Park { fence, waits_for, pick, due_at, entry } => {
                self.park(now, fence, &waits_for, pick, due_at, &entry)
            }
            command @ Command::Turn { .. } => self.turn(now, command),
            command @ Command::Note { .. } => self.note(now, command),
            Command::SettleMessage { id, tries, due_at, delivery } => {
                self.settle_message(id, tries, due_at, delivery.as_ref())
            }
            Command::LeaseNotifications { channel, lease, until, limit } => {
                Ok(Outcome::Leased(self.lease_notifications(now, channel, lease, until, limit)))
            }
            Command::SettleNotifications { ids, lease, due_at, acknowledged, detail } => {
                self.settle_notifications(now, &ids, lease, due_at, acknowledged, &detail)
            }
            Command::ReplayNotification { request, id } => self.replay_notification(now, &request, id),
            Command::SetPerson { request, revision, settings, secret, entry } => {
                self.set_person(now, &request, revision, settings, secret, &entry)
            }
            Command::Account(command) => self.apply_account(now, command),
            Command::Place(command) => self.apply_place(now, command),
            Command::FrontEnd(command) => self.apply_front_end(now, command),
            Command::PauseEngine { request, chain, paused, entry } => {
                if let Some(outcome) = self.repeated(&request)? {
                    return Ok(outcome);
                }
                self.system_change(now, chain, true, &entry)?;
                self.system.paused = paused;
                self.keep(now, Some(&request), Receipt::Done);
                Ok(Outcome::Done)
            }
            Command::SetModels { request, chain, settings, entry } => {
                if let Some(outcome) = self.repeated(&request)? {
                    return Ok(outcome);
                }
                self.system_change(now, chain, true, &entry)?;
                self.llm.settings = Some(settings);
                self.keep(now, Some(&request), Receipt::Done);
                Ok(Outcome::Done)
            }
            Command::Reseal { chain, secrets, entry } => self.reseal(now, chain, secrets, &entry),
            Command::NoteSystem { chain, entry } => {
                self.system_change(now, chain, true, &entry)?;
                Ok(Outcome::Done)
            }
            Command::LogCalls { job, payer, day, calls, without } => {
                self.llm.log(job, payer, day, calls, &without);
                Ok(Outcome::Done)
            }
            Command::Register { .. }
            | Command::Revise { .. }
            | Command::Hold { .. }
            | Command::Rekey { .. }
            | Command::TurnAgent { .. } => self.apply_agent(now, command),
            Command::LogDeliveries { deliveries } => {
                self.deliveries(&deliveries);
                Ok(Outcome::Done)
            }
            Command::Prune { requests_before, deliveries_before } => {
                Ok(Outcome::Dropped(self.prune(requests_before, deliveries_before)))
            }
        }
    }

    pub(super) fn system_change(
        &mut self,
        now: Timestamp,
        chain: Chain,
        expected: bool,
        entry: &Entry,
    ) -> Result<()> {
        if self.system.chain.revision != chain.revision || !expected {
            return Err(StoreError::Stale);
        }
        self.system.chain = head(entry, chain);
        self.record(now, Subject::System, entry);
        Ok(())
    }

    fn see_user(
        &mut self,
        now: Timestamp,
        kind: String,
        identity: String,
        name: String,
        entry: &Entry,
    ) -> Outcome {
        if let Some(id) = self.identities.get(&(kind.clone(), identity.clone())) {
            return Outcome::User(*id);
        }
        let id = UserId(next(self.users.len()));
        self.users.insert(
            id,
            UserRecord { id, name, account: Account::default(), chain: head(entry, Chain::default()) },
        );
        self.identities.insert((kind, identity), id);
        self.record(now, Subject::User(id), entry);
        Outcome::User(id)
    }

    fn post(&mut self, now: Timestamp, request: &Request, jobs: Vec<NewPost>) -> Result<Outcome> {
        if let Some(outcome) = self.repeated(request)? {
            return Ok(outcome);
        }
        let mut ids = Vec::new();
        for job in jobs {
            let class = job.priority.class();
            let clock = self.clocks.get(&class).copied().unwrap_or(0);
            let last = self.client_tags.get(&(class, job.client)).copied().unwrap_or(0);
            let fair_tag = clock.max(last) + 1;
            self.client_tags.insert((class, job.client), fair_tag);
            let id = JobId(next(self.jobs.len()));
            let row = JobRecord {
                id,
                client: job.client,
                place: job.place,
                visibility: job.visibility,
                priority: job.priority,
                fair_tag,
                title: Some(job.title),
                label: job.label,
                derived_from: job.derived_from,
                trial: job.trial,
                draft: job.draft,
                state: JobState::Open,
                epoch: 1,
                chain: head(&job.entry, Chain::default()),
                posted_at: now,
                changed_at: now,
                deadline: job.deadline,
                due_at: Some(job.deadline),
                ready: true,
                lease: None,
                deaths: 0,
                attempts: 0,
                checked_by: None,
                waiting: None,
                window: None,
                steering: Steering::default(),
                question: None,
                reply: None,
            };
            let bytes: usize = job.entry.bodies.iter().map(|body| body.bytes.len()).sum();
            *self.accounts.stored.entry(job.client).or_default() += u64::try_from(bytes).unwrap_or(u64::MAX);
            self.jobs.insert(id, row);
            self.record(now, Subject::Job(id), &job.entry);
            ids.push(id);
        }
        self.keep(now, Some(request), Receipt::Posted(ids.clone()));
        Ok(Outcome::Posted(ids))
    }

    pub(super) fn current(&mut self, fence: Fence) -> Result<&mut JobRecord> {
        self.jobs
            .get_mut(&fence.job)
            .filter(|job| job.epoch == fence.epoch && job.chain.revision == fence.revision)
            .ok_or(StoreError::Stale)
    }

    pub(super) fn running(&self, agent: AgentId) -> u32 {
        let holds = |attempt: &&AttemptRecord| attempt.agent == agent && attempt.state.holds_slot();
        u32::try_from(self.attempts.values().filter(holds).count()).unwrap_or(u32::MAX)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "they are the fields of the one command that this carries out"
    )]
    fn assign(
        &mut self,
        now: Timestamp,
        fence: Fence,
        attempt: NewAttempt,
        turn: JobTurn,
        steering: Option<Steering>,
        day: Option<i64>,
        entry: &Entry,
    ) -> Result<Outcome> {
        let running = self.running(attempt.agent);
        let slot = self
            .agents
            .get(&attempt.agent)
            .is_some_and(|agent| agent.state == AgentState::Active && running < agent.concurrency);
        let job = self.current(fence)?;
        if job.state != JobState::Open || job.attempts + 1 != attempt.number.0 {
            return Err(StoreError::Stale);
        }
        if !slot {
            return Err(StoreError::Conflict(Conflict::NoSlot));
        }
        let dialog = (job.question, job.reply);
        go_on(job, now, turn, entry);
        (job.question, job.reply) = dialog;
        job.ready = false;
        job.window = None;
        job.attempts += 1;
        job.steering = steering.unwrap_or_else(|| std::mem::take(&mut job.steering));
        let client = job.client;
        let (class, tag) = (job.priority.class(), job.fair_tag);
        let clock = self.clocks.entry(class).or_insert(0);
        *clock = (*clock).max(tag);
        self.waits.retain(|(_, job)| *job != fence.job);
        let row = AttemptRecord {
            job: fence.job,
            number: attempt.number,
            agent: attempt.agent,
            version: attempt.version,
            state: AttemptState::Sending,
            repair: attempt.repair,
            tries: 1,
            started_at: now,
            answered_at: None,
            ended_at: None,
            pick: attempt.pick,
            answer: None,
            findings: None,
            reason: None,
            deadline: attempt.deadline,
            left_ms: None,
            heard_at: None,
            question: None,
            reply: None,
            replies: 0,
            input: attempt.input,
        };
        if let Some(day) = day {
            *self.days.entry((day, attempt.agent, client)).or_default() += 1;
        }
        self.attempts.insert((fence.job, attempt.number.0), row);
        self.record(now, Subject::Job(fence.job), entry);
        Ok(Outcome::Done)
    }

    fn park(
        &mut self,
        now: Timestamp,
        fence: Fence,
        waits_for: &[AgentId],
        pick: BodyId,
        due_at: Timestamp,
        entry: &Entry,
    ) -> Result<Outcome> {
        let job = self.current(fence)?;
        if job.state != JobState::Open {
            return Err(StoreError::Stale);
        }
        job.epoch += 1;
        job.chain = head(entry, Chain::default());
        job.changed_at = now;
        job.due_at = Some(due_at);
        job.ready = false;
        job.lease = None;
        job.deaths = 0;
        job.waiting = Some(pick);
        self.waits.retain(|(_, job)| *job != fence.job);
        self.waits.extend(waits_for.iter().map(|agent| (*agent, fence.job)));
        self.record(now, Subject::Job(fence.job), entry);
        Ok(Outcome::Done)
    }

    fn turn(&mut self, now: Timestamp, command: Command) -> Result<Outcome> {
        let Command::Turn { fence, cause, turn, attempt, steering, tally, pulse, entry } = command else {
            unreachable!("the caller matched a turn");
        };
        if let Some(outcome) = self.repeated_cause(cause.as_ref())? {
            return Ok(outcome);
        }
        let job = self.current(fence)?;
        if job.state.is_terminal() {
            return Err(StoreError::Stale);
        }
        go_on(job, now, turn, &entry);
        job.steering = steering.unwrap_or_else(|| std::mem::take(&mut job.steering));
        self.turn_attempt(fence.job, attempt);
        self.add_tallies(tally);
        if let Some((agent, pulse)) = pulse
            && let Some(agent) = self.agents.get_mut(&agent)
        {
            agent.pulses.misses = match pulse {
                Pulse::Miss => agent.pulses.misses + 1,
                Pulse::Beat => 0,
            };
        }
        self.waits.retain(|(_, job)| *job != fence.job);
        self.record(now, Subject::Job(fence.job), &entry);
        self.keep_cause(now, cause.as_ref(), Receipt::Job(fence.job));
        Ok(Outcome::Done)
    }

    fn note(&mut self, now: Timestamp, command: Command) -> Result<Outcome> {
        let Command::Note { fence, cause, note, tallies, appeal, entry } = command else {
            unreachable!("the caller matched a note");
        };
        if let Some(outcome) = self.repeated_cause(cause.as_ref())? {
            return Ok(outcome);
        }
        if let Some(appeal) = &appeal {
            self.check_appeal(fence.job, appeal)?;
        }
        let clock = self.clocks.get(&note.priority.class()).copied().unwrap_or(0);
        let job = self.current(fence)?;
        if job.priority != note.priority {
            job.fair_tag = clock + 1;
        }
        job.chain = head(&entry, job.chain);
        job.changed_at = now;
        job.deadline = note.deadline;
        job.due_at = note.due_at;
        job.window = note.window;
        job.priority = note.priority;
        job.steering = note.steering.unwrap_or_else(|| std::mem::take(&mut job.steering));
        self.turn_attempt(fence.job, note.attempt);
        self.add_tallies(tallies);
        if let Some(appeal) = appeal {
            self.write_appeal(now, fence.job, appeal);
        }
        self.record(now, Subject::Job(fence.job), &entry);
        self.keep_cause(now, cause.as_ref(), Receipt::Job(fence.job));
        Ok(Outcome::Done)
    }

    fn turn_attempt(&mut self, job: JobId, turn: Option<AttemptTurn>) {
        if let Some(turn) = turn
            && let Some(attempt) = self.attempts.get_mut(&(job, turn.number.0))
        {
            *attempt = attempt.clone().after(turn);
        }
    }

    fn add_tallies(&mut self, tallies: impl IntoIterator<Item = TallyRecord>) {
        for TallyRecord { agent, day, tally } in tallies {
            let sum = self.tallies.entry((agent, day)).or_default();
            *sum = sum.plus(tally);
        }
    }

    pub(super) fn repeated(&self, request: &Request) -> Result<Option<Outcome>> {
        match self.requests.get(&(request.user, request.id.clone())) {
            None => Ok(None),
            Some(kept) if kept.hash == request.hash => Ok(Some(Outcome::Repeated(kept.receipt.clone()))),
            Some(_) => Err(StoreError::Conflict(Conflict::RequestReused)),
        }
    }

    pub(super) fn keep(&mut self, at: Timestamp, request: Option<&Request>, receipt: Receipt) {
        if let Some(request) = request {
            let kept = Kept { hash: request.hash, receipt, at };
            self.requests.insert((request.user, request.id.clone()), kept);
        }
    }

    pub(super) fn record(&mut self, now: Timestamp, subject: Subject, entry: &Entry) {
        for body in &entry.bodies {
            self.id_max = self.id_max.max(body.id.0);
            let row =
                BodyRecord { id: body.id, subject, nonce: Some(body.nonce), bytes: Some(body.bytes.clone()) };
            self.bodies.insert(body.id, row);
        }
        for event in &entry.events {
            let next = self.events.last().map_or(0, |event| event.id.0) + 1;
            self.events.push(EventRecord {
                id: EventId(next.max(earliest_id(now))),
                subject,
                seq: event.chain.revision,
                bytes: event.bytes.clone(),
                hash: event.chain.hash,
            });
        }
        self.post_out(now, subject, entry);
        self.llm.judge(subject, entry);
        self.deliveries(&entry.deliveries);
    }

    pub(super) fn deliveries(&mut self, deliveries: &[NewDelivery]) {
        for delivery in deliveries {
            let row = DeliveryRecord {
                id: delivery.id,
                agent: delivery.agent,
                at: delivery.at,
                attempt: delivery.attempt,
                message: delivery.message.to_owned(),
                log: delivery.log.clone(),
            };
            self.deliveries.insert(delivery.id.0, row);
        }
    }
}

/// The number after `count` others.
pub(super) fn next(count: usize) -> i64 {
    i64::try_from(count).map_or(i64::MAX, |count| count + 1)
}

pub(super) fn head(entry: &Entry, before: Chain) -> Chain {
    entry.events.last().map_or(before, |event| event.chain)
}

fn go_on(job: &mut JobRecord, now: Timestamp, turn: JobTurn, entry: &Entry) {
    job.state = turn.state;
    job.epoch += 1;
    job.chain = head(entry, Chain::default());
    job.changed_at = now;
    job.due_at = turn.due_at;
    job.ready = turn.ready;
    job.lease = turn.lease;
    job.deaths = turn.deaths;
    job.checked_by = turn.checked_by.or(job.checked_by);
    job.waiting = None;
    job.window = turn.window;
    if turn.question.is_some() || turn.reply.is_some() {
        (job.question, job.reply) = (turn.question, turn.reply);
    }
}
