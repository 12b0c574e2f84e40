//! What one user may have and do at most: refused before anything is written, with when to try again.
//!
//! Two posts at the same moment may both be the last that fits: a limit is there against abuse, not for accounts.

use super::Caller;
use guildhall_protocol::account::consent_needed;
use guildhall_protocol::error::{ApiError, ErrorKind};
use guildhall_protocol::matrix::Verb;
use guildhall_protocol::time::Timestamp;

impl Caller {
    /// Refuses a post of somebody who may not post, was not told who reads it, or has posted enough.
    pub(super) async fn check_post(&self, bytes: usize, now: Timestamp) -> Result<(), ApiError> {
        self.check(Verb::Post)?;
        if !self.knows_policy() {
            return Err(consent_needed(&self.desk.policy.version));
        }
        let limits = self.limits_of(self.who.user);
        if limits.open_jobs.is_some() || limits.stored_bytes.is_some() {
            let usage = self.jobs_of(self.who.user).await?;
            if limits.open_jobs.is_some_and(|most| usage.open_jobs >= most) {
                let message =
                    format!("you have {} jobs that have not ended, the most there may be", usage.open_jobs);
                return Err(limited(message, "cancel one, or post again when one has ended"));
            }
            let bytes = usage.stored_bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
            if let Some(most) = limits.stored_bytes.filter(|most| bytes > *most) {
                let message = format!("your jobs would hold {bytes} bytes, the most is {most}");
                return Err(limited(message, "an operator can raise it: `guildhall user limits`"));
            }
        }
        // Who is not limited is counted, too: they may look at what they use.
        let most = limits.posts_per_minute.unwrap_or(u64::MAX);
        self.desk.accounts.count_post(self.who.user, most, now).map_err(|seconds| {
            let message = format!("you posted {most} jobs in this minute, the most there may be");
            limited(message, &format!("try again in {seconds} s"))
        })
    }

    /// Refuses a registration of somebody who has enough agents.
    pub(super) fn check_registration(&self) -> Result<(), ApiError> {
        let Some(most) = self.limits_of(self.who.user).agents else { return Ok(()) };
        let agents = self.agents_of(self.who.user);
        if agents < most {
            return Ok(());
        }
        let message = format!("you have {agents} agents, the most there may be");
        Err(limited(message, "retire one that you do not need: `guildhall agent retire`"))
    }
}

fn limited(message: impl Into<String>, hint: &str) -> ApiError {
    ApiError::new(ErrorKind::Limited, message).hint(hint)
}
