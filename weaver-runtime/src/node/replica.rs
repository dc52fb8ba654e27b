//! A program's life as a replica: what `main` does when a deployer started the process.

use std::{
    future::Future,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, OnceLock, Weak},
    time::Duration,
};

use tokio::{
    runtime::Handle,
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use super::{Callee, Calls, Checked, MainEnd, Node, Outside};
use crate::{
    bootstrap::{Bootstrap, NOT_STARTED_EXIT_CODE, TERMINATED_EXIT_CODE},
    client::Transport,
    component::{BoxFuture, Dispatch},
    control::{self, Deployer, Gauges, Health, Offences, Replica},
    error::{Context, Result},
    graph::Graph,
    limits::Limits,
    listener::Listener,
    logs::init_logs_of,
    message::HEADER_BYTES,
    net::{
        Callers, Endpoint, Hello, Io, ReplicaAddress, ReplicaId, Router, Routes, Service, Services,
    },
    placement::{COMMAND, DEPLOYER, MAIN, Placement},
    reference::Ref,
    registry::Registry,
    report,
};

/// What calls in flight get to finish when a signal, not the deployer, asks the replica to stop.
const SIGNAL_GRACE_SECONDS: u64 = 10;

/// The last word to the deployer may not hold up the end for longer than this.
const FAREWELL_SECONDS_MAX: u64 = 5;

/// What lives in a replica's place: a node of this process, or guests of it.
pub(crate) trait Occupant: Send + Sync + 'static {
    /// The services of its components, by their index on the wire.
    fn services(&self, placement: &Placement) -> Vec<Option<Service>>;

    /// The components that could not be built yet, with the reason of the last attempt.
    fn failed(&self) -> BoxFuture<'_, Vec<(String, String)>>;

    /// What its guest did that it may not, if it has one.
    fn offences(&self) -> Offences {
        Offences::default()
    }

    /// Stops, and shuts its components down.
    fn shutdown(&self) -> BoxFuture<'_, ()>;
}

/// Lives as a replica of a process until it is told to stop, or until `main` returns if this is its replica;
/// gives the exit code.
pub(crate) async fn run_replica<F, Fut>(
    bootstrap: Bootstrap,
    registry: Registry,
    main: F,
) -> Result<u8>
where
    F: FnOnce(Arc<Node>) -> Fut,
    Fut: Future<Output = MainEnd>,
{
    let config = bootstrap.config().context("cannot read the configuration")?;
    let group = bootstrap.replica.group.clone();
    init_logs_of(&group);
    let graph = registry.graph().clone();
    let occupy = |others: Others, placement: &Placement| {
        let (placement, outside) = (placement.clone(), Box::new(others));
        Node::start(registry, config, Calls::Remote { group, placement, outside })
    };
    run_as_replica(bootstrap, &graph, occupy, main).await
}

/// The same for whatever takes the place.
pub(crate) async fn run_as_replica<O, F, Fut>(
    bootstrap: Bootstrap,
    graph: &Graph,
    occupy: impl FnOnce(Others, &Placement) -> Arc<O>,
    main: F,
) -> Result<u8>
where
    O: Occupant,
    F: FnOnce(Arc<O>) -> Fut,
    Fut: Future<Output = MainEnd>,
{
    let replica = bootstrap.replica.clone();
    let limits = bootstrap.config().context("cannot read the configuration")?.limits();
    let seat = Seat::take(&bootstrap, graph, &limits)?;
    let (router, deployer) = (Arc::clone(&seat.router), seat.deployer.clone());
    let others = Others { router, deployer: deployer.clone(), replica: replica.clone() };
    let occupant = occupy(others, &bootstrap.placement);
    let (stop, stopped) = watch::channel(None);
    let services = seat.serve(&occupant, graph, &bootstrap.placement, &limits, stop);
    let address = seat.endpoint.local_addr()?;
    let routes = deployer.replica_started(ReplicaAddress { replica: replica.clone(), address });
    seat.router.set_routes(&routes.await.context("cannot report to the deployer")?);

    let grace = Duration::from_secs(SIGNAL_GRACE_SECONDS);
    let (code, grace) = tokio::select! {
        ended = run_main(&replica, &occupant, main) => (farewell(&deployer, ended).await, grace),
        grace = told_to_stop(stopped) => (0, grace),
        () = terminated() => (TERMINATED_EXIT_CODE, grace),
    };
    let left = services.drain(grace).await;
    if left > 0 {
        report::warn(&format!("stopping with {left} calls unfinished after {grace:?}"));
    }
    occupant.shutdown().await;
    seat.endpoint.close().await;
    Ok(code)
}

/// A replica's place among the others.
struct Seat {
    endpoint: Endpoint,
    /// Calls to other replicas.
    router: Arc<Router>,
    deployer: Ref<dyn Deployer>,
}

impl Seat {
    fn take(bootstrap: &Bootstrap, graph: &Graph, limits: &Limits) -> Result<Self> {
        let io = Io::new().context("cannot start the I/O thread")?;
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let endpoint = Endpoint::bind(any, &bootstrap.identity, limits, io)
            .context("cannot open the replica's socket")?;
        let hello = Hello::new(graph.fingerprint());
        let router = Router::new(endpoint.clone(), hello, graph.signatures());
        let control = Router::new(endpoint.clone(), control::hello(), control::signatures());
        control.set_routes(&control::route_to(DEPLOYER, bootstrap.deployer));
        let deployer = control::reference(&control, DEPLOYER);
        Ok(Self { endpoint, router, deployer })
    }

    /// Takes calls from now on.
    fn serve<O: Occupant>(
        &self,
        occupant: &Arc<O>,
        graph: &Graph,
        placement: &Placement,
        limits: &Limits,
        stop: watch::Sender<Option<Duration>>,
    ) -> Arc<Services> {
        let program = (graph.fingerprint(), occupant.services(placement));
        let (occupant, router) = (Arc::clone(occupant) as _, Arc::clone(&self.router));
        let commands = Arc::new(Commands { occupant, router, stop, services: OnceLock::new() });
        let control = control::table::<dyn Replica>(Arc::clone(&commands) as _);
        let services = Services::new([program, control], graph.signatures(), limits);
        // Nobody else sets it.
        let _ = commands.services.set(Arc::downgrade(&services));
        self.endpoint.serve(Arc::clone(&services));
        services
    }
}

/// The services of a program's components, by their index on the wire. `target` gives what is called, if the
/// component is here.
pub(crate) fn services(
    graph: &Graph,
    placement: &Placement,
    target: impl Fn(&str, u16) -> Option<Arc<dyn Dispatch>>,
) -> Vec<Option<Service>> {
    let service = |(index, name): (u16, &String)| {
        let target = target(name, index)?;
        let callers = placement.callers_of(graph, name).into_iter().chain([COMMAND]);
        let callers = Callers::Groups(callers.map(str::to_owned).collect());
        Some(Service { target, callers, is_bounded: true })
    };
    (0..).zip(graph.components.keys()).map(service).collect()
}

impl Occupant for Node {
    fn services(&self, placement: &Placement) -> Vec<Option<Service>> {
        services(self.registry.graph(), placement, |name, _| {
            self.slots.get(name).map(|slot| Arc::clone(slot) as Arc<dyn Dispatch>)
        })
    }

    fn failed(&self) -> BoxFuture<'_, Vec<(String, String)>> {
        Box::pin(std::future::ready(self.failed()))
    }

    fn shutdown(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.shutdown())
    }
}

async fn run_main<O, F, Fut>(replica: &ReplicaId, occupant: &Arc<O>, main: F) -> MainEnd
where
    F: FnOnce(Arc<O>) -> Fut,
    Fut: Future<Output = MainEnd>,
{
    if replica.group == MAIN {
        main(Arc::clone(occupant)).await
    } else {
        // In every other replica the author's `main` is not run.
        std::future::pending().await
    }
}

/// Tells the deployer that `main` returned; the exit code.
async fn farewell(deployer: &Ref<dyn Deployer>, end: MainEnd) -> u8 {
    let MainEnd::Returned(code) = end else { return NOT_STARTED_EXIT_CODE };
    let limit = Duration::from_secs(FAREWELL_SECONDS_MAX);
    match tokio::time::timeout(limit, deployer.main_returned(code)).await {
        Ok(Ok(())) => {}
        // The deployer sees the exit code in any case.
        Ok(Err(error)) => report::warn(&format!("cannot tell the deployer: {error:#}")),
        Err(_) => report::warn("cannot tell the deployer: it does not answer"),
    }
    code
}

/// The deployer's word: how long calls in flight may take.
async fn told_to_stop(mut stopped: watch::Receiver<Option<Duration>>) -> Duration {
    let told = stopped.wait_for(Option::is_some).await.ok().and_then(|told| *told);
    match told {
        Some(grace) => grace,
        // The service that holds the sender lives as long as the endpoint.
        None => std::future::pending().await,
    }
}

/// SIGTERM.
async fn terminated() {
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => drop(terminate.recv().await),
        // Without a handler the signal ends the process as it always does.
        Err(_) => std::future::pending().await,
    }
}

/// The other replicas, and the deployer.
pub(crate) struct Others {
    router: Arc<Router>,
    deployer: Ref<dyn Deployer>,
    replica: ReplicaId,
}

impl Others {
    /// Where calls to a component of a group go.
    pub(crate) fn to(&self, group: &str, index: u16) -> Arc<dyn Transport> {
        Arc::new(self.router.remote(group, index))
    }

    /// Tells the deployer of a listener.
    pub(crate) fn announce(&self, listener: &str, address: SocketAddr) {
        announce(self.deployer.clone(), self.replica.clone(), listener.to_owned(), address);
    }
}

impl Outside for Others {
    fn transport(&self, node: &Node, callee: Callee<'_>) -> Arc<dyn Transport> {
        let remote = self.router.remote(callee.group, callee.index);
        Arc::new(Checked::new(remote, node.carried(callee.spec)))
    }

    fn bind(&self, name: &'static str) -> io::Result<Listener> {
        let bound = Listener::bind(name, (Ipv4Addr::LOCALHOST, 0).into())?;
        self.announce(name, bound.local_addr()?);
        Ok(bound)
    }
}

/// Tells the deployer of a listener in the background: binding does not wait for it.
fn announce(
    deployer: Ref<dyn Deployer>,
    replica: ReplicaId,
    listener: String,
    address: SocketAddr,
) {
    tokio::spawn(async move {
        let told = deployer.listening(replica, listener.clone(), address).await;
        if let Err(error) = told {
            report::warn(&format!("listener {listener} is not reachable: {error:#}"));
        }
    });
}

/// What the deployer may ask of this replica.
struct Commands {
    occupant: Arc<dyn Occupant>,
    router: Arc<Router>,
    stop: watch::Sender<Option<Duration>>,
    /// Those that these commands are one of; they exist only after it.
    services: OnceLock<Weak<Services>>,
}

impl Commands {
    /// What is under way, besides the call that asks: it has no arguments, so that its request is a
    /// bare header.
    fn gauges(&self) -> Gauges {
        let calling = self.router.gauges();
        let services = self.services.get().and_then(Weak::upgrade);
        let serving = services.map(|services| services.gauges()).unwrap_or_default();
        Gauges {
            calls_waiting: calling.calls,
            calls_running: serving.calls.saturating_sub(1),
            queued_bytes: serving.bytes.saturating_sub(HEADER_BYTES),
            unsent_bytes: serving.answer_bytes,
            streams_open: calling.streams + serving.streams,
            tasks: Handle::current().metrics().num_alive_tasks(),
        }
    }
}

#[weaver_macros::component(unregistered)]
impl Replica for Commands {
    async fn set_routes(&self, routes: Routes) -> Result<()> {
        self.router.set_routes(&routes);
        Ok(())
    }

    async fn health(&self) -> Result<Health> {
        let (failed, offences) = (self.occupant.failed().await, self.occupant.offences());
        Ok(Health { failed, offences, gauges: self.gauges() })
    }

    async fn stop(&self, grace: Duration) -> Result<()> {
        self.stop.send_replace(Some(grace));
        Ok(())
    }
}
