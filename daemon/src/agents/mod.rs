//! Agents on the wire. Nothing that an agent or its owner says is trusted: not the endpoint, not the answer.

pub mod egress;
