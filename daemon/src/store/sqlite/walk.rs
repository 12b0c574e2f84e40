//! One walk over jobs, as a statement: along one index in the order that is needed, from a row on, sorting nothing.
//!
//! SQLite has no statistics and would guess, so the index is named here. What the index does not decide is computed for each
//! row that is walked over, so that the last row looked at is known.

use crate::store::{JobWish, Span};
use guildhall_protocol::attempt::AttemptState;
use guildhall_protocol::ids::PlaceId;
use guildhall_protocol::listing::{JobCursor, SortBy};
use guildhall_protocol::state::{JOB_STATES, JobState};
use rusqlite::types::Value;

/// A statement and the values of its places. It reads a job's number, its key, and whether it is wished for.
pub(super) type Statement = (String, Vec<Value>);

/// What narrows a walk most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lead {
    /// One walk for each state, merged.
    States,
    Label,
    Agent,
    Client,
    /// One walk for each state in the place, merged.
    Place,
    /// Nothing: all jobs are walked over.
    Order,
}

impl Lead {
    /// Jobs that have not ended are few among many: when only their states are asked for, they lead, those of a place before
    /// those of all. Otherwise the narrowest other wish leads.
    pub(super) fn of(wish: &JobWish) -> Self {
        let states = distinct(&wish.states);
        let is_running = !states.is_empty() && !states.iter().any(|state| state.is_terminal());
        // Its index leaves out the machine itself, where most jobs are.
        let has_place = wish.place.is_some_and(|place| place != PlaceId::LOCAL);
        if is_running {
            if has_place { Self::Place } else { Self::States }
        } else if wish.label.is_some() {
            Self::Label
        } else if wish.agent.is_some() {
            Self::Agent
        } else if wish.client.is_some() {
            Self::Client
        } else if has_place {
            Self::Place
        } else if states.is_empty() {
            Self::Order
        } else {
            Self::States
        }
    }
}

/// A walk over jobs.
pub(super) struct Walk<'a> {
    pub(super) wish: &'a JobWish,
    /// What is read of each, beside its number.
    pub(super) key: SortBy,
    /// The order in which they are walked over.
    pub(super) order: SortBy,
    pub(super) ascends: bool,
    /// Begins behind this one.
    pub(super) from: Option<JobCursor>,
}

impl Walk<'_> {
    /// The statement that walks over at most so many jobs; none when no job can be meant.
    pub(super) fn statement(&self, limit: u32) -> Option<Statement> {
        let states = distinct(&self.wish.states);
        if states.is_empty() && !self.wish.states.is_empty() {
            return None;
        }
        let lead = if self.order == SortBy::Number { Lead::of(self.wish) } else { Lead::Order };
        let mut parts = Parts { values: vec![Value::Integer(limit.into())], ..Parts::default() };
        parts.wish(self.wish, lead);
        parts.spans(self);
        // One walk for each state, or one for all jobs.
        let mut ways = Vec::new();
        if matches!(lead, Lead::States | Lead::Place) || self.order == SortBy::Changed {
            let all = || distinct(&JOB_STATES.map(|state| state.name().to_owned()));
            for state in if states.is_empty() { all() } else { states } {
                ways.push(format!("jobs.state = {} AND ", parts.bind(text(state.name()))));
            }
        } else {
            parts.states(&states);
            ways.push(String::new());
        }
        let (table, id) = self.table(lead);
        let (wished, bounds) = (parts.wished(), parts.bounds());
        let positions = self.positions(&mut parts, id);
        let select = format!("SELECT {id}, {}, {wished} FROM {table} WHERE", column(self.key));
        let walk = |(way, position): (&String, &String)| format!("{select} {way}{position}{bounds}");
        let each = ways.iter().flat_map(|way| positions.iter().map(move |position| (way, position)));
        let walks: Vec<String> = each.map(walk).collect();
        // A union knows columns by their place.
        let direction = if self.ascends { "ASC" } else { "DESC" };
        let order = if self.order == SortBy::Number {
            format!("1 {direction}")
        } else {
            format!("2 {direction}, 1 {direction}")
        };
        Some((format!("{} ORDER BY {order} LIMIT ?1", walks.join(" UNION ALL ")), parts.values))
    }

    /// What is walked over, and where a job's number stands there.
    fn table(&self, lead: Lead) -> (&'static str, &'static str) {
        let table = match (self.order, lead) {
            (SortBy::Number, Lead::States) => "jobs INDEXED BY jobs_state",
            (SortBy::Number, Lead::Label) => "jobs INDEXED BY jobs_label",
            (SortBy::Number, Lead::Client) => "jobs INDEXED BY jobs_client",
            (SortBy::Number, Lead::Place) => "jobs INDEXED BY jobs_place",
            (SortBy::Number, Lead::Agent) => {
                let table = "attempts INDEXED BY attempts_agent CROSS JOIN jobs ON jobs.id = attempts.job_id";
                return (table, "attempts.job_id");
            }
            (SortBy::Number, Lead::Order) => "jobs",
            (SortBy::Changed, _) => "jobs INDEXED BY jobs_changed",
            (SortBy::Posted, _) => "jobs INDEXED BY jobs_posted",
            (SortBy::Deadline, _) => "jobs INDEXED BY jobs_deadline",
            (SortBy::Due, _) => "jobs INDEXED BY jobs_due",
            (SortBy::Priority, _) => "jobs INDEXED BY jobs_class",
        };
        (table, "jobs.id")
    }

    /// Where the walk begins. Behind a row there are two parts, since no index of SQLite's begins in the middle of equal
    /// keys at a number: what has the row's key, and what lies behind that key.
    fn positions(&self, parts: &mut Parts, id: &str) -> Vec<String> {
        let (operator, end) = if self.ascends { (">", i64::MIN) } else { ("<", i64::MAX) };
        if self.order == SortBy::Number {
            let number = parts.bind(Value::Integer(self.from.map_or(end, |from| from.id.0)));
            return vec![format!("{id} {operator} {number}")];
        }
        let key = column(self.order);
        let span = self.span();
        let edge = if self.ascends {
            span.from.map(|time| time.0.saturating_sub(1))
        } else {
            span.before.map(|time| time.0)
        };
        let is_inside = |key: i64| edge.is_none_or(|edge| if self.ascends { key > edge } else { key < edge });
        match self.from.filter(|from| is_inside(from.key)) {
            None => {
                let edge = parts.bind(Value::Integer(edge.unwrap_or(end)));
                vec![format!("{key} {operator} {edge}")]
            }
            Some(JobCursor { key: begin, id: number }) => {
                let begin = parts.bind(Value::Integer(begin));
                let number = parts.bind(Value::Integer(number.0));
                vec![
                    format!("{key} = {begin} AND jobs.id {operator} {number}"),
                    format!("{key} {operator} {begin}"),
                ]
            }
        }
    }

    /// The span that the order itself bounds.
    fn span(&self) -> Span {
        match self.order {
            SortBy::Changed => self.wish.changed,
            SortBy::Posted => self.wish.posted,
            SortBy::Number | SortBy::Deadline | SortBy::Due | SortBy::Priority => Span::default(),
        }
    }
}

/// What a statement is made of. Its first place is its limit.
#[derive(Default)]
struct Parts {
    values: Vec<Value>,
    /// What ends the walk.
    bounds: Vec<String>,
    /// What each row is asked.
    wished: Vec<String>,
}

impl Parts {
    fn bind(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("?{}", self.values.len())
    }

    fn wished(&self) -> String {
        if self.wished.is_empty() { "1".to_owned() } else { self.wished.join(" AND ") }
    }

    fn bounds(&self) -> String {
        self.bounds.iter().map(|bound| format!(" AND {bound}")).collect()
    }

    fn states(&mut self, states: &[JobState]) {
        let mut any = Vec::new();
        for state in states {
            any.push(format!("jobs.state = {}", self.bind(text(state.name()))));
        }
        if !any.is_empty() {
            self.wished.push(format!("({})", any.join(" OR ")));
        }
    }

    /// Everything but states and spans.
    fn wish(&mut self, wish: &JobWish, lead: Lead) {
        if let Some(label) = &wish.label {
            let label = format!("jobs.label = {}", self.bind(text(label)));
            self.lead_or_ask(lead == Lead::Label, label);
        }
        if let Some(client) = wish.client {
            let client = format!("jobs.client_id = {}", self.bind(Value::Integer(client.0)));
            self.lead_or_ask(lead == Lead::Client, client);
        }
        if let Some(agent) = wish.agent {
            let agent = self.bind(Value::Integer(agent.0));
            if lead == Lead::Agent {
                self.bounds.push(format!("attempts.agent_id = {agent}"));
                self.bounds.push(FIRST_TRY.to_owned());
            } else {
                let tried = "SELECT 1 FROM attempts AS a INDEXED BY attempts_agent";
                self.wished
                    .push(format!("EXISTS ({tried} WHERE a.agent_id = {agent} AND a.job_id = jobs.id)"));
            }
        }
        if let Some(place) = wish.place {
            let place = format!("jobs.place_id = {}", self.bind(Value::Integer(place.0)));
            self.lead_or_ask(lead == Lead::Place, place);
            if lead == Lead::Place {
                // What its index holds.
                self.bounds.push("jobs.place_id <> 1".to_owned());
            }
        }
        if let Some(priority) = wish.priority {
            let class = self.bind(Value::Integer(priority.class()));
            self.wished.push(format!("jobs.class = {class}"));
        }
        if let Some(attempts) = wish.attempts_min {
            let attempts = self.bind(Value::Integer(attempts.into()));
            self.wished.push(format!("jobs.attempts >= {attempts}"));
        }
        if let Some(why) = wish.held {
            let detail = self.bind(text(JobState::Held(why).detail()));
            self.wished.push(format!("jobs.state = 'held' AND jobs.detail = {detail}"));
        }
        if let Some(words) = &wish.text {
            let words = self.bind(text(&words.to_ascii_lowercase()));
            // None when the title was forgotten.
            self.wished.push(format!("coalesce(instr(lower(jobs.title), {words}), 0) > 0"));
        }
        if let Some(ended) = wish.ended {
            let state = self.bind(text(AttemptState::Ended(ended).name()));
            let tried = "SELECT 1 FROM attempts AS a WHERE a.job_id = jobs.id";
            self.wished.push(format!("EXISTS ({tried} AND a.state = {state})"));
        }
    }

    /// The spans: where the order bounds one, its beginning is where the walk begins, and its end ends it.
    fn spans(&mut self, walk: &Walk<'_>) {
        let spans = [(SortBy::Posted, walk.wish.posted), (SortBy::Changed, walk.wish.changed)];
        for (by, span) in spans {
            let (from, before) = (span.from.map(|time| time.0), span.before.map(|time| time.0));
            let ends = by == walk.order;
            if let Some(from) = from.filter(|_| !(ends && walk.ascends)) {
                let from = format!("{} >= {}", column(by), self.bind(Value::Integer(from)));
                self.lead_or_ask(ends, from);
            }
            if let Some(before) = before.filter(|_| !ends || walk.ascends) {
                let before = format!("{} < {}", column(by), self.bind(Value::Integer(before)));
                self.lead_or_ask(ends, before);
            }
        }
        if walk.key == SortBy::Due {
            self.lead_or_ask(walk.order == SortBy::Due, "jobs.due_at IS NOT NULL".to_owned());
        }
    }

    fn lead_or_ask(&mut self, leads: bool, condition: String) {
        if leads { self.bounds.push(condition) } else { self.wished.push(condition) }
    }
}

/// An agent may have tried a job several times, and the job stands in the list once.
const FIRST_TRY: &str = "NOT EXISTS (
    SELECT 1
    FROM attempts AS a
    WHERE a.agent_id = attempts.agent_id AND a.job_id = attempts.job_id AND a.number < attempts.number)";

fn column(by: SortBy) -> &'static str {
    match by {
        SortBy::Number => "jobs.id",
        SortBy::Changed => "jobs.changed_at",
        SortBy::Posted => "jobs.posted_at",
        SortBy::Deadline => "jobs.deadline",
        SortBy::Due => "jobs.due_at",
        SortBy::Priority => "jobs.class",
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// The states with these names, each once.
fn distinct(names: &[String]) -> Vec<JobState> {
    let mut states: Vec<JobState> = Vec::new();
    for state in JOB_STATES {
        let is_new = states.iter().all(|known| known.name() != state.name());
        if is_new && names.iter().any(|name| name == state.name()) {
            states.push(state);
        }
    }
    states
}
