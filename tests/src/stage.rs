//! [`Stage`]: the running program as a body sees it.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

use weaver::{App, Context, Result};
use weaver_runtime::{LocalCalls, config::ConfigFile};

use crate::hush::hush_expected_panics;

/// A running program, and what a body has to know about how it runs.
#[derive(Clone, Debug)]
pub struct Stage {
    /// The program.
    pub app: App,
    /// Where components write what outlives them; no other program uses it.
    pub directory: PathBuf,
    /// Whether what is sent between `main` and a component is encoded.
    pub encoded: bool,
    /// Whether components run in sandboxes: integers of a pointer's size have 32 bits there, and a panic ends the
    /// instance that it happens in.
    pub sandboxed: bool,
}

impl Stage {
    /// Starts the program in this process.
    ///
    /// # Errors
    /// The program does not start.
    pub async fn in_this_process(calls: LocalCalls, directory: &Path) -> Result<Self> {
        hush_expected_panics();
        let config = ConfigFile::parse(Path::new("weaver.toml"), &config_text(directory))
            .context("cannot read the configuration")?;
        let app = App::builder().config(config).local_calls(calls).start().await?;
        let encoded = calls == LocalCalls::Encoded;
        Ok(Self { app, directory: directory.to_owned(), encoded, sandboxed: false })
    }
}

/// The components that write into the directory.
const WRITING_COMPONENTS: [&str; 4] = ["Stubborn", "Top", "Middle", "Bottom"];

/// The components' sections of `weaver.toml`.
#[must_use]
pub fn config_text(directory: &Path) -> String {
    let mut text = String::from(
        "[config.Tuned]\ngreeting = \"Grüezi\"\ntimes = 3\nnested = { on = true }\n\
         [config.Translator]\nlanguage = \"German\"\n",
    );
    for component in WRITING_COMPONENTS {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "[config.{component}]\ndirectory = {directory:?}");
    }
    text
}
