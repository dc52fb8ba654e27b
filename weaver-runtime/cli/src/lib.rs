//! The `weaver` command as a library: `plan`, `outline`, `diagram`, `check` and `supervisor` decide and do no I/O;
//! `deployer`, `process` and `ingress` act.

// `#[component]` names the crate `weaver`, which is `weaver_runtime` with the author's macros.
extern crate weaver_runtime as weaver;

mod authority;
mod check;
mod commands;
mod deployer;
mod diagram;
mod host;
mod ingress;
mod listening;
mod logs;
mod outline;
mod plan;
mod process;
mod program;
mod project;
mod sandbox;
mod schema;
mod signature;
mod sources;
mod state;
mod supervisor;
mod watch;
mod wrap;

use std::process::ExitCode;

use clap::Parser;

/// For tests, which build programs, too.
#[doc(hidden)]
pub use project::{cargo, has_target};

/// Runs the command line of this process and gives its exit code.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = commands::Arguments::parse();
    let result = arguments.run();
    logs::flush();
    let code = result.unwrap_or_else(|error| {
        logs::error(&*error);
        1
    });
    ExitCode::from(code)
}
