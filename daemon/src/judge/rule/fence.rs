//! The fence around expressions of strangers: what is refused when a rule is stored, and what is put into it so that it
//! stops when its budget is spent.
//!
//! CEL has no cost limit of its own. The invariant here: between two looks at the [meter](super::meter) an evaluation
//! does a bounded amount of work, in proportion to what it has just paid for. Loops tick, everything that reads or
//! copies a value pays for its size first, and patterns are literals that were compiled when the rule was stored.

use super::functions::{CHARGE, FUNCTIONS, MACROS, MATCHES, RANGE, TICK, TYPES, VARIABLES};
use super::{RULE_LIMITS as LIMITS, RuleError};
use crate::judge::pattern;
use cel::common::ast::operators as op;
use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SourceInfo};
use guildhall_protocol::clean::cut;
use regex::Regex;

/// Operators as the parser names them.
const OPERATORS: &[&str] = &[
    op::CONDITIONAL,
    op::LOGICAL_AND,
    op::LOGICAL_OR,
    op::LOGICAL_NOT,
    op::SUBSTRACT,
    op::ADD,
    op::MULTIPLY,
    op::DIVIDE,
    op::MODULO,
    op::EQUALS,
    op::NOT_EQUALS,
    op::GREATER_EQUALS,
    op::LESS_EQUALS,
    op::GREATER,
    op::LESS,
    op::NEGATE,
    op::INDEX,
    op::NOT_STRICTLY_FALSE,
    op::IN,
];

/// Calls that neither read nor copy more than a bounded part of their arguments.
const FREE: &[&str] = &[
    op::CONDITIONAL,
    op::LOGICAL_AND,
    op::LOGICAL_OR,
    op::LOGICAL_NOT,
    op::INDEX,
    op::NOT_STRICTLY_FALSE,
    "size",
    "type",
];

/// What an admitted expression needs to be evaluated.
#[derive(Debug, Default)]
pub(super) struct Admitted {
    /// The compiled patterns and their sizes in KiB, in the order of their numbers.
    pub(super) patterns: Vec<(Regex, usize)>,
    /// Whether it refers to `input` and `output`.
    pub(super) uses_input: bool,
    pub(super) uses_output: bool,
}

/// Checks an expression and fences it in.
///
/// # Errors
/// The limit that it exceeds, or the name that does not exist.
pub(super) fn fence(expression: &mut IdedExpr, source: &SourceInfo) -> Result<Admitted, RuleError> {
    let mut check = Check { source, nodes: 0, bound: Vec::new(), admitted: Admitted::default() };
    check.admit(expression, 0, 0)?;
    let mut patterns = 0;
    rewrite(expression, &mut patterns);
    Ok(check.admitted)
}

struct Check<'a> {
    source: &'a SourceInfo,
    nodes: usize,
    /// Loop variables in scope.
    bound: Vec<String>,
    admitted: Admitted,
}

impl Check<'_> {
    fn admit(&mut self, node: &IdedExpr, depth: usize, loops: usize) -> Result<(), RuleError> {
        self.nodes += 1;
        if self.nodes > LIMITS.nodes_max {
            return Err(RuleError::TooComplex { what: "parts", max: LIMITS.nodes_max });
        }
        if depth > LIMITS.depth_max {
            return Err(RuleError::TooComplex { what: "levels", max: LIMITS.depth_max });
        }
        let depth = depth + 1;
        match &node.expr {
            Expr::Unspecified => Err(self.refused(node, "an empty part")),
            Expr::Struct(_) => Err(self.refused(node, "a message literal such as Name{...}")),
            Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => self.admit_name(node, name),
            Expr::Select(select) => self.admit(&select.operand, depth, loops),
            Expr::List(list) => list.elements.iter().try_for_each(|item| self.admit(item, depth, loops)),
            Expr::Map(map) => map.entries.iter().try_for_each(|entry| match &entry.expr {
                EntryExpr::StructField(_) => Err(self.refused(node, "a message literal such as Name{...}")),
                EntryExpr::MapEntry(entry) => {
                    self.admit(&entry.key, depth, loops)?;
                    self.admit(&entry.value, depth, loops)
                }
            }),
            Expr::Call(call) => {
                self.admit_call(node, call)?;
                let parts = call.target.as_deref().into_iter().chain(&call.args);
                parts.into_iter().try_for_each(|part| self.admit(part, depth, loops))
            }
            Expr::Comprehension(comprehension) => {
                if loops == LIMITS.loops_max {
                    return Err(RuleError::TooComplex {
                        what: "loops inside one another",
                        max: LIMITS.loops_max,
                    });
                }
                self.admit(&comprehension.iter_range, depth, loops)?;
                self.admit(&comprehension.accu_init, depth, loops)?;
                let names = [Some(&comprehension.iter_var), comprehension.iter_var2.as_ref()];
                let before = self.bound.len();
                for name in names.into_iter().flatten() {
                    if name.starts_with("__") {
                        return Err(self.refused(node, "a name that starts with two underscores"));
                    }
                    self.bound.push(name.clone());
                }
                self.bound.push(comprehension.accu_var.clone());
                self.admit(&comprehension.loop_cond, depth, loops + 1)?;
                self.admit(&comprehension.loop_step, depth, loops + 1)?;
                self.admit(&comprehension.result, depth, loops + 1)?;
                self.bound.truncate(before);
                Ok(())
            }
        }
    }

    fn admit_name(&mut self, node: &IdedExpr, name: &str) -> Result<(), RuleError> {
        if self.bound.iter().any(|bound| bound == name) || TYPES.contains(&name) {
            return Ok(());
        }
        match name {
            "input" => self.admitted.uses_input = true,
            "output" => self.admitted.uses_output = true,
            _ => {
                let (line, column) = self.place(node);
                return Err(RuleError::UnknownName {
                    name: cut(name, 40),
                    line,
                    column,
                    known: VARIABLES.join(" and "),
                });
            }
        }
        Ok(())
    }

    fn admit_call(&mut self, node: &IdedExpr, call: &CallExpr) -> Result<(), RuleError> {
        let name = call.func_name.as_str();
        if !FUNCTIONS.contains(&name) && !OPERATORS.contains(&name) {
            let (line, column) = self.place(node);
            let known = FUNCTIONS.iter().chain(MACROS).copied().collect::<Vec<_>>().join(", ");
            return Err(RuleError::UnknownFunction { name: cut(name, 40), line, column, known });
        }
        if name == "matches" {
            let source = match call.args.last().map(|pattern| &pattern.expr) {
                Some(Expr::Literal(LiteralValue::String(source))) if parts(call) == 2 => source.inner(),
                Some(_) | None => return Err(self.refused(node, "`matches` without a quoted pattern")),
            };
            let Some(sized) = pattern::sized(source, LIMITS.pattern_bytes_max) else {
                let (line, column) = self.place(node);
                return Err(RuleError::Pattern { line, column });
            };
            self.admitted.patterns.push(sized);
        }
        Ok(())
    }

    fn refused(&self, node: &IdedExpr, what: &'static str) -> RuleError {
        let (line, column) = self.place(node);
        RuleError::Refused { what, line, column }
    }

    /// Line and column of a node, from 1.
    fn place(&self, node: &IdedExpr) -> (usize, usize) {
        let start = self.source.offset_for(node.id).map_or(0, |(start, _)| start as usize);
        let before: String = self.source.source.chars().take(start).collect();
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        (line, column)
    }
}

/// Target and arguments of a call, counted.
fn parts(call: &CallExpr) -> usize {
    call.args.len() + usize::from(call.target.is_some())
}

/// Puts ticks into loops and charges before what reads and copies. Visits patterns in the order of [`Check::admit`].
fn rewrite(node: &mut IdedExpr, patterns: &mut i64) {
    match &mut node.expr {
        Expr::Unspecified | Expr::Struct(_) | Expr::Literal(_) | Expr::Ident(_) => {}
        Expr::Select(select) => rewrite(&mut select.operand, patterns),
        Expr::List(list) => {
            for item in &mut list.elements {
                rewrite(item, patterns);
                charge(item);
            }
        }
        Expr::Map(map) => {
            for entry in &mut map.entries {
                if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                    for part in [&mut entry.key, &mut entry.value] {
                        rewrite(part, patterns);
                        charge(part);
                    }
                }
            }
        }
        Expr::Call(call) => rewrite_call(call, patterns),
        Expr::Comprehension(comprehension) => {
            rewrite(&mut comprehension.iter_range, patterns);
            wrap(RANGE, &mut comprehension.iter_range);
            rewrite(&mut comprehension.accu_init, patterns);
            rewrite(&mut comprehension.loop_cond, patterns);
            rewrite(&mut comprehension.loop_step, patterns);
            rewrite(&mut comprehension.result, patterns);
            if matches!(comprehension.loop_cond.expr, Expr::Literal(_)) {
                let accu = Expr::Ident(comprehension.accu_var.clone());
                tick_step(&mut comprehension.loop_step, accu);
            } else {
                tick_before(&mut comprehension.loop_cond);
            }
        }
    }
}

fn rewrite_call(call: &mut CallExpr, patterns: &mut i64) {
    let number = *patterns;
    let is_matches = call.func_name == "matches";
    if is_matches {
        *patterns += 1;
    }
    for part in call.target.as_deref_mut().into_iter().chain(&mut call.args) {
        rewrite(part, patterns);
        if !FREE.contains(&call.func_name.as_str()) {
            charge(part);
        }
    }
    if is_matches {
        // `text.matches('...')` and `matches(text, '...')` become `__matches(text, number)`.
        MATCHES.clone_into(&mut call.func_name);
        call.args.pop();
        call.args.extend(call.target.take().map(|target| *target));
        call.args.push(made(Expr::Literal(LiteralValue::Int(number.into()))));
    }
}

/// `map`, `filter` and `exists_one` keep their shape, which the library appends to in place: only the guard ticks.
fn tick_step(step: &mut IdedExpr, accu: Expr) {
    if let Expr::Call(call) = &mut step.expr
        && call.func_name == op::CONDITIONAL
        && call.args.get(2).is_some_and(|otherwise| otherwise.expr == accu)
    {
        tick_before(&mut call.args[0]);
        return;
    }
    let kept = std::mem::take(step);
    *step = made(called(op::CONDITIONAL, vec![made(called(TICK, vec![])), kept, made(accu)]));
}

/// `__tick() && condition`.
fn tick_before(condition: &mut IdedExpr) {
    let kept = std::mem::take(condition);
    *condition = made(called(op::LOGICAL_AND, vec![made(called(TICK, vec![])), kept]));
}

/// Literals are bounded by the source, lists and maps have paid for their parts, and `@result` is the loop's own.
fn charge(node: &mut IdedExpr) {
    let free = match &node.expr {
        Expr::Literal(_) | Expr::List(_) | Expr::Map(_) => true,
        Expr::Ident(name) => name.starts_with('@'),
        Expr::Unspecified | Expr::Call(_) | Expr::Comprehension(_) | Expr::Select(_) | Expr::Struct(_) => {
            false
        }
    };
    if !free {
        wrap(CHARGE, node);
    }
}

fn wrap(function: &str, node: &mut IdedExpr) {
    let kept = std::mem::take(node);
    *node = made(called(function, vec![kept]));
}

fn made(expr: Expr) -> IdedExpr {
    IdedExpr { id: 0, expr }
}

fn called(function: &str, args: Vec<IdedExpr>) -> Expr {
    Expr::Call(CallExpr { func_name: function.to_owned(), target: None, args })
}
