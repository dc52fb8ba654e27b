//! The command line.

mod deploy;
mod status;

use std::{error::Error, path::PathBuf};

use clap::{Parser, Subcommand};

use crate::{ingress, program};

/// Run one Rust program as several processes.
///
/// Mark its traits with `#[component]`; which of them run together is decided here, not in the code.
#[derive(Debug, Parser)]
#[command(name = "weaver", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Deploy(deploy::Deploy),
    Status(status::Status),
    /// Ask a program for its components.
    #[command(name = "ask", hide = true)]
    Ask {
        program: PathBuf,
    },
    /// The ingress of a deployment, which its deployer starts.
    #[command(name = "ingress", hide = true)]
    Ingress,
}

impl Arguments {
    /// Runs the command; its exit code, or an error to print.
    pub(crate) fn run(self) -> Result<u8, Box<dyn Error>> {
        match self.command {
            Command::Deploy(deploy) => deploy.run(),
            Command::Status(status) => status.run(),
            Command::Ask { program } => Ok(program::ask(&program)?),
            Command::Ingress => ingress::run(),
        }
    }
}

/// A runtime for a command that waits for other processes.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}
