//! A group's life as a replica in a sandbox: what a host does when a deployer started it.

use std::{path::PathBuf, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    Grants, GuestBootstrap,
    component::GuestComponent,
    group::{GuestGroup, Instances, Life, Living},
    listeners::{FREE, Listeners, names},
    outward::Outward,
};
use crate::{
    bootstrap::Bootstrap,
    component::{BoxFuture, Dispatch},
    control::Offences,
    error::{Context, Result},
    graph::Graph,
    logs::init_logs,
    net::Service,
    node::{MainEnd, Occupant, Others, run_as_replica, services},
    placement::Placement,
};

/// What a host needs to know to take the place of one replica.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SandboxBootstrap {
    /// What any replica needs to know.
    pub bootstrap: Bootstrap,
    /// The program.
    pub graph: Graph,
    /// The program's WebAssembly.
    pub wasm: PathBuf,
    /// Where compiled code is kept.
    pub cache: PathBuf,
    /// What it is granted.
    pub grants: Grants,
}

/// Lives as a replica of a group in a sandbox until it is told to stop, or until `main` returns if this is
/// its replica; gives the exit code.
///
/// # Errors
/// It cannot take its place.
pub async fn run_sandboxed_replica<I: Instances>(
    bootstrap: Bootstrap,
    graph: Graph,
    instances: I,
) -> Result<u8> {
    // The process is ours, whatever its guests do.
    init_logs();
    let group = bootstrap.replica.group.clone();
    let config = bootstrap.config().context("cannot read the configuration")?;
    let limits = config.limits();
    let guest = GuestBootstrap::new(&group, &graph, &bootstrap.placement, &config);
    let its_graph = graph.clone();
    let occupy = move |others: Others, placement: &Placement| {
        let transport = |its_group: &str, index| others.to(its_group, index);
        let outward = Arc::new(Outward::new(&group, &graph, placement, transport));
        let announce = move |name: &str, at| others.announce(name, at);
        let names = names(&group, &graph, placement);
        let listeners = Arc::new(Listeners::new(names, |_| FREE, announce));
        let life = Life { instances, bootstrap: guest, outward, listeners, limits };
        let group_name = group.clone();
        let (group, living) = GuestGroup::start(life);
        Arc::new(Guests { graph, group, _living: living, name: group_name })
    };
    let main = async |guests: Arc<Guests>| match guests.group.guest().run_main().await {
        Ok(Some(code)) => MainEnd::Returned(code),
        Ok(None) => MainEnd::NotStarted,
        Err(error) => {
            crate::report::to_stderr(&format!("error: {error:?}"));
            MainEnd::NotStarted
        }
    };
    run_as_replica(bootstrap, &its_graph, occupy, main).await
}

/// The occupant of the replica's place.
struct Guests {
    name: String,
    graph: Graph,
    group: Arc<GuestGroup>,
    _living: Living,
}

impl Occupant for Guests {
    fn services(&self, placement: &Placement) -> Vec<Option<Service>> {
        services(&self.graph, placement, |name, index| {
            let is_here = placement.group_of(name) == Some(&self.name);
            let component = || GuestComponent { group: Arc::clone(&self.group), index };
            is_here.then(|| Arc::new(component()) as Arc<dyn Dispatch>)
        })
    }

    fn failed(&self) -> BoxFuture<'_, Vec<(String, String)>> {
        Box::pin(self.group.failed(&self.name))
    }

    fn offences(&self) -> Offences {
        self.group.offences()
    }

    fn shutdown(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.group.shut_down(&self.name))
    }
}

impl std::fmt::Debug for Guests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Guests({})", self.name)
    }
}
