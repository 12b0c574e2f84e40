//! The one writer: it takes what waits, carries out each command in one transaction, commits once, answers all.
//!
//! A command refuses before it has written anything, so a refusal leaves the group alone. Any other failure rolls the
//! whole group back, and its commands run again one by one on a fresh connection.

use super::open::OpenError;
use super::{accounts, agents, front_ends, jobs, models, notes, outbox, places, reseal, system};
use crate::store::{Command, Outcome, StoreError};
use guildhall_protocol::time::Timestamp;
use rusqlite::{Connection, ErrorCode};
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

/// Commands that may wait for the writer; more are told that the store is busy only when their caller gives up.
const QUEUE_MAX: usize = 4_096;
/// Most commands in one commit.
const GROUP_MAX: usize = 512;

/// Why a command did not go through.
pub(super) enum Refused {
    /// It was refused by its guard, before anything was written.
    Guard(StoreError),
    /// SQLite failed; the transaction is lost.
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Refused {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

type Reply = oneshot::Sender<Result<Outcome, StoreError>>;
type Reopen = Box<dyn Fn() -> Result<Connection, OpenError> + Send>;

struct Order {
    now: Timestamp,
    command: Command,
    reply: Reply,
}

/// The handle of the writer's thread.
pub(super) struct Writer {
    orders: Option<mpsc::Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread on this connection; `reopen` makes a fresh one after a failure.
    pub(super) fn start(
        connection: Connection,
        reopen: impl Fn() -> Result<Connection, OpenError> + Send + 'static,
    ) -> Result<Self, OpenError> {
        let (orders, waiting) = mpsc::channel(QUEUE_MAX);
        let work = Work { connection: Some(connection), reopen: Box::new(reopen) };
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || work.run(waiting))
            .map_err(|source| OpenError::Lock { path: "the writer's thread".into(), source })?;
        Ok(Self { orders: Some(orders), thread: Some(thread) })
    }

    /// Hands a command in and waits for its commit.
    pub(super) async fn apply(&self, now: Timestamp, command: Command) -> Result<Outcome, StoreError> {
        let gone = || StoreError::Unavailable("the store is closed".to_owned());
        let orders = self.orders.as_ref().ok_or_else(gone)?;
        let (reply, answer) = oneshot::channel();
        orders.send(Order { now, command, reply }).await.map_err(|_| gone())?;
        answer.await.map_err(|_| StoreError::Unknown("the writer ended before it answered".to_owned()))?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the store's writer panicked");
        }
    }
}

struct Work {
    connection: Option<Connection>,
    reopen: Reopen,
}

impl Work {
    fn run(mut self, mut waiting: mpsc::Receiver<Order>) {
        let mut group = Vec::with_capacity(GROUP_MAX);
        while waiting.blocking_recv_many(&mut group, GROUP_MAX) > 0 {
            self.commit(std::mem::take(&mut group));
        }
    }

    /// Carries out a group, and answers each of its commands.
    fn commit(&mut self, group: Vec<Order>) {
        let results = match self.transact(&group) {
            Ok(results) => results,
            Err(error) if group.len() == 1 => vec![Err(error)],
            Err(StoreError::Unknown(why)) => {
                group.iter().map(|_| Err(StoreError::Unknown(why.clone()))).collect()
            }
            // One of them failed and took the others with it: alone, only the culprit fails.
            Err(_) => {
                group.iter().map(|order| self.transact(std::slice::from_ref(order)).and_then(only)).collect()
            }
        };
        for (order, result) in group.into_iter().zip(results) {
            // A caller that hung up does not want to know.
            drop(order.reply.send(result));
        }
    }

    /// One transaction. An error is the whole group's: nothing of it was kept, unless it is `Unknown`.
    fn transact(&mut self, group: &[Order]) -> Result<Vec<Result<Outcome, StoreError>>, StoreError> {
        if self.connection.is_none() {
            let fresh = (self.reopen)().map_err(|error| StoreError::Unavailable(error.to_string()))?;
            self.connection = Some(fresh);
        }
        let Some(connection) = &self.connection else {
            return Err(StoreError::Unavailable("there is no connection".to_owned()));
        };
        let result = in_transaction(connection, group);
        if result.is_err() {
            // Closing rolls back whatever is left, and a fresh connection has no memory of the failure.
            self.connection = None;
        }
        result
    }
}

fn only(mut results: Vec<Result<Outcome, StoreError>>) -> Result<Outcome, StoreError> {
    results.pop().unwrap_or_else(|| Err(StoreError::Unavailable("the writer lost the command".to_owned())))
}

fn in_transaction(
    connection: &Connection,
    group: &[Order],
) -> Result<Vec<Result<Outcome, StoreError>>, StoreError> {
    let run = |sql| connection.prepare_cached(sql).and_then(|mut statement| statement.execute([]));
    run("BEGIN IMMEDIATE").map_err(|error| store_error(&error))?;
    let mut results = Vec::with_capacity(group.len());
    for order in group {
        match carry_out(connection, order.now, &order.command) {
            Ok(outcome) => results.push(Ok(outcome)),
            Err(Refused::Guard(error)) => results.push(Err(error)),
            Err(Refused::Sqlite(error)) => return Err(store_error(&error)),
        }
    }
    match run("COMMIT") {
        Ok(_) => Ok(results),
        // The frame that commits is the last one written: what found no room for it was not committed.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => Err(StoreError::Full),
        Err(error) => Err(StoreError::Unknown(error.to_string())),
    }
}

fn carry_out(connection: &Connection, now: Timestamp, command: &Command) -> Result<Outcome, Refused> {
    match command {
        Command::Probe => {
            connection.prepare_cached("UPDATE system SET id = 1 WHERE id = 1")?.execute([])?;
            Ok(Outcome::Done)
        }
        Command::Found { tag } => system::found(connection, *tag),
        Command::StartDaemon { incarnation, chain, entry } => {
            system::start_daemon(connection, now, *incarnation, *chain, entry)
        }
        Command::StopDaemon { incarnation, chain, entry } => {
            system::stop_daemon(connection, now, *incarnation, *chain, entry)
        }
        Command::SeeUser { kind, identity, name, entry } => {
            system::see_user(connection, now, kind, identity, name, entry)
        }
        Command::Post { request, jobs } => jobs::post(connection, now, request, jobs),
        Command::Assign { fence, attempt, turn, steering, day, entry } => {
            jobs::assign(connection, now, *fence, attempt, turn, steering.as_ref(), *day, entry)
        }
        Command::Park { fence, waits_for, pick, due_at, entry } => {
            jobs::park(connection, now, *fence, waits_for, *pick, *due_at, entry)
        }
        Command::Turn { fence, cause, turn, attempt, steering, tally, pulse, entry } => jobs::turn(
            connection,
            now,
            *fence,
            cause.as_ref(),
            turn,
            attempt.as_ref(),
            steering.as_ref(),
            tally.as_ref(),
            *pulse,
            entry,
        ),
        Command::Note { fence, cause, note, tallies, appeal, entry } => {
            notes::note(connection, now, *fence, cause.as_ref(), note, tallies, appeal.as_ref(), entry)
        }
        Command::Register { .. } => agents::register(connection, now, command),
        Command::Revise { .. } => agents::revise(connection, now, command),
        Command::Hold { fence, request, holding, entry } => {
            agents::hold(connection, now, *fence, request, holding, entry)
        }
        Command::Rekey { .. } => agents::rekey(connection, now, command),
        Command::TurnAgent { fence, request, turn, entry } => {
            agents::turn(connection, now, *fence, request.as_ref(), turn, entry)
        }
        Command::SettleMessage { id, tries, due_at, delivery } => {
            outbox::settle_message(connection, *id, *tries, *due_at, delivery.as_ref())
        }
        Command::LeaseNotifications { channel, lease, until, limit } => {
            outbox::lease_notifications(connection, now, *channel, *lease, *until, *limit)
        }
        Command::SettleNotifications { ids, lease, due_at, acknowledged, detail } => {
            outbox::settle_notifications(connection, now, ids, *lease, *due_at, *acknowledged, detail)
        }
        Command::ReplayNotification { request, id } => {
            outbox::replay_notification(connection, now, request, *id)
        }
        Command::SetPerson { request, revision, settings, secret, entry } => {
            system::set_person(connection, now, request, *revision, settings, secret.as_ref(), entry)
        }
        Command::Account(command) => accounts::apply(connection, now, command),
        Command::Place(command) => places::apply(connection, now, command),
        Command::FrontEnd(command) => front_ends::apply(connection, now, command),
        Command::PauseEngine { request, chain, paused, entry } => {
            system::pause_engine(connection, now, request, *chain, *paused, entry)
        }
        Command::SetModels { request, chain, settings, entry } => {
            models::set_models(connection, now, request, *chain, settings, entry)
        }
        Command::Reseal { chain, secrets, entry } => reseal::reseal(connection, now, *chain, secrets, entry),
        Command::NoteSystem { chain, entry } => models::note_system(connection, now, *chain, entry),
        Command::LogCalls { job, payer, day, calls, without } => {
            models::log_calls(connection, now, *job, *payer, *day, calls, without)
        }
        Command::LogDeliveries { deliveries } => super::entry::deliveries(connection, deliveries),
        Command::Prune { requests_before, deliveries_before } => {
            system::prune(connection, *requests_before, *deliveries_before)
        }
    }
}

/// What an error of SQLite means for the caller.
pub(super) fn store_error(error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy,
        _ => StoreError::Unavailable(error.to_string()),
    }
}
