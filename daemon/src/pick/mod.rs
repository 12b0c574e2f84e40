//! Picking an agent without a model. What is here answers one question: whose texts fit a job's text.

pub mod relevance;
pub mod words;
