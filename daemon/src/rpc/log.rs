//! Calls about the daemon's own log.

use super::Caller;
use crate::log_ring::LogRing;
use guildhall_protocol::error::ApiError;
use guildhall_protocol::log::LogPage;
use guildhall_protocol::matrix::Verb;
use std::time::Duration;

impl Caller {
    pub(super) fn log_page(&self, after: Option<u64>, limit: u32) -> Result<LogPage, ApiError> {
        self.check(Verb::ReadLog)?;
        Ok(LogRing::of_process().page(after, limit))
    }

    /// The number of the newest line once it is not `seen`, or after `wait`.
    pub(super) async fn log_waited(&self, seen: u64, wait: Duration) -> Result<u64, ApiError> {
        self.check(Verb::ReadLog)?;
        Ok(tokio::select! {
            newest = LogRing::of_process().newest(seen, wait) => newest,
            () = self.desk.ended.cancelled() => seen,
        })
    }
}
