//! `weaver run`.

use std::{error::Error, path::PathBuf};

use clap::Args;

use crate::sandbox;

/// Run a program that was built as WebAssembly, in a sandbox, as one process.
///
/// The file is what `weaver build` makes of a program. The `weaver.toml` of the working directory says
/// where its listeners are; `sandbox` in its `[groups.main]` says what the program is granted, which else is nothing.
#[derive(Debug, Args)]
pub(super) struct Run {
    /// The program.
    program: PathBuf,

    /// Use a host that is built with optimizations.
    #[arg(long)]
    release: bool,
}

impl Run {
    pub(super) fn run(self) -> Result<u8, Box<dyn Error>> {
        Ok(sandbox::run(&self.program, self.release)?)
    }
}
