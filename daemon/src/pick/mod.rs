//! Picking an agent without a model: whose texts fit a job, and who of them gets it.

pub mod choose;
mod documents;
mod lexicon;
pub mod meaning;
mod query;
pub mod relevance;
pub mod words;
