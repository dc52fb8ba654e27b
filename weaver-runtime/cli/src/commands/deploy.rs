//! `weaver deploy`.

use std::{error::Error, path::PathBuf};

use clap::Args;

use super::{Planned, runtime};
use crate::{
    deployer::{self, Deployment},
    logs,
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

    /// Keep running in the background (not available yet).
    #[arg(long)]
    detach: bool,
}

impl Deploy {
    pub(super) fn run(self) -> Result<u8, Box<dyn Error>> {
        if self.detach {
            return Err("`--detach` is not available yet; run `weaver deploy` without it".into());
        }
        let Planned { project, binary, graph, plan } = Planned::new(&self.directory, self.release)?;
        logs::say(&plan.to_string());
        plan.problems(&graph).iter().for_each(|problem| logs::note(problem));
        let app = project.app_name(&graph);
        let deployment = Deployment { app, binary, graph, plan, config: project.config };
        Ok(runtime()?.block_on(deployer::run(deployment))?)
    }
}
