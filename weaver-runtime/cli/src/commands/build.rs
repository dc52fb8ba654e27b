//! `weaver build`.

use std::{error::Error, fs::File, path::PathBuf, time::SystemTime};

use clap::Args;

use crate::{logs, project::Project};

/// Build a program as WebAssembly, and print where it is.
///
/// `weaver deploy` does so by itself where it is needed. The file is for `weaver run`, and for a program that
/// runs groups in a sandbox in its own process (feature `sandbox` of the crate `weaver`). Adds rustup's target
/// for it, if it is missing.
#[derive(Debug, Args)]
pub(super) struct Build {
    /// The package's directory.
    #[arg(default_value = ".")]
    directory: PathBuf,

    /// Build with optimizations.
    #[arg(long)]
    release: bool,
}

impl Build {
    pub(super) fn run(self) -> Result<u8, Box<dyn Error>> {
        let wasm = Project::open(&self.directory)?.build_guest(self.release, None)?;
        // It is up to date, also where cargo had nothing to do.
        File::options().append(true).open(&wasm)?.set_modified(SystemTime::now())?;
        logs::say(&wasm.display().to_string());
        Ok(0)
    }
}
