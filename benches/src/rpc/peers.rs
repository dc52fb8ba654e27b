//! The systems that are compared, each at its best for one long-lived connection.

pub(crate) mod tarpc;

use std::{fmt, net::SocketAddr};

use serde::{Deserialize, Serialize};
use tokio::task::LocalSet;
use weaver::{Error, Result};

use super::{
    load::Client,
    process::{Assignment, Role},
};

/// A system to compare with: both of its ends.
pub(crate) trait Peer {
    type Client: Client;

    /// Starts a server that lives as long as the process, at a port of its own.
    async fn serve(identity: &Identity) -> Result<SocketAddr>;

    async fn connect(identity: &Identity, server: SocketAddr) -> Result<Self::Client>;
}

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum System {
    Ours,
    OursMarked,
    Tarpc,
    TarpcMarked,
}

impl System {
    /// In the order of their turns.
    pub(crate) const ALL: [Self; 4] =
        [Self::Ours, Self::Tarpc, Self::OursMarked, Self::TarpcMarked];

    pub(crate) fn is_ours(self) -> bool {
        matches!(self, Self::Ours | Self::OursMarked)
    }

    /// Which of ours has the same message.
    pub(crate) fn ours(self) -> Self {
        match self {
            Self::Ours | Self::Tarpc => Self::Ours,
            Self::OursMarked | Self::TarpcMarked => Self::OursMarked,
        }
    }
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ours => "ours",
            Self::OursMarked => "ours, serde_bytes",
            Self::Tarpc => "tarpc",
            Self::TarpcMarked => "tarpc, serde_bytes",
        })
    }
}

/// What both ends of a connection with TLS show each other, in PEM.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) authority: String,
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// One end of a peer.
pub(crate) async fn run(assignment: &Assignment) -> Result<()> {
    // Some clients cannot leave their thread.
    let local = LocalSet::new();
    match assignment.system {
        System::Ours | System::OursMarked => Err(Error::msg("ours is deployed")),
        System::Tarpc => local.run_until(end::<tarpc::Plain>(assignment)).await,
        System::TarpcMarked => local.run_until(end::<tarpc::Marked>(assignment)).await,
    }
}

async fn end<P: Peer>(assignment: &Assignment) -> Result<()> {
    let identity = &assignment.identity;
    match assignment.role {
        Role::Server => assignment.serving(P::serve(identity).await?).await,
        Role::Client { server, server_pid } => {
            assignment.calling(P::connect(identity, server).await?, server_pid).await
        }
        Role::Deployment => Err(Error::msg("only ours is deployed")),
    }
}
