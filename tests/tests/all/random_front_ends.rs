//! Random commands about messages elsewhere and drafts.

use crate::random_commands::{Author, Seen};
use guildhall_daemon::store::front_end::{FrontEndCommand, Reach};
use guildhall_daemon::store::{Command, Query};
use guildhall_protocol::ids::{JobId, SurfaceId, UserId};
use guildhall_protocol::notice::Channel;
use guildhall_protocol::time::Timestamp;
use rand::RngExt;

impl Author {
    pub(crate) fn front_end(&mut self, seen: &Seen) -> Command {
        let lease = self.random.random_range(1..4);
        Command::FrontEnd(match self.random.random_range(0..9) {
            0..3 if !seen.jobs.is_empty() => {
                let job = self.pick(&seen.jobs.iter().collect::<Vec<_>>());
                let address = self.random.random_range(0..3).to_string();
                let shown = job.chain.revision - u64::from(self.one_in(2));
                let id = SurfaceId(self.id());
                FrontEndCommand::Show { id, job: job.id, channel: Channel::Discord, address, shown }
            }
            3..5 => {
                let (until, limit) = (self.time(), self.random.random_range(1..4));
                FrontEndCommand::LeaseSurfaces { channel: Channel::Discord, lease, until, limit }
            }
            5 => {
                let shown = (!self.one_in(3)).then(|| self.random.random_range(0..9));
                let id = SurfaceId(self.random.random_range(1..40));
                FrontEndCommand::SettleSurface { id, lease, shown, due_at: self.time() }
            }
            7 => {
                let user = UserId(self.random.random_range(1..=self.users.max(1)));
                let reach = [Reach::Open, Reach::Closed, Reach::Closed, Reach::Told];
                let reach = reach[self.random.random_range(0..reach.len())];
                FrontEndCommand::Reach { user, channel: Channel::Discord, reach }
            }
            6 if self.one_in(3) => FrontEndCommand::Release { channel: Channel::Discord },
            _ => {
                let name = self.random.random_range(0..60).to_string();
                let user = UserId(self.random.random_range(1..=self.users.max(1)));
                FrontEndCommand::KeepDraft { user, name, content: format!("draft {lease}") }
            }
        })
    }
}

/// Queries that show all that these commands change.
pub(crate) fn queries(seen: &Seen) -> Vec<Query> {
    let drafts = seen.users.iter().flat_map(|user| {
        (0..60).step_by(7).map(|name| Query::Draft {
            user: user.id,
            name: name.to_string(),
            since: Timestamp(1_000),
        })
    });
    let closed = seen.users.iter().map(|user| Query::Closed { user: user.id, channel: Channel::Discord });
    let surfaces =
        (1..=seen.jobs.len()).filter_map(|job| Some(Query::Surfaces(JobId(i64::try_from(job).ok()?))));
    drafts.chain(closed).chain(surfaces).collect()
}
