//! The form of a job: its fields, and the draft that they mean.

use super::field::{Field, Kind};
use super::{Form, schema};
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::ids::JobId;
use guildhall_protocol::job::{
    Criterion, FieldError, JobDraft, Models, Policy, Priority, Review, Visibility,
};
use guildhall_protocol::json::Json;
use guildhall_protocol::time::{Timestamp, parse_moment, parse_span, show_span};
use serde_json::Value;
use std::time::Duration;

const REVIEWS: [(&str, Review); 3] =
    [("when in doubt", Review::OnAbstain), ("always", Review::Always), ("never", Review::Never)];
const VISIBILITIES: [(&str, Option<Visibility>); 3] =
    [("as usual here", None), ("private", Some(Visibility::Private)), ("place", Some(Visibility::Place))];
const MODELS: [(&str, Models); 2] = [("yes", Models::On), ("no", Models::Off)];
const PRIORITIES: [(&str, Priority); 3] =
    [("normal", Priority::Normal), ("low", Priority::Low), ("high", Priority::High)];

/// All fields, empty or with what is usual.
pub(super) fn fields() -> Vec<Field> {
    let policy = Policy::default();
    let number = |key: &str, label: &str, hint: &str, usual: u64| {
        Field::line(key, label, hint, Kind::Number).with(&usual.to_string())
    };
    let choice =
        |key: &str, label: &str, hint: &str, options: &[&str]| Field::choice(key, label, hint, options);
    vec![
        Field::text("brief", "Brief", "what is wanted, in words", Kind::Text).required(),
        Field::line("title", "Title", "one line; empty: the first line of the brief", Kind::Line),
        Field::line(
            "only",
            "Only",
            "nobody but these agents: @sum, @gist; one alone says what input it wants",
            Kind::List,
        ),
        input_field(),
        Field::text(
            "rules",
            "Rules",
            "one a line: max 200 words, or an expression over input and output",
            Kind::Text,
        ),
        Field::text("judges", "Judged", "one a line: a statement that a judge decides", Kind::Text),
        Field::text("schema", "Answer schema", "a JSON schema that the answer must satisfy", Kind::Json),
        Field::line(
            "deadline",
            "Deadline",
            "2h, 3d, 18:30 or 2026-11-22T22:00:00Z; empty: in a day",
            Kind::Line,
        ),
        Field::line("tags", "Tags", "only agents that have every one of these", Kind::List),
        Field::line("label", "Label", "your own word for a group of jobs", Kind::Line),
        choice("review", "You review", "when a person looks at the answer", &REVIEWS.map(|(name, _)| name)),
        choice(
            "visibility",
            "Visible",
            "to you and operators, or to everybody in your place",
            &VISIBILITIES.map(|(name, _)| name),
        ),
        choice(
            "models",
            "Models",
            "whether its text may go to the platform's own model calls",
            &MODELS.map(|(name, _)| name),
        ),
        choice("priority", "Class", "in the queue; high is for operators", &PRIORITIES.map(|(name, _)| name)),
        Field::line("not", "Not", "never these agents", Kind::List),
        number(
            "policy.attempts_max",
            "Attempts",
            "most that are answered, silent or unclear: 1 to 20",
            policy.attempts_max.into(),
        ),
        number(
            "policy.offers_max",
            "Offers",
            "most that are declined or reach nobody: 1 to 100",
            policy.offers_max.into(),
        ),
        number(
            "policy.repairs_max",
            "Repairs",
            "rounds per agent after failed criteria: 0 to 5",
            policy.repairs_max.into(),
        ),
        number(
            "policy.delivery_tries_max",
            "Deliveries",
            "most sends within an attempt: 1 to 20",
            policy.delivery_tries_max.into(),
        ),
        number(
            "policy.backoff_ms",
            "First wait, ms",
            "before a delivery is sent again; it doubles",
            policy.backoff_ms,
        ),
    ]
}

/// The same for a job that is posted again, and what was wrong with the result.
pub(super) fn fields_of_again() -> Vec<Field> {
    let wrong = Field::text(
        "correction",
        "What was wrong",
        "with the result; the first attempt reads it; empty: nothing",
        Kind::Text,
    );
    let mut fields = fields();
    fields.insert(1, wrong);
    fields
}

/// The input as one document.
pub(super) fn input_field() -> Field {
    Field::text("input", "Input", "material to work on: any JSON; ctrl-e opens the editor", Kind::Json)
}

fn chosen<T: Copy + Default>(form: &Form, key: &str, all: &[(&str, T)]) -> T {
    let text = form.text(key);
    all.iter().find(|(name, _)| *name == text).map(|(_, value)| *value).unwrap_or_default()
}

fn named<T: PartialEq>(value: &T, all: &'static [(&'static str, T)]) -> &'static str {
    all.iter().find(|(_, other)| other == value).map_or("", |(name, _)| name)
}

/// Reads fields one after another, and collects what is wrong.
#[derive(Default)]
pub(super) struct Reading(pub(super) Vec<FieldError>);

impl Reading {
    pub(super) fn wrong(&mut self, key: &str, problem: &str) {
        self.0.push(FieldError::new(key, problem));
    }

    /// A number; blank: the usual one.
    pub(super) fn number<T: std::str::FromStr>(&mut self, form: &Form, key: &str, usual: T) -> T {
        let Some(text) = form.said(key) else { return usual };
        text.parse().unwrap_or_else(|_| {
            let shown: String = text.chars().take(40).collect();
            self.wrong(key, &format!("{shown:?} is not a whole number"));
            usual
        })
    }

    /// Names of agents.
    fn agents(&mut self, form: &Form, key: &str) -> Vec<AgentName> {
        let mut names = Vec::new();
        for word in form.words(key) {
            match word.parse() {
                Ok(name) => names.push(name),
                Err(error) => {
                    let error: guildhall_protocol::agent::AgentNameError = error;
                    self.wrong(key, &error.to_string());
                }
            }
        }
        names
    }

    /// A document; blank: none.
    pub(super) fn json(&mut self, form: &Form, key: &str) -> Option<Json> {
        let text = form.said(key)?;
        Json::from_text(text).map_err(|error| self.wrong(key, &format!("is not JSON: {error}"))).ok()
    }
}

/// The input that is written; none: nothing is.
pub(super) fn input(form: &Form) -> Result<Option<Value>, Vec<FieldError>> {
    if form.input.asked.is_empty() {
        let mut reading = Reading::default();
        let json = reading.json(form, "input");
        return if reading.0.is_empty() { Ok(json.map(|json| json.value())) } else { Err(reading.0) };
    }
    match schema::object(&form.input.asked, &form.fields, &form.input.rest) {
        Ok(object) => Ok(Some(Value::Object(object))),
        Err(wrong) => Err(wrong.iter().map(|(key, problem)| FieldError::new(key, problem)).collect()),
    }
}

/// The draft that the fields mean.
///
/// # Errors
/// Everything that is wrong, each with the key of its field.
pub(crate) fn draft(form: &Form, now: Timestamp) -> Result<JobDraft, Vec<FieldError>> {
    let mut reading = Reading::default();
    let lines = |key: &str| -> Vec<String> {
        form.text(key).lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
    };
    let mut criteria: Vec<Criterion> = lines("rules").into_iter().map(Criterion::Rule).collect();
    criteria.extend(lines("judges").into_iter().map(Criterion::Judge));
    criteria.extend(reading.json(form, "schema").map(Criterion::Schema));
    criteria.extend(form.hidden.criteria.iter().cloned());
    let (mut deadline, mut within_ms) = (None, None);
    if let Some(text) = form.said("deadline") {
        match parse_span(&text) {
            Ok(span) => within_ms = Some(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)),
            Err(_) => match parse_moment(&text, now, &crate::session::own_zone()) {
                Ok(moment) => deadline = Some(moment),
                Err(error) => reading.wrong("deadline", &error.to_string()),
            },
        }
    }
    let input = if form.input.asked.is_empty() {
        // As it was written, not as it would be printed.
        reading.json(form, "input")
    } else {
        input(form).map_err(|wrong| reading.0.extend(wrong)).ok().flatten().map(Json::from)
    };
    if form.later.keys().any(|key| key.starts_with("input/")) {
        reading.wrong("only", "has a draft's input of which the fields are not read yet");
    }
    let usual = Policy::default();
    let draft = JobDraft {
        brief: form.text("brief"),
        title: form.said("title"),
        input,
        criteria,
        tags: form.words("tags"),
        label: form.said("label"),
        deadline,
        within_ms,
        review: chosen(form, "review", &REVIEWS),
        visibility: chosen(form, "visibility", &VISIBILITIES),
        only: reading.agents(form, "only"),
        not: reading.agents(form, "not"),
        models: chosen(form, "models", &MODELS),
        priority: chosen(form, "priority", &PRIORITIES),
        policy: Policy {
            attempts_max: reading.number(form, "policy.attempts_max", usual.attempts_max),
            offers_max: reading.number(form, "policy.offers_max", usual.offers_max),
            delivery_tries_max: reading.number(form, "policy.delivery_tries_max", usual.delivery_tries_max),
            repairs_max: reading.number(form, "policy.repairs_max", usual.repairs_max),
            backoff_ms: reading.number(form, "policy.backoff_ms", usual.backoff_ms),
        },
        correction: match form.field("correction") {
            Some(_) => form.said("correction"),
            None => form.hidden.correction.clone(),
        },
        ..form.hidden.clone()
    };
    reading.0.extend(draft.problems());
    if reading.0.is_empty() { Ok(draft) } else { Err(reading.0) }
}

/// The field that a path of the draft is about, where it is called otherwise.
pub(super) fn field_of(form: &Form, path: &str) -> Option<String> {
    if path.starts_with("within_ms") {
        return Some("deadline".to_owned());
    }
    let number: usize = path.strip_prefix("criteria[")?.split(']').next()?.parse().ok()?;
    let count = |key: &str| form.text(key).lines().filter(|line| !line.trim().is_empty()).count();
    let (rules, judges) = (count("rules"), count("judges"));
    let key = if number < rules {
        "rules"
    } else if number < rules + judges {
        "judges"
    } else {
        "schema"
    };
    Some(key.to_owned())
}

/// The draft as JSON.
pub(super) fn document(form: &Form, now: Timestamp) -> Result<String, Vec<FieldError>> {
    match draft(form, now) {
        Ok(draft) => pretty(&draft),
        // What is only too short or too long can be mended there, too; what is no JSON or no number cannot stand in it.
        Err(problems) => {
            let mut loose = form.clone();
            loose.set("brief", "?");
            match draft(&loose, now) {
                Ok(draft) => pretty(&JobDraft { brief: form.text("brief"), ..draft }),
                Err(_) => Err(problems),
            }
        }
    }
}

fn pretty(draft: &JobDraft) -> Result<String, Vec<FieldError>> {
    let value = serde_json::to_value(draft).and_then(|value| serde_json::to_string_pretty(&value));
    value.map(|text| text + "\n").map_err(|error| vec![FieldError::new("draft", &error.to_string())])
}

/// Fills the form from a draft's JSON.
pub(super) fn take(form: &mut Form, text: &str) -> Result<(), String> {
    let draft: JobDraft = serde_json::from_str(text).map_err(|error| format!("it does not fit: {error}"))?;
    fill(form, draft);
    Ok(())
}

/// Fills the form from a job as it was posted: the new one follows it, and has its usual time.
pub(crate) fn fill_again(form: &mut Form, earlier: JobId, draft: JobDraft) {
    let derived_from = Some(earlier);
    fill(form, JobDraft { deadline: None, derived_from, correction: None, ..draft });
}

fn fill(form: &mut Form, draft: JobDraft) {
    let (mut rules, mut judges, mut schemas, mut hidden) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for criterion in draft.criteria.clone() {
        match criterion {
            Criterion::Rule(text) if !text.contains('\n') => rules.push(text),
            Criterion::Judge(text) if !text.contains('\n') => judges.push(text),
            Criterion::Schema(json) if schemas.is_empty() => schemas.push(json.as_str().to_owned()),
            other @ (Criterion::Rule(_) | Criterion::Judge(_) | Criterion::Schema(_)) => hidden.push(other),
        }
    }
    let deadline = match (draft.within_ms, draft.deadline) {
        (Some(ms), _) => span(ms),
        (None, Some(at)) => at.to_string(),
        (None, None) => String::new(),
    };
    let names = |names: &[AgentName]| names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    for (key, text) in [
        ("brief", draft.brief.clone()),
        ("title", draft.title.clone().unwrap_or_default()),
        ("only", names(&draft.only)),
        ("rules", rules.join("\n")),
        ("judges", judges.join("\n")),
        ("schema", schemas.join("\n")),
        ("deadline", deadline),
        ("tags", draft.tags.join(", ")),
        ("label", draft.label.clone().unwrap_or_default()),
        ("review", named(&draft.review, &REVIEWS).to_owned()),
        ("visibility", named(&draft.visibility, &VISIBILITIES).to_owned()),
        ("models", named(&draft.models, &MODELS).to_owned()),
        ("priority", named(&draft.priority, &PRIORITIES).to_owned()),
        ("not", names(&draft.not)),
        ("policy.attempts_max", draft.policy.attempts_max.to_string()),
        ("policy.offers_max", draft.policy.offers_max.to_string()),
        ("policy.repairs_max", draft.policy.repairs_max.to_string()),
        ("policy.delivery_tries_max", draft.policy.delivery_tries_max.to_string()),
        ("policy.backoff_ms", draft.policy.backoff_ms.to_string()),
    ] {
        form.set(key, &text);
    }
    if let Some(field) = form.field_mut("correction") {
        field.set(draft.correction.as_deref().unwrap_or_default());
    }
    // The input is one document again; an agent that is named makes fields of it afterwards.
    form.ask_input(None, None);
    form.set("input", draft.input.as_ref().map_or("", Json::as_str));
    form.note = (!hidden.is_empty())
        .then(|| format!("{} criteria have no field and are kept as they are", hidden.len()));
    form.hidden = JobDraft {
        criteria: hidden,
        derived_from: draft.derived_from,
        correction: draft.correction,
        trial: draft.trial,
        ..JobDraft::default()
    };
}

/// A span as it is typed, without loss.
fn span(ms: u64) -> String {
    let shown = show_span(Duration::from_millis(ms)).replace(' ', "");
    let same = parse_span(&shown).is_ok_and(|span| span == Duration::from_millis(ms));
    if same { shown } else { format!("{ms}ms") }
}
