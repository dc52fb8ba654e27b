//! Programs built with weaver, run under each placement.
//!
//! One binary, because each costs the time to link it.

mod support;

mod examples;
mod exit_codes;
mod kills;
mod placements;
mod processes;
mod sandboxes;
mod shutdown;
mod torture;
mod traces;
