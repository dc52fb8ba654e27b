//! [`CannotListen`]: an address at which nothing can listen, and the deployment that has it, if one does.

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use weaver_runtime::control::Status;

use crate::state;

/// A listener's public address is none.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot listen on {address} for listener `{listener}`: {reason}; choose another `address` \
     under [listeners.{listener}]"
)]
pub(crate) struct CannotListen {
    pub(crate) listener: String,
    pub(crate) address: SocketAddr,
    pub(crate) reason: Reason,
}

/// Why nothing can listen at an address.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Reason {
    #[error("{app}, which is deployed (pid {pid}), has it")]
    Deployed { app: String, pid: u32 },
    #[error(transparent)]
    System(io::Error),
    /// What the ingress says.
    #[error("{0}")]
    Other(String),
}

/// Which of these listeners cannot have their address at this moment.
pub(crate) async fn taken(
    listeners: impl IntoIterator<Item = (&str, SocketAddr)>,
) -> Vec<CannotListen> {
    let cannot = |(listener, address): (&str, SocketAddr)| {
        let reason = Reason::System(TcpListener::bind(address).err()?);
        Some(CannotListen { listener: listener.to_owned(), address, reason })
    };
    let mut taken: Vec<_> = listeners.into_iter().filter_map(cannot).collect();
    if !taken.is_empty() {
        // It is a better reason, where there is one.
        for record in state::running().unwrap_or_default() {
            if let Ok(status) = record.status().await {
                taken.iter_mut().for_each(|it| it.blame(&status));
            }
        }
    }
    taken
}

impl CannotListen {
    fn blame(&mut self, Status { app, pid, listeners, .. }: &Status) {
        if listeners.iter().any(|listener| overlap(listener.address, self.address)) {
            self.reason = Reason::Deployed { app: app.clone(), pid: *pid };
        }
    }
}

/// Whether what listens at one keeps others from the other.
fn overlap(a: SocketAddr, b: SocketAddr) -> bool {
    let is_every = |it: SocketAddr| it.ip().is_unspecified();
    a.port() == b.port() && (a.ip() == b.ip() || is_every(a) || is_every(b))
}

#[cfg(test)]
mod tests {
    use weaver_runtime::control::ListenerStatus;

    use super::*;

    #[tokio::test]
    async fn an_address_that_something_has_is_taken() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        // Not that of `socket` after its end: another test may have it by then.
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let taken = taken([("web", address), ("free", free)]).await;
        let [CannotListen { listener, reason: Reason::System(error), .. }] = &taken[..] else {
            panic!("{taken:?}");
        };
        assert_eq!((listener.as_str(), error.kind()), ("web", io::ErrorKind::AddrInUse));
    }

    #[test]
    fn the_deployment_that_has_it_is_the_reason() {
        let status = |address: &str| Status {
            app: "shop".to_owned(),
            pid: 7,
            since: 0,
            groups: Vec::new(),
            listeners: vec![ListenerStatus {
                name: "web".to_owned(),
                address: address.parse().unwrap(),
                upstreams: 1,
            }],
        };
        let blamed = |address: &str| {
            let mut taken = CannotListen {
                listener: "web".to_owned(),
                address: "127.0.0.1:80".parse().unwrap(),
                reason: Reason::System(io::ErrorKind::AddrInUse.into()),
            };
            taken.blame(&status(address));
            matches!(taken.reason, Reason::Deployed { .. }).then(|| taken.to_string())
        };
        let expected = "cannot listen on 127.0.0.1:80 for listener `web`: shop, which is deployed (pid 7), has it; \
                        choose another `address` under [listeners.web]";
        assert_eq!(blamed("127.0.0.1:80").as_deref(), Some(expected));
        assert!(blamed("0.0.0.0:80").is_some());
        assert!(blamed("127.0.0.1:81").is_none());
        assert!(blamed("127.0.0.2:80").is_none());
    }
}
