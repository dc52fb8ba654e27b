//! The processes of a run, and how they are told what to do: each connects back to the harness and
//! ends when that connection does, however the harness ended.

use std::{
    fmt, fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::Stdio,
    time::Duration,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    process::{Child, Command},
    time::timeout,
};
use weaver::{Context, Error, Result};

use super::{
    load::{self, Cell, Client, Measured},
    peers::{Identity, System},
};

/// The environment variable that holds a process's [`Assignment`]. Not an argument: those of a
/// deployment's replicas are their program's.
const ASSIGNMENT: &str = "BENCHES_RPC_ASSIGNMENT";

/// A deployment starts in a second or two.
const START_SECONDS_MAX: u64 = 30;

/// 512 calls of 1 MiB take seconds.
const CELL_SECONDS_MAX: u64 = 60;

/// What a process ends in by itself, once its connection has.
const END_SECONDS_MAX: u64 = 10;

/// The tokio runtime of a system, the same for all at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Flavour {
    CurrentThread,
    /// With [`WORKERS`] threads.
    MultiThread,
}

pub(crate) const WORKERS: usize = 2;

/// What a process is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Assignment {
    pub(crate) system: System,
    pub(crate) flavour: Flavour,
    pub(crate) role: Role,
    harness: SocketAddr,
    pub(crate) identity: Identity,
}

/// One end of a system.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Role {
    Server,
    Client {
        server: SocketAddr,
        server_pid: u32,
    },
    /// Both: `weaver deploy` makes processes of it.
    Deployment,
}

/// What the harness asks of a client.
#[derive(Debug, Serialize, Deserialize)]
struct Order {
    cell: Cell,
    milliseconds: u64,
}

/// The first word of a process.
#[derive(Debug, Serialize, Deserialize)]
enum Hello {
    Serving(SocketAddr),
    Connected,
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CurrentThread => "ct",
            Self::MultiThread => "mt",
        })
    }
}

impl Assignment {
    /// That of this process, if the harness started it.
    pub(crate) fn of_this_process() -> Option<Self> {
        let text = std::env::var(ASSIGNMENT).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Serves at `address` until the harness ends.
    pub(crate) async fn serving(&self, address: SocketAddr) -> Result<()> {
        let mut harness = Line::connect(self.harness).await?;
        harness.say(&Hello::Serving(address)).await?;
        harness.hear::<Order>().await.map(|_| ())
    }

    /// Measures what the harness wants measured, until it ends.
    pub(crate) async fn calling<C: Client>(&self, client: C, server_pid: u32) -> Result<()> {
        let mut harness = Line::connect(self.harness).await?;
        harness.say(&Hello::Connected).await?;
        while let Some(Order { cell, milliseconds }) = harness.hear().await? {
            let time = Duration::from_millis(milliseconds);
            let measured = load::measure(&client, cell, time, server_pid).await;
            harness.say(&measured.map_err(|error| format!("{error:#}"))).await?;
        }
        Ok(())
    }
}

/// Two processes that are ready to measure, or a deployment.
#[derive(Debug)]
pub(crate) struct Contestant {
    pub(crate) system: System,
    client: Process,
    /// Ends after its client.
    server: Option<Process>,
}

impl Contestant {
    /// `directory` is its own.
    pub(crate) async fn start(
        system: System,
        flavour: Flavour,
        identity: &Identity,
        directory: &Path,
    ) -> Result<Self> {
        let start = async |role| {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            let harness = listener.local_addr()?;
            let identity = identity.clone();
            let assignment = Assignment { system, flavour, role, harness, identity };
            Process::start(&assignment, &listener, directory).await
        };
        if system.is_ours() {
            let (client, _) = start(Role::Deployment).await?;
            return Ok(Self { system, client, server: None });
        }
        let (server, hello) = start(Role::Server).await?;
        let Hello::Serving(address) = hello else {
            return Err(Error::msg("the server does not serve"));
        };
        let server_pid = server.child.id().context("the server has ended")?;
        let (client, _) = start(Role::Client { server: address, server_pid }).await?;
        Ok(Self { system, client, server: Some(server) })
    }

    pub(crate) async fn measure(&mut self, cell: Cell, time: Duration) -> Result<Measured> {
        let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.client.line.say(&Order { cell, milliseconds }).await?;
        let limit = Duration::from_secs(CELL_SECONDS_MAX);
        let answer = timeout(limit, self.client.line.hear::<Result<Measured, String>>()).await;
        let answer = answer.context("it has not answered in time")??;
        answer.context("it has ended")?.map_err(Error::msg)
    }

    pub(crate) async fn end(self) -> Result<()> {
        self.client.end().await?;
        match self.server {
            Some(server) => server.end().await,
            None => Ok(()),
        }
    }
}

/// A child. It is killed when this is dropped.
#[derive(Debug)]
struct Process {
    child: Child,
    line: Line,
}

impl Process {
    async fn start(
        assignment: &Assignment,
        listener: &TcpListener,
        directory: &Path,
    ) -> Result<(Self, Hello)> {
        let this = std::env::current_exe()?;
        let log = directory.join("log");
        let mut command = Command::new(&this);
        if let Role::Deployment = assignment.role {
            fs::write(directory.join("weaver.toml"), super::ours::config(&this))?;
            command.arg("deploy").arg(directory);
            // Where the command keeps what it remembers.
            command.env("XDG_RUNTIME_DIR", directory).env_remove("WEAVER_CONFIG");
        }
        let output = fs::File::create(&log)?;
        command
            .env(ASSIGNMENT, serde_json::to_string(assignment).context("an assignment")?)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true);
        let mut child = command.spawn()?;
        let ready = async {
            tokio::select! {
                line = accept(listener) => line,
                ended = child.wait() => Err(Error::msg(format!("it ended: {}", ended?))),
            }
        };
        let ready = timeout(Duration::from_secs(START_SECONDS_MAX), ready).await;
        match ready.unwrap_or_else(|_| Err(Error::msg("it is not ready in time"))) {
            Ok((line, hello)) => Ok((Self { child, line }, hello)),
            Err(error) => {
                let printed = fs::read_to_string(&log).unwrap_or_default();
                Err(error.context(format!("cannot start; it printed:\n{printed}")))
            }
        }
    }

    async fn end(mut self) -> Result<()> {
        drop(self.line);
        let ended = timeout(Duration::from_secs(END_SECONDS_MAX), self.child.wait()).await;
        let status = ended.context("it does not end")??;
        match status.success() {
            true => Ok(()),
            false => Err(Error::msg(format!("it ended with {status}"))),
        }
    }
}

async fn accept(listener: &TcpListener) -> Result<(Line, Hello)> {
    let (stream, _) = listener.accept().await?;
    let mut line = Line::new(stream);
    let hello = line.hear().await?.context("it has hung up")?;
    Ok((line, hello))
}

/// Values as lines of JSON.
#[derive(Debug)]
struct Line {
    read: Lines<BufReader<OwnedReadHalf>>,
    write: OwnedWriteHalf,
}

impl Line {
    async fn connect(to: SocketAddr) -> Result<Self> {
        Ok(Self::new(TcpStream::connect(to).await?))
    }

    fn new(stream: TcpStream) -> Self {
        let (read, write) = stream.into_split();
        Self { read: BufReader::new(read).lines(), write }
    }

    async fn say(&mut self, value: &impl Serialize) -> Result<()> {
        let mut text = serde_json::to_string(value).context("cannot write a line")?;
        text.push('\n');
        Ok(self.write.write_all(text.as_bytes()).await?)
    }

    /// Nothing, if the other side has ended.
    async fn hear<T: DeserializeOwned>(&mut self) -> Result<Option<T>> {
        // The harness may have been killed.
        let Ok(Some(line)) = self.read.next_line().await else { return Ok(None) };
        serde_json::from_str(&line).map(Some).context("cannot read a line")
    }
}
