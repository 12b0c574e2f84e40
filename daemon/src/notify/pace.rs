//! Which notices are told together, and when one is told again. Pure.

use super::Groups;
use crate::store::NotificationRecord;
use guildhall_protocol::time::Timestamp;
use std::time::Duration;

/// The first wait after a channel did not take a notice; it doubles up to the longest.
const AGAIN_FIRST: Duration = Duration::from_secs(5);
const AGAIN_MAX: Duration = Duration::from_hours(1);
/// After so long a notice is undeliverable.
const GIVE_UP_AFTER: Duration = Duration::from_hours(72);

/// Notices that are told as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The oldest; its id is the id of the bundle.
    pub first: NotificationRecord,
    /// The others, of the same person and kind.
    pub others: Vec<NotificationRecord>,
}

impl Bundle {
    /// All of them.
    pub fn rows(&self) -> impl Iterator<Item = &NotificationRecord> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

/// Puts together what was held back to be told together, or could not be told before: the others go alone, in their
/// order.
pub fn bundles(rows: Vec<NotificationRecord>) -> Vec<Bundle> {
    let mut alone = Vec::new();
    let mut groups = Groups::new();
    for row in rows {
        if row.due_at.is_some_and(|due| due > row.made_at) {
            groups.entry((row.user.0, row.kind.name())).or_default().push(row);
        } else {
            alone.push(Bundle { first: row, others: Vec::new() });
        }
    }
    let together = groups.into_values().filter_map(|mut rows| {
        rows.sort_by_key(|row| row.id);
        let mut rows = rows.into_iter();
        Some(Bundle { first: rows.next()?, others: rows.collect() })
    });
    alone.extend(together);
    alone
}

/// When a notice that was not taken is told again; none when it has been tried for too long.
pub fn again(row: &NotificationRecord, now: Timestamp) -> Option<Timestamp> {
    again_after(row.made_at, row.tries, now)
}

/// When something that was made then, and not taken so often, is told again; none when it has been tried for too long.
pub fn again_after(made_at: Timestamp, tries: u32, now: Timestamp) -> Option<Timestamp> {
    if now.since(made_at) > GIVE_UP_AFTER {
        return None;
    }
    let doubled = AGAIN_FIRST.saturating_mul(1 << tries.saturating_sub(1).min(16));
    Some(now.after(doubled.min(AGAIN_MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall_protocol::ids::{JobId, NotificationId, UserId};
    use guildhall_protocol::notice::{Channel, NoticeKind};

    fn row(id: i64, user: i64, made_at: i64, due_at: i64) -> NotificationRecord {
        NotificationRecord {
            id: NotificationId(id),
            user: UserId(user),
            channel: Channel::Log,
            kind: NoticeKind::JobCompleted,
            job: Some(JobId(id)),
            attempt: None,
            agent: None,
            made_at: Timestamp(made_at),
            due_at: Some(Timestamp(due_at)),
            tries: 1,
            acknowledged_at: None,
        }
    }

    #[test]
    fn what_was_held_back_is_told_as_one() {
        let rows = vec![row(1, 7, 0, 0), row(3, 7, 1, 60), row(2, 7, 2, 60), row(4, 8, 2, 60)];
        let told: Vec<Vec<i64>> =
            bundles(rows).iter().map(|bundle| bundle.rows().map(|row| row.id.0).collect()).collect();
        assert_eq!(told, [vec![1], vec![2, 3], vec![4]]);
    }

    #[test]
    fn waits_grow_and_end() {
        let wait = |tries, now: i64| {
            let again = again(&NotificationRecord { tries, ..row(1, 1, 0, 0) }, Timestamp(now));
            again.map(|at| (at.0 - now) / 1_000)
        };
        assert_eq!([wait(1, 0), wait(2, 0), wait(5, 0), wait(40, 0)], [5, 10, 80, 3_600].map(Some));
        assert_eq!(wait(1, 73 * 3_600_000), None);
    }
}
