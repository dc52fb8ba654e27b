//! The processes of a run: this program again, alone or deployed. Each is told what to do, connects
//! back to the harness, and ends when that connection does, however the harness ended. The connection
//! is a Unix socket, which is there in every network namespace.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    net::{
        UnixListener, UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    process::{Child, Command},
    time::timeout,
};
use weaver::{Context, Error, Result};

use crate::{rpc, scale, start};

/// The environment variable that holds a process's [`Assignment`]. Not an argument: those of a
/// deployment's replicas are their program's.
const ASSIGNMENT: &str = "BENCHES_ASSIGNMENT";

/// A deployment starts in a second or two.
const START_SECONDS_MAX: u64 = 30;

/// What a process ends in by itself, once its connection has.
const END_SECONDS_MAX: u64 = 10;

/// What a process is to do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Assignment {
    Rpc(rpc::Assignment),
    Scale(scale::Assignment),
    Start(start::Assignment),
}

impl Assignment {
    /// That of this process, if the harness started it.
    pub(crate) fn of_this_process() -> Option<Self> {
        let text = std::env::var(ASSIGNMENT).ok()?;
        serde_json::from_str(&text).ok()
    }
}

/// How this program is started.
#[derive(Debug)]
pub(crate) enum Launch {
    Alone,
    /// By `weaver deploy`, with this `weaver.toml`.
    Deployed(String),
    /// Alone, in the network namespace of the process with this id.
    Within(u32),
}

/// A child. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    pub(crate) line: Line,
}

impl Process {
    /// Starts this program, and hears its first word. `directory` is its own.
    pub(crate) async fn start<Hello: DeserializeOwned>(
        assignment: impl FnOnce(PathBuf) -> Assignment,
        launch: Launch,
        directory: &Path,
    ) -> Result<(Self, Hello)> {
        let harness = directory.join("harness");
        let listener = UnixListener::bind(&harness)?;
        let assignment = assignment(harness.clone());
        let log = directory.join("log");
        let program = std::env::current_exe()?;
        let command = match launch {
            Launch::Alone => Command::new(program),
            Launch::Deployed(config) => {
                fs::write(directory.join("weaver.toml"), config)?;
                let mut command = Command::new(program);
                command.arg("deploy").arg(directory);
                // Where the command keeps what it remembers.
                command.env("XDG_RUNTIME_DIR", directory).env_remove("WEAVER_CONFIG");
                command
            }
            Launch::Within(namespace) => {
                let mut command = within(namespace);
                command.arg(program);
                command
            }
        };
        let mut command = command;
        let output = fs::File::create(&log)?;
        command
            .env(ASSIGNMENT, serde_json::to_string(&assignment).context("an assignment")?)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true);
        let mut child = command.spawn()?;
        let ready = async {
            tokio::select! {
                line = accept(&listener) => line,
                ended = child.wait() => Err(Error::msg(format!("it ended: {}", ended?))),
            }
        };
        let ready = timeout(Duration::from_secs(START_SECONDS_MAX), ready).await;
        // The next process in this directory has a socket of its own.
        fs::remove_file(harness)?;
        match ready.unwrap_or_else(|_| Err(Error::msg("it is not ready in time"))) {
            Ok((line, hello)) => Ok((Self { child, line }, hello)),
            Err(error) => {
                let printed = fs::read_to_string(&log).unwrap_or_default();
                Err(error.context(format!("cannot start; it printed:\n{printed}")))
            }
        }
    }

    pub(crate) fn pid(&self) -> Result<u32> {
        self.child.id().context("it has ended")
    }

    pub(crate) async fn end(mut self) -> Result<()> {
        drop(self.line);
        let ended = timeout(Duration::from_secs(END_SECONDS_MAX), self.child.wait()).await;
        let status = ended.context("it does not end")??;
        match status.success() {
            true => Ok(()),
            false => Err(Error::msg(format!("it ended with {status}"))),
        }
    }
}

/// A command that becomes the one in its arguments, in the network namespace of a process.
pub(crate) fn within(namespace: u32) -> Command {
    let mut command = Command::new("nsenter");
    command.arg(format!("--net=/proc/{namespace}/ns/net"));
    command
}

async fn accept<Hello: DeserializeOwned>(listener: &UnixListener) -> Result<(Line, Hello)> {
    let (stream, _) = listener.accept().await?;
    let mut line = Line::new(stream);
    let hello = line.hear().await?.context("it has hung up")?;
    Ok((line, hello))
}

/// Values as lines of JSON.
#[derive(Debug)]
pub(crate) struct Line {
    read: Lines<BufReader<OwnedReadHalf>>,
    write: OwnedWriteHalf,
}

impl Line {
    pub(crate) async fn connect(to: &Path) -> Result<Self> {
        Ok(Self::new(UnixStream::connect(to).await?))
    }

    fn new(stream: UnixStream) -> Self {
        let (read, write) = stream.into_split();
        Self { read: BufReader::new(read).lines(), write }
    }

    pub(crate) async fn say(&mut self, value: &impl Serialize) -> Result<()> {
        let mut text = serde_json::to_string(value).context("cannot write a line")?;
        text.push('\n');
        Ok(self.write.write_all(text.as_bytes()).await?)
    }

    /// Nothing, if the other side has ended.
    pub(crate) async fn hear<T: DeserializeOwned>(&mut self) -> Result<Option<T>> {
        // The harness may have been killed.
        let Ok(Some(line)) = self.read.next_line().await else { return Ok(None) };
        serde_json::from_str(&line).map(Some).context("cannot read a line")
    }
}
