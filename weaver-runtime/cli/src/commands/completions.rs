//! `weaver completions`.

use std::error::Error;

use clap::{Args, Command, CommandFactory};
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
        clap_complete::generate(self.shell, &mut for_people(), "weaver", &mut script);
        logs::say(String::from_utf8(script)?.trim_end());
        Ok(0)
    }
}

/// The command without what only its own processes call.
fn for_people() -> Command {
    let whole = Arguments::command();
    let shown = whole.get_subcommands().filter(|it| !it.is_hide_set()).cloned();
    Command::new("weaver").version(env!("CARGO_PKG_VERSION")).subcommands(shown.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn what_is_hidden_is_not_offered() {
        for shell in Shell::value_variants() {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut for_people(), "weaver", &mut script);
            let script = String::from_utf8(script).unwrap();
            assert!(script.contains("deploy") && script.contains("doctor"), "{shell}");
            assert!(!script.contains("ingress"), "{shell}: {script}");
        }
    }
}
