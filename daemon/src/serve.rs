//! The daemon from its first look at the store to its last word: open, take over, serve, drain, close.

use crate::accounts::Accounts;
use crate::agents::delivery::Courier;
use crate::agents::egress::{Egress, EgressSetupError, PrivateAddresses};
use crate::agents::signing::SigningSecret;
use crate::catalog;
use crate::changes::Changes;
use crate::config::Config;
use crate::engine::budgets::ModelSwitch;
use crate::engine::meanings::OWN;
use crate::engine::{Engine, EngineLimits, EngineParts};
use crate::judge::pool::Pool;
use crate::links::Links;
use crate::llm::{Llm, LlmSetupError, Spent, cache};
use crate::maker::Maker;
use crate::market::day;
use crate::master_key::{self, KeyError};
use crate::notes::notes;
use crate::notify;
use crate::oidc::{Issuer, IssuerSetupError};
use crate::ops;
use crate::people::People;
use crate::places::Places;
use crate::privacy;
use crate::public::{self, PublicError, PublicListener};
use crate::reveals::Reveals;
use crate::rpc::{
    Bulks, Desk, Door, ListenError, Listeners, SecretLinks, SocketFile, expect_operators, listen,
};
use crate::scribe::Scribe;
use crate::store::sqlite::{OpenError, SqliteStore, make_folder};
use crate::store::{Command, Query, Store, StoreError, SystemRecord};
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::history::{Actor, What};
use guildhall_protocol::ids::{Incarnation, StoreTag};
use guildhall_protocol::time::Timestamp;
use rustix::process::DumpableBehavior;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Why the daemon did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A folder cannot be made.
    #[error("cannot make the folder {}", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The store does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is no key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The store cannot be used.
    #[error("the store cannot be used: {0}")]
    Store(#[from] StoreError),
    /// The socket cannot be opened.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Calls out are not possible.
    #[error(transparent)]
    Egress(#[from] EgressSetupError),
    /// Models cannot be asked as they are configured.
    #[error(transparent)]
    Models(#[from] LlmSetupError),
    /// Nobody can sign in.
    #[error(transparent)]
    SignIn(#[from] IssuerSetupError),
    /// Agents cannot call back.
    #[error(transparent)]
    Public(#[from] PublicError),
    /// Health and metrics cannot be served.
    #[error("cannot listen on {address} for health and metrics; choose another ops_listen, or `off`")]
    Ops {
        /// Where.
        address: std::net::SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The system refuses threads or random numbers.
    #[error("the system refuses what the daemon needs")]
    System(#[source] std::io::Error),
}

/// Open files that are asked for: connections of front ends, agents and callbacks, and the store's.
const FILES_WANTED: u64 = 16_384;

/// A running daemon.
pub struct Daemon {
    engine: Arc<Engine>,
    run: JoinHandle<bool>,
    connections: TaskTracker,
    socket: SocketFile,
    /// Stops taking new work.
    stop: CancellationToken,
    /// Stops answering.
    ended: CancellationToken,
    config: Config,
}

impl Daemon {
    /// Starts a daemon: when this returns, front ends can connect.
    ///
    /// # Errors
    /// See [`ServeError`]: nothing is left running then.
    pub async fn start(config: Config, private: PrivateAddresses) -> Result<Self, ServeError> {
        let failed = |path: &Path, source| ServeError::Folder { path: path.to_path_buf(), source };
        want_files();
        keep_memory_private();
        for path in [&config.store, &config.key_file] {
            make_folder(path).map_err(|source| failed(path.parent().unwrap_or(path), source))?;
        }
        // Who may enter the socket's folder is the umask's business: others may be meant to come.
        if let Some(folder) = config.socket.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|source| failed(folder, source))?;
        }
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&config.store)?);
        let key = Arc::new(master_key::find(&config.key_file, &config.store, &*store).await?);
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| ServeError::System(error.into()))?;
        let now = Timestamp::now();
        let system = store.system(Query::System).await?;
        let maker = Arc::new(Maker::new(system.id_max, seed));
        let tag = found(&*store, &system, &maker, now).await?;
        let incarnation = Incarnation(system.incarnation.0 + 1);
        begin(&*store, &system, &maker, incarnation, now).await?;

        let pool = Pool::start().map_err(ServeError::System)?;
        let market = catalog::load(&*store, &pool, now).await?;
        let limits = EngineLimits {
            steps_max: config.steps_max,
            review_window: config.review_window,
            question_window: config.question_window,
            appeal_window: config.appeal_window,
            ..EngineLimits::default()
        };
        let careful_until = (!system.clean).then(|| now.after(limits.careful));
        if careful_until.is_some() {
            tracing::warn!("the daemon before this one did not end in good order; its work is taken over");
        }
        let public = match config.public_listen {
            None => None,
            Some(address) => {
                let listener = PublicListener {
                    address,
                    tls: config.public_tls.clone(),
                    calls_per_s: config.public_calls_per_s,
                    agent_calls_per_s: config.agent_calls_per_s,
                    answer_bytes_max: config.answer_bytes_max,
                };
                Some(public::bind(listener).await?)
            }
        };
        let public_url = public.as_ref().and_then(|public| config.public_url.clone().or(public.local_url()));
        let llm = models(&config, &*store, tag, now).await?;
        let people = Arc::new(People::new(store.people(Query::People).await?));
        let places = Arc::new(Places::load(&*store).await?);
        let parts = EngineParts {
            store,
            maker,
            market: Arc::new(RwLock::new(market)),
            courier: Courier::new(Egress::new()?, private, config.answer_bytes_max),
            pool,
            llm,
            key,
            changes: Arc::new(Changes::default()),
            people,
            places,
            public_url,
            tag,
            incarnation,
            careful_until,
            limits,
        };
        let engine = Arc::new(Engine::new(parts, system.paused));
        let (stop, ended) = (CancellationToken::new(), CancellationToken::new());
        let desk = Arc::new(desk(&config, Arc::clone(&engine), now, ended.clone())?);
        expect_operators(&desk).await?;
        if let Some(address) = config.ops_listen {
            ops::listen(address, Arc::clone(&engine), ended.clone())
                .await
                .map_err(|source| ServeError::Ops { address, source })?;
        }
        if let Some(public) = public {
            public.serve(Arc::clone(&engine), Arc::clone(&desk), stop.clone());
        }
        tokio::spawn(Arc::clone(&engine).learn_meanings(stop.clone()));
        tokio::spawn(notify::run(Arc::clone(&engine), Egress::new()?, private, stop.clone()));
        let (connections, socket) = listen(listeners(&config), desk, stop.clone(), ended.clone()).await?;
        let run = tokio::spawn(Arc::clone(&engine).run(stop.clone(), config.drain));
        if let Some(llm) = engine.parts().llm.clone() {
            // Jobs do not wait for it. It comes last, so that what it finds out is said after what is configured.
            tokio::spawn(async move { llm.probe().await });
        }
        Ok(Self { engine, run, connections, socket, stop, ended, config })
    }

    /// What a person should know about it now.
    pub fn notes(&self) -> Vec<String> {
        notes(&self.engine, Timestamp::now())
    }

    /// The configuration in force.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The secrets of an agent that runs beside the daemon: of what is sent to it, and of what it sends by itself.
    ///
    /// # Errors
    /// There is no such agent, or its secrets were sealed with another key.
    pub fn secrets(&self, name: &AgentName) -> Result<(SigningSecret, SigningSecret), StoreError> {
        let (now, nothing) = (Timestamp::now(), || StoreError::NotFound);
        let newest = |secrets: Vec<SigningSecret>| secrets.into_iter().next().ok_or_else(nothing);
        Ok((
            newest(self.engine.delivery_secrets(name, now)?)?,
            newest(self.engine.callback_secrets(name, now)?)?,
        ))
    }

    /// Ends it in good order: running steps and calls may finish within the configured time, and reads are answered as long.
    /// Answers whether they did.
    pub async fn stop(self) -> bool {
        self.stop.cancel();
        let drained = self.run.await.unwrap_or(false);
        self.ended.cancel();
        self.connections.close();
        let answered =
            tokio::time::timeout(std::time::Duration::from_secs(2), self.connections.wait()).await.is_ok();
        let clean = drained && answered;
        if clean && let Err(error) = end(&self.engine).await {
            tracing::warn!(%error, "the end of the daemon could not be written down");
        }
        self.socket.remove();
        clean
    }
}

/// Many systems give a process few files at first, and let it have more.
fn want_files() {
    if let Err(error) = rlimit::increase_nofile_limit(FILES_WANTED) {
        tracing::warn!(%error, "the system gives no more open files");
    }
}

/// Keys are in this process's memory: the kernel writes it into no core file, whether a file or a pipe takes it, and shows it
/// to no other process of the same user.
fn keep_memory_private() {
    let no_core = rlimit::setrlimit(rlimit::Resource::CORE, 0, 0);
    let not_dumpable = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
    if let Err(error) = no_core.and(not_dumpable.map_err(std::io::Error::from)) {
        tracing::warn!(%error, "if the daemon crashed, its memory might be kept, with the keys in it");
    }
}

/// What all callers share.
fn desk(
    config: &Config,
    engine: Arc<Engine>,
    started_at: Timestamp,
    ended: CancellationToken,
) -> Result<Desk, ServeError> {
    Ok(Desk {
        links: Links::default(),
        secret_links: SecretLinks::new(config.people.secret_link),
        bulks: Bulks::default(),
        reveals: Reveals::default(),
        engine,
        accounts: Accounts::default(),
        limits: config.people.limits,
        approval: config.people.approval,
        policy: privacy::policy(config),
        door: Arc::new(Door::new(config.door)),
        issuer: config.sign_in.clone().map(Issuer::new).transpose()?,
        admin_uids: config.people.admin_uids.clone(),
        started_at,
        ended,
    })
}

fn listeners(config: &Config) -> Listeners {
    Listeners {
        socket: config.socket.clone(),
        mode: config.socket_mode,
        group: config.socket_group.clone(),
        network: config.listen.clone(),
    }
}

/// The language models, if any are configured, as operators left them.
async fn models(
    config: &Config,
    store: &dyn Store,
    tag: StoreTag,
    now: Timestamp,
) -> Result<Option<Arc<Llm>>, ServeError> {
    let Some(settings) = config.llm.clone() else { return Ok(None) };
    let stored = store.text(Query::ModelSettings).await?;
    let switch = ModelSwitch::read(stored.as_deref(), settings.budgets);
    let spent = store.spent(Query::Spent { day: day(now) }).await?;
    let spent: Vec<Spent> = spent
        .into_iter()
        .map(|row| Spent {
            payer: (row.payer != OWN).then_some(row.payer),
            cost: row.cost,
            tokens: row.tokens,
        })
        .collect();
    let cache = cache::open(&config.cache, tag);
    Ok(Some(Arc::new(Llm::new(settings, cache, tag, switch.on, switch.budgets, &spent, now)?)))
}

async fn found(
    store: &dyn Store,
    system: &SystemRecord,
    maker: &Maker,
    now: Timestamp,
) -> Result<StoreTag, StoreError> {
    if let Some(tag) = system.tag {
        return Ok(tag);
    }
    let tag = StoreTag::from_random(u32::from_le_bytes(maker.random()));
    store.apply(now, Command::Found { tag }).await?;
    Ok(tag)
}

async fn begin(
    store: &dyn Store,
    system: &SystemRecord,
    maker: &Maker,
    incarnation: Incarnation,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut scribe = Scribe::new(maker, now, system.chain, Actor::Daemon);
    scribe.event(What::DaemonStarted { incarnation });
    let command = Command::StartDaemon { incarnation, chain: system.chain, entry: scribe.finish() };
    store.apply(now, command).await.map(drop)
}

async fn end(engine: &Engine) -> Result<(), StoreError> {
    let (parts, now) = (engine.parts(), Timestamp::now());
    let system = parts.store.system(Query::System).await?;
    let mut scribe = Scribe::new(&parts.maker, now, system.chain, Actor::Daemon);
    let incarnation = parts.incarnation;
    scribe.event(What::DaemonStopped { incarnation });
    let command = Command::StopDaemon { incarnation, chain: system.chain, entry: scribe.finish() };
    parts.store.apply(now, command).await.map(drop)
}
