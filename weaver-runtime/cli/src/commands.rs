//! The command line.

mod build;
mod call;
mod check;
mod completions;
mod deploy;
mod dev;
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

use weaver_runtime::{bootstrap::Answer, config::ConfigFile, graph::Graph};

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
/// understood. `deploy` and `run` end with the exit code of the program's `main`; `deploy` with 0 after a signal. `run`
/// ends with 75 when there was none, as the program could not be run, and `call` with 130 after Ctrl-C.
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
    Dev(dev::Dev),
    Build(build::Build),
    Run(run::Run),
    Status(status::Status),
    Call(call::Call),
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
            Command::Dev(dev) => dev.run(),
            Command::Build(build) => build.run(),
            Command::Run(run) => run.run(),
            Command::Status(status) => status.run(),
            Command::Call(call) => call.run(),
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
    /// What is wrong with its configuration, seen from the program.
    misfits: Vec<String>,
    panic_aborts: bool,
}

/// A configuration does not fit its program.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
struct Misfits(Vec<String>);

impl Planned {
    fn new(directory: &Path, release: bool, sandboxes: &Sandboxes) -> Result<Self, Box<dyn Error>> {
        Self::with_config(directory, release, sandboxes, None)
    }

    /// The same with another configuration than the directory's, if there is one.
    fn with_config(
        directory: &Path,
        release: bool,
        sandboxes: &Sandboxes,
        config: Option<ConfigFile>,
    ) -> Result<Self, Box<dyn Error>> {
        let mut project = Project::open(directory)?;
        let binary = project.build(release)?;
        let answer = program::answer(&binary, project.config.path())?;
        let Answer { graph, misfits, panic_aborts, .. } = answer;
        let names = graph.check_names(&project.config).err();
        let misfits = names.iter().map(ToString::to_string).chain(misfits);
        let misfits = misfits.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>());
        // The names and sections were those that somebody wrote.
        project.config = config.unwrap_or(project.config);
        let plan = Plan::new(&graph, &project.config, sandboxes);
        let misfits = misfits.chain(plan.misfits(&graph, sandboxes)).collect();
        Ok(Self { project, binary, graph, plan, misfits, panic_aborts })
    }

    /// # Errors
    /// The configuration does not fit.
    fn fitting(self) -> Result<Self, Misfits> {
        if self.misfits.is_empty() { Ok(self) } else { Err(Misfits(self.misfits)) }
    }
}

/// A runtime for a command that waits for other processes.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}
