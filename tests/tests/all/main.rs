//! Everything that is tested from outside the crates, in one binary.

mod again;
mod audit;
mod bad_agents;
mod cast;
mod chat_agents;
mod command_line;
mod crashes;
mod deadlines;
mod front_door;
mod full_disk;
mod health;
mod kills;
mod life;
mod long_work;
mod meaning;
mod notices;
mod orders;
mod place;
mod random_commands;
mod random_llm;
mod reviews;
mod second_chances;
mod store_contract;
mod store_file;
