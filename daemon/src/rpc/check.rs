//! Checking drafts and definitions before anything is written: everything that needs the market or a compiler.

use super::errors::{invalid, not_found};
use super::{Caller, Desk};
use crate::agents::chat;
use crate::catalog;
use crate::judge::schema::{Schema, SchemaVerdict};
use crate::judge::verdict::check_criteria;
use crate::market::Compiled;
use guildhall_protocol::agent::{AgentDefinition, AgentKind};
use guildhall_protocol::error::ApiError;
use guildhall_protocol::job::{JobDraft, Priority, limits};
use guildhall_protocol::matrix::Verb;
use guildhall_protocol::time::Timestamp;
use serde_json::Value;
use std::time::Duration;

impl Caller {
    /// Checks a draft; answers it with its deadline, and what may be a mistake.
    pub(super) async fn checked_draft(
        &self,
        draft: JobDraft,
        now: Timestamp,
    ) -> Result<(JobDraft, Vec<String>), ApiError> {
        draft.check()?;
        if draft.priority > Priority::Normal {
            self.check(Verb::RaisePriority).map_err(|error| error.in_field("priority"))?;
        }
        let deadline = draft.deadline_from(now);
        let (soonest, latest) = (
            now.after(Duration::from_millis(limits::DEADLINE_MS_MIN)),
            now.after(Duration::from_millis(limits::DEADLINE_MS_MAX)),
        );
        if !(soonest..=latest).contains(&deadline) {
            let problem =
                if deadline < soonest { "has passed, or nearly" } else { "is more than 90 days away" };
            return Err(invalid("deadline", format!("the deadline {deadline} {problem}")));
        }
        let here = self.settled_here();
        for name in draft.only.iter().chain(&draft.not) {
            let market = self.desk.engine.market();
            if !market.named(name).is_some_and(|listing| self.may_see(&listing.record)) {
                return Err(not_found(&format!("agent {name}")).in_field("only"));
            }
        }
        if let Some(name) = draft.only.first().filter(|_| !draft.only.iter().any(|name| here.allows(name))) {
            let told = format!("{name} gets no jobs of this place, which names the agents that do");
            return Err(invalid("only", told).hint("post it without naming an agent, or name another one"));
        }
        let criteria = draft.criteria.clone();
        let warnings = self.desk.on_pool(move || check_criteria(&criteria)).await?;
        let warnings =
            warnings.map_err(|(index, problem)| invalid(&format!("criteria[{index}]"), problem))?;
        self.desk.check_input(&draft).await?;
        let visibility = Some(draft.visibility.unwrap_or(here.visibility));
        Ok((JobDraft { visibility, deadline: Some(deadline), within_ms: None, ..draft }, warnings))
    }
}

impl Desk {
    /// With one agent named, its input schema must take an input that is given: nobody else will. Where there are only
    /// words, a model builds its input, or the client is asked for it.
    async fn check_input(&self, draft: &JobDraft) -> Result<(), ApiError> {
        let ([name], Some(input)) = (draft.only.as_slice(), &draft.input) else { return Ok(()) };
        let schema = self.engine.market().named(name).and_then(|listing| listing.compiled.input.clone());
        let Some(schema) = schema else { return Ok(()) };
        let input = input.value();
        let problem = self.on_pool(move || violations(&schema, &input)).await?;
        let Some(problem) = problem else { return Ok(()) };
        Err(invalid("input", format!("the input does not fit what {name} takes: {problem}"))
            .hint(format!("`guildhall agent show {name}` prints its input schema and examples")))
    }
}

/// Checks a definition; answers it compiled, and what may be a mistake.
pub(super) async fn checked_definition(
    desk: &Desk,
    definition: AgentDefinition,
) -> Result<(Compiled, Vec<String>), ApiError> {
    definition.check()?;
    if definition.kind == AgentKind::A2a {
        let problem = "this daemon cannot speak to agents of the kind a2a yet; use native or chat";
        return Err(invalid("kind", problem));
    }
    desk.on_pool(move || {
        let compiled =
            catalog::compile(definition).map_err(|error| invalid(error.field, error.to_string()))?;
        for (index, example) in compiled.definition.examples.iter().enumerate() {
            let sides = [
                ("input", &compiled.input, Some(&example.input)),
                ("output", &compiled.output, example.output.as_ref()),
            ];
            for (side, schema, value) in sides {
                let (Some(schema), Some(value)) = (schema, value) else { continue };
                if let Some(problem) = violations(schema, &value.value()) {
                    let field = format!("examples[{index}].{side}");
                    return Err(invalid(
                        &field,
                        format!("{field} does not fit the {side} schema: {problem}"),
                    ));
                }
            }
        }
        let schemas = [("input_schema", &compiled.input), ("output_schema", &compiled.output)];
        let warnings = schemas.into_iter().filter_map(|(field, schema)| Some((field, schema.as_ref()?)));
        let warnings = warnings
            .flat_map(|(field, schema)| schema.warnings().iter().map(move |text| format!("{field}: {text}")));
        let mut warnings: Vec<String> = warnings.collect();
        if let (Some(_), Some(schema)) = (&compiled.definition.chat, &compiled.definition.output_schema) {
            warnings.extend(chat::schema_warning(schema).map(|text| format!("output_schema: {text}")));
        }
        Ok((compiled, warnings))
    })
    .await?
}

/// What a value misses of a schema; none if it fits. Recurses into foreign values: run it on the pool.
pub(super) fn violations(schema: &Schema, value: &Value) -> Option<String> {
    match schema.check(value) {
        SchemaVerdict::Pass => None,
        SchemaVerdict::Fail(violations) => {
            let line = |path: &str, message: &str| {
                if path.is_empty() { message.to_owned() } else { format!("{path}: {message}") }
            };
            let lines: Vec<String> = violations
                .iter()
                .map(|violation| line(&violation.instance_path, &violation.message))
                .collect();
            Some(lines.join("; "))
        }
        SchemaVerdict::TooMuchWork { work, work_max } => {
            Some(format!("checking it would take {work} steps, the limit is {work_max}"))
        }
    }
}
