//! What the processes of a run are told to do, and what the harness asks of them.

use std::{
    fmt,
    net::SocketAddr,
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
        let start = async |role, launch| {
            let identity = identity.clone();
            let assignment = |harness| {
                let assignment = Assignment { system, flavour, role, harness, identity };
                process::Assignment::Rpc(assignment)
            };
            Process::start(assignment, launch, directory).await
        };
        if system.is_ours() {
            let deployed = Launch::Deployed(ours::config()?);
            let (client, _) = start(Role::Deployment, deployed).await?;
            return Ok(Self { system, client, server: None });
        }
        let (server, hello) = start(Role::Server, Launch::Alone).await?;
        let Hello::Serving(address) = hello else {
            return Err(Error::msg("the server does not serve"));
        };
        let role = Role::Client { server: address, server_pid: server.pid()? };
        let (client, _) = start(role, Launch::Alone).await?;
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
