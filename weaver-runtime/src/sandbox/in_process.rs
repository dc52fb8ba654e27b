//! [`InProcess`]: a program as one process, some of whose groups are guests in it.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, OnceLock, Weak},
};

use super::{
    GuestBootstrap,
    group::{GuestGroup, Instances, Life, Living},
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

/// Starts a group's guest, once there is something around it.
type Start = Box<dyn FnOnce(Around) -> (Arc<GuestGroup>, Living) + Send>;

/// A group that is to run in a sandbox.
pub struct InSandbox {
    pub(super) name: String,
    start: Start,
}

/// What is around a guest.
struct Around {
    bootstrap: GuestBootstrap,
    outward: Arc<Outward>,
    listeners: Arc<Listeners>,
    config: ConfigFile,
}

impl std::fmt::Debug for InSandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "InSandbox({})", self.name)
    }
}

impl InSandbox {
    /// A group of this name, as an instance of these.
    pub fn new<I: Instances>(name: String, instances: I) -> Self {
        let start: Start = Box::new(|around| {
            let Around { bootstrap, outward, listeners, config } = around;
            let limits = config.limits();
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
        let around = around(&name, registry.graph(), &config, &placement, &house);
        guests.insert(name, start(around));
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
    Placement::new(pairs).with_sandboxes(groups.iter().map(|group| group.name.clone()))
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
    groups: OnceLock<BTreeMap<String, Arc<GuestGroup>>>,
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
                return group.call(self.index, request.method, request.arguments?).await;
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
    guests: BTreeMap<String, (Arc<GuestGroup>, Living)>,
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
            for (name, (group, _)) in &self.guests {
                group.shut_down(name).await;
            }
        })
    }
}

/// Calls to a component in a guest.
struct ToGuest {
    /// There is one: the placement names no other groups.
    group: Option<Arc<GuestGroup>>,
    component: u16,
}

impl Carry for ToGuest {
    async fn carry(&self, request: Request) -> Result<Message, Failure> {
        let group = self.group.as_ref().ok_or(CallErrorKind::Draining)?;
        group.call(self.component, request.method, request.arguments?).await
    }
}
