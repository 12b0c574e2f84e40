//! The form of an agent: its fields, and the definition that they mean.

use super::Form;
use super::field::{Field, Kind};
use super::job::Reading;
use crate::dash::state::DraftOf;
use guildhall_protocol::agent::{
    AgentDefinition, AgentKey, AgentKind, AgentName, Audience, Caps, Chat, Example, Skill, TimeLimits,
};
use guildhall_protocol::job::FieldError;
use guildhall_protocol::json::Json;
use guildhall_protocol::view::RegisterOptions;

const KINDS: [(&str, AgentKind); 3] =
    [("native", AgentKind::Native), ("a2a", AgentKind::A2a), ("chat", AgentKind::Chat)];
const AUDIENCES: [(&str, Audience); 3] =
    [("its owner", Audience::Owner), ("its place", Audience::Place), ("everybody", Audience::Public)];

/// All fields of a new agent, empty or with what is usual.
pub(super) fn fields() -> Vec<Field> {
    let (caps, limits) = (Caps::default(), TimeLimits::default());
    let number = |key: &str, label: &str, hint: &str, usual: Option<u64>| {
        let usual = usual.map_or_else(String::new, |usual| usual.to_string());
        Field::line(key, label, hint, Kind::Number).with(&usual)
    };
    vec![
        Field::line("name", "Name", "@ and 2 to 32 characters a-z 0-9 - _", Kind::Line).required(),
        Field::text(
            "description",
            "Description",
            "what it does, in a few sentences: jobs are matched with it",
            Kind::Text,
        )
        .required(),
        Field::choice("kind", "Kind", "how it is spoken to", &KINDS.map(|(name, _)| name)),
        Field::line(
            "endpoint",
            "Endpoint",
            "where it listens: https://...; of a chat agent the base URL",
            Kind::Line,
        )
        .required(),
        Field::line("chat.model", "Model", "chat agents: which model does the work", Kind::Line),
        Field::text("chat.prompt", "Prompt", "chat agents: tells the model what it is to do", Kind::Text),
        Field::line("api_key", "API key", "chat agents: opens the endpoint; kept in no draft", Kind::Line)
            .secret(),
        Field::text("skills", "Skills", "one a line: name: what it does", Kind::Text),
        Field::line("tags", "Tags", "words that jobs can ask for", Kind::List),
        Field::line("languages", "Languages", "that it works in: en, de", Kind::List),
        Field::text("input_schema", "Input schema", "JSON schema; empty: it takes anything", Kind::Json),
        Field::text("output_schema", "Output schema", "JSON schema; empty: anything", Kind::Json),
        Field::text("examples", "Examples", "one to three: [{\"input\": ..., \"output\": ...}]", Kind::Json),
        Field::line("display", "Display", "the part of the output for people, such as /text", Kind::Line),
        number("caps.concurrency", "Jobs at a time", "1 to 1000", Some(caps.concurrency.into())),
        number("caps.jobs_per_day", "Jobs a day", "empty: as many as come", None),
        number("caps.jobs_per_client_per_day", "A day and client", "empty: as many as come", None),
        number("caps.input_bytes", "Largest input", "bytes", Some(caps.input_bytes)),
        number("time_limits.exchange_ms", "One exchange, ms", "100 to 600000", Some(limits.exchange_ms)),
        number("time_limits.answer_ms", "The answer, ms", "1000 to 86400000", Some(limits.answer_ms)),
        number("time_limits.silence_ms", "Silence, ms", "1000 to 86400000", Some(limits.silence_ms)),
        Field::choice(
            "idempotent",
            "Idempotent",
            "whether the same delivery sent twice does the work once",
            &["yes", "no"],
        ),
        Field::choice(
            "audience",
            "Works for",
            "operators; others publish it later",
            &AUDIENCES.map(|(name, _)| name),
        ),
        Field::choice(
            "allow_private",
            "Private address",
            "operators: allow http or a private address",
            &["no", "yes"],
        ),
        Field::choice("house", "Of the house", "operators: it belongs to the house", &["no", "yes"]),
    ]
}

/// The fields of a new version: its name, and for whom it works, are not changed so.
pub(super) fn fields_of_version() -> Vec<Field> {
    let fixed = ["name", "audience", "house"];
    fields().into_iter().filter(|field| !fixed.contains(&field.key.as_str())).collect()
}

/// The definition that the fields mean, and how it is registered.
///
/// # Errors
/// Everything that is wrong, each with the key of its field.
pub(crate) fn definition(form: &Form) -> Result<(AgentDefinition, RegisterOptions), Vec<FieldError>> {
    let mut reading = Reading::default();
    let name = match &form.of {
        DraftOf::Version(name) => Some(name.clone()),
        DraftOf::Agent | DraftOf::Job | DraftOf::Again(_) => match form.text("name").parse::<AgentName>() {
            Ok(name) => Some(name),
            Err(error) => {
                reading.wrong("name", &error.to_string());
                None
            }
        },
    };
    let kind = chosen(&form.text("kind"), &KINDS).unwrap_or_default();
    let chat = if kind == AgentKind::Chat { chat(form, &mut reading) } else { None };
    let api_key =
        match form.said("api_key").filter(|_| kind == AgentKind::Chat).map(|key| key.parse::<AgentKey>()) {
            Some(Ok(key)) => Some(key),
            Some(Err(error)) => {
                reading.wrong("api_key", &error.to_string());
                None
            }
            None => None,
        };
    let (caps, limits) = (Caps::default(), TimeLimits::default());
    let limit = |reading: &mut Reading, key: &str| form.said(key).map(|_| reading.number(form, key, 0_u32));
    if form.said("endpoint").is_none() {
        reading.wrong("endpoint", "is empty: say where the agent listens");
    }
    let definition = AgentDefinition {
        // Without one there is an error already, and this is never used.
        name: name.unwrap_or_else(|| "@none".parse().expect("it is a name")),
        description: form.text("description"),
        endpoint: form.said("endpoint").unwrap_or_default(),
        kind,
        chat,
        skills: skills(&form.text("skills")),
        tags: form.words("tags"),
        languages: form.words("languages"),
        input_schema: reading.json(form, "input_schema"),
        output_schema: reading.json(form, "output_schema"),
        examples: examples(form, &mut reading),
        display: form.said("display"),
        caps: Caps {
            concurrency: reading.number(form, "caps.concurrency", caps.concurrency),
            jobs_per_day: limit(&mut reading, "caps.jobs_per_day"),
            jobs_per_client_per_day: limit(&mut reading, "caps.jobs_per_client_per_day"),
            input_bytes: reading.number(form, "caps.input_bytes", caps.input_bytes),
        },
        time_limits: TimeLimits {
            exchange_ms: reading.number(form, "time_limits.exchange_ms", limits.exchange_ms),
            answer_ms: reading.number(form, "time_limits.answer_ms", limits.answer_ms),
            silence_ms: reading.number(form, "time_limits.silence_ms", limits.silence_ms),
        },
        idempotent: form.text("idempotent") == "yes",
    };
    // A chat agent whose model is wrong is told so already.
    if reading.0.is_empty()
        && let Err(error) = definition.check()
    {
        reading.0.push(error);
    }
    let options = RegisterOptions {
        allow_private: form.text("allow_private") == "yes",
        audience: chosen(&form.text("audience"), &AUDIENCES).unwrap_or_default(),
        house: form.text("house") == "yes",
        api_key,
    };
    if reading.0.is_empty() { Ok((definition, options)) } else { Err(reading.0) }
}

fn chat(form: &Form, reading: &mut Reading) -> Option<Chat> {
    match form.text("chat.model").trim().parse() {
        Ok(model) => Some(Chat { model, prompt: form.text("chat.prompt") }),
        Err(error) => {
            let error: guildhall_protocol::model::ModelNameError = error;
            reading.wrong("chat.model", &error.to_string());
            None
        }
    }
}

fn chosen<T: Copy>(text: &str, all: &[(&str, T)]) -> Option<T> {
    all.iter().find(|(name, _)| *name == text).map(|(_, value)| *value)
}

fn skills(text: &str) -> Vec<Skill> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let (name, description) = line.split_once(':').unwrap_or((line, ""));
            Skill { name: name.trim().to_owned(), description: description.trim().to_owned() }
        })
        .collect()
}

fn examples(form: &Form, reading: &mut Reading) -> Vec<Example> {
    let Some(text) = form.said("examples") else { return Vec::new() };
    serde_json::from_str(&text).unwrap_or_else(|error| {
        reading.wrong("examples", &format!("are no examples: {error}"));
        Vec::new()
    })
}

/// The definition as JSON.
pub(super) fn document(form: &Form) -> Result<String, Vec<FieldError>> {
    let definition = match definition(form) {
        Ok((definition, _)) => definition,
        Err(problems) => {
            // What is missing can be written there, too.
            let mut loose = form.clone();
            for (key, text) in [
                ("name", "@name"),
                ("description", "?"),
                ("endpoint", "https://"),
                ("chat.model", "model"),
                ("chat.prompt", "?"),
            ] {
                if loose.said(key).is_none() {
                    loose.set(key, text);
                }
            }
            definition(&loose).map(|(definition, _)| definition).map_err(|_| problems)?
        }
    };
    let value = serde_json::to_value(&definition).and_then(|value| serde_json::to_string_pretty(&value));
    value.map(|text| text + "\n").map_err(|error| vec![FieldError::new("definition", &error.to_string())])
}

/// Fills the form from a definition's JSON.
pub(super) fn take(form: &mut Form, text: &str) -> Result<(), String> {
    let definition: AgentDefinition =
        serde_json::from_str(text).map_err(|error| format!("it does not fit: {error}"))?;
    if let DraftOf::Version(name) = &form.of
        && *name != definition.name
    {
        return Err(format!("this is the form of {name}: another name is another agent"));
    }
    fill(form, &definition);
    Ok(())
}

/// Fills the form from a definition.
pub(crate) fn fill(form: &mut Form, definition: &AgentDefinition) {
    let json = |json: &Option<Json>| json.as_ref().map_or_else(String::new, |json| json.as_str().to_owned());
    let examples = if definition.examples.is_empty() {
        String::new()
    } else {
        let value = serde_json::to_value(&definition.examples);
        value.and_then(|value| serde_json::to_string_pretty(&value)).unwrap_or_default()
    };
    let skill = |skill: &Skill| {
        let about = skill.description.replace('\n', " ");
        if about.is_empty() { skill.name.clone() } else { format!("{}: {about}", skill.name) }
    };
    let optional = |number: Option<u32>| number.map_or_else(String::new, |number| number.to_string());
    let kind = KINDS.iter().find(|(_, kind)| *kind == definition.kind).map_or("", |(name, _)| name);
    let chat = definition.chat.as_ref();
    let mut texts = vec![
        ("description", definition.description.clone()),
        ("kind", kind.to_owned()),
        ("endpoint", definition.endpoint.clone()),
        ("chat.model", chat.map_or_else(String::new, |chat| chat.model.to_string())),
        ("chat.prompt", chat.map_or_else(String::new, |chat| chat.prompt.clone())),
        ("skills", definition.skills.iter().map(skill).collect::<Vec<_>>().join("\n")),
        ("tags", definition.tags.join(", ")),
        ("languages", definition.languages.join(", ")),
        ("input_schema", json(&definition.input_schema)),
        ("output_schema", json(&definition.output_schema)),
        ("examples", examples),
        ("display", definition.display.clone().unwrap_or_default()),
        ("caps.concurrency", definition.caps.concurrency.to_string()),
        ("caps.jobs_per_day", optional(definition.caps.jobs_per_day)),
        ("caps.jobs_per_client_per_day", optional(definition.caps.jobs_per_client_per_day)),
        ("caps.input_bytes", definition.caps.input_bytes.to_string()),
        ("time_limits.exchange_ms", definition.time_limits.exchange_ms.to_string()),
        ("time_limits.answer_ms", definition.time_limits.answer_ms.to_string()),
        ("time_limits.silence_ms", definition.time_limits.silence_ms.to_string()),
        ("idempotent", if definition.idempotent { "yes" } else { "no" }.to_owned()),
    ];
    if form.of == DraftOf::Agent {
        texts.push(("name", definition.name.to_string()));
    }
    for (key, text) in texts {
        form.set(key, &text);
    }
}
