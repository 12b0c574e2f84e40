//! The engine's decisions: what a job needs next, and what follows a failed attempt. Pure functions of values; what
//! performs them is the shell around it, and the same code serves the daemon and the simulator.

pub mod next_step;
pub mod step;
