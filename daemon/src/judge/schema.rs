//! JSON Schemas of strangers: compiled once with limits, checked with a bound on the work.
//!
//! The invariant is that neither a schema nor a value can make a check slow, big or deep: what may be expensive is
//! refused when it is stored, or counted before it runs. Only JSON Schema 2020-12, only what the document itself holds,
//! only regular expressions that match in linear time. Nothing here fetches anything.

mod error;
mod explain;
mod graph;
mod keywords;
mod patterns;
#[cfg(test)]
mod tests;

pub use error::SchemaError;

use super::measure::Size;
use graph::Graph;
use guildhall_protocol::clean::cut;
use jsonschema::{Draft, Validator};
use serde_json::{Value, json};
use std::sync::Arc;

/// What a schema may be and cost.
#[derive(Debug, Clone, Copy)]
pub struct SchemaLimits {
    /// Bytes of the schema as compact JSON.
    pub bytes_max: usize,
    /// Levels of nesting of the schema's JSON.
    pub depth_max: usize,
    /// Parts when every `$ref` is replaced by what it points to.
    pub cost_max: u64,
    /// Schemas that may apply to one value inside one another (`$ref`, `allOf`, ...). Bounds the stack.
    pub chain_max: usize,
    /// Bytes of one compiled pattern.
    pub pattern_bytes_max: usize,
    /// Bytes of one pattern's cache while it matches.
    pub pattern_dfa_bytes_max: usize,
    /// Bytes of all compiled patterns together.
    pub patterns_bytes_max: usize,
    /// Work of one check: schema cost along one path x size of the value. About 10 ns each at worst.
    pub work_max: u64,
    /// Work up to which a failed check lists what is wrong; above it only says that the value does not fit.
    pub explained_work_max: u64,
    /// Violations in one verdict.
    pub violations_max: usize,
}

/// The limits in force.
pub const SCHEMA_LIMITS: SchemaLimits = SchemaLimits {
    bytes_max: 32 << 10,
    depth_max: 32,
    cost_max: 10_000,
    chain_max: 32,
    pattern_bytes_max: 256 << 10,
    pattern_dfa_bytes_max: 1 << 20,
    patterns_bytes_max: 1 << 20,
    work_max: 20_000_000,
    explained_work_max: 500_000,
    violations_max: 10,
};

/// Bytes of text that count as much as one value: text is matched, compared and copied too.
const TEXT_BYTES_PER_UNIT: u64 = 32;

/// A compiled schema. Clones share it.
#[derive(Debug, Clone)]
pub struct Schema {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    validator: Validator,
    /// Work along one path down a value, by the value's depth; never empty.
    work_by_depth: Vec<u64>,
    warnings: Vec<String>,
    properties: Vec<String>,
    accepts_text: bool,
}

/// Whether a value fits a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaVerdict {
    /// It fits.
    Pass,
    /// It does not; at least one and at most ten violations.
    Fail(Vec<Violation>),
    /// To find out would be more work than allowed. Nothing was checked.
    TooMuchWork {
        /// The most work that it could be.
        work: u64,
        /// The work that is allowed.
        work_max: u64,
    },
}

/// One way in which a value does not fit. Holds expectations and names, never the value itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// JSON pointer into the value; empty for the whole.
    pub instance_path: String,
    /// JSON pointer into the schema.
    pub schema_path: String,
    /// What was expected and what kind of thing was found.
    pub message: String,
}

impl Schema {
    /// Compiles a schema of a stranger. Recurses: run it on the [pool](super::pool).
    ///
    /// # Errors
    /// What is wrong or which limit is exceeded, where, and what to do.
    pub fn compile(schema: &Value) -> Result<Self, SchemaError> {
        check_size(schema)?;
        check_dialect(schema)?;
        let graph = Graph::read(schema)?;
        graph.check_limits()?;
        let options = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .offline()
            .with_pattern_options(patterns::engine())
            .should_validate_formats(true);
        let validator = options.build(schema).map_err(|error| SchemaError::Invalid {
            at: explain::path_shown(&format!("#{}", error.instance_path())),
            problem: explain::message(&error),
        })?;
        let mut inner = Inner {
            validator,
            work_by_depth: graph.work_by_depth(),
            warnings: graph.warnings,
            properties: properties(schema),
            accepts_text: false,
        };
        inner.accepts_text = inner.fits(&json!({"text": "Say hello to the world."}));
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Remarks for the author: keywords that mean nothing and are probably typos.
    pub fn warnings(&self) -> &[String] {
        &self.inner.warnings
    }

    /// The top-level properties, each as its name and, after a space, its description. For search.
    pub fn properties(&self) -> &[String] {
        &self.inner.properties
    }

    /// Whether `{"text": "..."}` would fit, which is what a job without structured input sends.
    pub fn accepts_text(&self) -> bool {
        self.inner.accepts_text
    }

    /// Checks a value. Recurses: run it on the [pool](super::pool). Equal questions get equal verdicts.
    pub fn check(&self, instance: &Value) -> SchemaVerdict {
        let work = self.inner.work(instance);
        let work_max = SCHEMA_LIMITS.work_max;
        if work > work_max {
            return SchemaVerdict::TooMuchWork { work, work_max };
        }
        if self.inner.validator.is_valid(instance) {
            return SchemaVerdict::Pass;
        }
        if work > SCHEMA_LIMITS.explained_work_max {
            return SchemaVerdict::Fail(vec![Violation {
                instance_path: String::new(),
                schema_path: String::new(),
                message: "the value does not fit the schema; both are too big together to say where"
                    .to_owned(),
            }]);
        }
        let violations = self.inner.validator.iter_errors(instance).take(SCHEMA_LIMITS.violations_max);
        SchemaVerdict::Fail(
            violations
                .map(|error| Violation {
                    instance_path: explain::path_shown(error.instance_path().as_str()),
                    schema_path: explain::path_shown(error.schema_path().as_str()),
                    message: explain::message(&error),
                })
                .collect(),
        )
    }
}

impl Inner {
    /// The most work that checking a value can be; saturates.
    fn work(&self, instance: &Value) -> u64 {
        let size = Size::of(instance);
        let Some(last) = self.work_by_depth.len().checked_sub(1) else {
            return u64::MAX;
        };
        if size.depth > graph::INSTANCE_DEPTH_MAX {
            return u64::MAX;
        }
        let units = size.nodes + size.text_bytes / TEXT_BYTES_PER_UNIT;
        self.work_by_depth[size.depth.min(last)].saturating_mul(units)
    }

    fn fits(&self, instance: &Value) -> bool {
        self.work(instance) <= SCHEMA_LIMITS.work_max && self.validator.is_valid(instance)
    }
}

fn check_size(schema: &Value) -> Result<(), SchemaError> {
    let depth = Size::of(schema).depth;
    // Depth first: printing recurses.
    if depth > SCHEMA_LIMITS.depth_max {
        return Err(SchemaError::TooDeep { depth });
    }
    let bytes = schema.to_string().len();
    if bytes > SCHEMA_LIMITS.bytes_max {
        return Err(SchemaError::TooBig { bytes });
    }
    Ok(())
}

/// Refuses, anywhere in the document, what would give references or keywords another meaning.
fn check_dialect(schema: &Value) -> Result<(), SchemaError> {
    let mut waiting = vec![(schema, String::from("#"))];
    while let Some((value, at)) = waiting.pop() {
        match value {
            Value::Array(items) => {
                waiting.extend(
                    items.iter().enumerate().map(|(i, item)| (item, graph::join(&at, &i.to_string()))),
                );
            }
            Value::Object(fields) => {
                for (name, field) in fields {
                    if let Value::String(text) = field {
                        check_meaning(name, text, &at)?;
                    }
                    waiting.push((field, graph::join(&at, name)));
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    Ok(())
}

fn check_meaning(name: &str, text: &str, at: &str) -> Result<(), SchemaError> {
    let inner_id = name == "$id" && at != "#";
    if inner_id || keywords::UNSUPPORTED.contains(&name) {
        return Err(SchemaError::Unsupported { at: at.to_owned(), keyword: name.to_owned() });
    }
    if name == "$schema" && text.trim_end_matches('#') != "https://json-schema.org/draft/2020-12/schema" {
        return Err(SchemaError::ForeignDialect { at: at.to_owned(), found: cut(text, 80) });
    }
    Ok(())
}

/// Names and descriptions of the properties at the top, also when the top is only a `$ref`.
fn properties(schema: &Value) -> Vec<String> {
    let mut top = schema;
    for _ in 0..SCHEMA_LIMITS.chain_max {
        let target =
            top.get("$ref").and_then(Value::as_str).and_then(|r| graph::resolve(schema, r, "#").ok());
        match target {
            Some((target, _)) if top.get("properties").is_none() => top = target,
            Some(_) | None => break,
        }
    }
    let Some(Value::Object(named)) = top.get("properties") else {
        return Vec::new();
    };
    named
        .iter()
        .map(|(name, property)| match property.get("description").and_then(Value::as_str) {
            Some(description) => format!("{name} {description}"),
            None => name.clone(),
        })
        .collect()
}
