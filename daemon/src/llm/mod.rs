//! Language models: what the daemon asks them, under which limits, and what it does when they do not answer.
//!
//! Models are never in the way: whatever happens to a call, [`Llm::ask`] answers within its time limit, and its caller goes
//! on without a model. Nothing here decides about a job.

pub mod choose;
pub mod foreign;
pub mod judge;
pub mod settings;
pub mod shape;
