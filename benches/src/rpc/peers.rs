//! The systems that are compared, each at its best for one long-lived connection.

mod capnp;
mod floor;
mod tarpc;
mod tls;
mod tonic;
mod wrpc;

use std::{fmt, net::SocketAddr};

use serde::{Deserialize, Serialize};
use tokio::task::LocalSet;
use weaver::{Error, Result};

use super::{
    load::Client,
    part::{Assignment, Role},
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
    TonicTls,
    TonicPlaintext,
    Tarpc,
    TarpcMarked,
    Capnp,
    Wrpc,
    Floor,
}

impl System {
    /// In the order of their turns.
    pub(crate) const ALL: [Self; 9] = [
        Self::Ours,
        Self::TonicTls,
        Self::TonicPlaintext,
        Self::Tarpc,
        Self::Capnp,
        Self::OursMarked,
        Self::TarpcMarked,
        Self::Wrpc,
        Self::Floor,
    ];

    pub(crate) fn is_ours(self) -> bool {
        self == self.ours()
    }

    /// Which of ours has the same message.
    pub(crate) fn ours(self) -> Self {
        match self {
            Self::Ours | Self::TonicTls | Self::TonicPlaintext | Self::Tarpc | Self::Capnp => {
                Self::Ours
            }
            Self::OursMarked | Self::TarpcMarked | Self::Wrpc | Self::Floor => Self::OursMarked,
        }
    }
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ours => "ours",
            Self::OursMarked => "ours, serde_bytes",
            Self::TonicTls => "tonic, TLS",
            Self::TonicPlaintext => "tonic, plaintext",
            Self::Tarpc => "tarpc, plaintext",
            Self::TarpcMarked => "tarpc, plaintext, serde_bytes",
            Self::Capnp => "capnp-rpc, plaintext",
            Self::Wrpc => "wRPC, QUIC",
            Self::Floor => "floor, TLS",
        })
    }
}

/// What certificates are for.
pub(crate) const SERVER_NAME: &str = "localhost";

/// What both ends of a connection with TLS show each other, in PEM.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) authority: String,
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// One end of a peer.
pub(crate) async fn run(assignment: &Assignment) -> Result<()> {
    let end = async {
        match assignment.system {
            System::Ours | System::OursMarked => Err(Error::msg("ours is deployed")),
            System::TonicTls => end::<tonic::Tls>(assignment).await,
            System::TonicPlaintext => end::<tonic::Plaintext>(assignment).await,
            System::Tarpc => end::<tarpc::Plain>(assignment).await,
            System::TarpcMarked => end::<tarpc::Marked>(assignment).await,
            System::Capnp => end::<capnp::Capnp>(assignment).await,
            System::Wrpc => end::<wrpc::Wrpc>(assignment).await,
            System::Floor => end::<floor::Floor>(assignment).await,
        }
    };
    // Some cannot leave their thread.
    LocalSet::new().run_until(end).await
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
