//! The ingress: a process of its own that accepts at listeners' public addresses and forwards to the
//! replicas that hold them.
//!
//! It forwards bytes: a listener may speak any protocol over TCP. A connection that no replica takes
//! yet (all are being restarted) waits for a bounded time rather than being refused.

use std::{
    collections::HashMap,
    error::Error,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time::{Instant, sleep, sleep_until, timeout},
};
use weaver_runtime::{
    Context, Result, bootstrap,
    control::{self, Deployer, Health, Ingress},
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
    gates: Mutex<HashMap<String, Gate>>,
}

#[derive(Debug)]
struct Gate {
    address: SocketAddr,
    upstreams: watch::Sender<Vec<SocketAddr>>,
}

impl Gates {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Gate>> {
        // Nothing panics while it holds the lock.
        self.gates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[weaver_macros::component(unregistered)]
impl Ingress for Gates {
    async fn listen(&self, listener: String, address: SocketAddr) -> Result<SocketAddr> {
        // Asked again because the answer was lost.
        if let Some(gate) = self.lock().get(&listener) {
            return Ok(gate.address);
        }
        let socket = TcpListener::bind(address).await?;
        let address = socket.local_addr()?;
        let (upstreams, receiver) = watch::channel(Vec::new());
        self.lock().insert(listener, Gate { address, upstreams });
        tokio::spawn(accept(socket, receiver));
        Ok(address)
    }

    async fn set_upstreams(&self, listener: String, addresses: Vec<SocketAddr>) -> Result<()> {
        let gates = self.lock();
        let gate = gates.get(&listener).context(format_args!("no listener `{listener}`"))?;
        gate.upstreams.send_replace(addresses);
        Ok(())
    }

    async fn health(&self) -> Result<Health> {
        Ok(Health::default())
    }
}

/// Accepts for as long as the process lives.
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
            _ = upstreams.changed() => {}
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
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut client, _) = socket.accept().await.unwrap();
            let (mut read, mut write) = client.split();
            tokio::io::copy(&mut read, &mut write).await.unwrap();
        });
        address
    }

    #[tokio::test]
    async fn a_connection_waits_for_a_replica() {
        let gates = Gates::default();
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let address = gates.listen("web".to_owned(), any).await.unwrap();
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"hello").await.unwrap();
        client.shutdown().await.unwrap();
        let upstream = echo_once().await;
        gates.set_upstreams("web".to_owned(), vec![upstream]).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "hello");
    }

    #[tokio::test]
    async fn a_port_in_use_is_an_error() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = taken.local_addr().unwrap();
        let error = Gates::default().listen("web".to_owned(), address).await.unwrap_err();
        assert!(error.to_string().contains("in use"), "{error}");
    }

    #[tokio::test]
    async fn an_unknown_listener_is_an_error() {
        let error = Gates::default().set_upstreams("web".to_owned(), Vec::new()).await;
        assert_eq!(error.unwrap_err().to_string(), "no listener `web`");
    }
}
