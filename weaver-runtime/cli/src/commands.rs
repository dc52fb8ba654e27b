//! The command line.

mod build;
mod check;
mod completions;
mod deploy;
mod doctor;
mod graph;
mod new;
mod run;
mod status;

use std::{
    error::Error,
    path::{Path, PathBuf},
};

use clap::{Parser, Subcommand};

use weaver_runtime::graph::Graph;

use crate::{
    ingress,
    plan::{Plan, Sandboxes},
    program,
    project::Project,
};

/// Run one Rust program as several processes.
///
/// Mark its traits with `#[component]`; which of them run together is decided here, not in the code.
///
/// Exit codes: 0 when it did what was asked, 1 when it could not and said why, 2 when the command line is not
/// understood. `deploy` and `run` end with the exit code of the program's `main`; `deploy` with 0 after a signal.
#[derive(Debug, Parser)]
#[command(name = "weaver", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    New(new::New),
    Deploy(deploy::Deploy),
    Build(build::Build),
    Run(run::Run),
    Status(status::Status),
    Graph(graph::Graph),
    Check(check::Check),
    Doctor(doctor::Doctor),
    Completions(completions::Completions),
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
            Command::New(new) => new.run(),
            Command::Deploy(deploy) => deploy.run(),
            Command::Build(build) => build.run(),
            Command::Run(run) => run.run(),
            Command::Status(status) => status.run(),
            Command::Graph(graph) => graph.run(),
            Command::Check(check) => check.run(),
            Command::Doctor(doctor) => doctor.run(),
            Command::Completions(completions) => completions.run(),
            Command::Ask { program } => Ok(program::ask(&program)?),
            Command::Ingress => ingress::run(),
        }
    }
}

/// A project whose program is built, and was asked what it consists of.
struct Planned {
    project: Project,
    binary: PathBuf,
    graph: Graph,
    plan: Plan,
}

impl Planned {
    fn new(directory: &Path, release: bool, sandboxes: Sandboxes) -> Result<Self, Box<dyn Error>> {
        let project = Project::open(directory)?;
        let binary = project.build(release)?;
        let graph = program::graph(&binary)?;
        graph.check_names(&project.config)?;
        let plan = Plan::new(&graph, &project.config, sandboxes);
        Ok(Self { project, binary, graph, plan })
    }
}

/// A runtime for a command that waits for other processes.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}
