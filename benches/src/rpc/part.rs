//! What the processes of a run are told to do, and what the harness asks of them.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use weaver::{Context, Error, Result};

use super::{
    load::{self, Cell, Client, Measured},
    ours,
    peers::{Identity, System},
};
use crate::process::{self, Launch, Line, Process};

/// 512 calls of 1 MiB take seconds.
const CELL_SECONDS_MAX: u64 = 60;

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
    harness: PathBuf,
    pub(crate) identity: Identity,
}

/// One end of a system.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Role {
    Server {
        at: IpAddr,
    },
    Client {
        server: SocketAddr,
        server_pid: u32,
    },
    /// Both: `weaver deploy` makes processes of it.
    Deployment,
}

/// Where both ends of a system are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// On this machine's loopback interface; ours is deployed.
    Loopback,
    /// In the network namespaces of two processes; ours is two nodes without a deployment, which knows
    /// of one machine only.
    Apart { server: u32, at: Ipv4Addr, client: u32 },
}

/// What the harness asks of a client.
#[derive(Debug, Serialize, Deserialize)]
struct Order {
    cell: Cell,
    milliseconds: u64,
    /// See [`Measured::held_up`].
    threshold_us: Option<f64>,
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
    /// Serves at `address` until the harness ends.
    pub(crate) async fn serving(&self, address: SocketAddr) -> Result<()> {
        let mut harness = Line::connect(&self.harness).await?;
        harness.say(&Hello::Serving(address)).await?;
        harness.hear::<Order>().await.map(|_| ())
    }

    /// Measures what the harness wants measured, until it ends.
    pub(crate) async fn calling<C: Client>(&self, client: C, server_pid: u32) -> Result<()> {
        let mut harness = Line::connect(&self.harness).await?;
        harness.say(&Hello::Connected).await?;
        while let Some(Order { cell, milliseconds, threshold_us }) = harness.hear().await? {
            let time = Duration::from_millis(milliseconds);
            let measured = tokio::select! {
                measured = load::measure(&client, cell, time, threshold_us, server_pid) => measured,
                // The harness says nothing now: it has ended, and with it perhaps the path to the server.
                _ = harness.hear::<Order>() => return Ok(()),
            };
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
        place: Place,
        directory: &Path,
    ) -> Result<Self> {
        let start = async |role, launch| {
            let identity = identity.clone();
            let assignment = |harness| {
                let assignment = Assignment { system, flavour, role, harness, identity };
                process::Assignment::Rpc(assignment)
            };
            Process::start(assignment, launch, directory).await
        };
        let (at, launches) = match place {
            Place::Loopback if system.is_ours() => {
                let deployed = Launch::Deployed(ours::config()?);
                let (client, _) = start(Role::Deployment, deployed).await?;
                return Ok(Self { system, client, server: None });
            }
            Place::Loopback => (Ipv4Addr::LOCALHOST, [Launch::Alone, Launch::Alone]),
            Place::Apart { server, at, client } => (at, [server, client].map(Launch::Within)),
        };
        let [of_server, of_client] = launches;
        let (server, hello) = start(Role::Server { at: at.into() }, of_server).await?;
        let Hello::Serving(address) = hello else {
            return Err(Error::msg("the server does not serve"));
        };
        let role = Role::Client { server: address, server_pid: server.pid()? };
        let (client, _) = start(role, of_client).await?;
        Ok(Self { system, client, server: Some(server) })
    }

    /// `threshold_us` is the latency above which a call was held up, if that is asked.
    pub(crate) async fn measure(
        &mut self,
        cell: Cell,
        time: Duration,
        threshold_us: Option<f64>,
    ) -> Result<Measured> {
        let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.client.line.say(&Order { cell, milliseconds, threshold_us }).await?;
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
