//! The pages of a list of jobs, as a daemon reads them.

use guildhall_protocol::listing::{Direction, JobPage, JobQuery, PageFrom};
use guildhall_protocol::view::JobHead;

/// The page that is asked for. Its filter admits every job.
pub(super) fn page(jobs: &[JobHead], query: &JobQuery) -> JobPage {
    let (sort, limit) = (query.sort, usize::try_from(query.limit).unwrap_or(0));
    let down = sort.direction == Direction::Descending;
    let mut all: Vec<_> = jobs.iter().filter_map(|head| Some((sort.cursor(head)?, head))).collect();
    all.sort_by_key(|(cursor, _)| *cursor);
    if down {
        all.reverse();
    }
    // How many stand before the place that is meant.
    let before =
        |place| all.partition_point(|(cursor, _)| if down { *cursor > place } else { *cursor < place });
    let (from, to, next) = match query.from {
        PageFrom::First => downward(0, limit, all.len()),
        PageFrom::After(place) => {
            let found = usize::from(all.get(before(place)).is_some_and(|(cursor, _)| *cursor == place));
            downward(before(place) + found, limit, all.len())
        }
        PageFrom::Before(place) => upward(before(place), limit),
        PageFrom::Last => upward(all.len(), limit),
    };
    let next = next.and_then(|at| all.get(at)).map(|(cursor, _)| *cursor);
    JobPage { rows: all[from..to].iter().map(|(_, head)| (*head).clone()).collect(), next, searched: 0 }
}

fn downward(from: usize, limit: usize, all: usize) -> (usize, usize, Option<usize>) {
    let to = (from + limit).min(all);
    (from, to, (to < all).then(|| to.saturating_sub(1)))
}

fn upward(to: usize, limit: usize) -> (usize, usize, Option<usize>) {
    let from = to.saturating_sub(limit);
    (from, to, (from > 0).then_some(from))
}
