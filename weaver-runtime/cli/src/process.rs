//! Starts and ends the processes of a deployment: the only place that does.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, PipeWriter, Write},
    os::{fd::AsRawFd, unix::process::CommandExt},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    thread,
    time::Duration,
};

use serde::Serialize;
use tokio::{
    process::{Child, Command},
    task::JoinSet,
    time::timeout,
};
use weaver_runtime::bootstrap;

use crate::logs::ReplicaLog;

/// A child of the deployer. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    /// The lifeline: the child ends when this is closed.
    _pipe: PipeWriter,
    followers: JoinSet<()>,
}

/// What a process that has ended left in its pipes is read within this time. Something that it
/// started may keep them open.
const LAST_LINES_MILLISECONDS_MAX: u64 = 500;

/// A program file, native or WebAssembly, as it was when the deployment began.
///
/// It is kept open and started through the open file, so that a replica which is started again runs
/// the same build also after the file was built anew: a request must never see two versions.
#[derive(Debug)]
pub(crate) struct Executable {
    path: PathBuf,
    file: File,
}

impl Executable {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), file: File::open(path)? })
    }

    /// A path to the file as it was, for as long as this lives.
    pub(crate) fn open_path(&self) -> PathBuf {
        let open =
            PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), self.file.as_raw_fd()));
        // Where there is no such file system, the path must do.
        if open.exists() { open } else { self.path.clone() }
    }

    /// A command that shows the program's own path where processes are listed.
    fn command(&self) -> std::process::Command {
        let mut command = std::process::Command::new(self.open_path());
        command.arg0(&self.path);
        command
    }
}

/// What is started.
#[derive(Debug)]
pub(crate) struct Launch<'a> {
    pub(crate) program: &'a Executable,
    pub(crate) args: &'a [String],
    pub(crate) env: &'a [(String, String)],
    /// The environment variable that tells the child where the pipe is.
    pub(crate) variable: &'a str,
}

impl Process {
    /// Starts a program, hands it `bootstrap` and prints what it writes to `log`.
    pub(crate) fn start<T: Serialize>(
        launch: &Launch<'_>,
        bootstrap: &T,
        log: &ReplicaLog,
    ) -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        let mut command = launch.program.command();
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
        let followers = follow(&mut child, log);
        hand_over(writer.try_clone()?, bootstrap)?;
        Ok(Self { child, _pipe: writer, followers })
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

    /// Reads what it wrote last, once it has ended.
    pub(crate) async fn read_last_lines(mut self) {
        let limit = Duration::from_millis(LAST_LINES_MILLISECONDS_MAX);
        let read = async { while self.followers.join_next().await.is_some() {} };
        // What is not read by then belongs to others.
        let _ = timeout(limit, read).await;
    }
}

/// Writes the bootstrap. A thread does that because a large one fills the pipe, and a program that
/// does something else first reads it late, or never: then this ends when the program does.
fn hand_over<T: Serialize>(mut pipe: PipeWriter, bootstrap: &T) -> io::Result<()> {
    let mut bytes = Vec::new();
    bootstrap::send(&mut bytes, bootstrap)?;
    thread::Builder::new().name("bootstrap".to_owned()).spawn(move || {
        // The program is gone if this fails.
        let _ = pipe.write_all(&bytes);
    })?;
    Ok(())
}

fn follow(child: &mut Child, log: &ReplicaLog) -> JoinSet<()> {
    let mut followers = JoinSet::new();
    if let Some(stdout) = child.stdout.take() {
        followers.spawn(log.clone().follow(stdout));
    }
    if let Some(stderr) = child.stderr.take() {
        followers.spawn(log.clone().follow(stderr));
    }
    followers
}
