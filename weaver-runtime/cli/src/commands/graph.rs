//! `weaver graph`.

use std::{error::Error, path::PathBuf};

use clap::{Args, ValueEnum};

use super::Planned;
use crate::{diagram::Diagram, logs, outline::Outline, plan::Sandboxes};

/// Show a program's components, their methods, and which of them run together.
///
/// Builds the program as `weaver deploy` does and asks it; its `main` is not run. The directory's
/// `weaver.toml` says which components are in one process, where calls are direct.
#[derive(Debug, Args)]
pub(super) struct Graph {
    /// The package's directory.
    #[arg(default_value = ".")]
    directory: PathBuf,

    /// Build with optimizations.
    #[arg(long)]
    release: bool,

    /// What to print.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// The same as `--format json`.
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Groups, components, methods with their types, and edges, for people.
    Text,
    /// Groups, components and edges, for Mermaid: forges draw it in Markdown.
    Mermaid,
    /// The same for Graphviz.
    Dot,
    /// The program alone, for tools.
    Json,
}

impl Graph {
    pub(super) fn run(self) -> Result<u8, Box<dyn Error>> {
        let Planned { project, graph, plan, misfits, .. } =
            Planned::new(&self.directory, self.release, &Sandboxes::AS_CONFIGURED)?;
        graph.check_names(&project.config)?;
        // A section that does not fit is no part of what is drawn: secrets, say, are often added elsewhere.
        misfits.iter().for_each(|misfit| logs::note(misfit));
        let (graph, plan, config) = (&graph, &plan, &project.config);
        let diagram = Diagram { graph, plan, config };
        let text = match if self.json { Format::Json } else { self.format } {
            Format::Text => {
                Outline { app: &project.app_name(graph), graph, plan, config }.to_string()
            }
            Format::Mermaid => diagram.mermaid(),
            Format::Dot => diagram.dot(),
            Format::Json => serde_json::to_string_pretty(graph)?,
        };
        logs::say(text.trim_end());
        Ok(0)
    }
}
