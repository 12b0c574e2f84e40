//! The deterministic half of judging: JSON Schemas and rules, checked against inputs and answers.
//!
//! Everything here is fed by strangers: the schema, the rule and the value. The invariant is that whatever they send
//! costs bounded time, memory and stack, and that the same question gets the same verdict. Nothing here reads a clock to
//! decide, does I/O, or judges with a model. Compiling and checking recurse, so callers run both on the [`pool`].

pub mod measure;
mod pattern;
pub mod plain;
pub mod pool;
pub mod rule;
pub mod schema;
pub mod verdict;
