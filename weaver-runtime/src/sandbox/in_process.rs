//! [`InProcess`]: a program as one process, some of whose groups are guests in it.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, OnceLock, Weak},
};

use tokio::task::JoinSet;

use super::{
    GuestBootstrap,
    group::{GuestGroup, Instances, Life, Living},
    guests::Guests,
    listeners::Listeners,
    outward::Outward,
};
use crate::{
    client::{Request, Transport},
    component::BoxFuture,
    config::ConfigFile,
    error::{CallErrorKind, Failure},
    graph::Graph,
    listener::Listener,
    message::Message,
    node::{Callee, Calls, Carry, Checked, Node, Outside, bind, dispatch},
    placement::{MAIN, Placement},
    registry::Registry,
};

/// Starts an instance of a group, once there is something around it.
type Start = Box<dyn Fn(Around) -> (Arc<GuestGroup>, Living) + Send>;

/// A group that is to run in a sandbox.
pub struct InSandbox {
    pub(super) name: String,
    start: Start,
}

/// What is around an instance.
struct Around {
    bootstrap: GuestBootstrap,
    outward: Arc<Outward>,
    listeners: Arc<Listeners>,
    config: ConfigFile,
}

impl Around {
    /// What is around another instance of the same group.
    fn another(&self) -> Self {
        Self {
            bootstrap: self.bootstrap.clone(),
            outward: Arc::clone(&self.outward),
            listeners: Arc::new(self.listeners.of_another()),
            config: self.config.clone(),
        }
    }
}

impl std::fmt::Debug for InSandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "InSandbox({})", self.name)
    }
}

impl InSandbox {
    /// A group of this name, of as many of these instances as its `replicas` says.
    pub fn new<I: Instances>(name: String, instances: I) -> Self {
        let instances = Arc::new(instances);
        let start: Start = Box::new(move |around| {
            let Around { bootstrap, outward, listeners, config } = around;
            let (instances, limits) = (Arc::clone(&instances), config.limits());
            GuestGroup::start(Life { instances, bootstrap, outward, listeners, limits })
        });
        Self { name, start }
    }
}

/// The node of a program that runs as one process, and its guests. To be called inside the program's
/// runtime.
pub(crate) fn start(registry: Registry, config: ConfigFile, groups: Vec<InSandbox>) -> Arc<Node> {
    let placement = placement(registry.graph(), &config, &groups);
    let house = Arc::new(House::default());
    let mut guests = BTreeMap::new();
    for InSandbox { name, start } in groups {
        let first = around(&name, registry.graph(), &config, &placement, &house);
        let others = (1..replicas(&config, &name)).map(|_| first.another());
        let arounds: Vec<_> = others.collect();
        let (instances, livings) = std::iter::once(first).chain(arounds).map(start).unzip();
        guests.insert(name.clone(), (Arc::new(Guests::new(&name, instances)), livings));
    }
    let groups =
        guests.iter().map(|(name, (group, _))| (name.clone(), Arc::clone(group))).collect();
    let outside = Box::new(InProcess { guests, config: config.clone() });
    let node =
        Node::start(registry, config, Calls::Remote { group: MAIN.to_owned(), placement, outside });
    // Nobody else sets them.
    let _ = house.node.set(Arc::downgrade(&node));
    let _ = house.groups.set(groups);
    node
}

fn placement(graph: &Graph, config: &ConfigFile, groups: &[InSandbox]) -> Placement {
    let group_of = |component: &String| {
        let groups = groups.iter().map(|group| &group.name);
        let mut its = groups.filter(|&name| {
            config.groups().get(name).is_some_and(|group| group.components.contains(component))
        });
        its.next().cloned().unwrap_or_else(|| MAIN.to_owned())
    };
    let pairs = graph.components.keys().map(|component| (component.clone(), group_of(component)));
    let placement = Placement::new(pairs);
    let is_by_key = |component: &&String| {
        let group = placement.group_of(component).unwrap_or(MAIN);
        replicas(config, group) > 1 && graph.is_routed(component)
    };
    let by_key: Vec<_> = graph.components.keys().filter(is_by_key).cloned().collect();
    placement.with_keys(by_key).with_sandboxes(groups.iter().map(|group| group.name.clone()))
}

/// How many instances of a group there are.
fn replicas(config: &ConfigFile, group: &str) -> u32 {
    config.groups().get(group).and_then(|group| group.replicas).unwrap_or(1)
}

fn around(
    name: &str,
    graph: &Graph,
    config: &ConfigFile,
    placement: &Placement,
    house: &Arc<House>,
) -> Around {
    let reach = |group: &str, index| -> Arc<dyn Transport> {
        Arc::new(Neighbour { house: Arc::clone(house), group: group.to_owned(), index })
    };
    Around {
        bootstrap: GuestBootstrap::new(name, graph, placement, config),
        outward: Arc::new(Outward::new(name, graph, placement, reach)),
        listeners: Arc::new(Listeners::of_program(name, graph, placement, config)),
        config: config.clone(),
    }
}

/// Everything that lives in the process.
#[derive(Default)]
struct House {
    node: OnceLock<Weak<Node>>,
    groups: OnceLock<BTreeMap<String, Arc<Guests>>>,
}

/// What a guest calls: a component of the node, or of another guest.
struct Neighbour {
    house: Arc<House>,
    group: String,
    index: u16,
}

impl Transport for Neighbour {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Message, Failure>> {
        Box::pin(async move {
            // Both are set within microseconds of the guests' start.
            if let Some(group) = self.house.groups.wait().get(&self.group) {
                return group.call(self.index, request).await;
            }
            let node = self.house.node.wait().upgrade();
            let target = node.and_then(|node| node.target(self.index));
            let target = target.ok_or(CallErrorKind::Draining)?;
            dispatch(&*target, request).await
        })
    }
}

/// The guests, as the node's outside.
struct InProcess {
    guests: BTreeMap<String, (Arc<Guests>, Vec<Living>)>,
    config: ConfigFile,
}

impl Outside for InProcess {
    fn transport(&self, node: &Node, callee: Callee<'_>) -> Arc<dyn Transport> {
        let group = self.guests.get(callee.group).map(|(group, _)| Arc::clone(group));
        let to = ToGuest { group, component: callee.index };
        Arc::new(Checked::new(to, node.carried(callee.spec)))
    }

    fn bind(&self, name: &'static str) -> io::Result<Listener> {
        bind(name, &self.config)
    }

    fn shutdown(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let mut ends = JoinSet::new();
            for (name, (group, _)) in &self.guests {
                for instance in group.each() {
                    let (name, instance) = (name.clone(), Arc::clone(instance));
                    ends.spawn(async move { instance.shut_down(&name).await });
                }
            }
            // Each has its limit.
            while ends.join_next().await.is_some() {}
        })
    }
}

/// Calls to a component in a guest.
struct ToGuest {
    /// There is one: the placement names no other groups.
    group: Option<Arc<Guests>>,
    component: u16,
}

impl Carry for ToGuest {
    async fn carry(&self, request: Request) -> Result<Message, Failure> {
        let group = self.group.as_ref().ok_or(CallErrorKind::Draining)?;
        group.call(self.component, request).await
    }
}
