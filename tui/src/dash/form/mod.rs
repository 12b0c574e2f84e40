//! A form over the whole screen: what somebody writes before it is posted or registered. It holds texts, whether they mean
//! anything or not; `job` and `agent` say what they mean, and `schema` what an agent asks for.

pub(crate) mod agent;
pub(crate) mod field;
pub(crate) mod job;
pub(crate) mod schema;

use super::state::DraftOf;
use field::Field;
use guildhall_protocol::agent::AgentName;
use guildhall_protocol::error::ApiError;
use guildhall_protocol::ids::RequestId;
use guildhall_protocol::job::{FieldError, JobDraft};
use guildhall_protocol::time::Timestamp;
use guildhall_protocol::view::Preview;
use schema::{Asked, Shape};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What the editor has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Edited {
    Field(String),
    Whole,
}

/// The look at who would get a job.
#[derive(Clone, Debug)]
pub(crate) enum Look {
    /// The fields are shown.
    None,
    /// It was asked for.
    Asked,
    Shown {
        preview: Result<Box<Preview>, ApiError>,
        top: usize,
    },
}

/// The part of a form that an agent's input schema makes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Input {
    /// Whose schema it is; none: nobody's, and it is any JSON.
    pub(crate) agent: Option<AgentName>,
    /// Empty: one field of JSON.
    pub(crate) asked: Vec<Asked>,
    /// What was in the input and has no field.
    pub(crate) rest: Map<String, Value>,
}

/// A form.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    pub(crate) of: DraftOf,
    pub(crate) fields: Vec<Field>,
    pub(crate) focus: usize,
    /// What is posted is posted once under it.
    pub(crate) request: RequestId,
    /// What is wrong with all of it.
    pub(crate) trouble: Option<String>,
    /// What one should know.
    pub(crate) note: Option<String>,
    /// What a job's draft says that has no field.
    pub(crate) hidden: JobDraft,
    pub(crate) input: Input,
    /// Texts of a draft whose fields are not there yet.
    pub(crate) later: BTreeMap<String, String>,
    /// What the editor gave back and could not be read.
    pub(crate) unread: Option<(Edited, String)>,
    pub(crate) editing: Option<Edited>,
    pub(crate) look: Look,
    /// Grows with each look.
    pub(crate) turn: u64,
    /// The number of the order under which it was sent; its outcome is not known yet.
    pub(crate) sending: Option<u64>,
    /// Whether anything was written into it.
    pub(crate) changed: bool,
    /// When it is kept next.
    pub(crate) keep_at: Option<Timestamp>,
    /// Whether the next press throws it away.
    pub(crate) discarding: bool,
    /// What it begins with is not read yet: the job as posted, or the agent's definition.
    pub(crate) waits: bool,
}

/// A form as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    request: RequestId,
    texts: BTreeMap<String, String>,
    #[serde(default)]
    hidden: JobDraft,
    #[serde(default)]
    rest: Map<String, Value>,
}

impl Form {
    /// An empty form.
    pub(crate) fn new(of: DraftOf, request: RequestId) -> Self {
        let fields = match &of {
            DraftOf::Job => job::fields(),
            DraftOf::Again(_) => job::fields_of_again(),
            DraftOf::Agent => agent::fields(),
            DraftOf::Version(_) => agent::fields_of_version(),
        };
        let waits = matches!(of, DraftOf::Again(_) | DraftOf::Version(_));
        Self {
            of,
            fields,
            focus: 0,
            request,
            trouble: None,
            note: None,
            hidden: JobDraft::default(),
            input: Input::default(),
            later: BTreeMap::new(),
            unread: None,
            editing: None,
            look: Look::None,
            turn: 0,
            sending: None,
            changed: false,
            keep_at: None,
            discarding: false,
            waits,
        }
    }

    /// A form with what was kept in it; none: that cannot be read.
    pub(crate) fn restored(of: DraftOf, kept: &str) -> Option<Self> {
        let kept: Kept = serde_json::from_str(kept).ok()?;
        let mut form = Self::new(of, kept.request);
        form.hidden = kept.hidden;
        form.input.rest = kept.rest;
        form.later = kept.texts;
        form.waits = false;
        form.changed = true;
        form.fill_later();
        form.note = Some("this is your draft of before; ctrl-x throws it away".to_owned());
        Some(form)
    }

    /// As it is kept.
    pub(crate) fn kept(&self) -> String {
        let shown = self.fields.iter().filter(|field| !field.secret);
        let mut texts = self.later.clone();
        texts.extend(shown.map(|field| (field.key.clone(), field.value())));
        let kept = Kept {
            request: self.request.clone(),
            texts,
            hidden: self.hidden.clone(),
            rest: self.input.rest.clone(),
        };
        serde_json::to_string(&kept).expect("texts and JSON print as JSON")
    }

    /// Its title.
    pub(crate) fn title(&self) -> String {
        match &self.of {
            DraftOf::Job => "Post a job".to_owned(),
            DraftOf::Again(job) => format!("Post {job} again"),
            DraftOf::Agent => "Register an agent".to_owned(),
            DraftOf::Version(name) => format!("New version of {name}"),
        }
    }

    /// The field with this key.
    pub(crate) fn field(&self, key: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.key == key)
    }

    /// The same, to be changed.
    pub(crate) fn field_mut(&mut self, key: &str) -> Option<&mut Field> {
        self.fields.iter_mut().find(|field| field.key == key)
    }

    /// The text of a field; empty where there is none.
    pub(crate) fn text(&self, key: &str) -> String {
        self.field(key).map(Field::value).unwrap_or_default()
    }

    /// The text of a field without spaces around it; none: it is blank.
    pub(crate) fn said(&self, key: &str) -> Option<String> {
        Some(self.text(key).trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// The words of a list.
    pub(crate) fn words(&self, key: &str) -> Vec<String> {
        let words = self.text(key);
        words.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    /// Puts a text into a field, or keeps it for when the field is there.
    pub(crate) fn set(&mut self, key: &str, text: &str) {
        match self.field_mut(key) {
            Some(field) => field.set(text),
            None => {
                self.later.insert(key.to_owned(), text.to_owned());
            }
        }
    }

    /// Puts texts into fields that were not there before.
    pub(crate) fn fill_later(&mut self) {
        for (key, text) in std::mem::take(&mut self.later) {
            self.set(&key, &text);
        }
    }

    /// The fields of the input never come: what was in them is JSON.
    pub(crate) fn give_up_later(&mut self) {
        let (input, rest): (BTreeMap<String, String>, _) =
            std::mem::take(&mut self.later).into_iter().partition(|(key, _)| key.starts_with("input/"));
        self.later = rest;
        if input.is_empty() {
            return;
        }
        let mut object = std::mem::take(&mut self.input.rest);
        object.extend(
            input.into_iter().map(|(key, text)| (key["input/".len()..].to_owned(), Value::String(text))),
        );
        let text = serde_json::to_string_pretty(&Value::Object(object)).unwrap_or_default();
        self.set("input", &text);
    }

    /// What is wrong with what is written, as far as this side knows; each with the key of its field.
    pub(crate) fn problems(&self, now: Timestamp) -> Vec<FieldError> {
        match &self.of {
            DraftOf::Job | DraftOf::Again(_) => job::draft(self, now).err().unwrap_or_default(),
            DraftOf::Agent | DraftOf::Version(_) => agent::definition(self).err().unwrap_or_default(),
        }
    }

    /// Shows what is wrong beside the fields, and goes to the first of them.
    pub(crate) fn tell(&mut self, problems: &[FieldError]) {
        let mut first = None;
        self.trouble = None;
        for error in problems {
            match self.place(&error.field) {
                Some(place) => {
                    first = first.min(Some(place)).or(Some(place));
                    let field = &mut self.fields[place];
                    if field.error.is_none() {
                        field.error = Some(error.problem.clone());
                    }
                }
                None => self.trouble = Some(error.to_string()),
            }
        }
        if let Some(first) = first {
            self.focus = first;
            let more =
                if problems.len() > 1 { format!(", and {} more", problems.len() - 1) } else { String::new() };
            self.trouble
                .get_or_insert_with(|| format!("something is wrong with {}{more}", self.fields[first].label));
        }
    }

    /// The field that a path is about: `policy.attempts_max`, `criteria[2]`, `input.url`.
    pub(crate) fn place(&self, path: &str) -> Option<usize> {
        let exact = |key: &str| self.fields.iter().position(|field| field.key == key);
        if self.of.is_job()
            && let Some(key) = job::field_of(self, path)
        {
            return exact(&key);
        }
        let head = path.split('[').next().unwrap_or(path);
        let slashed = head.replacen('.', "/", 1);
        exact(head)
            .or_else(|| exact(&slashed))
            .or_else(|| self.fields.iter().position(|field| field.key.starts_with(&format!("{head}/"))))
            .or_else(|| exact(head.split('.').next().unwrap_or(head)))
    }

    /// The whole of it as JSON, for the editor.
    ///
    /// # Errors
    /// What must be mended first.
    pub(crate) fn whole(&self, now: Timestamp) -> Result<String, Vec<FieldError>> {
        match &self.of {
            DraftOf::Job | DraftOf::Again(_) => job::document(self, now),
            DraftOf::Agent | DraftOf::Version(_) => agent::document(self),
        }
    }

    /// Takes the whole of it from the editor.
    ///
    /// # Errors
    /// What is wrong, with its place.
    pub(crate) fn take_whole(&mut self, text: &str) -> Result<(), String> {
        match &self.of {
            DraftOf::Job | DraftOf::Again(_) => job::take(self, text),
            DraftOf::Agent | DraftOf::Version(_) => agent::take(self, text),
        }
    }

    /// Asks for an input as this agent wants it; none: for any.
    pub(crate) fn ask_input(&mut self, agent: Option<AgentName>, shape: Option<Shape>) {
        let focused = self.fields.get(self.focus).map(|field| field.key.clone());
        let value = job::input(self).ok().flatten();
        let (asked, mut told) = match shape {
            Some(Shape::Fields(asked)) => (asked, None),
            Some(Shape::Document(why)) => {
                (Vec::new(), Some(format!("{why}: write the input as JSON, ctrl-e opens the editor")))
            }
            None => (Vec::new(), None),
        };
        let old = self.text("input");
        let mut kept = asked;
        let object = match &value {
            Some(Value::Object(object)) => Some(object.clone()),
            Some(_) => None,
            None if old.trim().is_empty() => Some(Map::new()),
            None => None,
        };
        if object.is_none() && !kept.is_empty() {
            kept.clear();
            told = Some("what is written as input does not fit the agent's fields: it stays JSON".to_owned());
        }
        let place = self.fields.iter().position(|field| is_input(&field.key)).unwrap_or(0);
        // What does not mean anything yet is not lost either.
        let texts: Vec<(String, String)> = self
            .fields
            .iter()
            .filter(|field| field.key.starts_with("input/"))
            .map(|field| (field.key.clone(), field.value()))
            .collect();
        self.fields.retain(|field| !is_input(&field.key));
        self.input = Input { agent, asked: kept, rest: Map::new() };
        if self.input.asked.is_empty() {
            let mut field = job::input_field();
            match &value {
                Some(value) => field.set(&serde_json::to_string_pretty(value).unwrap_or_default()),
                None => field.set(&old),
            }
            self.fields.insert(place, field);
        } else {
            let mut object = object.unwrap_or_default();
            for (at, asked) in self.input.asked.clone().iter().enumerate() {
                let mut field = asked.field();
                if let Some(value) = object.remove(&asked.name) {
                    field.set(&asked.show(&value));
                } else if let Some((_, text)) = texts.iter().find(|(key, _)| *key == field.key) {
                    field.set(text);
                }
                self.fields.insert(place + at, field);
            }
            self.input.rest = object;
        }
        self.fill_later();
        self.note =
            told.or_else(|| self.input.agent.as_ref().map(|name| format!("the input is as {name} wants it")));
        let same = focused.and_then(|key| self.fields.iter().position(|field| field.key == key));
        self.focus = same.unwrap_or(self.focus).min(self.fields.len().saturating_sub(1));
    }
}

fn is_input(key: &str) -> bool {
    key == "input" || key.starts_with("input/")
}
