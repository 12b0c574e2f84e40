//! Guildhall's daemon: the store, the engine, and everything that decides or calls out.

pub mod agents;
pub mod catalog;
pub mod changes;
pub mod cli;
pub mod config;
pub mod demo;
pub mod engine;
pub mod judge;
pub mod llm;
pub mod maker;
pub mod market;
pub mod notes;
pub mod notify;
pub mod ops;
pub mod people;
pub mod pick;
pub mod public;
pub mod report;
pub mod retry_after;
pub mod rpc;
pub mod samples;
pub mod scribe;
pub mod serve;
pub mod store;
