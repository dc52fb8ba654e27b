//! `weaver check`.

use std::{error::Error, path::PathBuf};

use clap::Args;
use serde_json::json;

use super::Planned;
use crate::{check::Findings, logs, plan::Sandboxes, wrap::counted};

/// Look at a program and its `weaver.toml` together, without starting anything.
///
/// Builds the program as `weaver deploy` does and asks it. What would be refused at the start, or fail when it is
/// called, is an error; what works, and may not be meant, a warning. Exit code 0 without errors, else 1.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// The package's directory.
    #[arg(default_value = ".")]
    directory: PathBuf,

    /// Build with optimizations.
    #[arg(long)]
    release: bool,

    /// Take warnings for errors.
    #[arg(long)]
    strict: bool,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(super) fn run(self) -> Result<u8, Box<dyn Error>> {
        let Planned { project, graph, plan, .. } =
            Planned::new(&self.directory, self.release, Sandboxes::default())?;
        let found = Findings::new(&graph, &plan, &project.aborting_profiles()?);
        if self.json {
            let Findings { errors, warnings } = &found;
            let found = json!({ "errors": errors, "warnings": warnings });
            logs::say(&serde_json::to_string_pretty(&found)?);
        } else {
            let (components, groups) = (graph.components.len(), plan.groups.len());
            let (errors, warnings) = (found.errors.len(), found.warnings.len());
            logs::say(&format!(
                "{found}{}: {} in {}, {}, {}",
                project.app_name(&graph),
                counted(components, "component"),
                counted(groups, "group"),
                counted(errors, "error"),
                counted(warnings, "warning"),
            ));
        }
        let fails = !found.errors.is_empty() || (self.strict && !found.warnings.is_empty());
        Ok(u8::from(fails))
    }
}
