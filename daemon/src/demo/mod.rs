//! The demo: the daemon that runs in production, on a temporary store, with the sample agents and a dozen jobs. It posts
//! and watches as any client does, over its socket, and ends well only if every job ended as it should.

mod jobs;
mod staying;
mod timeline;

use crate::agents::egress::PrivateAddresses;
use crate::cli::Signals;
use crate::config::Config;
use crate::samples::Samples;
use crate::serve::Daemon;
use anyhow::Context;
use guildhall_protocol::client::Client;
use guildhall_protocol::handshake::Hello;
use guildhall_protocol::ids::{JobId, RequestId};
use guildhall_protocol::permission::JobAction;
use guildhall_protocol::state::{JobState, Reviewer};
use guildhall_protocol::view::{JobStory, NewJob, Order, Scope};
use jobs::{Models, Planned, Then};
use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant};
use timeline::Timeline;

/// Names the server of models.
const SERVER: &str = "OPENAI_BASE_URL";
/// Longest that the demo waits for its jobs.
const PATIENCE: Duration = Duration::from_mins(1);

/// Runs the demo and tells it to `out`. Answers whether every job ended as it should.
///
/// # Errors
/// The daemon cannot be started, or cannot be spoken to.
pub async fn run(out: &mut impl Write, keep: bool, mut signals: Signals) -> anyhow::Result<bool> {
    let folder = tempfile::Builder::new().prefix("guildhall-demo-").tempdir()?.keep();
    let file = |name: &str| folder.join(name).display().to_string();
    let flags = [
        ("store", file("guildhall.db")),
        ("socket", file("guildhalld.sock")),
        ("ops_listen", "off".to_owned()),
        ("public_listen", "127.0.0.1:0".to_owned()),
        ("drain_s", "5".to_owned()),
    ];
    // An empty file of its own: what is configured for this user's real daemon, its key above all, is not for a demo. Models
    // take part only if a server is named: a key alone may be there for something else, and costs money.
    let settings = folder.join("guildhalld.toml");
    std::fs::write(&settings, "")?;
    let models = if std::env::var_os(SERVER).is_some() { Models::Asked } else { Models::None };
    let usual = std::env::vars().filter(|(name, _)| models == Models::Asked && name.starts_with("OPENAI_"));
    let config = Config::load(Some(&settings), usual, &flags)?;
    let daemon = Daemon::start(config, PrivateAddresses::Allowed).await?;
    let samples = Samples::start(([127, 0, 0, 1], 0).into()).await?;
    let client = Client::new(daemon.config().socket.clone(), Hello::of("guildhall-demo"));
    samples.join(&daemon, &client).await?;
    let active = until_active(&client, samples.definitions().len()).await?;

    let mut timeline = Timeline::new(out);
    timeline.heading(active, jobs::planned(models).len(), &daemon.notes())?;
    let well = tokio::select! {
        well = act(&client, &mut timeline, models) => well?,
        _ = signals.next() => false,
    };
    let store = daemon.config().store.display().to_string();
    let socket = daemon.config().socket.display().to_string();
    timeline.ending(well, &store)?;
    if keep {
        let found = staying::Found::at(&daemon.config().socket);
        timeline.kept(&socket, found.is_ok())?;
        tokio::select! {
            () = staying::go_on(&client, models) => {}
            _ = signals.next() => {}
        }
    }
    if !daemon.stop().await {
        tracing::warn!("the demo's daemon ended before everything was done");
    }
    samples.stop().await;
    Ok(well)
}

/// Waits until the samples proved their endpoints; answers how many there are.
async fn until_active(client: &Client, wanted: usize) -> anyhow::Result<usize> {
    let ends = Instant::now() + PATIENCE;
    let mut seen = 0;
    loop {
        let status = client.call(|service, context| async move { service.status(context).await }).await?;
        if usize::try_from(status.agents_active)? >= wanted {
            return Ok(wanted);
        }
        if Instant::now() > ends {
            anyhow::bail!("only {} of {wanted} sample agents proved themselves", status.agents_active);
        }
        seen = wait(client, seen).await?;
    }
}

async fn wait(client: &Client, seen: u64) -> anyhow::Result<u64> {
    let changed = client.call(|service, context| async move {
        service.wait_for_change(context, Scope::Everything, seen, 1_000).await
    });
    Ok(changed.await?)
}

/// Posts the jobs, tells what happens, does the client's part, and compares the ends with the plan.
async fn act<W: Write>(
    client: &Client,
    timeline: &mut Timeline<'_, W>,
    models: Models,
) -> anyhow::Result<bool> {
    let planned = jobs::planned(models);
    let new = planned.iter().map(|plan| NewJob { request: RequestId::fresh(), draft: plan.draft.clone() });
    let new: Vec<NewJob> = new.collect();
    let posted = client.call(|service, context| async move { service.post(context, new).await }).await?;
    let mut open: BTreeMap<JobId, Planned> = BTreeMap::new();
    for (posted, plan) in posted.into_iter().zip(planned) {
        open.insert(posted.context("a job was refused")?.id, plan);
    }
    let (mut told, mut seen) = (BTreeMap::<JobId, u64>::new(), 0);
    let mut ended = Vec::new();
    let ends = Instant::now() + PATIENCE;
    while !open.is_empty() && Instant::now() < ends {
        for id in open.keys().copied().collect::<Vec<_>>() {
            let story = client.call(|service, context| async move { service.job(context, id).await }).await?;
            let newest = story.events.last().map_or(0, |event| event.seq);
            let from = told.insert(id, newest).unwrap_or(0);
            if from == newest {
                continue;
            }
            timeline.tell(&story, from)?;
            play(client, &story, &open[&id]).await?;
            if story.head.state.known().is_some_and(|state| state.is_terminal()) {
                ended.extend(open.remove(&id).map(|plan| (story, plan)));
            }
        }
        seen = wait(client, seen).await?;
    }
    for (id, plan) in open {
        let story = client.call(|service, context| async move { service.job(context, id).await }).await?;
        ended.push((story, plan));
    }
    ended.sort_by_key(|(story, _)| story.head.id);
    timeline.table(&ended, models)?;
    let as_planned = ended.iter().all(|(story, plan)| plan.ended_right(story, models));
    let all_roles = models == Models::None || jobs::all_roles_answered(&ended);
    if !all_roles {
        timeline
            .note("models were not asked, or did not answer, for all of choosing, shaping and judging")?;
    }
    Ok(as_planned && all_roles)
}

/// What the client of the demo does when it is their turn.
async fn play(client: &Client, story: &JobStory, plan: &Planned) -> anyhow::Result<()> {
    let waits = story.head.state.known() == Some(&JobState::Open) && story.waiting.is_some();
    let asked = story.head.state.known() == Some(&JobState::InReview(Reviewer::Client));
    let questioned = matches!(story.head.state.known(), Some(JobState::InputRequired(_)));
    let (action, text) = match plan.then {
        Then::Accept if asked => (JobAction::Accept, None),
        Then::Cancel if waits => (JobAction::Cancel, None),
        Then::Answer(answer) if questioned => (JobAction::Reply, Some(answer.to_owned())),
        Then::Nothing | Then::Accept | Then::Cancel | Then::Answer(_) => return Ok(()),
    };
    let id = story.head.id;
    let order = Order { epoch: Some(story.head.epoch), text, ..Order::of(action) };
    let ordered = client
        .call(|service, context| async move { service.order(context, RequestId::fresh(), id, order).await });
    ordered.await?;
    Ok(())
}
