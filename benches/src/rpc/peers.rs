//! The systems that are compared, each at its best for one long-lived connection.

mod capnp;
mod floor;
mod node;
mod tarpc;
mod tls;
mod tonic;
mod wrpc;

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use serde::{Deserialize, Serialize};
use tokio::task::LocalSet;
use weaver::{Context, Error, Result};

use super::{
    load::Client,
    ours::{MarkedCalls, PlainCalls},
    part::{Assignment, Role},
};

/// A system to compare with: both of its ends.
pub(crate) trait Peer {
    type Client: Client;

    /// Starts a server that lives as long as the process, at this address and a port of its own.
    async fn serve(identity: &Identity, at: IpAddr) -> Result<SocketAddr>;

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
const SERVER_NAME: &str = "localhost";

/// What both ends of a connection with TLS show each other, in PEM.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) authority: String,
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Identity {
    /// One for both ends, of an authority that nobody else has.
    pub(crate) fn new() -> Result<Self> {
        let key = || rcgen::KeyPair::generate().context("cannot make a key");
        let mut authority = rcgen::CertificateParams::default();
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority_key = key()?;
        let certificate = authority.self_signed(&authority_key).context("an authority")?;
        let issuer = rcgen::Issuer::new(authority, authority_key);
        let mut end = node::certificate()?;
        end.subject_alt_names
            .push(rcgen::SanType::DnsName(SERVER_NAME.try_into().context("a name")?));
        let end_key = key()?;
        Ok(Self {
            authority: certificate.pem(),
            certificate: end.signed_by(&end_key, &issuer).context("a certificate")?.pem(),
            key: end_key.serialize_pem(),
        })
    }
}

/// One end of a peer.
pub(crate) async fn run(assignment: &Assignment) -> Result<()> {
    let end = async {
        match assignment.system {
            System::Ours => end::<node::Node<PlainCalls>>(assignment).await,
            System::OursMarked => end::<node::Node<MarkedCalls>>(assignment).await,
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
        Role::Server { at } => assignment.serving(P::serve(identity, at).await?).await,
        Role::Client { server, server_pid } => {
            assignment.calling(P::connect(identity, server).await?, server_pid).await
        }
        Role::Deployment => Err(Error::msg("a deployment makes its own ends")),
    }
}
