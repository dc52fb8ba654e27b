//! `weaver completions`.

use std::error::Error;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Arguments;
use crate::logs;

/// Print what a shell needs to complete this command.
///
/// For bash, `weaver completions bash > ~/.local/share/bash-completion/completions/weaver`; for zsh, a file `_weaver` in
/// a folder of `$fpath`; for fish, `~/.config/fish/completions/weaver.fish`.
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// Which shell.
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> Result<u8, Box<dyn Error>> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "weaver", &mut script);
        logs::say(String::from_utf8(script)?.trim_end());
        Ok(0)
    }
}
