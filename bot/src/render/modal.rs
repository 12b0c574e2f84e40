//! Forms. A form holds five fields and answers nothing but itself.

use crate::custom_id::CustomId;
use crate::definition::MORE;
use crate::draft::{Draft, INPUT};
use crate::fields;
use crate::message::fit;
use guildhall_protocol::attempt::Question;
use guildhall_protocol::clean::{clean_line, cut};
use guildhall_protocol::ids::JobId;
use serde_json::{Value, json};

/// Most characters that somebody can type into a field.
const TYPED_MAX: usize = 4_000;

/// What stands above the fields of a new job.
pub(super) const BRIEF: &str = "What do you want?";
pub(super) const MATERIAL: &str = "Material to work on";
pub(super) const CRITERIA: &str = "How will you know that it is right?";
pub(super) const TITLE: &str = "Title";
pub(super) const DEADLINE: &str = "When must it be done?";

/// Most fields of a form.
pub(crate) const FIELDS_MAX: usize = 5;

struct Field<'a> {
    name: &'a str,
    label: &'a str,
    placeholder: &'a str,
    value: Option<&'a str>,
    long: bool,
    required: bool,
    most: usize,
}

fn form(id: &CustomId, title: &str, fields: &[Field<'_>]) -> Value {
    let rows: Vec<Value> = fields
        .iter()
        .map(|field| {
            let mut input = json!({
                "type": 4,
                "custom_id": field.name,
                "label": fit(field.label, 45),
                "style": if field.long { 2 } else { 1 },
                "required": field.required,
                "max_length": field.most,
            });
            if !field.placeholder.is_empty() {
                input["placeholder"] = json!(fit(field.placeholder, 100));
            }
            if let Some(value) = field.value.filter(|value| !value.is_empty()) {
                // Back to whoever typed it: as they did.
                input["value"] = json!(value.chars().take(field.most).collect::<String>());
            }
            json!({"type": 1, "components": [input]})
        })
        .collect();
    json!({"custom_id": id.to_string(), "title": fit(title, 45), "components": rows})
}

/// Who sees a job, as its form says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Its client.
    Privately,
    /// Everybody in the server.
    ByAll,
}

impl Seen {
    fn title(self, title: &str) -> String {
        match self {
            Self::Privately => title.to_owned(),
            Self::ByAll => format!("Seen by all here: {}{}", title[..1].to_lowercase(), &title[1..]),
        }
    }
}

/// What somebody typed into the form of a new job.
pub(crate) type Typed<'a> = &'a std::collections::BTreeMap<String, String>;

/// A field by its name, label and placeholder, whether it is long and required, with what was typed before.
fn typed_field<'a>(
    typed: Typed<'a>,
    (name, label, placeholder): (&'a str, &'a str, &'a str),
    (long, required): (bool, bool),
    most: usize,
) -> Field<'a> {
    let value = typed.get(name).map(String::as_str);
    Field { name, label, placeholder, value, long, required, most }
}

/// The form of a new job, with what was typed before.
pub(crate) fn post_form(id: &CustomId, typed: Typed<'_>, seen: Seen) -> Value {
    let field = |name, label, placeholder, long, required, most| {
        typed_field(typed, (name, label, placeholder), (long, required), most)
    };
    form(
        id,
        &seen.title("Post a job"),
        &[
            field("brief", BRIEF, "In your own words", true, true, TYPED_MAX),
            field("material", MATERIAL, "Text or JSON, if there is any", true, false, TYPED_MAX),
            field("criteria", CRITERIA, "One a line: max 200 words", true, false, 2_000),
            field("title", TITLE, "By default, the first line of what you want", false, false, 150),
            field("deadline", DEADLINE, "2h, 3d, 18:00; by default in a day", false, false, 40),
        ],
    )
}

/// The form of a new agent, with what was typed before.
pub(crate) fn register_form(typed: Typed<'_>) -> Value {
    let field = |name, label, placeholder, long, required, most| {
        typed_field(typed, (name, label, placeholder), (long, required), most)
    };
    form(
        &CustomId::Register,
        "Register an agent",
        &[
            field("name", "Its name", "@summarizer", false, true, 40),
            field("description", "What does it do?", "Jobs are matched with this", true, true, TYPED_MAX),
            field(
                "endpoint",
                "Where does it listen?",
                "https://agents.example/summarizer",
                false,
                true,
                1_000,
            ),
            field("tags", "Tags", "Words that jobs can ask for, such as: text, csv", false, false, 1_400),
            field(
                MORE,
                "Anything else, as JSON",
                "An input schema, an example {\"input\": ...}, or \"output_schema\", \"caps\" and so on",
                true,
                false,
                TYPED_MAX,
            ),
        ],
    )
}

/// The form of a trial of an agent that says nothing about what it takes, with what was typed before.
pub(crate) fn try_form(id: &CustomId, agent: &str, typed: Typed<'_>) -> Value {
    let field =
        |name, label, placeholder| typed_field(typed, (name, label, placeholder), (true, false), TYPED_MAX);
    let brief = field("brief", BRIEF, "By default, that it shows what it can do");
    let material = field("material", MATERIAL, "Text or JSON");
    form(id, &format!("Try {agent}"), &[brief, material])
}

/// A form that asks for a reason.
pub(crate) fn reason_form(id: &CustomId, title: &str, label: &str) -> Value {
    let field = Field {
        name: "reason",
        label,
        placeholder: "",
        value: None,
        long: true,
        required: true,
        most: 2_000,
    };
    form(id, title, &[field])
}

/// The form to post a job once more.
pub(crate) fn again_form(job: JobId) -> Value {
    let field = Field {
        name: "reason",
        label: "What was wrong with it?",
        placeholder: "The first attempt reads it; nothing, if it is only to be done again",
        value: None,
        long: true,
        required: false,
        most: 2_000,
    };
    form(&CustomId::Again { job }, &format!("Job {job} once more"), &[field])
}

/// The form of a job for one agent: what it needs, after what is wanted unless that is said already.
pub(crate) fn agent_form(id: &CustomId, agent: &str, draft: &Draft, seen: Seen) -> Value {
    let mut fields = Vec::new();
    if !draft.options.contains_key("brief") {
        fields.push(Field {
            name: "brief",
            label: BRIEF,
            placeholder: "In your own words",
            value: draft.typed.get("brief").map(String::as_str),
            long: true,
            required: true,
            most: TYPED_MAX,
        });
    }
    let names: Vec<String> = draft.fields.iter().map(|field| format!("{INPUT}{}", field.name)).collect();
    for (field, name) in draft.fields.iter().zip(&names) {
        fields.push(shown(field, name, draft.typed.get(name).map(String::as_str)));
    }
    form(id, &seen.title(&format!("A job for {agent}")), &fields)
}

fn shown<'a>(field: &'a fields::Field, name: &'a str, value: Option<&'a str>) -> Field<'a> {
    let most = field.most.and_then(|most| usize::try_from(most).ok()).unwrap_or(TYPED_MAX);
    Field {
        name,
        label: &field.label,
        placeholder: &field.hint,
        value,
        long: field.long,
        required: field.required,
        most: most.clamp(1, TYPED_MAX),
    }
}

/// The form for the answer to a question: a field for each thing that its schema asks for, or one for words.
pub(crate) fn answer_form(job: JobId, epoch: u64, question: &Question) -> Value {
    let id = CustomId::Answer { job, epoch };
    if let Some(asked) = asked_by(question) {
        let fields: Vec<Field<'_>> = asked.iter().map(|field| shown(field, &field.name, None)).collect();
        return form(&id, "Answer", &fields);
    }
    let asked = cut(&clean_line(&question.text), 99);
    let field = Field {
        name: "reply",
        label: "Your answer",
        placeholder: &asked,
        value: None,
        long: true,
        required: true,
        most: TYPED_MAX,
    };
    form(&id, "Answer", &[field])
}

/// What a question asks for field by field, if its form shows it so.
pub(crate) fn asked_by(question: &Question) -> Option<Vec<fields::Field>> {
    fields::asked(&question.schema.as_ref()?.value(), FIELDS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall_protocol::json::Json;
    use std::collections::BTreeMap;

    #[test]
    fn a_form_stays_within_discord_s_limits_and_keeps_what_was_typed() {
        let typed =
            BTreeMap::from([("brief".to_owned(), "x".repeat(5_000)), ("title".to_owned(), String::new())]);
        let form = post_form(&CustomId::Post { draft: Some(7) }, &typed, Seen::ByAll);
        assert_eq!(form["title"], "Seen by all here: post a job");
        let rows = form["components"].as_array().expect("rows");
        assert_eq!(rows.len(), 5);
        for row in rows {
            let input = &row["components"][0];
            assert!(input["label"].as_str().is_some_and(|label| label.chars().count() <= 45), "{input}");
            assert!(input["placeholder"].as_str().is_none_or(|text| text.chars().count() <= 100));
        }
        assert_eq!(rows[0]["components"][0]["value"].as_str().map(str::len), Some(4_000));
        assert!(rows[3]["components"][0].get("value").is_none());
    }

    #[test]
    fn a_job_for_an_agent_asks_what_it_needs() {
        let schema = json!({"required": ["url"], "properties": {
            "url": {"type": "string", "maxLength": 9_000}, "deep": {"type": "boolean", "title": "t".repeat(99)}}});
        let fields = crate::fields::asked(&schema, FIELDS_MAX - 1).expect("a form shows it");
        let typed = BTreeMap::from([("in.url".to_owned(), "https://a.example".to_owned())]);
        let mut draft = Draft { fields, typed, ..Draft::default() };
        let form = agent_form(&CustomId::Post { draft: Some(7) }, "@reader", &draft, Seen::Privately);
        let input = |form: &Value, number: usize| form["components"][number]["components"][0].clone();
        assert_eq!(
            (input(&form, 0)["custom_id"].as_str(), &form["components"][3]),
            (Some("brief"), &Value::Null)
        );
        let url = input(&form, 1);
        assert_eq!(
            (url["value"].as_str(), url["max_length"].as_u64()),
            (Some("https://a.example"), Some(4_000))
        );
        assert!(input(&form, 2)["label"].as_str().is_some_and(|label| label.chars().count() <= 45));
        draft.options.insert("brief".to_owned(), "Read it".to_owned());
        let form = agent_form(&CustomId::Post { draft: Some(7) }, "@reader", &draft, Seen::ByAll);
        assert_eq!(input(&form, 0)["custom_id"], "in.url");
    }

    #[test]
    fn a_question_with_a_schema_asks_field_by_field() {
        let question =
            |schema: Value| Question { text: "Which units?".to_owned(), schema: Some(Json::from(schema)) };
        let two = json!({"type": "object", "required": ["from"], "properties": {
            "from": {"type": "string", "title": "From which unit"}, "to": {"type": "string"}}});
        let form = answer_form(JobId(3), 1, &question(two));
        let rows = form["components"].as_array().expect("rows");
        assert_eq!((rows.len(), rows[0]["components"][0]["label"].as_str()), (2, Some("From which unit")));
        assert_eq!(rows[0]["components"][0]["required"], true);
        for odd in
            [json!(true), json!({"properties": {"list": {"type": "array"}}}), json!({"type": "string"})]
        {
            let form = answer_form(JobId(3), 1, &question(odd));
            assert_eq!(form["components"].as_array().map(Vec::len), Some(1));
        }
    }
}
