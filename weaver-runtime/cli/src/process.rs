//! Starts and ends the processes of a deployment: the only place that does.

use std::{
    ffi::OsStr,
    io::{self, PipeWriter},
    os::unix::process::CommandExt,
    path::Path,
    process::{ExitStatus, Stdio},
};

use serde::Serialize;
use tokio::process::{Child, Command};
use weaver_runtime::bootstrap;

use crate::logs::ReplicaLog;

/// A child of the deployer. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    /// The lifeline: the child ends when this is closed.
    _pipe: PipeWriter,
}

/// What is started.
#[derive(Debug)]
pub(crate) struct Launch<'a> {
    pub(crate) program: &'a Path,
    pub(crate) args: &'a [String],
    pub(crate) env: &'a [(String, String)],
    /// The environment variable that tells the child the pipe's number.
    pub(crate) variable: &'a str,
}

impl Process {
    /// Starts a program, hands it `bootstrap` and prints what it writes to `log`.
    pub(crate) fn start<T: Serialize>(
        launch: &Launch<'_>,
        bootstrap: &T,
        log: &ReplicaLog,
    ) -> io::Result<Self> {
        let (reader, mut writer) = io::pipe()?;
        let mut command = std::process::Command::new(launch.program);
        command
            .args(launch.args)
            .envs(launch.env.iter().map(|(name, value)| (OsStr::new(name), value)))
            // Last, so that the application's own environment cannot override it.
            .env(launch.variable, bootstrap::PIPE)
            .env_remove(bootstrap::ASK_VARIABLE)
            .stdin(reader)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C at the terminal reaches the deployer alone, which then ends them in order.
            .process_group(0);
        let mut child = Command::from(command).kill_on_drop(true).spawn()?;
        follow(&mut child, log);
        bootstrap::send(&mut writer, bootstrap)?;
        Ok(Self { child, _pipe: writer })
    }

    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Ends it at once.
    pub(crate) fn kill(&mut self) {
        // It has ended already if this fails.
        let _ = self.child.start_kill();
    }

    /// Waits until it ends. Cancel safe.
    pub(crate) async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }
}

fn follow(child: &mut Child, log: &ReplicaLog) {
    // The tasks end with the pipes, which end with the child (or with what it leaves behind).
    if let Some(stdout) = child.stdout.take() {
        tokio::spawn(log.clone().follow(stdout));
    }
    if let Some(stderr) = child.stderr.take() {
        tokio::spawn(log.clone().follow(stderr));
    }
}
