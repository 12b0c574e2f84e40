//! Guildhall's daemon: the store, the engine, and everything that decides or calls out.

pub mod agents;
pub mod engine;
pub mod judge;
pub mod pick;
pub mod store;
