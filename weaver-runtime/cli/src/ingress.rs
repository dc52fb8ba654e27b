//! The ingress: a process of its own that accepts at listeners' public addresses and forwards to the
//! replicas that hold them.
//!
//! It forwards bytes: a listener may speak any protocol over TCP. A connection that no replica takes
//! yet (all are being restarted) waits for a bounded time rather than being refused.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    error::Error,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::{Mutex, Semaphore, watch},
    task::JoinHandle,
    time::{Instant, sleep, sleep_until, timeout},
};
use weaver_runtime::{
    Context, Result, bootstrap,
    control::{self, Deployer, Forward, Health, Ingress, Opened},
    limits::Limits,
    net::{Endpoint, Identity, Io, ReplicaAddress, ReplicaId, Router, Services},
    placement::{DEPLOYER, INGRESS},
};

use crate::logs;

/// The environment variable that tells an ingress where its bootstrap pipe is.
pub(crate) const INGRESS_VARIABLE: &str = "WEAVER_INGRESS";

/// What an ingress needs to know to take its place.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct IngressBootstrap {
    pub(crate) identity: Identity,
    pub(crate) deployer: SocketAddr,
}

/// Connections that one listener forwards at once; what comes above waits in the system's queue.
const CONNECTIONS_MAX: usize = 10_000;

/// How long a connection waits for a replica that takes it: a crashed replica is back sooner.
const UPSTREAM_SECONDS_MAX: u64 = 15;

/// The pause before a replica that refused is tried again.
const RETRY_MILLISECONDS: u64 = 20;

/// A local connect takes microseconds; one that hangs is tried elsewhere.
const CONNECT_SECONDS_MAX: u64 = 2;

/// The pause after an error of `accept`, most of which are a want of file descriptors.
const ACCEPT_PAUSE_MILLISECONDS: u64 = 50;

/// Runs this process as an ingress, until its deployer ends it.
pub(crate) fn run() -> Result<u8, Box<dyn Error>> {
    if std::env::var_os(INGRESS_VARIABLE).is_none() {
        return Err("`weaver ingress` is started by `weaver deploy`, not by hand".into());
    }
    let bootstrap: IngressBootstrap = bootstrap::receive()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(bootstrap))?;
    Ok(0)
}

async fn serve(bootstrap: IngressBootstrap) -> Result<()> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let limits = Limits::default();
    let endpoint = Endpoint::bind(any, &bootstrap.identity, &limits, Io::new()?)
        .context("cannot open the ingress's socket")?;
    let gates: Arc<dyn Ingress> = Arc::new(Gates::default());
    endpoint.serve(Services::new([control::table(gates)], control::signatures(), &limits));
    let router = Router::new(endpoint.clone(), control::hello(), control::signatures());
    router.set_routes(&control::route_to(DEPLOYER, bootstrap.deployer));
    let deployer = control::reference::<dyn Deployer>(&router, DEPLOYER);
    let replica = ReplicaId { group: INGRESS.to_owned(), index: 0 };
    let address = endpoint.local_addr()?;
    deployer
        .replica_started(ReplicaAddress { replica, address })
        .await
        .context("cannot report to the deployer")?;
    // The end of the bootstrap pipe, or the deployer, ends this process.
    std::future::pending().await
}

/// The listeners that are accepted for.
#[derive(Debug, Default)]
struct Gates {
    gates: Mutex<BTreeMap<String, Gate>>,
}

/// An open listener. A connection that a replica has taken outlives it; one that waits for a replica does not.
#[derive(Debug)]
struct Gate {
    /// What was asked for, and what that became.
    wanted: SocketAddr,
    bound: SocketAddr,
    upstreams: watch::Sender<Vec<SocketAddr>>,
    accepting: JoinHandle<()>,
}

impl Gate {
    async fn open(wanted: SocketAddr) -> io::Result<Self> {
        let socket = TcpListener::bind(wanted).await?;
        let bound = socket.local_addr()?;
        let (upstreams, receiver) = watch::channel(Vec::new());
        let accepting = tokio::spawn(accept(socket, receiver));
        Ok(Self { wanted, bound, upstreams, accepting })
    }

    fn is_at(&self, address: SocketAddr) -> bool {
        [self.wanted, self.bound].contains(&address)
    }
}

#[weaver_macros::component(unregistered)]
impl Ingress for Gates {
    async fn set_listeners(&self, wanted: BTreeMap<String, Forward>) -> Result<Opened> {
        let mut gates = self.gates.lock().await;
        // Before any is opened: one may be to have the address of another.
        let is_wanted = |name: &String, gate: &Gate| {
            wanted.get(name).is_some_and(|forward| gate.is_at(forward.from))
        };
        let gone = gates.extract_if(.., |name, gate| !is_wanted(name, gate));
        let gone = gone.map(|(_, gate)| gate.accepting).collect::<Vec<_>>();
        // All of them at once: this call may be cancelled while it waits.
        gone.iter().for_each(JoinHandle::abort);
        for accepting in gone {
            // Its address is free then; that it was aborted is known.
            let _ = accepting.await;
        }
        let mut opened = Opened::new();
        for (name, Forward { from, to }) in wanted {
            let gate = match gates.entry(name.clone()) {
                Entry::Occupied(gate) => Ok(gate.into_mut()),
                Entry::Vacant(place) => Gate::open(from).await.map(|gate| place.insert(gate)),
            };
            let bound = gate.map(|gate| {
                gate.upstreams.send_replace(to);
                gate.bound
            });
            opened.insert(name, bound.map_err(|error| error.to_string()));
        }
        Ok(opened)
    }

    async fn health(&self) -> Result<Health> {
        Ok(Health::default())
    }
}

/// Accepts until the gate is closed.
async fn accept(socket: TcpListener, upstreams: watch::Receiver<Vec<SocketAddr>>) {
    let free = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        // The semaphore is never closed.
        let Ok(place) = Arc::clone(&free).acquire_owned().await else { return };
        match socket.accept().await {
            Ok((client, _)) => {
                let upstreams = upstreams.clone();
                tokio::spawn(async move {
                    forward(client, upstreams).await;
                    drop(place);
                });
            }
            Err(error) => {
                logs::note(&format!("cannot accept: {error}"));
                sleep(Duration::from_millis(ACCEPT_PAUSE_MILLISECONDS)).await;
            }
        }
    }
}

async fn forward(mut client: TcpStream, upstreams: watch::Receiver<Vec<SocketAddr>>) {
    let mut server = match connect(upstreams).await {
        Ok(server) => server,
        Err(error) => {
            logs::note(&format!("closed a connection: no replica took it: {error}"));
            return;
        }
    };
    // Small answers must not wait for more to come; forwarding works without it.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    // Either end may break off; the other learns it from the closed connection.
    let _ = copy_bidirectional(&mut client, &mut server).await;
}

/// A connection to any of the replicas, as soon as one takes it.
async fn connect(mut upstreams: watch::Receiver<Vec<SocketAddr>>) -> io::Result<TcpStream> {
    let until = Instant::now() + Duration::from_secs(UPSTREAM_SECONDS_MAX);
    let mut last = io::Error::other("no replica is running");
    while Instant::now() < until {
        let addresses = upstreams.borrow_and_update().clone();
        if let Some(&address) = fastrand::choice(&addresses) {
            let limit = Duration::from_secs(CONNECT_SECONDS_MAX);
            match timeout(limit, TcpStream::connect(address)).await {
                Ok(Ok(server)) => return Ok(server),
                Ok(Err(error)) => last = error,
                Err(elapsed) => last = elapsed.into(),
            }
        }
        let retry = Instant::now() + Duration::from_millis(RETRY_MILLISECONDS);
        let wake = if addresses.is_empty() { until } else { retry };
        tokio::select! {
            changed = upstreams.changed() => {
                if changed.is_err() {
                    return Err(io::Error::other("the listener is not wanted any more"));
                }
            }
            () = sleep_until(wake) => {}
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn echo_once() -> SocketAddr {
        let socket = TcpListener::bind(free(1)).await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut client, _) = socket.accept().await.unwrap();
            let (mut read, mut write) = client.split();
            tokio::io::copy(&mut read, &mut write).await.unwrap();
        });
        address
    }

    /// What came of one listener, `web`.
    async fn set(
        gates: &Gates,
        from: SocketAddr,
        to: Vec<SocketAddr>,
    ) -> Result<SocketAddr, String> {
        let wanted = BTreeMap::from([("web".to_owned(), Forward { from, to })]);
        gates.set_listeners(wanted).await.unwrap().remove("web").unwrap()
    }

    /// A free port of an address that each test has for itself: no other takes it once it is free again.
    fn free(test: u8) -> SocketAddr {
        SocketAddr::from(([127, 0, 1, test], 0))
    }

    #[tokio::test]
    async fn a_connection_waits_for_a_replica() {
        let gates = Gates::default();
        let address = set(&gates, free(1), Vec::new()).await.unwrap();
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"hello").await.unwrap();
        client.shutdown().await.unwrap();
        let upstream = echo_once().await;
        assert_eq!(set(&gates, address, vec![upstream]).await, Ok(address));
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "hello");
    }

    #[tokio::test]
    async fn an_address_in_use_is_told_and_tried_again() {
        let taken = TcpListener::bind(free(2)).await.unwrap();
        let address = taken.local_addr().unwrap();
        let gates = Gates::default();
        let error = set(&gates, address, Vec::new()).await.unwrap_err();
        assert!(error.contains("in use"), "{error}");
        drop(taken);
        assert_eq!(set(&gates, address, Vec::new()).await, Ok(address));
    }

    #[tokio::test]
    async fn an_address_goes_over_from_one_listener_to_another() {
        let gates = Gates::default();
        let address = set(&gates, free(3), Vec::new()).await.unwrap();
        // Waits for a replica that will not come.
        let mut client = TcpStream::connect(address).await.unwrap();
        let limit = Duration::from_secs(UPSTREAM_SECONDS_MAX / 2);
        let forward = |from| Forward { from, to: Vec::new() };
        let elsewhere = free(4);
        let wanted = [("other", address), ("web", elsewhere)];
        let wanted = wanted.map(|(name, from)| (name.to_owned(), forward(from)));
        let opened = gates.set_listeners(wanted.into()).await.unwrap();
        assert_eq!(opened["other"], Ok(address));
        assert!(opened["web"].as_ref().is_ok_and(|at| at.ip() == elsewhere.ip()));
        // A reset, if it had not been accepted yet.
        let read = timeout(limit, client.read(&mut [0])).await;
        assert!(matches!(read, Ok(Ok(0) | Err(_))), "{read:?}");
        assert_eq!(gates.set_listeners(BTreeMap::new()).await.unwrap(), Opened::new());
        assert!(TcpStream::connect(address).await.is_err());
    }
}
