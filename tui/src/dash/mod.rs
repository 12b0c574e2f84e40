//! The dashboard: an operator's cockpit in a terminal.
//!
//! `update` takes what happens and changes the [`model::Model`]; `view` paints it; `effects` do what is to be done outside and
//! come back as messages; the `driver` joins them to a terminal and a daemon. What can be done, and by which keys, stands in
//! `action` alone.

mod action;
mod chord;
mod data;
mod driver;
mod effects;
mod filter;
mod json_tree;
mod keys;
mod layout;
mod linear;
mod link;
mod model;
mod msg;
mod overlay;
mod pen;
mod row;
mod screen;
mod settings;
mod term;
#[cfg(test)]
mod tests;
mod theme;
mod update;
mod view;
mod window;

pub(crate) use driver::{Options, run};
pub(crate) use linear::run as run_without_screen;
pub(crate) use theme::Palette;
