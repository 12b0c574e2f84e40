//! Guildhall's contract: the domain types, the life of a job, who may do what, and the RPC service that the daemon
//! speaks and the front ends call.
//!
//! This crate knows no SQL, no HTTP, no Discord and no terminal. Everything here is a value or a pure function, except
//! [`client`] and [`transport`], which carry the service over a socket.

pub mod clean;
pub mod ids;
pub mod time;
