//! What a client writes when they want something done.

use crate::agent::AgentName;
use crate::ids::JobId;
use crate::json::Json;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// Limits of a draft. Lengths of text are in bytes, as they travel and are stored.
pub mod limits {
    /// Longest brief.
    pub const BRIEF_BYTES_MAX: usize = 100_000;
    /// Longest title.
    pub const TITLE_BYTES_MAX: usize = 200;
    /// Largest input document.
    pub const INPUT_BYTES_MAX: usize = 1_000_000;
    /// Most criteria.
    pub const CRITERIA_MAX: usize = 20;
    /// Longest criterion that is text: a rule or a question to a judge.
    pub const CRITERION_BYTES_MAX: usize = 4_096;
    /// Most tags.
    pub const TAGS_MAX: usize = 20;
    /// Longest tag or label.
    pub const TAG_BYTES_MAX: usize = 64;
    /// Most agents in `only` and in `not`.
    pub const LIST_MAX: usize = 50;
    /// Default time to the deadline, ms: a day.
    pub const DEADLINE_MS_DEFAULT: u64 = 24 * 3_600_000;
    /// Shortest time to the deadline, ms.
    pub const DEADLINE_MS_MIN: u64 = 1_000;
    /// Longest time to the deadline, ms: 90 days.
    pub const DEADLINE_MS_MAX: u64 = 90 * 86_400_000;
    /// Most jobs in one `post` call.
    pub const POST_JOBS_MAX: usize = 100;
}

/// A job as its client writes it. Only the brief is required.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobDraft {
    /// What is wanted, in words.
    #[serde(default)]
    pub brief: String,
    /// One line; by default the first line of the brief.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Material to work on: any JSON, checked against the agent's input schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Json>,
    /// What an answer must meet. Empty: it does what the brief asks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub criteria: Vec<Criterion>,
    /// Only agents that have every one of these tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The client's own word for a group of jobs; for filters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// When it must be done; by default in a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// The same as a span from when it is posted, ms: posted again, it is the same request. Not beside `deadline`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_ms: Option<u64>,
    /// When a person looks at the answer.
    #[serde(default)]
    pub review: Review,
    /// Who may see it; none: as is usual in the place where it is posted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
    /// If not empty: nobody but these agents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<AgentName>,
    /// Never these agents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not: Vec<AgentName>,
    /// Whether its text may go to the platform's own model calls.
    #[serde(default)]
    pub models: Models,
    /// Its class in the queue. Above normal needs the operator's role.
    #[serde(default)]
    pub priority: Priority,
    /// The job that this one repeats or corrects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derived_from: Option<JobId>,
    /// What was wrong with the result of the job that this one repeats: the first attempt reads it as a finding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correction: Option<String>,
    /// Trying an agent out: never counted in its record.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub trial: bool,
    /// How often to try, and with whom.
    #[serde(default, skip_serializing_if = "Policy::is_default")]
    pub policy: Policy,
}

impl JobDraft {
    /// The title, or the first line of the brief, cut to [`limits::TITLE_BYTES_MAX`] bytes.
    pub fn shown_title(&self) -> String {
        let given = self.title.as_deref().map(str::trim).filter(|title| !title.is_empty());
        let line = given.unwrap_or_else(|| self.brief.trim().lines().next().unwrap_or_default().trim());
        let mut end = line.len().min(limits::TITLE_BYTES_MAX);
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        line[..end].to_owned()
    }

    /// When it must be done if it is posted now.
    pub fn deadline_from(&self, now: Timestamp) -> Timestamp {
        let span = Duration::from_millis(self.within_ms.unwrap_or(limits::DEADLINE_MS_DEFAULT));
        self.deadline.unwrap_or_else(|| now.after(span))
    }

    /// Checks every bound that needs neither a clock nor the store: lengths, counts, and the policy.
    ///
    /// # Errors
    /// The first field that is out of bounds, and the bound.
    pub fn check(&self) -> Result<(), FieldError> {
        self.problems().into_iter().next().map_or(Ok(()), Err)
    }

    /// Everything that [`Self::check`] could complain of, in the order of the fields.
    pub fn problems(&self) -> Vec<FieldError> {
        use limits as l;
        let mut checks = vec![self.check_brief()];
        let size = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        checks.push(within("title", size(&self.title), l::TITLE_BYTES_MAX, "bytes"));
        let input = self.input.as_ref().map_or(0, |input| input.as_str().len());
        checks.push(within("input", input, l::INPUT_BYTES_MAX, "bytes"));
        checks.push(within("criteria", self.criteria.len(), l::CRITERIA_MAX, "criteria"));
        let criteria = self.criteria.iter().enumerate();
        checks.extend(criteria.map(|(index, criterion)| criterion.check(&format!("criteria[{index}]"))));
        checks.push(within("correction", size(&self.correction), l::CRITERION_BYTES_MAX, "bytes"));
        checks.push(within("tags", self.tags.len(), l::TAGS_MAX, "tags"));
        checks.extend(self.tags.iter().map(|tag| check_tag("tags", tag, "holds an empty tag")));
        checks.extend(self.label.iter().map(|label| check_tag("label", label, "is empty")));
        checks.push(within("only", self.only.len(), l::LIST_MAX, "agents"));
        checks.push(within("not", self.not.len(), l::LIST_MAX, "agents"));
        if let Some(both) = self.only.iter().find(|name| self.not.contains(name)) {
            checks.push(Err(FieldError::new("not", &format!("names {both}, and so does `only`"))));
        }
        if self.deadline.is_some() && self.within_ms.is_some() {
            let told = "stands beside `deadline`: one of the two is enough";
            checks.push(Err(FieldError::new("within_ms", told)));
        }
        checks.push(self.policy.check());
        checks.into_iter().filter_map(Result::err).collect()
    }

    fn check_brief(&self) -> Result<(), FieldError> {
        if self.brief.trim().is_empty() {
            return Err(FieldError::new("brief", "is empty: say what you want done"));
        }
        within("brief", self.brief.len(), limits::BRIEF_BYTES_MAX, "bytes")
    }
}

fn check_tag(field: &str, tag: &str, told_if_empty: &str) -> Result<(), FieldError> {
    if tag.trim().is_empty() {
        return Err(FieldError::new(field, told_if_empty));
    }
    within(field, tag.len(), limits::TAG_BYTES_MAX, "bytes")
}

fn within(field: &str, size: usize, max: usize, unit: &str) -> Result<(), FieldError> {
    if size <= max {
        return Ok(());
    }
    Err(FieldError::new(field, &format!("is too large: {size} {unit}, the limit is {max}")))
}

/// A field that does not fit, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub struct FieldError {
    /// The field, as a path: `criteria[2]`.
    pub field: String,
    /// What is wrong, to be read after the field's name.
    pub problem: String,
}

impl FieldError {
    /// An error about `field`.
    pub fn new(field: &str, problem: &str) -> Self {
        Self { field: field.to_owned(), problem: problem.to_owned() }
    }
}

/// One thing that an answer must meet. In JSON: `{"rule": "max 200 words"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Criterion {
    /// A JSON Schema that the output must satisfy.
    Schema(Json),
    /// A CEL expression over `input` and `output`, or a plain form such as `max 200 words`.
    Rule(String),
    /// A statement that a judge decides: a model, or the client.
    Judge(String),
}

impl Criterion {
    fn check(&self, field: &str) -> Result<(), FieldError> {
        match self {
            Self::Schema(_) => Ok(()),
            Self::Rule(text) | Self::Judge(text) if text.trim().is_empty() => {
                Err(FieldError::new(field, "is empty"))
            }
            Self::Rule(text) | Self::Judge(text) => {
                within(field, text.len(), limits::CRITERION_BYTES_MAX, "bytes")
            }
        }
    }
}

/// When a person looks at the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Review {
    /// Never; a doubtful answer goes to an operator.
    Never,
    /// Always.
    Always,
    /// Only when a criterion could not be decided.
    #[default]
    OnAbstain,
}

/// Who may see a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Its client, those whom they share it with, and operators.
    #[default]
    Private,
    /// Everybody in the place where it was posted.
    Place,
}

/// Whether a job's text may go to the platform's own model calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Models {
    /// It may.
    #[default]
    On,
    /// None of it may.
    Off,
}

/// A job's class in the queue: a higher class goes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// After everything else.
    Low,
    /// As everybody.
    #[default]
    Normal,
    /// Before others; needs the operator's role.
    High,
}

impl Priority {
    /// The class as a number: higher goes first.
    pub fn class(self) -> i64 {
        match self {
            Self::Low => 0,
            Self::Normal => 1,
            Self::High => 2,
        }
    }

    /// The priority with this class.
    pub fn from_class(class: i64) -> Option<Self> {
        [Self::Low, Self::Normal, Self::High].into_iter().find(|priority| priority.class() == class)
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        })
    }
}

/// How often a job is tried. The defaults suit most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Most attempts that were answered, went silent or stayed unclear. 1 to 20.
    pub attempts_max: u32,
    /// Most attempts that were declined or never reached their agent. 1 to 100.
    pub offers_max: u32,
    /// Most sends of one delivery within an attempt. 1 to 20.
    pub delivery_tries_max: u32,
    /// Repair rounds per agent after failed criteria. 0 to 5.
    pub repairs_max: u32,
    /// First wait before a delivery is sent again, ms; it doubles. 100 to 3,600,000.
    pub backoff_ms: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Self { attempts_max: 3, offers_max: 12, delivery_tries_max: 5, repairs_max: 1, backoff_ms: 1_000 }
    }
}

impl Policy {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

    fn check(&self) -> Result<(), FieldError> {
        let bounds: [(&str, u64, u64, u64); 5] = [
            ("policy.attempts_max", self.attempts_max.into(), 1, 20),
            ("policy.offers_max", self.offers_max.into(), 1, 100),
            ("policy.delivery_tries_max", self.delivery_tries_max.into(), 1, 20),
            ("policy.repairs_max", self.repairs_max.into(), 0, 5),
            ("policy.backoff_ms", self.backoff_ms, 100, 3_600_000),
        ];
        for (field, value, min, max) in bounds {
            if !(min..=max).contains(&value) {
                return Err(FieldError::new(
                    field,
                    &format!("is {value}; it must be between {min} and {max}"),
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_brief_is_enough() {
        let draft: JobDraft =
            serde_json::from_str(r#"{"brief": "Count the words.\nAll of them."}"#).expect("a draft");
        assert_eq!(draft.check(), Ok(()));
        assert_eq!(draft.shown_title(), "Count the words.");
        assert_eq!(serde_json::to_string(&draft).expect("it prints").matches("policy").count(), 0);
    }

    #[test]
    fn bounds_name_the_field() {
        let draft = JobDraft { brief: "  ".to_owned(), ..JobDraft::default() };
        assert_eq!(
            draft.check().expect_err("no brief").to_string(),
            "brief is empty: say what you want done"
        );
        let draft = JobDraft { brief: "x".repeat(100_001), ..JobDraft::default() };
        assert_eq!(
            draft.check().expect_err("too long").to_string(),
            "brief is too large: 100001 bytes, the limit is 100000"
        );
        let policy = Policy { attempts_max: 0, ..Policy::default() };
        let draft = JobDraft { brief: "x".to_owned(), policy, ..JobDraft::default() };
        assert_eq!(
            draft.check().expect_err("no attempts").to_string(),
            "policy.attempts_max is 0; it must be between 1 and 20"
        );
    }

    #[test]
    fn everything_out_of_bounds_is_said_at_once() {
        let long = |bytes: usize| "x".repeat(bytes);
        let draft = JobDraft {
            title: Some(long(201)),
            criteria: vec![Criterion::Judge("It is polite.".to_owned()), Criterion::Rule(long(5_000))],
            label: Some(long(65)),
            ..JobDraft::default()
        };
        let fields: Vec<String> = draft.problems().into_iter().map(|problem| problem.field).collect();
        assert_eq!(fields, ["brief", "title", "criteria[1]", "label"]);
    }

    #[test]
    fn a_deadline_is_a_time_or_a_span() {
        let now = Timestamp(1_000);
        let brief = || "x".to_owned();
        let draft = JobDraft { brief: brief(), within_ms: Some(500), ..JobDraft::default() };
        assert_eq!((draft.check(), draft.deadline_from(now)), (Ok(()), Timestamp(1_500)));
        let draft = JobDraft { brief: brief(), deadline: Some(Timestamp(7)), ..JobDraft::default() };
        assert_eq!((draft.check(), draft.deadline_from(now)), (Ok(()), Timestamp(7)));
        let both = JobDraft { within_ms: Some(500), ..draft };
        assert_eq!(both.check().expect_err("both").field, "within_ms");
        let neither = JobDraft { brief: brief(), ..JobDraft::default() };
        assert_eq!(neither.deadline_from(now), Timestamp(86_401_000));
    }

    #[test]
    fn criteria_read_naturally() {
        let text = r#"{"brief":"b","criteria":[{"rule":"max 200 words"},{"judge":"It is polite."},{"schema":{"type":"object"}}]}"#;
        let draft: JobDraft = serde_json::from_str(text).expect("a draft");
        assert_eq!(draft.criteria[0], Criterion::Rule("max 200 words".to_owned()));
        assert!(serde_json::from_str::<JobDraft>(r#"{"brief":"b","bref":"typo"}"#).is_err());
    }

    #[test]
    fn a_title_is_cut_at_a_character() {
        let draft = JobDraft { brief: "ü".repeat(300), ..JobDraft::default() };
        assert_eq!(draft.shown_title(), "ü".repeat(100));
    }
}
