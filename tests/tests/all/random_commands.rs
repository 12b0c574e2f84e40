//! A seeded stream of commands for the contract suite: some fit what is there, some are stale, reused or contradictory.

use guildhall_daemon::store::{
    AgentFence, AgentRecord, AgentTurn, AppealRecord, AppealTurn, AttemptRecord, AttemptTurn, Callback,
    Cause, Chain, Command, Entry, Fence, Holding, JobNote, JobRecord, JobTurn, Lease, NewAttempt, NewBody,
    NewDelivery, NewEvent, NewMessage, NewNotification, NewPost, NewVersion, OldSecrets, PersonRecord,
    PlaceRecord, Pulse, Pulses, Request, SealedSecret, Steering, Tally, TallyRecord, UserRecord, Window,
};
use guildhall_protocol::agent::{AGENT_STATES, Audience, Health};
use guildhall_protocol::appeal::AppealKind;
use guildhall_protocol::attempt::{ATTEMPT_STATES, AttemptState, CheckedBy};
use guildhall_protocol::ids::{
    AgentId, AgentVersion, AttemptNumber, AttemptRef, BodyId, DeliveryLogId, Incarnation, JobId, MessageId,
    NotificationId, PlaceId, StoreTag, UserId,
};
use guildhall_protocol::job::{Priority, Visibility};
use guildhall_protocol::notice::{Channel, NoticeKind};
use guildhall_protocol::state::{JOB_STATES, JobState};
use guildhall_protocol::time::Timestamp;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What the store holds at the moment, as the stream's author read it.
pub(crate) struct Seen {
    pub(crate) chain: Chain,
    pub(crate) incarnation: Incarnation,
    pub(crate) jobs: Vec<JobRecord>,
    pub(crate) attempts: Vec<AttemptRecord>,
    pub(crate) agents: Vec<AgentRecord>,
    pub(crate) users: Vec<UserRecord>,
    pub(crate) appeals: Vec<AppealRecord>,
    pub(crate) people: Vec<PersonRecord>,
    pub(crate) places: Vec<PlaceRecord>,
}

/// The author of the stream.
pub(crate) struct Author {
    pub(crate) random: ChaCha8Rng,
    last_id: i64,
    /// Whom a notification can be for.
    pub(crate) users: i64,
    /// Notifications and messages that may be in the store.
    notified: Vec<NotificationId>,
    told: Vec<MessageId>,
    /// The newest token.
    pub(crate) tokens: i64,
    /// The newest lease of notifications.
    lease: i64,
}

/// Users that exist from the beginning.
pub(crate) const USERS: i64 = 3;

impl Author {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: ChaCha8Rng::seed_from_u64(seed),
            last_id: 0,
            users: 0,
            notified: Vec::new(),
            told: Vec::new(),
            tokens: 0,
            lease: 0,
        }
    }

    pub(crate) fn one_in(&mut self, n: u32) -> bool {
        self.random.random_range(0..n) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.random.random_range(0..list.len())]
    }

    pub(crate) fn id(&mut self) -> i64 {
        self.last_id += 1;
        self.last_id
    }

    pub(crate) fn time(&mut self) -> Timestamp {
        Timestamp(self.random.random_range(0..2_000))
    }

    /// An entry of one or two chained events, with a body that rows may refer to.
    pub(crate) fn entry(&mut self, mut chain: Chain) -> Entry {
        let mut entry = Entry::default();
        for _ in 0..self.random.random_range(1..=2) {
            let bytes = format!("event {}", self.random.next_u32()).into_bytes();
            chain = chain.followed_by(&bytes);
            entry.events.push(NewEvent { bytes, chain });
        }
        let nonce = self.random.random();
        let bytes = vec![b'x'; self.random.random_range(0..40)];
        entry.bodies.push(NewBody { id: BodyId(self.id()), nonce, bytes });
        if self.users > 0 && self.one_in(3) {
            let user = UserId(self.random.random_range(1..=self.users));
            let id = NotificationId(self.id());
            let job = self.one_in(2).then(|| JobId(self.random.random_range(1..4)));
            let notification = NewNotification {
                id,
                user,
                channel: self.pick(&[Channel::Log, Channel::Webhook]),
                kind: self.pick(&[NoticeKind::JobCompleted, NoticeKind::ReviewWanted]),
                job,
                attempt: self.one_in(2).then_some(AttemptNumber(1)),
                agent: self.one_in(2).then_some(AgentId(1)),
                due_at: self.time(),
            };
            self.notified.push(id);
            entry.notifications.push(notification);
        }
        if self.users > 0 && self.one_in(3) {
            entry.alerts.push(self.alert());
        }
        entry
    }

    pub(crate) fn request(&mut self) -> Request {
        let number = self.random.random_range(0..12);
        Request {
            user: UserId(self.random.random_range(1..=2)),
            id: format!("request-{number}").parse().expect("it is an id"),
            hash: [self.random.random_range(0..2); 32],
        }
    }

    pub(crate) fn fence(&mut self, job: &JobRecord) -> Fence {
        let mut fence = Fence { job: job.id, epoch: job.epoch, revision: job.chain.revision };
        match self.random.random_range(0..14) {
            0 => fence.epoch -= 1,
            1 => fence.epoch += 1,
            2 => fence.revision += 1,
            3 => fence.revision = fence.revision.saturating_sub(1),
            4 => fence.job = JobId(fence.job.0 + 100),
            _ => {}
        }
        fence
    }

    fn agent_fence(&mut self, agent: &AgentRecord) -> AgentFence {
        let mut fence = AgentFence { agent: agent.id, revision: agent.chain.revision };
        match self.random.random_range(0..10) {
            0 => fence.revision += 1,
            1 => fence.revision = fence.revision.saturating_sub(1),
            _ => {}
        }
        fence
    }

    fn lease(&mut self) -> Option<Lease> {
        let incarnation = Incarnation(self.random.random_range(1..4));
        let until = self.time();
        self.one_in(2).then_some(Lease { incarnation, until })
    }

    fn job_turn(&mut self, state: JobState) -> JobTurn {
        let checked = self.pick(&[CheckedBy::Nobody, CheckedBy::Rules, CheckedBy::Model, CheckedBy::Person]);
        let ended = state.is_terminal();
        let due_at = (!ended).then(|| self.time());
        JobTurn {
            state,
            due_at,
            ready: state == JobState::Open && self.one_in(2),
            lease: if ended { None } else { self.lease() },
            deaths: self.random.random_range(0..3),
            checked_by: (state == JobState::Completed || self.one_in(8)).then_some(checked),
            window: matches!(state, JobState::InputRequired(_) | JobState::InReview(_))
                .then(|| self.window()),
            question: None,
            reply: None,
        }
    }

    fn window(&mut self) -> Window {
        let (begins_at, ends_at) = (self.time(), self.time());
        Window { begins_at, ends_at, reminded: self.random.random_range(0..3) }
    }

    fn steering(&mut self) -> Option<Steering> {
        let agent = AgentId(self.random.random_range(1..3));
        let exclude = if self.one_in(2) { vec![agent] } else { Vec::new() };
        self.one_in(4).then_some(Steering { assign: Some(agent), exclude })
    }

    /// A person's request or an agent's callback.
    fn cause(&mut self, job: JobId) -> Cause {
        if self.one_in(2) {
            return Cause::Request(self.request());
        }
        let number = AttemptNumber(self.random.random_range(1..3));
        Cause::Callback(Callback {
            attempt: AttemptRef { job, number },
            id: format!("message-{}", self.random.random_range(0..4)),
            hash: [self.random.random_range(0..2); 32],
        })
    }

    fn tally(&mut self, seen: &Seen) -> Option<TallyRecord> {
        let sign = if self.one_in(3) { -1 } else { 1 };
        let answer_ms = self.random.random_range(0..99);
        let day = self.random.random_range(0..3);
        seen.agents.first().map(|agent| {
            let tally = Tally {
                passed: sign,
                failed: 2 * sign,
                declined: 3 * sign,
                unreachable: 4 * sign,
                answered: 5 * sign,
                answer_ms,
            };
            TallyRecord { agent: agent.id, day, tally }
        })
    }

    fn attempt_turn(&mut self, attempt: &AttemptRecord, state: AttemptState, body: BodyId) -> AttemptTurn {
        let ended = state.ended().is_some();
        let asked = state == AttemptState::Asked;
        AttemptTurn {
            number: attempt.number,
            state,
            tries: self.random.random_range(0..4),
            deadline: self.time(),
            left_ms: asked.then(|| self.random.random_range(0..99)),
            heard_at: self.one_in(2).then(|| self.time()),
            answered_at: self.one_in(2).then(|| self.time()),
            ended_at: ended.then(|| self.time()),
            answer: self.one_in(2).then_some(body),
            findings: self.one_in(2).then_some(body),
            reason: self.one_in(2).then_some(body),
            question: self.one_in(3).then_some(body),
            reply: self.one_in(3).then_some(body),
            replies: self.random.random_range(0..3),
        }
    }

    /// The next command.
    pub(crate) fn command(&mut self, seen: &Seen) -> Command {
        match self.random.random_range(0..122) {
            0..20 => self.post(seen),
            20..42 if !seen.jobs.is_empty() && !seen.agents.is_empty() => self.assign(seen),
            42..64 if !seen.jobs.is_empty() => self.turn(seen),
            64..72 if !seen.jobs.is_empty() => self.note(seen),
            72..76 if !seen.jobs.is_empty() => self.park(seen),
            76..80 => self.register(),
            80..83 => self.outbox(seen),
            83..84 => self.about_models(seen),
            84..87 if !seen.agents.is_empty() => self.revise(seen),
            87 if !seen.agents.is_empty() && self.users > 0 => self.hold(seen),
            88 if !seen.agents.is_empty() => self.rekey(seen),
            89..94 if !seen.agents.is_empty() => self.turn_agent(seen),
            100..108 => self.account(seen),
            108..110 => self.reseal(seen),
            110..116 => self.front_end(seen),
            116..122 => self.place(seen),
            _ => self.system(seen),
        }
    }

    fn post(&mut self, seen: &Seen) -> Command {
        let jobs = (0..self.random.random_range(1..=2))
            .map(|_| {
                let entry = self.entry(Chain::default());
                NewPost {
                    client: UserId(self.random.random_range(1..=USERS)),
                    place: PlaceId(self.random.random_range(1..3)),
                    visibility: self.pick(&[Visibility::Private, Visibility::Place]),
                    priority: self.pick(&[Priority::Low, Priority::Normal, Priority::Normal, Priority::High]),
                    title: format!("title {}", self.random.random_range(0..9)),
                    label: self.one_in(2).then(|| "red".to_owned()),
                    derived_from: if self.one_in(4) { seen.jobs.first().map(|job| job.id) } else { None },
                    trial: self.one_in(5),
                    draft: entry.bodies[0].id,
                    deadline: self.time(),
                    entry,
                }
            })
            .collect();
        Command::Post { request: self.request(), jobs }
    }

    fn assign(&mut self, seen: &Seen) -> Command {
        let open: Vec<&JobRecord> = seen.jobs.iter().filter(|job| job.state == JobState::Open).collect();
        let job = if open.is_empty() || self.one_in(10) {
            self.pick(&seen.jobs.iter().collect::<Vec<_>>())
        } else {
            self.pick(&open)
        };
        let agent = self.pick(&seen.agents.iter().collect::<Vec<_>>());
        let entry = self.entry(job.chain);
        let number = if self.one_in(12) { job.attempts + 2 } else { job.attempts + 1 };
        let attempt = NewAttempt {
            number: AttemptNumber(number),
            agent: agent.id,
            version: agent.version,
            repair: self.one_in(4),
            deadline: self.time(),
            pick: entry.bodies[0].id,
            input: self.one_in(3).then_some(entry.bodies[0].id),
        };
        let fence = self.fence(job);
        let turn = JobTurn { ready: false, ..self.job_turn(JobState::Assigned) };
        let day = self.one_in(2).then(|| self.random.random_range(0..2));
        Command::Assign { fence, attempt, turn, steering: self.steering(), day, entry }
    }

    fn turn(&mut self, seen: &Seen) -> Command {
        let job = self.pick(&seen.jobs.iter().collect::<Vec<_>>());
        let mut entry = self.entry(job.chain);
        let body = entry.bodies[0].id;
        let state = self.pick(&JOB_STATES);
        let open: Vec<&AttemptRecord> = seen
            .attempts
            .iter()
            .filter(|attempt| attempt.job == job.id && attempt.ended_at.is_none())
            .collect();
        // Mostly the newest, but not only: nothing else may change with it.
        let of_job = if self.one_in(3) { open.first().copied() } else { open.last().copied() };
        let attempt = of_job.map(|attempt| {
            let state = self.pick(&ATTEMPT_STATES);
            self.attempt_turn(attempt, state, body)
        });
        if let Some(attempt) = of_job {
            let id = MessageId(self.id());
            self.told.push(id);
            entry.messages.push(NewMessage {
                id,
                agent: attempt.agent,
                kind: "job.canceled",
                job: job.id,
                attempt: attempt.number,
            });
            self.judged(attempt.number, &mut entry);
        }
        let tally = self.tally(seen);
        let pulse = seen.agents.last().map(|agent| agent.id).filter(|_| self.one_in(3));
        let pulse = pulse.map(|agent| (agent, self.pick(&[Pulse::Beat, Pulse::Miss, Pulse::Miss])));
        let cause = self.one_in(3).then(|| self.cause(job.id));
        let fence = self.fence(job);
        let turn = self.job_turn(state);
        let (question, reply) = (self.one_in(4).then_some(body), self.one_in(4).then_some(body));
        let turn = JobTurn { question, reply, ..turn };
        Command::Turn { fence, cause, turn, attempt, steering: self.steering(), tally, pulse, entry }
    }

    fn note(&mut self, seen: &Seen) -> Command {
        let job = self.pick(&seen.jobs.iter().collect::<Vec<_>>());
        let mut entry = self.entry(job.chain);
        let body = entry.bodies[0].id;
        let waits = matches!(job.state, JobState::InputRequired(_) | JobState::InReview(_));
        let of_job: Vec<&AttemptRecord> =
            seen.attempts.iter().filter(|attempt| attempt.job == job.id).collect();
        let attempt = of_job.first().filter(|_| self.one_in(2)).copied();
        let note = JobNote {
            deadline: self.time(),
            due_at: (!job.state.is_terminal()).then(|| self.time()),
            window: waits.then(|| self.window()),
            priority: self.pick(&[Priority::Low, Priority::Normal, Priority::High]),
            steering: self.steering(),
            attempt: attempt.map(|attempt| self.attempt_turn(attempt, attempt.state, body)),
        };
        let attempt = of_job.last().map(|attempt| attempt.number);
        let kind = self.pick(&AppealKind::ALL);
        let open = seen.appeals.iter().find(|appeal| appeal.attempt.job == job.id);
        let appeal = match (attempt, open) {
            (Some(attempt), _) if self.one_in(3) => {
                Some(AppealTurn::Made { attempt, kind, user: UserId(2), text: body })
            }
            (_, Some(open)) if self.one_in(2) => {
                let (attempt, kind) = (open.attempt.number, open.kind);
                Some(AppealTurn::Decided { attempt, kind, upheld: self.one_in(2) })
            }
            (Some(attempt), None) if self.one_in(6) => {
                Some(AppealTurn::Decided { attempt, kind, upheld: true })
            }
            _ => None,
        };
        if self.one_in(3) {
            entry.events.clear();
        }
        let tallies = self.tally(seen).into_iter().filter(|_| appeal.is_some()).collect();
        let cause = self.one_in(3).then(|| self.cause(job.id));
        Command::Note { fence: self.fence(job), cause, note, tallies, appeal, entry }
    }

    fn outbox(&mut self, seen: &Seen) -> Command {
        match self.random.random_range(0..6) {
            0 if !self.told.is_empty() => {
                let id = if self.one_in(8) { MessageId(-1) } else { self.pick(&self.told.clone()) };
                let due_at = self.one_in(2).then(|| self.time());
                Command::SettleMessage { id, tries: self.random.random_range(1..4), due_at, delivery: None }
            }
            1 if !self.notified.is_empty() => {
                let id = if self.one_in(8) { NotificationId(-1) } else { self.pick(&self.notified.clone()) };
                Command::ReplayNotification { request: self.request(), id }
            }
            2 => {
                let user = self.pick(&seen.users.iter().collect::<Vec<_>>());
                let revision = user.chain.revision + u64::from(self.one_in(5));
                let entry = self.entry(user.chain);
                let request = Request { user: user.id, ..self.request() };
                let settings = format!("{{\"webhook\": \"https://x.example/{}\"}}", self.random.next_u32());
                let secret = self.one_in(2).then(|| SealedSecret(vec![3; 8]));
                Command::SetPerson { request, revision, settings, secret, entry }
            }
            3 | 4 if !self.notified.is_empty() => {
                let ids = vec![self.pick(&self.notified.clone()), self.pick(&self.notified.clone())];
                let lease = self.lease - i64::from(self.one_in(6));
                let due_at = self.one_in(2).then(|| self.time());
                let acknowledged = self.one_in(2);
                let detail = format!("told {}", self.random.next_u32());
                Command::SettleNotifications { ids, lease, due_at, acknowledged, detail }
            }
            _ => {
                self.lease += 1;
                let channel = self.pick(&[Channel::Log, Channel::Webhook]);
                let until = Timestamp(1_000 + self.random.random_range(0..200));
                Command::LeaseNotifications { channel, lease: self.lease, until, limit: 3 }
            }
        }
    }

    fn park(&mut self, seen: &Seen) -> Command {
        let job = self.pick(&seen.jobs.iter().collect::<Vec<_>>());
        let entry = self.entry(job.chain);
        let waits_for = seen.agents.iter().map(|agent| agent.id).take(2).collect();
        Command::Park {
            fence: self.fence(job),
            waits_for,
            pick: entry.bodies[0].id,
            due_at: self.time(),
            entry,
        }
    }

    fn version(&mut self, number: u32, entry: &Entry) -> NewVersion {
        NewVersion {
            version: AgentVersion(number),
            definition: entry.bodies[0].id,
            concurrency: self.random.random_range(1..=2),
            grants: vec![("127.0.0.1".to_owned(), self.random.random_range(1..4))],
        }
    }

    fn register(&mut self) -> Command {
        let entry = self.entry(Chain::default());
        Command::Register {
            request: self.request(),
            name: format!("@agent-{}", self.random.random_range(0..5)).parse().expect("it is a name"),
            owner: UserId(1),
            audience: self.pick(&[Audience::Owner, Audience::Place, Audience::Public]),
            version: self.version(1, &entry),
            delivery_secret: SealedSecret(vec![1; 8]),
            callback_secret: SealedSecret(vec![2; 8]),
            due_at: self.time(),
            entry,
        }
    }

    fn agent_turn(&mut self) -> AgentTurn {
        // Retired agents accept nothing: most of the time they should not be.
        let states = if self.one_in(3) { AGENT_STATES.len() } else { AGENT_STATES.len() - 1 };
        let until = self.time();
        AgentTurn {
            state: if self.one_in(2) { AGENT_STATES[1] } else { self.pick(&AGENT_STATES[..states]) },
            health: self.pick(&[Health::Closed, Health::Open(until), Health::HalfOpen, Health::Quarantined]),
            due_at: self.one_in(2).then_some(until),
            tries: self.random.random_range(0..5),
            pulses: Pulses {
                misses: self.random.random_range(0..3),
                openings: self.random.random_range(0..3),
                opened_at: self.one_in(2).then_some(until),
            },
        }
    }

    fn revise(&mut self, seen: &Seen) -> Command {
        let agent = self.pick(&seen.agents.iter().collect::<Vec<_>>());
        let entry = self.entry(agent.chain);
        let number = agent.version.0 + if self.one_in(6) { 2 } else { 1 };
        Command::Revise {
            fence: self.agent_fence(agent),
            request: self.request(),
            version: self.version(number, &entry),
            delivery_secret: self
                .one_in(3)
                .then(|| SealedSecret(self.random.next_u64().to_le_bytes().to_vec())),
            audience: self.pick(&[Audience::Owner, Audience::Place, Audience::Public]),
            wanted: self.some_wanted(),
            turn: self.agent_turn(),
            entry,
        }
    }

    fn some_wanted(&mut self) -> Option<Audience> {
        self.pick(&[None, Some(Audience::Place), Some(Audience::Public)])
    }

    fn some_user(&mut self) -> UserId {
        UserId(self.random.random_range(1..=self.users.max(1)))
    }

    fn hold(&mut self, seen: &Seen) -> Command {
        let agent = self.pick(&seen.agents.iter().collect::<Vec<_>>());
        let (fence, request, entry) = (self.agent_fence(agent), self.request(), self.entry(agent.chain));
        let mut co_owners: Vec<UserId> =
            (0..self.random.random_range(0..3)).map(|_| self.some_user()).collect();
        co_owners.sort();
        co_owners.dedup();
        let owner = self.some_user();
        co_owners.retain(|user| *user != owner);
        let holding = Holding {
            owner,
            co_owners,
            offered_to: self.one_in(3).then(|| self.some_user()),
            audience: self.pick(&[Audience::Owner, Audience::Place, Audience::Public]),
            wanted: self.some_wanted(),
        };
        Command::Hold { fence, request, holding, entry }
    }

    fn rekey(&mut self, seen: &Seen) -> Command {
        let agent = self.pick(&seen.agents.iter().collect::<Vec<_>>());
        let (fence, request, entry) = (self.agent_fence(agent), self.request(), self.entry(agent.chain));
        let old = self.one_in(2).then(|| OldSecrets {
            delivery: agent.delivery_secret.clone(),
            callback: agent.callback_secret.clone(),
            until: self.time(),
        });
        let mut fresh = || SealedSecret(self.random.next_u64().to_le_bytes().to_vec());
        let (delivery_secret, callback_secret) = (fresh(), fresh());
        Command::Rekey { fence, request, delivery_secret, callback_secret, old, entry }
    }

    fn turn_agent(&mut self, seen: &Seen) -> Command {
        let agent = self.pick(&seen.agents.iter().collect::<Vec<_>>());
        // A turn without events leaves the revision alone.
        let entry = if self.one_in(3) { Entry::default() } else { self.entry(agent.chain) };
        let request = self.one_in(3).then(|| self.request());
        Command::TurnAgent { fence: self.agent_fence(agent), request, turn: self.agent_turn(), entry }
    }

    fn system(&mut self, seen: &Seen) -> Command {
        let mut chain = seen.chain;
        let entry = self.entry(chain);
        if self.one_in(4) {
            chain.revision += 1;
        }
        match self.random.random_range(0..8) {
            0 => Command::Found { tag: StoreTag::from_random(self.random.next_u32()) },
            1 => {
                let next = seen.incarnation.0 + if self.one_in(4) { 2 } else { 1 };
                Command::StartDaemon { incarnation: Incarnation(next), chain, entry }
            }
            2 => {
                let ends = seen.incarnation.0 - i64::from(self.one_in(4));
                Command::StopDaemon { incarnation: Incarnation(ends), chain, entry }
            }
            3 => {
                let identity = self.random.random_range(0..5).to_string();
                let entry = self.entry(Chain::default());
                Command::SeeUser { kind: "uid".to_owned(), name: format!("user {identity}"), identity, entry }
            }
            6 => {
                let paused = self.one_in(2);
                Command::PauseEngine { request: self.request(), chain, paused, entry }
            }
            4 => Command::Prune { requests_before: self.time(), deliveries_before: self.time() },
            5 if !seen.agents.is_empty() => {
                let agent: AgentId = seen.agents[0].id;
                let attempt = self.one_in(2).then_some((JobId(1), AttemptNumber(1)));
                let delivery = NewDelivery {
                    id: DeliveryLogId(self.id()),
                    agent,
                    at: self.time(),
                    attempt,
                    message: "job.assigned",
                    log: b"{}".to_vec(),
                };
                Command::LogDeliveries { deliveries: vec![delivery] }
            }
            _ => Command::Probe,
        }
    }
}
