//! The connection: it is kept, and what becomes of it is told. A daemon that hangs is as one that is gone.

use super::driver::Reply;
use super::link::{LinkEvent, back_off};
use super::msg::Msg;
use crate::session::Session;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::Scope;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::Notify;

/// Longest wait for a change in one call; a daemon that hangs is found out after it.
const WAIT_MS: u64 = 2_500;
/// How long such a call may take in all.
const HANGS_AFTER: Duration = Duration::from_secs(5);
/// Shortest time between two of them while much changes.
const CHANGE_EVERY: Duration = Duration::from_millis(100);

/// Keeps the connection, and tells what becomes of it.
pub(super) async fn keep(session: Rc<Session>, reply: Reply, retry: Rc<Notify>) {
    let mut tries = 0;
    let mut heard = Timestamp::now();
    let wait = async |seen, wait_ms| {
        let call = session.ask(|service, context| async move {
            service.wait_for_change(context, Scope::Everything, seen, wait_ms).await
        });
        let hangs = || ApiError::new(ErrorKind::Unavailable, "the daemon does not answer");
        tokio::time::timeout(HANGS_AFTER, call).await.unwrap_or_else(|_| Err(hangs()))
    };
    loop {
        let begun = async {
            let seen = wait(0, 0).await?;
            Ok::<_, ApiError>((seen, session.who().await?))
        };
        let error = match begun.await {
            Ok((mut seen, who)) => {
                tries = 0;
                reply.tell(Msg::Link(LinkEvent::Up(Box::new(who))));
                loop {
                    heard = Timestamp::now();
                    match wait(seen, WAIT_MS).await {
                        Ok(now) => {
                            if now != seen {
                                seen = now;
                                reply.tell(Msg::Link(LinkEvent::Changed));
                                tokio::time::sleep(CHANGE_EVERY).await;
                            }
                        }
                        Err(error) => break error,
                    }
                }
            }
            Err(error) => error,
        };
        let share = f64::from(u32::try_from(Timestamp::now().0.rem_euclid(997)).unwrap_or(0)) / 997.0;
        let pause = back_off(tries, share);
        tries += 1;
        let retry_at = Timestamp::now().after(pause);
        reply.tell(Msg::Link(LinkEvent::Down { error, since: heard, retry_at }));
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = retry.notified() => {}
        }
    }
}
