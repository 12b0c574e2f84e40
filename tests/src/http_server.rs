//! The server of a fake: on loopback, ended when it is dropped, and before that in good order if it is to go away.

use axum::Router;
use axum::serve::ListenerExt;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How long answers that are under way may take when a server goes away.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// A server while it serves.
pub(crate) struct HttpServer {
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl HttpServer {
    pub(crate) fn begin(listener: TcpListener, router: Router) -> Self {
        let (stop, stopped) = oneshot::channel();
        // Without this a small message waits for the acknowledgment of the one before.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let serve = axum::serve(listener, router).with_graceful_shutdown(async { drop(stopped.await) });
        Self { stop: Some(stop), task: tokio::spawn(async move { serve.await.expect("it serves") }) }
    }

    /// Nobody is let in any more.
    pub(crate) fn stop(&mut self) {
        self.stop = None;
    }

    /// Waits for the answers that are under way, and not for long.
    pub(crate) async fn end(mut self) {
        self.stop();
        // Whoever is not done is cut off when this is dropped.
        drop(tokio::time::timeout(LAST_WORDS, &mut self.task).await);
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
