//! The behaviour of programs built with weaver.
//!
//! A *body* is an async function of a [`Stage`]: it uses the program in this crate as its `main`
//! would and says what must come of it. The same bodies ([`BODIES`]) run with direct calls, with
//! calls that are encoded in one process, and with components in several processes; what differs
//! by design is asked of the stage where it does.
//!
//! - [`Stage`]: the running program as a body sees it;
//! - `values`, `bytes`, `borrowed`: what is sent arrives as it was;
//! - `refused`, `too_large`: what cannot be sent is a typed error;
//! - `errors`, `panics`: how a method's own failures reach its caller;
//! - `init`, `config`, `missing`, `crates`: how components are made;
//! - `concurrent`, `cancellation`: many calls at once, and calls that are given up;
//! - `deadlines`, `metadata`, `traces`, `streams`: what else travels with a call;
//! - `runtime`: where handlers run;
//! - `shutdown`: components that write down their end;
//! - [`errand`]: what the deployed program of this package does besides running bodies.

mod stage;
mod wait;

mod borrowed;
mod bytes;
mod cancellation;
mod concurrent;
mod config;
mod crates;
mod deadlines;
pub mod errand;
mod errors;
mod heap;
mod hush;
mod init;
mod metadata;
mod missing;
mod panics;
mod refused;
mod runtime;
mod shutdown;
mod streams;
mod too_large;
pub mod traces;
mod values;

mod body;

pub use body::{BODIES, Body};
pub use stage::{Stage, config_text};
pub use wait::{PatienceEnded, eventually};
