//! Runs groups of a weaver program as WebAssembly guests, in wasmtime: the only crate that names it.
//!
//! `engine` compiles and keeps what it has compiled; `guest` is a compiled program and makes instances;
//! `instance` gives them their turns; `linked` makes all that a part of the program itself; `wasi` is what a
//! guest sees of the world, which is nothing that was not granted.

mod engine;
mod guest;
mod instance;
mod linked;
mod wasi;

pub use engine::{CompileError, Engine};
pub use guest::Guest;
pub use instance::GuestInstance;
