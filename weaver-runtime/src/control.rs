//! The control plane: components over the same calls as the program's own, so that there is no
//! second protocol.
//!
//! The deployer is a node that serves [`Deployer`]; every replica serves [`Replica`]; the ingress
//! serves [`Ingress`]. None of them is on the path of a call between the program's components.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    client::Client,
    component::{Component, ComponentSpec, Dispatch, MethodSpec},
    construct::Local,
    error::Result,
    fingerprint::{Fingerprint, Signature},
    graph::Graph,
    net::{Callers, Hello, ReplicaAddress, ReplicaId, Router, Routes, Service},
    placement::{DEPLOYER, Placement},
    reference::Ref,
};

/// What replicas, the ingress and the command line ask of a deployer.
#[weaver_macros::component(name = "weaver.Deployer")]
pub trait Deployer {
    /// A replica takes calls from now on. The answer says where the others are.
    async fn replica_started(&self, replica: ReplicaAddress) -> Result<Routes>;

    /// A replica has bound a listener.
    async fn listening(&self, replica: ReplicaId, listener: String, at: SocketAddr) -> Result<()>;

    /// The author's `main` returned; the deployment ends with this exit code.
    async fn main_returned(&self, exit_code: u8) -> Result<()>;

    /// What is running.
    async fn status(&self) -> Result<Status>;

    /// The program that is running, and where: what a command needs to call a component.
    async fn program(&self) -> Result<Program>;

    /// Where its replicas are now.
    async fn routes(&self) -> Result<Routes>;
}

/// What a deployer asks of a replica.
#[weaver_macros::component(name = "weaver.Replica")]
pub trait Replica {
    /// Where the others are from now on.
    async fn set_routes(&self, routes: Routes) -> Result<()>;

    /// How the replica's components are.
    async fn health(&self) -> Result<Health>;

    /// Take no new calls, finish those in flight within `grace`, shut the components down, exit.
    async fn stop(&self, grace: Duration) -> Result<()>;
}

/// What a deployer asks of its ingress.
#[weaver_macros::component(name = "weaver.Ingress")]
pub trait Ingress {
    /// Forward what is accepted for these listeners, and for no others. A listener that is there already goes on.
    /// Of one that is not wanted any more, connections that a replica has taken do; those that wait are closed.
    ///
    /// Answers what came of each. What could not be opened is tried again by the next call.
    async fn set_listeners(&self, wanted: BTreeMap<String, Forward>) -> Result<Opened>;

    /// Answers if the ingress lives.
    async fn health(&self) -> Result<Health>;
}

/// What an ingress does for one listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forward {
    /// Where it accepts: port 0 is a free one.
    pub from: SocketAddr,
    /// Where the connections go to: to any of these.
    pub to: Vec<SocketAddr>,
}

/// The address that was bound for each listener, or why there is none.
pub type Opened = BTreeMap<String, Result<SocketAddr, String>>;

/// How a replica's components are, and what it has under way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Components that could not be built yet, with the reason of the last attempt.
    pub failed: Vec<(String, String)>,
    /// In a sandbox: what its guest did that it may not.
    pub offences: Offences,
    /// What is under way.
    pub gauges: Gauges,
}

/// What the guest of a replica did that it may not, in the life of the replica's process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offences {
    /// Instances that have ended for what they did.
    pub ended: Option<Noted>,
    /// What was not granted, and therefore refused.
    pub refused: Option<Noted>,
}

/// How often something happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {
    /// How often.
    pub count: u32,
    /// What it was the last time.
    pub last: String,
}

/// What a process has under way with others. Calls within it are not counted: they are method calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gauges {
    /// Calls to other processes that wait for their answer.
    pub calls_waiting: usize,
    /// Calls from other processes that are worked on.
    pub calls_running: usize,
    /// Bytes of the requests of these calls.
    pub queued_bytes: usize,
    /// Bytes of answers that wait to be sent.
    pub unsent_bytes: usize,
    /// Streams among arguments and results, on both sides of calls.
    pub streams_open: usize,
    /// Tasks of the program's runtime.
    pub tasks: usize,
}

/// A program that is deployed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// What it consists of.
    pub graph: Graph,
    /// Where its components are.
    pub placement: Placement,
    /// Where the replicas are, at this moment.
    pub routes: Routes,
    /// How long its calls without a deadline wait for a replica.
    pub replica_wait: Duration,
}

/// A deployment, as `weaver status` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The application's name.
    pub app: String,
    /// The deployer's process id.
    pub pid: u32,
    /// When it started, in seconds since 1970.
    pub since: u64,
    /// The groups by name.
    pub groups: Vec<GroupStatus>,
    /// The listeners by name.
    pub listeners: Vec<ListenerStatus>,
}

/// A group in [`Status`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupStatus {
    /// The group's name.
    pub name: String,
    /// The components in it.
    pub components: Vec<String>,
    /// Whether it runs in a sandbox.
    pub sandboxed: bool,
    /// Its replicas.
    pub replicas: Vec<ReplicaStatus>,
}

/// A replica in [`Status`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaStatus {
    /// The replica's number in its group.
    pub index: u32,
    /// Its process id, while it runs.
    pub pid: Option<u32>,
    /// `starting`, `running`, `waiting` to be started again, or `stopping`.
    pub state: String,
    /// Since when it has been in this state, in seconds since 1970.
    pub since: u64,
    /// How often it was started again.
    pub restarts: u32,
    /// Components that could not be built yet, with the reason of the last attempt.
    pub failed: Vec<(String, String)>,
    /// In a sandbox: what its guest did that it may not.
    pub offences: Offences,
    /// What it had under way when it was last asked, a few seconds ago; none before its first answer.
    pub gauges: Option<Gauges>,
}

/// A listener in [`Status`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerStatus {
    /// The listener's name.
    pub name: String,
    /// Where the ingress accepts; none as long as it does not.
    pub address: Option<SocketAddr>,
    /// Where it cannot, and why, if it tried to.
    pub problem: Option<String>,
    /// How many replicas it forwards to.
    pub upstreams: usize,
}

/// The control plane's components in the order of their indices on the wire.
const INTERFACES: [&ComponentSpec; 3] =
    [<dyn Deployer>::SPEC, <dyn Replica>::SPEC, <dyn Ingress>::SPEC];

/// The methods of the control plane, for the handshake.
#[must_use]
pub fn signatures() -> Vec<Signature> {
    INTERFACES.iter().flat_map(|spec| spec.methods.iter().map(|m| signature(spec, m))).collect()
}

fn signature(spec: &ComponentSpec, method: &MethodSpec) -> Signature {
    let shape = (method.shape)();
    Signature::new(
        format!("{}.{}", spec.name, method.name),
        &format!("{} -> {}, {}", shape.arguments.text(), shape.value.text(), shape.error.text()),
    )
}

/// What a caller of the control plane says first.
#[must_use]
pub fn hello() -> Hello {
    Hello::new(Fingerprint::of(&signatures()))
}

/// The table of a node that serves `component` of the control plane.
pub fn table<C: Component + ?Sized>(component: Arc<C>) -> (Fingerprint, Vec<Option<Service>>) {
    let mut local: Option<Arc<dyn Dispatch>> = Some(Arc::new(Local(component)));
    let service = |spec: &&ComponentSpec| {
        let target = if spec.name == C::SPEC.name { local.take() } else { None };
        target.map(|target| Service { target, callers: callers(spec), is_bounded: false })
    };
    (hello().fingerprint, INTERFACES.iter().map(service).collect())
}

/// Every node may call the deployer; only the deployer commands the others.
fn callers(spec: &ComponentSpec) -> Callers {
    if spec.name == <dyn Deployer>::SPEC.name {
        Callers::All
    } else {
        Callers::Groups(vec![DEPLOYER.to_owned()])
    }
}

/// A reference to a component of the control plane in `group`, through `router`.
pub fn reference<C: Component + ?Sized>(router: &Arc<Router>, group: &str) -> Ref<C> {
    let index = INTERFACES.iter().zip(0_u16..).find(|(spec, _)| spec.name == C::SPEC.name);
    // A component that is none of the control plane's gets an index that nobody serves.
    let index = index.map_or(u16::MAX, |(_, index)| index);
    C::from_client(Client::new(router.transport(group, index))).into()
}

/// Routes to a single node: the deployer, for replicas; the ingress, for the deployer.
#[must_use]
pub fn route_to(group: &str, address: SocketAddr) -> Routes {
    let replica = ReplicaId { group: group.to_owned(), index: 0 };
    let replicas = vec![ReplicaAddress { replica, address }];
    Routes { revision: 1, groups: [(group.to_owned(), replicas)].into() }
}
