//! [`Placement`]: which group each component is in, and what follows from it for calls.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};

use crate::graph::Graph;

/// The name of `main` as a caller, and of its group.
pub const MAIN: &str = "main";

/// What the names of the deployment's own groups begin with, and no other's.
pub const RESERVED_PREFIX: &str = "weaver.";

/// The deployer as a caller.
pub const DEPLOYER: &str = "weaver.deployer";

/// The ingress as a caller.
pub const INGRESS: &str = "weaver.ingress";

/// A command of whoever started the deployment, as a caller: it may call every component.
pub const COMMAND: &str = "weaver.command";

/// Which group each component is in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// Component to group.
    groups: BTreeMap<String, String>,
    by_key: BTreeSet<String>,
    /// Groups that run in a sandbox.
    sandboxed: BTreeSet<String>,
}

/// What a call along an edge of the graph is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EdgeKind {
    /// In the same process: one virtual call, nothing encoded.
    Direct,
    /// To another process: bincode over QUIC.
    Remote,
    /// To another process, where the callee is a guest in a sandbox.
    SandboxedRemote,
}

impl fmt::Display for EdgeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Direct => "direct",
            Self::Remote => "remote",
            Self::SandboxedRemote => "sandboxed, remote",
        })
    }
}

impl Placement {
    /// A placement from `(component, group)` pairs.
    #[must_use]
    pub fn new(groups: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { groups: groups.into_iter().collect(), ..Self::default() }
    }

    /// The same, where these components are called by key: each key has its place among several
    /// replicas, so that not even who is in the same process calls the one that is there.
    #[must_use]
    pub fn with_keys(self, components: impl IntoIterator<Item = String>) -> Self {
        Self { by_key: components.into_iter().collect(), ..self }
    }

    /// The same, where these groups run in a sandbox.
    #[must_use]
    pub fn with_sandboxes(self, groups: impl IntoIterator<Item = String>) -> Self {
        Self { sandboxed: groups.into_iter().collect(), ..self }
    }

    /// Whether a component is called by key; see [`with_keys`](Self::with_keys).
    #[must_use]
    pub fn is_by_key(&self, component: &str) -> bool {
        self.by_key.contains(component)
    }

    /// Everything, `main` included, in one process: `cargo run`.
    #[must_use]
    pub fn one_process(graph: &Graph) -> Self {
        Self::new(graph.components.keys().map(|name| (name.clone(), MAIN.to_owned())))
    }

    /// The group of a component, or of `main`.
    #[must_use]
    pub fn group_of<'a>(&'a self, component: &'a str) -> Option<&'a str> {
        if component == MAIN {
            return Some(MAIN);
        }
        self.groups.get(component).map(String::as_str)
    }

    /// What a call from one component, or `main`, to another is.
    #[must_use]
    pub fn edge_kind(&self, caller: &str, callee: &str) -> EdgeKind {
        let together = self.group_of(caller) == self.group_of(callee);
        let is_sandboxed = self.group_of(callee).is_some_and(|it| self.sandboxed.contains(it));
        match (together && !self.is_by_key(callee), is_sandboxed) {
            (true, _) => EdgeKind::Direct,
            (false, false) => EdgeKind::Remote,
            (false, true) => EdgeKind::SandboxedRemote,
        }
    }

    /// The groups whose replicas may call a component: those with a component that holds a
    /// reference to it, and `main`, which may get any.
    #[must_use]
    pub fn callers_of<'a>(&'a self, graph: &'a Graph, component: &str) -> Vec<&'a str> {
        let holders = graph.edges().filter(|(_, callee)| *callee == component);
        let mut groups: Vec<_> =
            holders.filter_map(|(holder, _)| self.group_of(holder)).chain([MAIN]).collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{ComponentNode, Requests};

    fn graph() -> Graph {
        let node = |references: &[&str]| ComponentNode {
            implementation: String::new(),
            location: String::new(),
            methods: Vec::new(),
            requests: Requests {
                references: references.iter().map(|&name| name.to_owned()).collect(),
                ..Requests::default()
            },
        };
        Graph {
            package: "shop".to_owned(),
            components: BTreeMap::from([
                ("Cart".to_owned(), node(&["Store"])),
                ("Pay".to_owned(), node(&[])),
                ("Store".to_owned(), node(&[])),
            ]),
            main: Some(Requests::default()),
        }
    }

    fn placement() -> Placement {
        let pairs = [("Cart", "cart"), ("Store", "cart"), ("Pay", "pay")];
        Placement::new(pairs.map(|(c, g)| (c.to_owned(), g.to_owned())))
    }

    #[test]
    fn edges_within_a_group_are_direct() {
        assert_eq!(placement().edge_kind("Cart", "Store"), EdgeKind::Direct);
        assert_eq!(placement().edge_kind("main", "Store"), EdgeKind::Remote);
        let together = Placement::one_process(&graph());
        assert_eq!(together.edge_kind("main", "Store"), EdgeKind::Direct);
    }

    #[test]
    fn nobody_calls_directly_what_is_called_by_key() {
        let placement = placement().with_keys(["Store".to_owned()]);
        assert_eq!(placement.edge_kind("Cart", "Store"), EdgeKind::Remote);
        assert_eq!(placement.callers_of(&graph(), "Store"), ["cart", "main"]);
    }

    #[test]
    fn only_groups_with_a_reference_may_call() {
        assert_eq!(placement().callers_of(&graph(), "Store"), ["cart", "main"]);
        assert_eq!(placement().callers_of(&graph(), "Pay"), ["main"]);
    }
}
