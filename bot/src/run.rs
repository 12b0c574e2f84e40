//! Starting, serving and ending.

use crate::act::Bot;
use crate::cards::Cards;
use crate::cli::Config;
use crate::commands;
use crate::discord::Discord;
use crate::files::Files;
use crate::hall::Hall;
use crate::health::{self, Counters};
use crate::room::Room;
use anyhow::Context;
use guildhall_protocol::notice::Channel;
use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Trials at a time whose answers are waited for.
const TRIALS_MAX: usize = 32;
/// Interactions that wait to be taken; Discord's gateway waits beyond that.
const QUEUE_MAX: usize = 256;
/// How long those that run may go on when the bot is told to end.
const DRAIN: Duration = Duration::from_secs(2);
/// After the gateway ended without a reason that lasts.
const AGAIN: Duration = Duration::from_secs(5);
/// After the daemon could not be asked.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Serves until it is told to end.
pub(crate) async fn run(config: Config) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let started = tokio::select! {
        started = start(&config) => started?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    let (bot, _lock) = started;
    let (ended, counters) = (CancellationToken::new(), Arc::clone(&bot.counters));
    if let Some(address) = config.listen {
        let listening = health::listen(address, Arc::clone(&counters), Arc::clone(&bot.hall), ended.clone());
        listening.await.with_context(|| format!("cannot listen on {address}"))?;
    }
    let (sender, incoming) = mpsc::channel(QUEUE_MAX);
    let tasks = bot.tasks.clone();
    tasks.spawn(tell(bot.clone(), ended.clone()));
    tasks.spawn(take(bot.clone(), incoming, ended.clone()));
    let listening = listen(&bot.discord, &config.discord_token, sender);
    let outcome = tokio::select! {
        outcome = listening => outcome,
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    };
    ended.cancel();
    tasks.close();
    if tokio::time::timeout(DRAIN, tasks.wait()).await.is_err() {
        tracing::warn!("some answers were not given");
    }
    let (all, strange) = (&counters.interactions, &counters.strange);
    tracing::info!(
        interactions = all.load(Ordering::Relaxed),
        strange = strange.load(Ordering::Relaxed),
        sessions = counters.sessions.load(Ordering::Relaxed),
        "ended"
    );
    outcome
}

/// Everything that serving needs; and the lock that goes with it.
async fn start(config: &Config) -> anyhow::Result<(Bot, File)> {
    let counters = Arc::<Counters>::default();
    let discord =
        Discord::connect(&config.discord_token, config.discord_api.as_deref(), Arc::clone(&counters))
            .await
            .context("Discord does not take the bot's token, or cannot be reached")?;
    let lock = lock(discord.application())?;
    register(&discord, config.discord_api.as_deref()).await?;
    let bot = Bot {
        hall: Arc::new(Hall::new(config.endpoint.clone(), config.token.clone())),
        cards: Arc::new(Cards::default()),
        posters: Arc::default(),
        files: Arc::new(Files::new(config.discord_api.as_deref())?),
        counters,
        settings: Arc::default(),
        trials: Arc::new(Semaphore::new(TRIALS_MAX)),
        tasks: TaskTracker::new(),
        discord,
    };
    // The bot serves without a daemon, too, and says so to whoever asks for something.
    match bot.hall.itself().principal().await {
        Ok(_) => tracing::info!("connected to the daemon at {}", config.endpoint),
        Err(error) => tracing::warn!("no daemon at {}: {}", config.endpoint, error.message),
    }
    Ok((bot, lock))
}

/// Listens until Discord says that this token or these intents are no good.
async fn listen(
    discord: &Discord,
    token: &str,
    sender: mpsc::Sender<crate::incoming::Incoming>,
) -> anyhow::Result<()> {
    loop {
        match discord.listen(token, sender.clone()).await {
            Ok(()) => tracing::warn!("the gateway ended; it is opened again"),
            Err(error) => return Err(anyhow::Error::new(error).context("Discord's gateway refuses the bot")),
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Tells people and alert channels, and keeps what they were told current, until `ended`.
async fn tell(bot: Bot, ended: CancellationToken) {
    // Whatever a bot before this one had half done is done now: there is one bot.
    let release = || {
        bot.hall
            .itself()
            .call(|service, context| async move { service.release_leases(context, Channel::Discord).await })
    };
    while let Err(error) = release().await {
        tracing::debug!(%error, "nobody can be told anything at the moment");
        tokio::select! {
            () = tokio::time::sleep(ASK_AGAIN) => {}
            () = ended.cancelled() => return,
        }
    }
    tokio::join!(
        crate::keep::keep(bot.clone(), ended.clone()),
        crate::notices::tell(bot.clone(), ended.clone()),
        crate::alerts::tell(bot.clone(), ended)
    );
}

/// Answers interactions, many at a time.
async fn take(bot: Bot, mut incoming: mpsc::Receiver<crate::incoming::Incoming>, ended: CancellationToken) {
    let room = Room::default();
    loop {
        let next = tokio::select! {
            next = incoming.recv() => next,
            () = ended.cancelled() => None,
        };
        let Some(incoming) = next else { return };
        let seat = room.seat().await;
        let tasks = bot.tasks.clone();
        let bot = bot.clone();
        tasks.spawn(async move { Box::pin(bot.handle(incoming, seat)).await });
    }
}

/// Two bots of one application would answer everything twice.
fn lock(application: u64) -> anyhow::Result<File> {
    let path = state_folder()?.join(format!("{application}.lock"));
    let file = File::options().create(true).write(true).truncate(false).open(&path);
    let file = file.with_context(|| format!("cannot write {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            anyhow::bail!("a bot of this application runs on this machine already: end it first")
        }
        Err(TryLockError::Error(error)) => Err(error).context(format!("cannot lock {}", path.display())),
    }
}

/// Tells Discord the commands, if they are not those that it was told last. A local one forgets them when it ends: it is always
/// told.
async fn register(discord: &Discord, local_api: Option<&str>) -> anyhow::Result<()> {
    let path = state_folder()?.join(format!("{}.commands", discord.application()));
    let commands = commands::commands();
    if local_api.is_some() {
        return discord.register(&commands).await.context("the local Discord does not take the commands");
    }
    let fingerprint = commands::fingerprint(&commands);
    if std::fs::read_to_string(&path).is_ok_and(|known| known == fingerprint) {
        return Ok(());
    }
    discord.register(&commands).await.context("Discord does not take the commands")?;
    std::fs::write(&path, fingerprint).with_context(|| format!("cannot write {}", path.display()))?;
    tracing::info!("the commands are registered");
    Ok(())
}

fn state_folder() -> anyhow::Result<PathBuf> {
    let folder = |name| std::env::var_os(name).map(PathBuf::from).filter(|path: &PathBuf| path.is_absolute());
    let state = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")));
    let path = state.context("there is no home folder")?.join("guildhall").join("bot");
    std::fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
    Ok(path)
}
