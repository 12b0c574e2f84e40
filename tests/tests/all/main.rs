//! Everything that is tested from outside the crates, in one binary.

mod front_door;
mod random_commands;
mod store_contract;
mod store_file;
