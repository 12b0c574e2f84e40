//! The dashboard: an operator's cockpit in a terminal.
//!
//! `update` takes what happens and changes the [`model::Model`]; `view` paints it; `effects` do what is to be done outside and
//! come back as messages; the `driver` joins them to a terminal and a daemon. What can be done, and by which keys, stands in
//! `action` alone.

mod about;
mod action;
mod as_command;
mod chord;
mod command;
mod completion;
mod connection;
mod contexts;
mod data;
mod driver;
mod editor;
mod effects;
mod enabled;
mod filter;
mod form;
mod json_tree;
mod keys;
mod layout;
mod linear;
mod link;
mod loaded;
mod model;
mod msg;
mod need;
mod overlay;
mod pen;
mod place;
mod row;
mod screen;
mod settings;
mod start;
mod state;
mod term;
#[cfg(test)]
mod tests;
mod theme;
mod update;
mod view;
mod views;
mod window;

pub(crate) use contexts::Reach;
pub(crate) use driver::run;
pub(crate) use linear::run as run_without_screen;
pub(crate) use start::{Options, demo};
pub(crate) use theme::Palette;
