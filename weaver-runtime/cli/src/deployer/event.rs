//! [`Event`]: everything that a deployer reacts to.

use std::{fmt, io, net::SocketAddr, process::ExitStatus};

use tokio::sync::{mpsc, oneshot};
use weaver_runtime::{
    control::{Health, Opened, Program, Status},
    net::{ReplicaAddress, ReplicaId, Routes},
};

use super::{Change, listeners::Told};
use crate::{listening::CannotListen, process::Process, supervisor::Generation};

/// Everything that a deployer reacts to, besides signals and time.
#[derive(Debug)]
pub(super) enum Event {
    /// A replica, or the ingress, takes calls.
    Started { at: ReplicaAddress, reply: oneshot::Sender<Routes> },
    /// A replica answered its health call.
    Healthy { at: ReplicaAddress, health: Health },
    /// A replica has bound a listener.
    Listening { replica: ReplicaId, listener: String, at: SocketAddr },
    /// Another deployment is to take the place of this one.
    Changed(Box<Change>),
    /// The author's `main` returned.
    MainReturned { code: u8 },
    /// A process ended.
    Ended { replica: ReplicaId, generation: Generation, end: End },
    /// What the ingress has opened when it was told this.
    Opened { told: Told, opened: Opened },
    /// Why listeners cannot have their addresses, as far as others know.
    Explained(Vec<CannotListen>),
    /// Somebody wants to call a component.
    Program { reply: oneshot::Sender<Program> },
    /// Somebody calls a component, and wants to know where it is now.
    Routes { reply: oneshot::Sender<Routes> },
    /// Somebody asks what is running.
    Status { reply: oneshot::Sender<Status> },
}

/// How a process ended.
#[derive(Debug)]
pub(super) enum End {
    Exited(ExitStatus),
    NotStarted(Box<dyn std::error::Error + Send + Sync>),
    Lost(io::Error),
}

impl End {
    /// The code that the program exited with, if no signal ended it.
    pub(super) fn exit_code(&self) -> Option<u8> {
        let Self::Exited(status) = self else { return None };
        status.code().and_then(|code| u8::try_from(code).ok())
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(status) => write!(f, "ended ({status})"),
            Self::NotStarted(error) => write!(f, "could not be started ({error})"),
            Self::Lost(error) => write!(f, "was lost ({error})"),
        }
    }
}

/// Waits for the end of a process, or ends it when told to, and reports.
pub(super) async fn watch(
    mut process: Process,
    mut killed: mpsc::Receiver<()>,
    replica: ReplicaId,
    generation: Generation,
    events: mpsc::Sender<Event>,
) {
    let ended = tokio::select! {
        ended = process.ended() => ended,
        // Also when the deployer has dropped the sender.
        _ = killed.recv() => {
            process.kill();
            process.ended().await
        }
    };
    let end = ended.map_or_else(End::Lost, End::Exited);
    process.read_last_lines().await;
    report_end(replica, generation, end, events).await;
}

pub(super) async fn report_end(
    replica: ReplicaId,
    generation: Generation,
    end: End,
    events: mpsc::Sender<Event>,
) {
    // The deployer is gone if this fails.
    let _ = events.send(Event::Ended { replica, generation, end }).await;
}
