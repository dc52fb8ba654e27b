//! [`CannotListen`]: an address at which nothing can listen, and the deployment that has it, if one does.

use std::{
    collections::BTreeMap,
    io,
    net::{SocketAddr, TcpListener},
};

use weaver_runtime::control::Status;

use crate::state;

/// A listener's public address is none.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} for listener `{listener}`: {reason}; {}", self.advice())]
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
    #[error("listener `{0}` has it")]
    Listener(String),
    #[error(transparent)]
    System(io::Error),
    /// What the ingress says.
    #[error("{0}")]
    Other(String),
}

/// Which of these listeners cannot have their address at this moment, with the deployment that has it.
pub(crate) async fn taken(
    listeners: impl IntoIterator<Item = (&str, SocketAddr)>,
) -> Vec<CannotListen> {
    let mut taken = bind(listeners);
    if !taken.is_empty() {
        for record in state::running().unwrap_or_default() {
            // One that does not answer may be ending.
            if let Ok(status) = record.status().await {
                taken.iter_mut().for_each(|it| it.blame(&status));
            }
        }
    }
    taken
}

/// The same failures, with the deployment that has an address, as far as that is known by now.
pub(crate) async fn explained(failures: Vec<CannotListen>) -> Vec<CannotListen> {
    let places: Vec<_> = failures.iter().map(|it| (it.listener.as_str(), it.address)).collect();
    let taken = taken(places).await.into_iter();
    let mut taken: BTreeMap<_, _> = taken.map(|it| (it.listener.clone(), it)).collect();
    failures.into_iter().map(|it| taken.remove(&it.listener).unwrap_or(it)).collect()
}

/// Which of these cannot be bound, all at once: two may have one address.
fn bind<'a>(listeners: impl IntoIterator<Item = (&'a str, SocketAddr)>) -> Vec<CannotListen> {
    let (mut taken, mut bound) = (Vec::new(), Vec::new());
    for (listener, address) in listeners {
        match TcpListener::bind(address) {
            Ok(socket) => bound.push((listener, address, socket)),
            Err(error) => {
                let mut others = bound.iter().filter(|it| exclude_each_other(it.1, address));
                let reason = match others.next() {
                    Some((other, ..)) if error.kind() == io::ErrorKind::AddrInUse => {
                        Reason::Listener((*other).to_owned())
                    }
                    _ => Reason::System(error),
                };
                taken.push(CannotListen { listener: listener.to_owned(), address, reason });
            }
        }
    }
    taken
}

impl CannotListen {
    /// What to do about it.
    pub(crate) fn advice(&self) -> String {
        let Self { listener, reason, .. } = self;
        let end = match reason {
            Reason::Deployed { .. } => "end that deployment, or ",
            Reason::System(_) if self.is_in_use() => "end what has it, or ",
            Reason::Listener(_) | Reason::System(_) | Reason::Other(_) => "",
        };
        format!(
            "{end}choose another `address` under [listeners.{listener}] (port 0 takes a free one)"
        )
    }

    fn is_in_use(&self) -> bool {
        let in_use = io::ErrorKind::AddrInUse;
        matches!(&self.reason, Reason::System(error) if error.kind() == in_use)
    }

    fn blame(&mut self, Status { app, pid, listeners, .. }: &Status) {
        let excludes = |at: SocketAddr| exclude_each_other(at, self.address);
        let holder = listeners.iter().find(|it| it.address.is_some_and(excludes));
        if let (Some(holder), true) = (holder, self.is_in_use()) {
            self.reason = match *pid {
                pid if pid == std::process::id() => Reason::Listener(holder.name.clone()),
                pid => Reason::Deployed { app: app.clone(), pid },
            };
        }
    }
}

/// Whether who listens at one keeps others from the other. `[::]` is every address of IPv4, too.
fn exclude_each_other(a: SocketAddr, b: SocketAddr) -> bool {
    let covers = |a: SocketAddr, b: SocketAddr| {
        a.ip() == b.ip() || (a.ip().is_unspecified() && (a.is_ipv6() || b.is_ipv4()))
    };
    a.port() == b.port() && (covers(a, b) || covers(b, a))
}

#[cfg(test)]
mod tests {
    use weaver_runtime::control::ListenerStatus;

    use super::*;

    #[test]
    fn an_address_that_something_has_is_taken() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        // Not that of `socket` after its end: another test may have it by then.
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let taken = bind([("web", address), ("free", free)]);
        let [CannotListen { listener, reason: Reason::System(error), .. }] = &taken[..] else {
            panic!("{taken:?}");
        };
        assert_eq!((listener.as_str(), error.kind()), ("web", io::ErrorKind::AddrInUse));
    }

    #[test]
    fn two_listeners_cannot_have_one_address() {
        // Its first moment is free, and no other test takes a port of this address: what has it is the other listener.
        let address = TcpListener::bind("127.0.0.5:0").unwrap().local_addr().unwrap();
        for other in [address, SocketAddr::from(([0, 0, 0, 0], address.port()))] {
            let taken = bind([("one", address), ("two", other)]);
            assert_eq!(taken.last().map(|it| it.listener.as_str()), Some("two"));
            let said = taken[0].to_string();
            assert!(said.contains("`two`: listener `one` has it"), "{said}");
        }
    }

    #[test]
    fn the_deployment_that_has_it_is_the_reason() {
        let status = |address: &str, pid| Status {
            app: "shop".to_owned(),
            pid,
            since: 0,
            groups: Vec::new(),
            listeners: vec![ListenerStatus {
                name: "admin".to_owned(),
                address: Some(address.parse().unwrap()),
                problem: None,
                upstreams: 1,
            }],
        };
        let blamed_on = |pid, address: &str, kind: io::ErrorKind| {
            let mut taken = CannotListen {
                listener: "web".to_owned(),
                address: "127.0.0.1:80".parse().unwrap(),
                reason: Reason::System(kind.into()),
            };
            taken.blame(&status(address, pid));
            (!matches!(taken.reason, Reason::System(_))).then(|| taken.to_string())
        };
        let blamed = |address: &str, kind| blamed_on(7, address, kind);
        let in_use = |address| blamed(address, io::ErrorKind::AddrInUse);
        let expected = "cannot listen on 127.0.0.1:80 for listener `web`: shop, which is deployed (pid 7), has it; \
                        end that deployment, or choose another `address` under [listeners.web] (port 0 takes a free \
                        one)";
        assert_eq!(in_use("127.0.0.1:80").as_deref(), Some(expected));
        assert!(in_use("0.0.0.0:80").is_some());
        assert!(in_use("[::]:80").is_some());
        assert!(in_use("[::1]:80").is_none());
        assert!(in_use("127.0.0.1:81").is_none());
        assert!(in_use("127.0.0.2:80").is_none());
        assert!(blamed("127.0.0.1:80", io::ErrorKind::AddrNotAvailable).is_none());
        // Who deploys is asked, too.
        let own = blamed_on(std::process::id(), "127.0.0.1:80", io::ErrorKind::AddrInUse).unwrap();
        assert!(own.contains("`web`: listener `admin` has it; choose another `address`"), "{own}");
    }
}
