//! The world around Guildhall: what the tests and benches need to meet the programs as their users do.

pub mod attackers;
pub mod by_hand;
pub mod fake_agent;
pub mod fake_chat;
pub mod fake_discord;
pub mod fake_issuer;
pub mod fake_openai;
pub mod hook;
mod http_server;
pub mod injections;
pub mod measured;
pub mod model;
pub mod oidc_provider;
pub mod terminal;
