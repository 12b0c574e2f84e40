//! A window on a list of any length: a few pages by key, never all of it. The cursor's job stays where the eye is while jobs
//! arrive and leave.

use super::loaded::{Loaded, Reading};
use guildhall_protocol::error::ApiError;
use guildhall_protocol::ids::JobId;
use guildhall_protocol::listing::{
    Direction, JobCursor, JobFilter, JobPage, JobQuery, JobSort, PageFrom, SortBy,
};
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::JobHead;
use std::collections::BTreeSet;

/// Rows of one page.
const PAGE: u32 = 200;
/// Most rows that are held.
pub(crate) const HELD_MAX: usize = 500;

/// Which part of the list is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// What is held, anew.
    Held,
    /// What comes after it.
    Below,
    /// What comes before it.
    Above,
    /// An end of the list, in the place of what is held.
    Edge(Edge),
}

/// An end of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    First,
    Last,
}

/// The rows that are held.
#[derive(Clone, Debug, Default)]
pub(crate) struct Window {
    pub(crate) rows: Vec<JobHead>,
    /// Whether the first row is the first of the list.
    at_top: bool,
    /// Where the list is begun when nothing of it was read; none: at its top.
    begin: Option<JobCursor>,
    /// Where the list goes on; none: it ends here.
    next: Option<JobCursor>,
    /// How many were looked at when that was little for a page that found little.
    pub(crate) cut: bool,
    pub(crate) held: Loaded<()>,
    below: Loaded<()>,
    above: Loaded<()>,
    edge: Loaded<()>,
    /// The newest job that was there when the top was last seen.
    top_seen: Option<JobId>,
    /// Jobs that came above what is shown since then.
    pub(crate) new_above: usize,
}

impl Window {
    /// Whether anything was read.
    pub(crate) fn is_read(&self) -> bool {
        self.held.value.is_some() || self.edge.value.is_some()
    }

    /// Whether the list goes on beyond what is held.
    pub(crate) fn has_more(&self) -> bool {
        self.next.is_some() || !self.at_top
    }

    /// Whether the list goes on below what is held, or for a step back above it.
    pub(crate) fn goes_on(&self, step: isize) -> bool {
        if step > 0 { self.next.is_some() } else { !self.at_top }
    }

    /// Begins the list at this place.
    pub(crate) fn begin_at(&mut self, place: Option<JobCursor>) {
        self.begin = place;
    }

    pub(super) fn renew(&mut self) {
        self.held.renew();
        self.below.renew();
        self.above.renew();
        self.edge.renew();
    }

    /// The reading of one part.
    pub(super) fn part(&mut self, part: Part) -> &mut Loaded<()> {
        match part {
            Part::Held => &mut self.held,
            Part::Below => &mut self.below,
            Part::Above => &mut self.above,
            Part::Edge(_) => &mut self.edge,
        }
    }

    /// How one part stands.
    pub(super) fn reading(&self, part: Part) -> Reading<'_> {
        let (held, edge) = (self.held.reading(), self.edge.reading());
        let reading = match part {
            Part::Held => held,
            Part::Below => self.below.reading(),
            Part::Above => self.above.reading(),
            Part::Edge(_) => edge,
        };
        // Whatever part it is, what is shown is what is held.
        Reading { shown_of: held.shown_of.max(edge.shown_of), ..reading }
    }

    /// Which parts are needed when this row is the first of so many that are shown: what is held, and what one would see
    /// after a page more.
    pub(super) fn needed(&self, top: usize, height: usize) -> Vec<Part> {
        let mut parts = vec![Part::Held];
        if self.is_read() {
            if self.next.is_some() && top + height * 2 > self.rows.len() {
                parts.push(Part::Below);
            }
            if !self.at_top && top < height * 2 && !self.rows.is_empty() {
                parts.push(Part::Above);
            }
        }
        parts
    }

    /// The question for a part. Who looks at the top sees what is new; further down the list stands still.
    pub(super) fn query(&self, part: Part, filter: JobFilter, sort: JobSort, top: usize) -> JobQuery {
        let held = u32::try_from(self.rows.len()).unwrap_or(PAGE).max(PAGE);
        let cursor = |head: Option<&JobHead>| head.and_then(|head| sort.cursor(head));
        let (from, limit) = match part {
            Part::Held if top == 0 && self.at_top => (PageFrom::First, held),
            Part::Held => {
                let first = cursor(self.rows.first()).or(self.begin);
                let first = first.map(|cursor| including(cursor, sort.direction));
                (first.map_or(PageFrom::First, PageFrom::After), held)
            }
            Part::Below => (self.next.map_or(PageFrom::Last, PageFrom::After), PAGE),
            Part::Above => (cursor(self.rows.first()).map_or(PageFrom::First, PageFrom::Before), PAGE),
            Part::Edge(Edge::First) => (PageFrom::First, PAGE),
            Part::Edge(Edge::Last) => (PageFrom::Last, PAGE),
        };
        JobQuery { filter, sort, from, limit }
    }

    /// Takes a page.
    pub(super) fn take(
        &mut self,
        part: Part,
        query: &JobQuery,
        sort: JobSort,
        now: Timestamp,
        page: Result<JobPage, ApiError>,
    ) {
        let page = match page {
            Ok(page) => page,
            Err(error) => return self.part(part).take(now, Err(error)),
        };
        self.part(part).take(now, Ok(()));
        let first = self.rows.first().and_then(|head| sort.cursor(head));
        let outdated = match (part, &query.from) {
            (Part::Held, PageFrom::After(after)) => {
                first.or(self.begin).map(|first| including(first, sort.direction)) != Some(*after)
            }
            (Part::Held, PageFrom::First) => self.is_read() && !self.at_top && first.is_some(),
            (Part::Below, PageFrom::After(after)) => self.next != Some(*after),
            (Part::Above, PageFrom::Before(before)) => first != Some(*before),
            _ => false,
        };
        if outdated {
            // What is held was read anew meanwhile: this page no longer joins it.
            self.part(part).renew();
            return;
        }
        self.cut = page.is_cut(query.limit);
        let last = |rows: &[JobHead]| rows.last().and_then(|head| sort.cursor(head));
        match part {
            Part::Held => {
                self.begin = None;
                self.at_top = query.from == PageFrom::First;
                self.rows = page.rows;
                self.next = page.next;
                if self.rows.is_empty() && !self.at_top {
                    // All of it left the list: what is there now begins elsewhere.
                    self.held.renew();
                }
            }
            Part::Below => {
                self.below.renew();
                self.rows.extend(page.rows);
                self.next = page.next;
                let over = self.rows.len().saturating_sub(HELD_MAX);
                if over > 0 {
                    self.rows.drain(..over);
                    self.at_top = false;
                }
            }
            Part::Above => {
                self.above.renew();
                self.at_top = page.next.is_none();
                let mut rows = page.rows;
                rows.append(&mut self.rows);
                if rows.len() > HELD_MAX {
                    rows.truncate(HELD_MAX);
                    self.next = last(&rows);
                }
                self.rows = rows;
            }
            Part::Edge(edge) => {
                self.edge.renew();
                self.rows = page.rows;
                (self.at_top, self.next) = match edge {
                    Edge::First => (true, page.next),
                    Edge::Last => (page.next.is_none(), None),
                };
            }
        }
    }

    /// Which of these jobs left the list: they would stand among what is held, and do not.
    pub(super) fn left_by<'a>(&self, heads: impl Iterator<Item = &'a JobHead>, sort: JobSort) -> Vec<JobId> {
        if !self.is_read() {
            return Vec::new();
        }
        let held: BTreeSet<JobId> = self.rows.iter().map(|head| head.id).collect();
        heads.filter(|head| !held.contains(&head.id) && self.spans(head, sort)).map(|head| head.id).collect()
    }

    /// Whether a job would stand among what is held if it was in the list.
    fn spans(&self, head: &JobHead, sort: JobSort) -> bool {
        if self.at_top && self.next.is_none() {
            return true;
        }
        // What changes with its job says nothing about where the job is now.
        let keeps = matches!(sort.by, SortBy::Number | SortBy::Posted);
        let place = |head: &JobHead| sort.cursor(head);
        let (Some(here), Some(first), Some(last)) =
            (place(head), self.rows.first().and_then(place), self.rows.last().and_then(place))
        else {
            return false;
        };
        let (above, below) = match sort.direction {
            Direction::Descending => (here > first, here < last),
            Direction::Ascending => (here < first, here > last),
        };
        keeps && (self.at_top || !above) && (self.next.is_none() || !below)
    }

    /// Counts what came above, when this row is the first that is shown.
    pub(super) fn settle(&mut self, top: usize) {
        let newest = self.rows.iter().map(|head| head.id).max();
        if top == 0 && self.at_top {
            self.top_seen = newest;
            self.new_above = 0;
            return;
        }
        let seen = self.top_seen;
        let above = self.rows.iter().take(top);
        self.new_above = above.filter(|head| seen.is_some_and(|seen| head.id > seen)).count();
    }
}

/// The place just before a row, so that a page after it begins with the row.
fn including(cursor: JobCursor, direction: Direction) -> JobCursor {
    let step = match direction {
        Direction::Descending => 1,
        Direction::Ascending => -1,
    };
    JobCursor { id: JobId(cursor.id.0 + step), ..cursor }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dash::tests::samples::job_head;

    fn page(numbers: impl IntoIterator<Item = i64>, more: bool) -> JobPage {
        let rows: Vec<JobHead> = numbers.into_iter().map(job_head).collect();
        let next = rows.last().and_then(|head| JobSort::default().cursor(head)).filter(|_| more);
        JobPage { searched: 0, next, rows }
    }

    fn read(window: &mut Window, part: Part, top: usize, answer: JobPage) -> JobQuery {
        let query = window.query(part, JobFilter::default(), JobSort::default(), top);
        window.take(part, &query, JobSort::default(), Timestamp(0), Ok(answer));
        query
    }

    fn numbers(window: &Window) -> (i64, i64, usize) {
        let id = |head: Option<&JobHead>| head.map_or(0, |head| head.id.0);
        (id(window.rows.first()), id(window.rows.last()), window.rows.len())
    }

    #[test]
    fn a_million_jobs_are_walked_in_pages_that_are_held_in_part() {
        let mut window = Window::default();
        assert_eq!(read(&mut window, Part::Held, 0, page((801..=1_000).rev(), true)).from, PageFrom::First);
        assert_eq!(window.needed(0, 50), [Part::Held]);
        assert_eq!(window.needed(120, 50), [Part::Held, Part::Below]);
        for below in [601..=800, 401..=600, 201..=400] {
            read(&mut window, Part::Below, 150, page(below.rev(), true));
        }
        assert_eq!(numbers(&window), (700, 201, HELD_MAX), "the first pages are let go");
        assert_eq!(window.needed(0, 50), [Part::Held, Part::Above]);
        let query = read(&mut window, Part::Above, 0, page((701..=900).rev(), true));
        assert_eq!(query.from, PageFrom::Before(JobCursor { key: 700, id: JobId(700) }));
        assert_eq!(numbers(&window), (900, 401, HELD_MAX));
        assert_eq!(window.needed(460, 50), [Part::Held, Part::Below], "what was let go is read again");
        read(&mut window, Part::Edge(Edge::Last), 460, page((1..=200).rev(), true));
        assert_eq!(numbers(&window), (200, 1, 200));
    }

    #[test]
    fn who_looks_further_down_is_told_of_what_is_new_and_stays_there() {
        let mut window = Window::default();
        read(&mut window, Part::Held, 0, page((1..=100).rev(), false));
        window.settle(0);
        let query = window.query(Part::Held, JobFilter::default(), JobSort::default(), 20);
        assert_eq!(
            query.from,
            PageFrom::After(JobCursor { key: 100, id: JobId(101) }),
            "it begins with the same row"
        );
        read(&mut window, Part::Held, 0, page((1..=103).rev(), false));
        window.settle(23);
        assert_eq!(window.new_above, 3);
        window.settle(0);
        assert_eq!(window.new_above, 0);
    }
}
