//! [`Checkout`]: a copy of the repository to build in, so that the real one stays as it is.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use tempfile::TempDir;
use tokio::process::Command;
use weaver::{Context, Error, Result};

use crate::origin::PACKAGE;

/// What git knows of, as it is now, in a directory that goes with this. Its target directory is in
/// there too, and empty at first.
#[derive(Debug)]
pub(crate) struct Checkout {
    directory: TempDir,
}

impl Checkout {
    pub(crate) async fn copy() -> Result<Self> {
        let checkout = Self { directory: tempfile::tempdir()? };
        let root = Path::new(PACKAGE).parent().context("the package is in a workspace")?;
        let mut git = Command::new("git");
        git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        let files = checkout.output(git.current_dir(root)).await?;
        for file in files.split_terminator('\0') {
            // It may have been deleted.
            if root.join(file).is_file() {
                let to = checkout.parents_of(file)?;
                fs::copy(root.join(file), to)?;
            }
        }
        Ok(checkout)
    }

    pub(crate) fn read(&self, file: &str) -> Result<String> {
        Ok(fs::read_to_string(self.path(file))?)
    }

    pub(crate) fn write(&self, file: &str, text: &str) -> Result<()> {
        Ok(fs::write(self.parents_of(file)?, text)?)
    }

    /// Where cargo puts a program; `profile` is `debug` or `release`.
    pub(crate) fn built(&self, profile: &str, program: &str) -> PathBuf {
        self.path("target").join(profile).join(program)
    }

    /// Runs cargo, without the network, and gives what it prints.
    pub(crate) async fn cargo(&self, arguments: &[&str]) -> Result<String> {
        // That of the toolchain that runs this.
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo
            .args(arguments)
            .arg("--offline")
            .current_dir(self.directory.path())
            .env("CARGO_TARGET_DIR", self.path("target"))
            // Programs are where `built` says.
            .env_remove("CARGO_BUILD_TARGET")
            // It might have kept what is to be built.
            .env("RUSTC_WRAPPER", "");
        self.output(&mut cargo).await
    }

    /// Runs a program to its end, and gives what it prints. On Ctrl-C this is an error, with which
    /// the directory goes.
    pub(crate) async fn output(&self, command: &mut Command) -> Result<String> {
        let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
        let output = tokio::select! {
            output = output => output.context(format!("cannot run {:?}", command.as_std()))?,
            _ = tokio::signal::ctrl_c() => return Err(Error::msg("interrupted")),
        };
        if !output.status.success() {
            let printed = String::from_utf8_lossy(&output.stderr);
            let error = Error::msg(format!("{}; it printed:\n{printed}", output.status));
            return Err(error.context(format!("{:?} failed", command.as_std())));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn path(&self, file: &str) -> PathBuf {
        self.directory.path().join(file)
    }

    /// The path of a file, whose directories are there.
    fn parents_of(&self, file: &str) -> Result<PathBuf> {
        let path = self.path(file);
        fs::create_dir_all(path.parent().unwrap_or(&path))?;
        Ok(path)
    }
}
