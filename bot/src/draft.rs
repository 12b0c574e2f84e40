//! A job that somebody is writing: what was given beside the form, and what was typed into it. The daemon keeps it, so that
//! nothing that was typed is lost, whatever restarts.

use crate::fields::{Field, object};
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::job::{Criterion, FieldError, JobDraft, Review, Visibility};
use guildhall_protocol::json::Json;
use guildhall_protocol::time::{TimeZone, Timestamp, is_local, parse_moment, parse_span};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How rules in plain words begin; everything else is for a judge.
const RULES: [&str; 11] = [
    "max ",
    "min ",
    "at least ",
    "at most ",
    "contains ",
    "does not contain ",
    "starts with ",
    "ends with ",
    "valid json",
    "one of ",
    "rule: ",
];

/// How the names of fields begin that are of an agent's input.
pub(crate) const INPUT: &str = "in.";

/// When something is typed, and by which clock: the zone is known where a clock time takes one to be read.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    pub(crate) now: Timestamp,
    pub(crate) zone: Option<TimeZone>,
}

/// A deadline: a span stays one, so that the same job later has as much time.
type Deadline = (Option<Timestamp>, Option<u64>);

impl Clock {
    fn deadline(&self, text: &str) -> Result<Deadline, String> {
        if let Ok(span) = parse_span(text) {
            return Ok((None, Some(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))));
        }
        if is_local(text) && self.zone.is_none() {
            return Err("this is another moment in each time zone: say yours once with /account timezone, or write a span \
                such as 2h"
                .to_owned());
        }
        let zone = self.zone.clone().unwrap_or(TimeZone::UTC);
        let moment = parse_moment(text, self.now, &zone).map_err(|error| error.to_string())?;
        Ok((Some(moment), None))
    }
}

/// A job that is being written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Draft {
    /// Options of the command.
    pub(crate) options: BTreeMap<String, String>,
    /// The text of a file that was sent along.
    pub(crate) material: Option<String>,
    /// Why there is none, although a file was sent along.
    pub(crate) problem: Option<String>,
    /// What the form asked for beside the usual: what the agent needs. Typed as `in.` and the property's name.
    #[serde(default)]
    pub(crate) fields: Vec<Field>,
    /// Whether the file holds many jobs, one a line.
    #[serde(default)]
    pub(crate) is_many: bool,
    /// What was typed into the form.
    pub(crate) typed: BTreeMap<String, String>,
}

impl Draft {
    /// Its name at the daemon.
    pub(crate) fn name(number: u64) -> String {
        number.to_string()
    }

    /// Whether it tries an agent out, and counts for nobody.
    pub(crate) fn is_trial(&self) -> bool {
        self.options.contains_key("trial")
    }

    /// What was given for an option, beside the form or in it.
    pub(crate) fn given(&self, name: &str) -> Option<&str> {
        let found = [&self.typed, &self.options].into_iter().filter_map(|given| given.get(name));
        found.map(|text| text.trim()).find(|text| !text.is_empty())
    }

    /// Whether it is to be told in a thread.
    pub(crate) fn wants_thread(&self) -> bool {
        self.given("thread") == Some("true")
    }

    /// What the agent asked for, as it wants it.
    fn input(&self) -> Result<Json, Vec<FieldError>> {
        let typed = self
            .typed
            .iter()
            .filter_map(|(name, text)| Some((name.strip_prefix(INPUT)?.to_owned(), text.clone())));
        let input = object(&self.fields, &typed.collect());
        let of_input =
            |wrong: FieldError| FieldError::new(&format!("{INPUT}{}", wrong.field), &wrong.problem);
        input.map(Json::from).map_err(|wrong| wrong.into_iter().map(of_input).collect())
    }

    /// What it is to work on.
    fn material(&self) -> Result<Option<Json>, Vec<FieldError>> {
        let wrong = |told: &str| Err(vec![FieldError::new("material", told)]);
        if let Some(problem) = &self.problem {
            return wrong(&format!(
                "{problem}; what you edit now goes without the file, and /job post takes another one"
            ));
        }
        let typed = self.typed.get("material").map(|text| text.trim()).filter(|text| !text.is_empty());
        match (typed, &self.material) {
            (Some(_), Some(_)) => wrong("is typed, and there is a file too: give one of the two"),
            _ if !self.fields.is_empty() => self.input().map(Some),
            (typed, file) => Ok(typed.or(file.as_deref()).map(document)),
        }
    }

    /// The job.
    ///
    /// # Errors
    /// Everything that cannot be, and where: an option or a field of the form, as a path such as `criteria[2]`.
    pub(crate) fn job(&self, clock: &Clock) -> Result<JobDraft, Vec<FieldError>> {
        let mut problems = Vec::new();
        let input = self.material().unwrap_or_else(|wrong| {
            problems.extend(wrong);
            None
        });
        let criteria = [self.options.get("criteria"), self.typed.get("criteria")];
        let criteria = criteria.into_iter().flat_map(lines_of).map(criterion).collect();
        let only = self.given("agent").map(str::parse::<AgentName>).transpose().unwrap_or_else(|_| {
            problems.push(FieldError::new("agent", "is named like @summarizer: write its name so"));
            None
        });
        let deadline = self.given("deadline").map(|text| clock.deadline(text)).transpose();
        let deadline = deadline.unwrap_or_else(|told| {
            problems.push(FieldError::new("deadline", &told));
            None
        });
        let (deadline, within_ms) = deadline.unwrap_or_default();
        let job = JobDraft {
            brief: self.given("brief").unwrap_or_default().to_owned(),
            title: self.given("title").map(str::to_owned),
            input,
            criteria,
            label: self.given("label").map(str::to_owned),
            deadline,
            within_ms,
            trial: self.is_trial(),
            review: match self.given("review") {
                Some("always") => Review::Always,
                Some("never") => Review::Never,
                _ => Review::OnAbstain,
            },
            visibility: match self.given("visibility") {
                Some("place") => Some(Visibility::Place),
                Some("private") => Some(Visibility::Private),
                Some(_) | None => None,
            },
            only: only.into_iter().collect(),
            ..JobDraft::default()
        };
        problems.splice(0..0, job.problems());
        if problems.is_empty() { Ok(job) } else { Err(problems) }
    }
}

/// Lines that say something.
pub(crate) fn lines_of(given: Option<&String>) -> impl Iterator<Item = &str> {
    given.into_iter().flat_map(|text| text.lines()).map(str::trim).filter(|line| !line.is_empty())
}

/// A job of which only the options are known.
///
/// # Errors
/// Every option that cannot be, whatever is typed beside it.
pub(crate) fn options_alone(
    options: &BTreeMap<String, String>,
    clock: &Clock,
) -> Result<JobDraft, Vec<FieldError>> {
    let mut options = options.clone();
    options.entry("brief".to_owned()).or_insert_with(|| "to be typed".to_owned());
    Draft { options, ..Draft::default() }.job(clock)
}

/// JSON as JSON, everything else as text.
fn document(text: &str) -> Json {
    let is_document = text.starts_with('{') || text.starts_with('[');
    let json = is_document.then(|| Json::from_text(text.to_owned()).ok()).flatten();
    json.unwrap_or_else(|| Json::from(serde_json::Value::String(text.to_owned())))
}

fn criterion(line: &str) -> Criterion {
    let line = line.trim_start_matches(['-', '*', '•']).trim();
    let lower = line.to_lowercase();
    if RULES.iter().any(|rule| lower.starts_with(rule)) {
        return Criterion::Rule(line.strip_prefix("rule: ").unwrap_or(line).to_owned());
    }
    Criterion::Judge(line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(options: &[(&str, &str)], typed: &[(&str, &str)]) -> Draft {
        let all = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
        };
        Draft { options: all(options), typed: all(typed), ..Draft::default() }
    }

    fn clock() -> Clock {
        // The 22nd of November 2026 at 23:26:40 in UTC.
        Clock { now: Timestamp(1_795_390_000_000), zone: None }
    }

    #[test]
    fn a_clock_time_is_of_whoever_types_it() {
        let deadline = |text: &str, zone: Option<&str>| {
            let zone = zone.and_then(guildhall_protocol::time::zone);
            let job = draft(&[("deadline", text)], &[("brief", "x")]).job(&Clock { zone, ..clock() });
            job.map(|job| job.deadline.map(|at| at.to_string()))
        };
        assert_eq!(deadline("18:00", Some("Asia/Tokyo")), Ok(Some("2026-11-23T09:00:00.000Z".to_owned())));
        assert_eq!(
            deadline("18:00", Some("America/New_York")),
            Ok(Some("2026-11-23T23:00:00.000Z".to_owned()))
        );
        assert_eq!(deadline("2026-12-01T10:00:00Z", None), Ok(Some("2026-12-01T10:00:00.000Z".to_owned())));
        assert_eq!(deadline("2h", None), Ok(None));
        let wrong = deadline("18:00", None).expect_err("whose clock?");
        assert!(wrong[0].field == "deadline" && wrong[0].problem.contains("/account timezone"));
    }

    #[test]
    fn a_form_becomes_a_job() {
        let job = draft(
            &[("agent", "@sum"), ("review", "always"), ("visibility", "place"), ("criteria", "max 9 words")],
            &[
                ("brief", " Count the words "),
                ("material", "{\"text\": \"to be\"}"),
                ("criteria", "It is polite.\n- valid JSON"),
                ("deadline", "2h"),
                ("title", ""),
            ],
        )
        .job(&clock())
        .expect("a job");
        assert_eq!(
            (job.brief.as_str(), job.title, job.within_ms),
            ("Count the words", None, Some(7_200_000))
        );
        assert_eq!(
            (job.review, job.visibility, job.only.len()),
            (Review::Always, Some(Visibility::Place), 1)
        );
        assert_eq!(job.input.map(|input| input.value()), Some(serde_json::json!({"text": "to be"})));
        let expected = [
            Criterion::Rule("max 9 words".to_owned()),
            Criterion::Judge("It is polite.".to_owned()),
            Criterion::Rule("valid JSON".to_owned()),
        ];
        assert_eq!(job.criteria, expected);
        let words = draft(&[], &[("brief", "x"), ("material", "{ not json")]).job(&clock()).expect("a job");
        assert_eq!(words.input.map(|input| input.value()), Some(serde_json::json!("{ not json")));
    }

    #[test]
    fn what_an_agent_asks_for_becomes_its_input() {
        let schema = serde_json::json!({"required": ["text"], "properties": {
            "text": {"type": "string"}, "count": {"type": "integer", "title": "How many"}}});
        let fields = crate::fields::asked(&schema, 4).expect("a form shows it");
        let filled = |count: &str| Draft {
            fields: fields.clone(),
            ..draft(&[("brief", "Count")], &[("in.text", "to be"), ("in.count", count)])
        };
        let job = filled("3").job(&clock()).expect("a job");
        assert_eq!(job.brief, "Count");
        assert_eq!(
            job.input.map(|input| input.value()),
            Some(serde_json::json!({"text": "to be", "count": 3}))
        );
        let wrong = filled("three").job(&clock()).expect_err("no number");
        assert_eq!(wrong[0].field, "in.count");
        let kept = serde_json::to_string(&filled("3")).expect("JSON");
        assert_eq!(serde_json::from_str::<Draft>(&kept).expect("it is read again"), filled("3"));
    }

    #[test]
    fn everything_that_is_wrong_is_said_with_its_field() {
        let fields = |draft: Draft| {
            let wrong = draft.job(&clock()).expect_err("it is wrong");
            wrong.into_iter().map(|wrong| wrong.field).collect::<Vec<_>>()
        };
        assert_eq!(fields(draft(&[], &[("brief", "  "), ("deadline", "soon")])), ["brief", "deadline"]);
        let all = draft(
            &[("agent", "a b"), ("label", &"x".repeat(65)), ("criteria", "max 9 words")],
            &[("title", &"ü".repeat(101)), ("criteria", &format!("It is polite.\n{}", "x".repeat(4_097)))],
        );
        assert_eq!(fields(all), ["brief", "title", "criteria[2]", "label", "agent"]);
        let both = Draft {
            material: Some("file".to_owned()),
            ..draft(&[], &[("brief", "x"), ("material", "typed"), ("deadline", "soon")])
        };
        assert_eq!(fields(both), ["material", "deadline"]);
        let lost =
            Draft { problem: Some("the file is too large".to_owned()), ..draft(&[], &[("title", "x")]) };
        assert_eq!(fields(lost), ["brief", "material"]);
    }
}
