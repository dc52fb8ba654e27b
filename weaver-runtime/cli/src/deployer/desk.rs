//! [`Desk`]: the deployer as a component, where replicas and commands come to.

use std::net::SocketAddr;

use tokio::sync::{mpsc, oneshot};
use weaver_runtime::{
    Error, Result,
    control::{Deployer, Program, Status},
    net::{ReplicaAddress, ReplicaId, Routes, caller},
    placement::{COMMAND, MAIN},
};

use super::event::Event;

/// Hands everything on to the one task that owns the deployment.
#[derive(Debug)]
pub(super) struct Desk {
    events: mpsc::Sender<Event>,
}

impl Desk {
    pub(super) fn new(events: mpsc::Sender<Event>) -> Self {
        Self { events }
    }

    async fn tell(&self, event: Event) -> Result<()> {
        self.events.send(event).await.map_err(|_| ending())
    }

    async fn ask<T>(&self, event: impl FnOnce(oneshot::Sender<T>) -> Event) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        self.tell(event(reply)).await?;
        answer.await.map_err(|_| ending())
    }
}

/// A replica speaks for its own group alone, whatever it says that it is.
fn only(group: &str) -> Result<()> {
    match caller() {
        Some(caller) if *caller == *group => Ok(()),
        caller => Err(Error::msg(format_args!(
            "a replica of `{}` cannot speak for `{group}`",
            caller.as_deref().unwrap_or("nobody")
        ))),
    }
}

fn ending() -> Error {
    Error::msg("the deployment is ending")
}

#[weaver_macros::component(unregistered)]
impl Deployer for Desk {
    async fn replica_started(&self, at: ReplicaAddress) -> Result<Routes> {
        only(&at.replica.group)?;
        self.ask(|reply| Event::Started { at, reply }).await
    }

    async fn listening(&self, replica: ReplicaId, listener: String, at: SocketAddr) -> Result<()> {
        only(&replica.group)?;
        self.tell(Event::Listening { replica, listener, at }).await
    }

    async fn main_returned(&self, code: u8) -> Result<()> {
        only(MAIN)?;
        self.tell(Event::MainReturned { code }).await
    }

    async fn program(&self) -> Result<Program> {
        only(COMMAND)?;
        self.ask(|reply| Event::Program { reply }).await
    }

    async fn routes(&self) -> Result<Routes> {
        only(COMMAND)?;
        self.ask(|reply| Event::Routes { reply }).await
    }

    async fn status(&self) -> Result<Status> {
        self.ask(|reply| Event::Status { reply }).await
    }
}
