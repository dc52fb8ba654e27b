//! [`Plan`]: which group each component is in and how each group runs. Pure.

use std::fmt;

use weaver_runtime::{
    config::{ConfigFile, PlacementDefault, hint},
    graph::Graph,
    net::ReplicaId,
    placement::{EdgeKind, MAIN, Placement},
    sandbox::Grants,
};

use crate::wrap::wrap;

/// Which group each component is in, and how many replicas each group has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) groups: Vec<Group>,
    pub(crate) placement: Placement,
    edges: Vec<Edge>,
}

/// Components that are placed together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) components: Vec<String>,
    pub(crate) replicas: u32,
    /// What it is granted, if it runs in a sandbox.
    pub(crate) sandbox: Option<Grants>,
}

/// Which groups run in a sandbox, besides those that say so in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sandboxes {
    /// All, `main` as well if it is weaver's.
    All,
    /// Those of these names, and those with a component of such a name.
    Of(Vec<String>),
}

impl Sandboxes {
    /// No others.
    pub(crate) const AS_CONFIGURED: Self = Self::Of(Vec::new());

    fn has(&self, group: &Group, graph: &Graph) -> bool {
        match self {
            Self::All => group.name != MAIN || graph.main.is_some(),
            Self::Of(names) => names.iter().any(|name| group.is_called(name)),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Edge {
    caller: String,
    callee: String,
    kind: EdgeKind,
}

impl Plan {
    /// The plan for a program. The configuration's names have been checked against it.
    pub(crate) fn new(graph: &Graph, config: &ConfigFile, sandboxes: &Sandboxes) -> Self {
        let main = Group::new(MAIN.to_owned(), Vec::new());
        let sandbox = config.groups().get(MAIN).and_then(|main| main.sandbox.clone());
        let mut groups = vec![Group { sandbox, ..main }];
        for (name, group) in config.groups() {
            if name != MAIN {
                let (replicas, sandbox) = (group.replicas.unwrap_or(1), group.sandbox.clone());
                let new = Group::new(name.clone(), group.components.clone());
                groups.push(Group { replicas, sandbox, ..new });
            }
        }
        for component in graph.components.keys() {
            if !groups.iter().any(|group| group.components.contains(component)) {
                place(&mut groups, component, config.placement_default());
            }
        }
        for group in groups.iter_mut().filter(|group| sandboxes.has(group, graph)) {
            group.sandbox.get_or_insert_default();
        }
        let placement = placement(&groups, graph);
        let edges = graph.edges().map(|(caller, callee)| Edge {
            caller: caller.to_owned(),
            callee: callee.to_owned(),
            kind: placement.edge_kind(caller, callee),
        });
        let edges = edges.collect();
        Self { groups, placement, edges }
    }

    /// Whether a component may be called from another group than its own.
    pub(crate) fn has_remote_callers(&self, graph: &Graph, component: &str) -> bool {
        let callers = self.placement.callers_of(graph, component);
        callers.iter().any(|group| Some(*group) != self.placement.group_of(component))
    }

    /// What cannot be started as this plan has it, which was made with these sandboxes.
    pub(crate) fn misfits(&self, graph: &Graph, sandboxes: &Sandboxes) -> Vec<String> {
        let is_own = self.sandboxed().any(|group| group.name == MAIN) && graph.main.is_none();
        let own_main = is_own.then(|| {
            format!(
                "group {MAIN} cannot run in a sandbox, as the program has a `main` of its own, which only a process \
                 can run: leave `sandbox` out of [groups.{MAIN}], and what is in that group out of `--sandbox`, or \
                 make it `#[weaver::main]`"
            )
        });
        let named: &[String] = match sandboxes {
            Sandboxes::All => &[],
            Sandboxes::Of(names) => names,
        };
        let is_unknown = |name: &&String| !self.groups.iter().any(|group| group.is_called(name));
        let mut known: Vec<_> = self.groups.iter().flat_map(Group::members).collect();
        for group in &self.groups {
            // A group may have its component's name.
            if !known.contains(&group.name.as_str()) {
                known.push(&group.name);
            }
        }
        let unknown = named.iter().filter(is_unknown).map(|name| {
            let hint = hint(name, &known);
            format!("`--sandbox`: no component and no group is called `{name}`{hint}")
        });
        own_main.into_iter().chain(unknown).collect()
    }

    /// Methods that cannot be called where this plan puts them, each with the reason.
    pub(crate) fn problems(&self, graph: &Graph) -> Vec<String> {
        let components = graph.components.iter();
        let remote = components.filter(|(name, _)| self.has_remote_callers(graph, name));
        let methods = remote.flat_map(|(name, component)| {
            component.methods.iter().map(move |method| (name, method))
        });
        let problems = methods.flat_map(|(name, method)| {
            method.problems.iter().map(move |problem| {
                let method = &method.name;
                format!("{name}.{method} cannot be called from another process: {problem}")
            })
        });
        problems.collect()
    }

    /// What a call from one component, or `main`, to another is, in words.
    pub(crate) fn edge_kind(&self, caller: &str, callee: &str) -> String {
        let kind = self.placement.edge_kind(caller, callee);
        match kind {
            EdgeKind::Remote | EdgeKind::SandboxedRemote if self.placement.is_by_key(callee) => {
                format!("{kind}, by key")
            }
            EdgeKind::Remote | EdgeKind::SandboxedRemote | EdgeKind::Direct => kind.to_string(),
        }
    }

    /// Writes each group with its components and replicas.
    pub(crate) fn fmt_groups(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.groups.iter().map(|group| group.name.len()).max().unwrap_or(0);
        writeln!(f, "groups")?;
        for group in &self.groups {
            let Group { name, replicas, sandbox, .. } = group;
            let names = wrap(&group.members().collect::<Vec<_>>().join(", "), 2 + width + 2);
            let times = if *replicas == 1 { String::new() } else { format!("  × {replicas}") };
            let sandboxed = if sandbox.is_some() { "  sandboxed" } else { "" };
            writeln!(f, "  {name:width$}  {names}{times}{sandboxed}")?;
        }
        Ok(())
    }

    /// The groups that run in a sandbox.
    pub(crate) fn sandboxed(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter().filter(|group| group.sandbox.is_some())
    }

    /// Every replica that is to run.
    pub(crate) fn replicas(&self) -> impl Iterator<Item = ReplicaId> {
        self.groups.iter().flat_map(|group| {
            (0..group.replicas).map(|index| ReplicaId { group: group.name.clone(), index })
        })
    }
}

impl Group {
    /// A group of one replica, as a process.
    fn new(name: String, components: Vec<String>) -> Self {
        Self { name, components, replicas: 1, sandbox: None }
    }

    /// Whether this is its name, or that of a component in it.
    fn is_called(&self, name: &str) -> bool {
        self.name == name || self.components.iter().any(|component| component == name)
    }

    /// What is in it: `main`, if it is that group, and the components.
    pub(crate) fn members(&self) -> impl Iterator<Item = &str> {
        let main = (self.name == MAIN).then_some(MAIN).into_iter();
        main.chain(self.components.iter().map(String::as_str))
    }
}

/// Finds a place for a component that no group of the configuration lists.
fn place(groups: &mut Vec<Group>, component: &str, default: PlacementDefault) {
    match default {
        PlacementDefault::Together => {
            // `main` is the first group.
            if let Some(main) = groups.first_mut() {
                main.components.push(component.to_owned());
            }
        }
        PlacementDefault::Each => {
            let name = free_name(groups, component);
            groups.push(Group::new(name, vec![component.to_owned()]));
        }
    }
}

/// A group of one component has its name in lower case, unless that is taken.
fn free_name(groups: &[Group], component: &str) -> String {
    let taken = |name: &str| groups.iter().any(|group| group.name == name);
    let lower = component.to_ascii_lowercase();
    let reserved = lower.starts_with("weaver.");
    let candidates = [lower, component.to_owned()].into_iter().filter(|_| !reserved);
    let numbered = (2..).map(|number| format!("{component}-{number}"));
    candidates.chain(numbered).find(|name| !taken(name)).unwrap_or_default()
}

fn placement(groups: &[Group], graph: &Graph) -> Placement {
    let pairs = groups.iter().flat_map(|group| {
        group.components.iter().map(|component| (component.clone(), group.name.clone()))
    });
    let replicated = groups.iter().filter(|group| group.replicas > 1);
    let by_key = replicated.flat_map(|group| &group.components);
    let sandboxed = groups.iter().filter(|group| group.sandbox.is_some());
    Placement::new(pairs)
        .with_keys(by_key.filter(|it| graph.is_routed(it)).cloned())
        .with_sandboxes(sandboxed.map(|group| group.name.clone()))
}

/// What `deploy` prints: each group, then each edge with its kind.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_groups(f)?;
        let name_and_kind = |edge: &Edge| {
            let Edge { caller, callee, .. } = edge;
            (format!("{caller} → {callee}"), self.edge_kind(caller, callee))
        };
        let edges: Vec<_> = self.edges.iter().map(name_and_kind).collect();
        let width = edges.iter().map(|(edge, _)| edge.chars().count()).max().unwrap_or(0);
        write!(f, "edges")?;
        for (edge, kind) in edges {
            write!(f, "\n  {edge:width$}  {kind}")?;
        }
        write!(f, "\n  main may get any other component as well")
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use weaver_runtime::graph::{ComponentNode, MethodNode, Requests};

    use super::*;

    fn requests(references: &[&str]) -> Requests {
        let references = references.iter().map(|&name| name.to_owned()).collect();
        Requests { references, ..Requests::default() }
    }

    fn method(name: &str) -> MethodNode {
        MethodNode {
            name: name.to_owned(),
            arguments: vec!["body".to_owned()],
            ..MethodNode::default()
        }
    }

    fn graph() -> Graph {
        let node = |name: &str, references: &[&str]| {
            let node = ComponentNode { requests: requests(references), ..ComponentNode::default() };
            (name.to_owned(), node)
        };
        Graph {
            package: "shop".to_owned(),
            components: [node("Cart", &["Store"]), node("Main", &[]), node("Store", &[])].into(),
            main: Some(requests(&["Cart"])),
        }
    }

    fn plan(config: &str) -> Plan {
        Plan::new(
            &graph(),
            &ConfigFile::parse(Path::new("weaver.toml"), config).unwrap(),
            &Sandboxes::AS_CONFIGURED,
        )
    }

    #[test]
    fn without_a_config_each_component_is_its_own_group() {
        assert_eq!(
            Plan::new(&graph(), &ConfigFile::default(), &Sandboxes::AS_CONFIGURED).to_string(),
            "\
groups
  main   main
  cart   Cart
  Main   Main
  store  Store
edges
  main → Cart   remote
  Cart → Store  remote
  main may get any other component as well"
        );
    }

    #[test]
    fn together_is_one_process() {
        let plan = plan("[placement]\ndefault = \"together\"");
        assert_eq!(plan.replicas().count(), 1);
        assert!(plan.edges.iter().all(|edge| edge.kind == EdgeKind::Direct));
    }

    #[test]
    fn explicit_groups_come_with_their_replicas() {
        let plan = plan("[groups.cart]\ncomponents = [\"Cart\", \"Store\"]\nreplicas = 3");
        let replicas: Vec<_> = plan.replicas().map(|id| id.to_string()).collect();
        assert_eq!(replicas, ["main.0", "cart.0", "cart.1", "cart.2", "Main.0"]);
        assert!(plan.to_string().contains("  cart  Cart, Store  × 3\n"), "{plan}");
        assert!(plan.to_string().contains("  Cart → Store  direct\n"), "{plan}");
    }

    #[test]
    fn keys_have_their_replica_even_for_who_is_in_the_same_process() {
        let mut graph = graph();
        graph
            .components
            .get_mut("Store")
            .unwrap()
            .methods
            .push(MethodNode { route: vec!["key".to_owned()], ..method("put") });
        let group = "[groups.cart]\ncomponents = [\"Cart\", \"Store\"]\n";
        let plan = |replicas: &str| {
            let config = ConfigFile::parse(Path::new("weaver.toml"), &format!("{group}{replicas}"));
            Plan::new(&graph, &config.unwrap(), &Sandboxes::AS_CONFIGURED).to_string()
        };
        assert!(plan("replicas = 2").contains("  Cart → Store  remote, by key\n"));
        assert!(plan("replicas = 1").contains("  Cart → Store  direct\n"));
    }

    #[test]
    fn what_cannot_travel_is_named_where_it_would_have_to() {
        let mut graph = graph();
        let method =
            MethodNode { problems: vec!["argument `body` is JSON".to_owned()], ..method("put") };
        graph.components.get_mut("Store").unwrap().methods.push(method);
        let each = Plan::new(&graph, &ConfigFile::default(), &Sandboxes::AS_CONFIGURED);
        let expected = "Store.put cannot be called from another process: argument `body` is JSON";
        assert_eq!(each.problems(&graph), [expected]);
        let together = plan("[placement]\ndefault = \"together\"");
        assert_eq!(together.problems(&graph), Vec::<String>::new());
    }

    #[test]
    fn a_group_of_the_config_keeps_its_name() {
        let plan = plan("[groups.store]\ncomponents = [\"Cart\"]");
        let names: Vec<_> = plan.groups.iter().map(|group| group.name.as_str()).collect();
        assert_eq!(names, ["main", "store", "Main", "Store"]);
    }

    #[test]
    fn groups_run_in_a_sandbox_where_they_say_so_or_all_do() {
        let config = "[groups.cart]\ncomponents = [\"Cart\"]\nsandbox = true";
        let one = plan(config).to_string();
        assert!(one.contains("  cart   Cart  sandboxed\n"), "{one}");
        assert!(one.contains("  main → Cart   sandboxed, remote\n"), "{one}");
        assert!(one.contains("  Cart → Store  remote\n"), "{one}");
        let all = Plan::new(&graph(), &ConfigFile::default(), &Sandboxes::All);
        assert_eq!(all.sandboxed().count(), all.groups.len());
        assert!(all.to_string().contains("  main   main  sandboxed\n"), "{all}");
    }

    #[test]
    fn a_main_of_the_programs_own_is_not_for_a_sandbox() {
        let own = Graph { main: None, ..graph() };
        let all = Plan::new(&own, &ConfigFile::default(), &Sandboxes::All);
        assert!(all.sandboxed().all(|group| group.name != MAIN), "{all}");
        assert_eq!(all.sandboxed().count(), all.groups.len() - 1);
        assert_eq!(all.misfits(&own, &Sandboxes::All), NONE);

        let config = ConfigFile::parse(Path::new("weaver.toml"), "[groups.main]\nsandbox = true");
        let main = Plan::new(&own, &config.unwrap(), &Sandboxes::AS_CONFIGURED);
        for (plan, sandboxes) in [
            (main, Sandboxes::AS_CONFIGURED),
            (Plan::new(&own, &ConfigFile::default(), &named(&["main"])), named(&["main"])),
        ] {
            let [misfit] = &plan.misfits(&own, &sandboxes)[..] else { panic!("{plan}") };
            assert!(misfit.starts_with("group main cannot run in a sandbox"), "{misfit}");
            assert_eq!(plan.misfits(&graph(), &sandboxes), NONE);
        }
    }

    #[test]
    fn groups_are_named_for_a_sandbox_by_themselves_or_by_a_component() {
        let config = "[groups.shop]\ncomponents = [\"Cart\", \"Store\"]";
        let config = ConfigFile::parse(Path::new("weaver.toml"), config).unwrap();
        let sandboxed = |names: &[&str]| {
            let plan = Plan::new(&graph(), &config, &named(names));
            assert_eq!(plan.misfits(&graph(), &named(names)), NONE);
            plan.sandboxed().map(|group| group.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(sandboxed(&["Store"]), ["shop"]);
        assert_eq!(sandboxed(&["shop"]), ["shop"]);
        assert_eq!(sandboxed(&["Main", "main"]), ["main", "Main"]);
        assert_eq!(sandboxed(&[]), NONE);
    }

    #[test]
    fn a_name_for_a_sandbox_that_nothing_has_is_a_misfit() {
        let sandboxes = named(&["Crat", "payments"]);
        let plan = Plan::new(&graph(), &ConfigFile::default(), &sandboxes);
        assert_eq!(
            plan.misfits(&graph(), &sandboxes),
            [
                "`--sandbox`: no component and no group is called `Crat`; did you mean `Cart`?",
                "`--sandbox`: no component and no group is called `payments`; known are `main`, `Cart`, `Main`, \
                 `Store`, `cart`, `store`"
            ]
        );
    }

    const NONE: [String; 0] = [];

    fn named(names: &[&str]) -> Sandboxes {
        Sandboxes::Of(names.iter().map(|&name| name.to_owned()).collect())
    }
}
