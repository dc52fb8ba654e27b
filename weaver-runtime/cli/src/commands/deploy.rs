//! `weaver deploy`.

use std::{error::Error, path::PathBuf};

use clap::Args;
use weaver_runtime::placement::MAIN;

use super::{Planned, runtime};
use crate::{
    deployer::{self, Deployment},
    logs,
    plan::Sandboxes,
    sandbox::Sandbox,
};

/// Build a program and run it as several processes on this machine.
///
/// The directory's `weaver.toml` says which components run together; without one, each runs in a
/// process of its own. The processes end with this command: on Ctrl-C, SIGTERM, or when the
/// program's `main` returns, whose exit code it takes.
#[derive(Debug, Args)]
pub(super) struct Deploy {
    /// The package's directory.
    #[arg(default_value = ".")]
    directory: PathBuf,

    /// Build with optimizations.
    #[arg(long)]
    release: bool,

    /// What runs as WebAssembly in a sandbox, besides the groups that say so in `weaver.toml`.
    ///
    /// Names of components, whose groups do, of groups, or `main`, with commas between them; `all` is everything,
    /// `main` as well, unless it is the program's own.
    #[arg(long, value_name = "all|NAME,…", value_delimiter = ',')]
    sandbox: Vec<String>,

    /// Keep running in the background (not available yet).
    #[arg(long)]
    detach: bool,
}

/// What stands for everything, as the name of what runs in a sandbox.
const ALL: &str = "all";

impl Deploy {
    pub(super) fn run(self) -> Result<u8, Box<dyn Error>> {
        if self.detach {
            return Err("`--detach` is not available yet; run `weaver deploy` without it".into());
        }
        let sandboxes = match &self.sandbox[..] {
            [all] if all == ALL => Sandboxes::All,
            _ => Sandboxes::Of(self.sandbox),
        };
        let planned = Planned::new(&self.directory, self.release, &sandboxes)?;
        let Planned { project, binary, graph, plan, .. } = planned.fitting()?;
        logs::say(&plan.to_string());
        if sandboxes == Sandboxes::All && graph.main.is_none() {
            logs::note(&format!(
                "{MAIN} is the program's own, which only a process can run: it stays native"
            ));
        }
        plan.problems(&graph).iter().for_each(|problem| logs::note(problem));
        let sandbox = Sandbox::build(&project, &graph, &plan, self.release)?;
        let app = project.app_name(&graph);
        let deployment = Deployment { app, binary, graph, plan, config: project.config, sandbox };
        Ok(runtime()?.block_on(deployer::run(deployment))?)
    }
}
