//! A demo that stays: the dashboard finds it, and jobs keep coming.

use super::jobs::{Models, Planned, planned};
use super::play;
use guildhall_protocol::client::Client;
use guildhall_protocol::ids::{JobId, RequestId};
use guildhall_protocol::transport::demo_socket;
use guildhall_protocol::view::NewJob;
use std::collections::VecDeque;
use std::io;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Between two jobs.
const JOB_EVERY: Duration = Duration::from_secs(5);
/// How long clients think before they accept, answer or call off: there is something to see until then.
const CLIENTS_THINK: Duration = Duration::from_secs(20);

/// The place where the dashboard looks for a demo, as long as this lives.
pub(super) struct Found {
    link: PathBuf,
    socket: PathBuf,
}

impl Found {
    /// Makes the socket to be found. The newest demo is.
    ///
    /// # Errors
    /// There is no home folder, or it cannot be written to.
    pub(super) fn at(socket: &Path) -> io::Result<Self> {
        let link = demo_socket().ok_or(io::ErrorKind::NotFound)?;
        if let Some(folder) = link.parent() {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        match std::fs::remove_file(&link) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => symlink(socket, &link)?,
        }
        Ok(Self { link, socket: socket.to_owned() })
    }
}

impl Drop for Found {
    fn drop(&mut self) {
        // It may be a newer demo's by now.
        if std::fs::read_link(&self.link).is_ok_and(|socket| socket == self.socket) {
            drop(std::fs::remove_file(&self.link));
        }
    }
}

/// Posts a job now and then and does its client's part, for ever. What fails is left: the next one may work.
pub(super) async fn go_on(client: &Client, models: Models) {
    let mut beat = tokio::time::interval(JOB_EVERY);
    let mut open = VecDeque::new();
    loop {
        for plan in planned(models) {
            beat.tick().await;
            if let Err(error) = look_after(client, &mut open).await {
                tracing::warn!(%error, "the demo's client could not do its part");
            }
            let job = NewJob { request: RequestId::fresh(), draft: plan.draft.clone() };
            let posted =
                client.call(|service, context| async move { service.post(context, vec![job]).await });
            match posted.await.map(|posted| posted.into_iter().next()) {
                Ok(Some(Ok(posted))) => open.push_back((Instant::now(), posted.id, plan)),
                Ok(Some(Err(error))) | Err(error) => tracing::warn!(%error, "the demo could not post a job"),
                Ok(None) => {}
            }
        }
    }
}

/// Does the part of clients who have thought about it for long enough.
async fn look_after(client: &Client, open: &mut VecDeque<(Instant, JobId, Planned)>) -> anyhow::Result<()> {
    while let Some((_, id, plan)) = open.pop_front_if(|(since, ..)| since.elapsed() >= CLIENTS_THINK) {
        let story = client.call(|service, context| async move { service.job(context, id).await }).await?;
        if story.head.state.known().is_some_and(|state| !state.is_terminal()) {
            play(client, &story, &plan).await?;
            // It may ask again.
            open.push_back((Instant::now(), id, plan));
        }
    }
    Ok(())
}
