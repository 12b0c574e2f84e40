//! Agents on the wire. Nothing that an agent or its owner says is trusted: not the endpoint, not the answer.
//!
//! [`delivery`] is the one place that calls out; [`contract`] says what is sent and what an answer means, [`chat`] the same
//! for chat endpoints.

pub mod callback;
pub mod chat;
pub mod contract;
pub mod delivery;
pub mod egress;
pub mod key_file;
pub mod secrets;
pub mod signing;
pub mod speech;
