//! Rules of strangers: expressions over `input` and `output` (CEL), or [plain words](super::plain).
//!
//! The invariant is that a rule always ends, soon, in bounded memory and stack, with the same verdict for the same
//! question. `rule/fence.rs` says how. A rule that is not met fails an answer; a rule that could not be checked within its
//! budget abstains, and says so.
//!
//! Expressions know the variables `input` and `output`, the macros `has`, `all`, `exists`, `exists_one`, `map`, `filter`,
//! and the functions in [`FUNCTIONS`]. Whole numbers are `int`; `double(x)` makes one fit a fraction.

mod fence;
mod functions;
mod meter;
#[cfg(test)]
mod tests;
mod value;

pub use functions::{FUNCTIONS, MACROS, VARIABLES};

use super::measure::Size;
use super::plain::{self, Plain, PlainError};
use cel::{Context, IdedExpr, ParseErrors, Value};
use guildhall_protocol::clean::{clean_line, cut};
use regex::Regex;
use serde_json::Value as Json;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// What a rule may be and cost.
#[derive(Debug, Clone, Copy)]
pub struct RuleLimits {
    /// Bytes of its source.
    pub source_bytes_max: usize,
    /// Parts of its expression, after macros.
    pub nodes_max: usize,
    /// Levels of its expression.
    pub depth_max: usize,
    /// Loops inside one another.
    pub loops_max: usize,
    /// Brackets inside one another.
    pub brackets_max: u16,
    /// Bytes of one compiled pattern.
    pub pattern_bytes_max: usize,
    /// Bytes of input and output together, where the rule uses them.
    pub value_bytes_max: u64,
    /// Steps of one check: one for each turn of a loop and for every 256 bytes read or copied, more for
    /// patterns.
    pub ticks_max: u64,
}

/// The limits in force.
pub const RULE_LIMITS: RuleLimits = RuleLimits {
    source_bytes_max: 4 << 10,
    nodes_max: 500,
    depth_max: 120,
    loops_max: 2,
    brackets_max: 64,
    pattern_bytes_max: 64 << 10,
    value_bytes_max: 1 << 20,
    ticks_max: meter::TICKS_MAX,
};

/// Compiled rules that a thread keeps. Those with patterns are not kept: they can be large.
const KEPT_MAX: usize = 32;

thread_local! {
    /// Jobs of a batch repeat their rules, and each is compiled when it is posted and when it is checked.
    static KEPT: RefCell<HashMap<String, Rule>> = RefCell::default();
}

/// The longest rule that a reason repeats, in graphemes.
const SOURCE_SHOWN_MAX: usize = 200;

/// A compiled rule. Clones share it.
#[derive(Debug, Clone)]
pub struct Rule {
    form: Form,
}

#[derive(Debug, Clone)]
enum Form {
    Plain(Plain),
    Expression(Arc<Expression>),
}

#[derive(Debug)]
struct Expression {
    source: String,
    fenced: IdedExpr,
    /// With their sizes in KiB.
    patterns: Arc<[(Regex, usize)]>,
    uses_input: bool,
    uses_output: bool,
}

/// Whether an answer meets a rule. Reasons are single lines that hold names and counts, never values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleVerdict {
    /// It does.
    Pass,
    /// It does not, or the rule does not work on it.
    Fail {
        /// Why.
        reason: String,
    },
    /// Nobody knows: the check would take too long.
    Abstain {
        /// Why.
        reason: String,
    },
}

/// Why a rule is refused. Lines and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// The source is too long.
    #[error("the rule has {bytes} bytes, at most {} are allowed; split it into several rules", RULE_LIMITS.source_bytes_max)]
    TooLong {
        /// Bytes of the source.
        bytes: usize,
    },
    /// There is nothing.
    #[error("the rule is empty; {}", examples())]
    Empty,
    /// Neither plain words nor an expression.
    #[error("the rule can't be read at line {line}, column {column}: {problem}; {hint}")]
    Unreadable {
        /// Line.
        line: usize,
        /// Column.
        column: usize,
        /// What the parser says.
        problem: String,
        /// What to do.
        hint: String,
    },
    /// Plain words that go wrong after a good beginning.
    #[error(transparent)]
    Plain(#[from] PlainError),
    /// A limit on the shape.
    #[error("the rule has more than {max} {what}; split it into several rules, or make it simpler")]
    TooComplex {
        /// What there is too much of.
        what: &'static str,
        /// How many are allowed.
        max: usize,
    },
    /// A variable that does not exist.
    #[error(
        "there is no {name:?} (line {line}, column {column}); a rule knows {known}; texts stand in quotes"
    )]
    UnknownName {
        /// The name.
        name: String,
        /// Line.
        line: usize,
        /// Column.
        column: usize,
        /// What exists.
        known: String,
    },
    /// A function that does not exist, or a macro with a wrong number of arguments.
    #[error(
        "there is no function {name:?} that takes this (line {line}, column {column}); there are {known}"
    )]
    UnknownFunction {
        /// The name.
        name: String,
        /// Line.
        line: usize,
        /// Column.
        column: usize,
        /// What exists.
        known: String,
    },
    /// A regular expression that can't be used.
    #[error(
        "the pattern at line {line}, column {column} is not a regular expression, or it is too big; look-around and back-references are not supported"
    )]
    Pattern {
        /// Line.
        line: usize,
        /// Column.
        column: usize,
    },
    /// Something of the language that rules may not use.
    #[error("{what} is not allowed in a rule (line {line}, column {column})")]
    Refused {
        /// What.
        what: &'static str,
        /// Line.
        line: usize,
        /// Column.
        column: usize,
    },
}

impl Rule {
    /// Compiles a rule of a stranger. Recurses: run it on the [pool](super::pool).
    ///
    /// # Errors
    /// What is wrong, where, and what to do.
    pub fn compile(source: &str) -> Result<Self, RuleError> {
        if let Some(known) = KEPT.with_borrow(|kept| kept.get(source).cloned()) {
            return Ok(known);
        }
        let rule = Self::compile_anew(source)?;
        if let Form::Expression(expression) = &rule.form
            && expression.patterns.is_empty()
        {
            KEPT.with_borrow_mut(|kept| {
                if kept.len() == KEPT_MAX {
                    kept.clear();
                }
                kept.insert(source.to_owned(), rule.clone());
            });
        }
        Ok(rule)
    }

    fn compile_anew(source: &str) -> Result<Self, RuleError> {
        if source.len() > RULE_LIMITS.source_bytes_max {
            return Err(RuleError::TooLong { bytes: source.len() });
        }
        if source.trim().is_empty() {
            return Err(RuleError::Empty);
        }
        let almost = match Plain::parse(source) {
            Ok(Some(plain)) => return Ok(Self { form: Form::Plain(plain) }),
            Ok(None) => None,
            Err(error) => Some(error),
        };
        let parser = functions::env().parser().max_recursion_depth(RULE_LIMITS.brackets_max);
        let (mut expression, info) = match (parser.parse_with_source_info(source), almost) {
            (Ok(parsed), _) => parsed,
            (Err(_), Some(almost)) => return Err(almost.into()),
            (Err(errors), None) => return Err(unreadable(source, &errors)),
        };
        let admitted = fence::fence(&mut expression, &info)?;
        Ok(Self {
            form: Form::Expression(Arc::new(Expression {
                source: source.to_owned(),
                fenced: expression,
                patterns: admitted.patterns.into(),
                uses_input: admitted.uses_input,
                uses_output: admitted.uses_output,
            })),
        })
    }

    /// Checks an answer; `display` is the JSON pointer of what people should read of it. Recurses: run it on the
    /// [pool](super::pool).
    pub fn check(&self, input: &Json, output: &Json, display: Option<&str>) -> RuleVerdict {
        match &self.form {
            Form::Plain(plain) => match plain.check(output, display) {
                Ok(()) => RuleVerdict::Pass,
                Err(reason) => RuleVerdict::Fail { reason },
            },
            Form::Expression(expression) => expression.check(input, output),
        }
    }
}

impl Expression {
    fn check(&self, input: &Json, output: &Json) -> RuleVerdict {
        let variables = [("input", input, self.uses_input), ("output", output, self.uses_output)];
        let used = || variables.into_iter().filter(|(_, _, used)| *used);
        let bytes: u64 = used().map(|(_, value, _)| Size::of(value).bytes()).sum();
        if bytes > RULE_LIMITS.value_bytes_max {
            let reason = format!(
                "input and answer are larger than {} bytes, the most that a rule can check",
                RULE_LIMITS.value_bytes_max
            );
            return RuleVerdict::Abstain { reason };
        }
        let mut context = Context::with_env(functions::env());
        for (name, json, _) in used() {
            context.add_variable_from_value(name, value::from_json(json));
        }
        let result = meter::metered(&self.patterns, || Value::resolve(&self.fenced, &context));
        match result {
            None => {
                let reason =
                    format!("the rule needs more than {} steps on this answer", RULE_LIMITS.ticks_max);
                RuleVerdict::Abstain { reason }
            }
            Some(Ok(Value::Bool(true))) => RuleVerdict::Pass,
            Some(Ok(Value::Bool(false))) => RuleVerdict::Fail { reason: "it is not so".to_owned() },
            Some(Ok(other)) => {
                let kind = value::type_name(&other);
                RuleVerdict::Fail {
                    reason: format!(
                        "the rule gives a value of type {kind}, not true or false: {}",
                        self.shown()
                    ),
                }
            }
            Some(Err(error)) => {
                let why = value::reason(&error, &self.source);
                RuleVerdict::Fail {
                    reason: format!("the rule does not work on this answer: {why}: {}", self.shown()),
                }
            }
        }
    }

    fn shown(&self) -> String {
        cut(&clean_line(&self.source), SOURCE_SHOWN_MAX)
    }
}

/// Examples of both kinds of rules.
pub fn examples() -> String {
    format!(
        "write plain words, such as {}, or an expression, such as size(output.items) >= 3, output.total == input.a + input.b, output.rows.all(r, r.price > 0.0)",
        plain::EXAMPLES.join(", ")
    )
}

/// The first of the parser's errors, in words.
fn unreadable(source: &str, errors: &ParseErrors) -> RuleError {
    let (pos, said) = errors.errors.first().map_or(((1, 1), ""), |error| (error.pos, error.msg.as_str()));
    let too_deep = errors.errors.iter().any(|error| error.msg.contains("Recursion limit"));
    if too_deep {
        return RuleError::TooComplex {
            what: "brackets inside one another",
            max: RULE_LIMITS.brackets_max.into(),
        };
    }
    let words: Vec<&str> = source.split_whitespace().collect();
    let hint = if words.iter().any(|word| ["and", "or", "not"].contains(word)) {
        "write && for and, || for or, ! for not".to_owned()
    } else if words.contains(&"=") {
        "write == to compare".to_owned()
    } else {
        examples()
    };
    RuleError::Unreadable {
        line: usize::try_from(pos.0).unwrap_or(1).max(1),
        column: usize::try_from(pos.1).unwrap_or(1).max(1),
        problem: cut(&clean_line(said.lines().next().unwrap_or_default()), 120),
        hint,
    }
}
