//! Guildhall's contract: the domain types, the life of a job, who may do what, and the RPC service that the daemon
//! speaks and the front ends call.
//!
//! This crate knows no SQL, no HTTP, no Discord and no terminal. Everything here is a value or a pure function, except
//! [`client`] and [`transport`], which carry the service over a socket.

pub mod account;
pub mod agent;
pub mod appeal;
pub mod attempt;
pub mod bulk;
pub mod clean;
pub mod client;
pub mod endpoint;
pub mod error;
pub mod handshake;
pub mod history;
pub mod ids;
pub mod job;
pub mod json;
pub mod listing;
pub mod log;
pub mod matrix;
pub mod model;
pub mod narrate;
pub mod notice;
pub mod overview;
pub mod permission;
pub mod pick;
pub mod place;
pub mod service;
pub mod sign_in;
pub mod state;
pub mod surface;
pub mod time;
pub mod transport;
pub mod undo;
pub mod usage;
pub mod view;
pub mod wire;
