//! A seeded stream of commands for the contract suite: some fit what is there, some are stale, reused or contradictory.

use guildhall_daemon::store::{
    AgentFence, AgentRecord, AgentTurn, AttemptRecord, AttemptTurn, Chain, Command, Entry, Fence, JobRecord,
    JobTurn, Lease, NewAttempt, NewBody, NewDelivery, NewEvent, NewMessage, NewNotification, NewPost,
    NewVersion, Request, SealedSecret, Tally,
};
use guildhall_protocol::agent::{AGENT_STATES, Audience, Health};
use guildhall_protocol::attempt::{ATTEMPT_STATES, CheckedBy};
use guildhall_protocol::ids::{
    AgentId, AgentVersion, AttemptNumber, BodyId, DeliveryLogId, Incarnation, JobId, MessageId,
    NotificationId, PlaceId, StoreTag, UserId,
};
use guildhall_protocol::job::{Priority, Visibility};
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
}

/// The author of the stream.
pub(crate) struct Author {
    pub(crate) random: ChaCha8Rng,
    last_id: i64,
    /// Whom a notification can be for.
    pub(crate) users: i64,
}

/// Users that exist from the beginning.
pub(crate) const USERS: i64 = 3;

impl Author {
    pub(crate) fn new(seed: u64) -> Self {
        Self { random: ChaCha8Rng::seed_from_u64(seed), last_id: 0, users: 0 }
    }

    fn one_in(&mut self, n: u32) -> bool {
        self.random.random_range(0..n) == 0
    }

    fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.random.random_range(0..list.len())]
    }

    fn id(&mut self) -> i64 {
        self.last_id += 1;
        self.last_id
    }

    fn time(&mut self) -> Timestamp {
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
            entry.notifications.push(NewNotification {
                id,
                user,
                kind: "job_completed",
                job: None,
                attempt: None,
            });
        }
        entry
    }

    fn request(&mut self) -> Request {
        let number = self.random.random_range(0..12);
        Request {
            user: UserId(self.random.random_range(1..=2)),
            id: format!("request-{number}").parse().expect("it is an id"),
            hash: [self.random.random_range(0..2); 32],
        }
    }

    fn fence(&mut self, job: &JobRecord) -> Fence {
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
        }
    }

    /// The next command.
    pub(crate) fn command(&mut self, seen: &Seen) -> Command {
        match self.random.random_range(0..100) {
            0..20 => self.post(seen),
            20..45 if !seen.jobs.is_empty() && !seen.agents.is_empty() => self.assign(seen),
            45..75 if !seen.jobs.is_empty() => self.turn(seen),
            75..80 if !seen.jobs.is_empty() => self.park(seen),
            80..84 => self.register(),
            84..88 if !seen.agents.is_empty() => self.revise(seen),
            88..94 if !seen.agents.is_empty() => self.turn_agent(seen),
            _ => self.system(seen),
        }
    }

    fn post(&mut self, seen: &Seen) -> Command {
        let jobs = (0..self.random.random_range(1..=2))
            .map(|_| {
                let entry = self.entry(Chain::default());
                NewPost {
                    client: UserId(self.random.random_range(1..=USERS)),
                    place: PlaceId::LOCAL,
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
            pick: entry.bodies[0].id,
        };
        Command::Assign {
            fence: self.fence(job),
            attempt,
            turn: JobTurn { ready: false, ..self.job_turn(JobState::Assigned) },
            entry,
        }
    }

    fn turn(&mut self, seen: &Seen) -> Command {
        let job = self.pick(&seen.jobs.iter().collect::<Vec<_>>());
        let mut entry = self.entry(job.chain);
        let body = entry.bodies[0].id;
        let state = self.pick(&JOB_STATES);
        let newest =
            seen.attempts.iter().rfind(|attempt| attempt.job == job.id && attempt.ended_at.is_none());
        let attempt = newest.map(|attempt| {
            let state = self.pick(&ATTEMPT_STATES);
            let ended = state.ended().is_some();
            AttemptTurn {
                number: attempt.number,
                state,
                tries: attempt.tries + 1,
                answered_at: self.one_in(2).then(|| self.time()),
                ended_at: ended.then(|| self.time()),
                answer: self.one_in(2).then_some(body),
                findings: self.one_in(2).then_some(body),
                reason: self.one_in(2).then_some(body),
            }
        });
        if let Some(attempt) = newest {
            let id = MessageId(self.id());
            entry.messages.push(NewMessage {
                id,
                agent: attempt.agent,
                kind: "job.canceled",
                job: job.id,
                attempt: attempt.number,
            });
        }
        let tally = seen.agents.first().map(|agent| {
            let tally = Tally {
                passed: 1,
                failed: 2,
                declined: 3,
                unreachable: 4,
                answered: 5,
                answer_ms: self.random.random_range(0..99),
            };
            (agent.id, self.random.random_range(0..3), tally)
        });
        let request = self.one_in(3).then(|| self.request());
        Command::Turn { fence: self.fence(job), request, turn: self.job_turn(state), attempt, tally, entry }
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
        let states = if self.one_in(6) { AGENT_STATES.len() } else { AGENT_STATES.len() - 1 };
        let until = self.time();
        AgentTurn {
            state: if self.one_in(2) { AGENT_STATES[1] } else { self.pick(&AGENT_STATES[..states]) },
            health: self.pick(&[Health::Closed, Health::Open(until), Health::HalfOpen, Health::Quarantined]),
            due_at: self.one_in(2).then_some(until),
            tries: self.random.random_range(0..5),
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
            turn: self.agent_turn(),
            entry,
        }
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
        match self.random.random_range(0..7) {
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
