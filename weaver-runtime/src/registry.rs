//! [`Registry`]: the implementations that are linked into this program, checked as a whole.

use std::{collections::BTreeMap, fmt, sync::OnceLock};

use crate::{
    component::{ComponentSpec, MethodSpec},
    config::{ConfigError, ConfigFile},
    construct::{FieldSpec, Implementation},
    graph::{ComponentNode, Graph, MethodNode, Requests},
    placement::MAIN,
};

/// The program's implementations.
#[derive(Debug)]
pub(crate) struct Registry {
    package: String,
    /// In the order of their components' names, of which each is there once. A component's place in it
    /// is its index on the wire.
    implementations: Vec<&'static Implementation>,
    main: Option<Vec<FieldSpec>>,
    /// Made when it is first asked for: examining every type takes milliseconds, for a hundred methods
    /// in a debug build a sixth of a second.
    graph: OnceLock<Graph>,
}

/// One way in which the parts of a program do not fit together.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RegistryError {
    /// Two implementations of one trait.
    #[error(
        "component `{component}` has two implementations: `{}` ({}) and `{}` ({}); keep one",
        .first.0, .first.1, .second.0, .second.1
    )]
    SecondImplementation { component: &'static str, first: Site, second: Site },
    /// Two traits of one name.
    #[error(
        "`{component}` is the name of two components: `{first}` and `{second}`; \
         give one another name with `#[component(name = \"…\")]`"
    )]
    DuplicateName { component: &'static str, first: String, second: String },
    /// A reference to a component that nothing implements.
    #[error(
        "component `{component}` ({location}) has no implementation in this program, and {holder} \
         refers to it; if its implementation is in a crate that is only listed in Cargo.toml, the \
         linker dropped it: write `use that_crate as _;` in your main.rs"
    )]
    MissingImplementation { component: &'static str, location: &'static str, holder: String },
    /// Components that need each other before either can be made.
    #[error("components refer to each other in a circle: {}", .path.join(" → "))]
    Cycle { path: Vec<&'static str> },
    /// Two holders of one listener.
    #[error("listener `{listener}` is held by {first} and by {second}; rename one of the fields")]
    ListenerTwice { listener: &'static str, first: String, second: String },
}

/// An implementing type and where its `impl` is.
type Site = (&'static str, &'static str);

/// Everything that is wrong with the program's components.
#[derive(Debug)]
pub(crate) struct RegistryErrors(pub(crate) Vec<RegistryError>);

impl fmt::Display for RegistryErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the program's components do not fit together:")?;
        self.0.iter().try_for_each(|error| write!(f, "\n  - {error}"))
    }
}

impl std::error::Error for RegistryErrors {}

impl Registry {
    /// What is linked into this program; `main` is what the arguments of weaver's `main` ask for.
    pub(crate) fn collect(
        package: String,
        main: Option<Vec<FieldSpec>>,
    ) -> Result<Self, RegistryErrors> {
        Self::check(package, inventory::iter::<Implementation>(), main)
    }

    /// Checks everything and reports all mistakes at once.
    fn check(
        package: String,
        linked: impl IntoIterator<Item = &'static Implementation>,
        main: Option<Vec<FieldSpec>>,
    ) -> Result<Self, RegistryErrors> {
        let mut errors = Vec::new();
        // Constructors run in an order that the linker chose: sort, so that messages are stable.
        let mut linked: Vec<_> = linked.into_iter().collect();
        linked.sort_by_key(|i| (i.component.name, i.location));
        let mut implementations: Vec<&'static Implementation> = Vec::with_capacity(linked.len());
        for implementation in linked {
            match implementations.last() {
                Some(first) if first.component.name == implementation.component.name => {
                    errors.push(conflict(first, implementation));
                }
                _ => implementations.push(implementation),
            }
        }
        let registry = Self { package, implementations, main, graph: OnceLock::new() };
        registry.check_references(&mut errors);
        registry.check_listeners(&mut errors);
        if let Err(path) = registry.dependency_order() {
            errors.push(RegistryError::Cycle { path });
        }
        if errors.is_empty() { Ok(registry) } else { Err(RegistryErrors(errors)) }
    }

    /// The implementation of a component.
    pub(crate) fn get(&self, component: &str) -> Option<&'static Implementation> {
        self.implementations.get(self.place(component)?).copied()
    }

    /// The component's index on the wire.
    pub(crate) fn index(&self, component: &str) -> Option<u16> {
        u16::try_from(self.place(component)?).ok()
    }

    /// The implementation whose index on the wire this is.
    pub(crate) fn at(&self, index: u16) -> Option<&'static Implementation> {
        self.implementations.get(usize::from(index)).copied()
    }

    /// Whether it is weaver's `main` that the program begins with.
    pub(crate) fn has_main(&self) -> bool {
        self.main.is_some()
    }

    /// All implementations in the order of their indices.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &'static Implementation> {
        self.implementations.iter().copied()
    }

    /// The error for a component that somebody asks for and nothing implements.
    pub(crate) fn missing(spec: &'static ComponentSpec, holder: &str) -> RegistryError {
        RegistryError::MissingImplementation {
            component: spec.name,
            location: spec.location,
            holder: held_by(holder),
        }
    }

    /// Dependencies before those who depend on them.
    ///
    /// # Errors
    /// The path of a cycle, its first name repeated at the end.
    pub(crate) fn dependency_order(&self) -> Result<Vec<&'static str>, Vec<&'static str>> {
        let count = self.implementations.len();
        let marks = vec![Mark::New; count];
        let mut walk = Walk { registry: self, marks, path: Vec::new(), order: Vec::new() };
        (0..count).try_for_each(|place| walk.visit(place))?;
        Ok(walk.order)
    }

    /// What does not fit in the sections of `config`, seen by the holders that `of` says.
    pub(crate) fn misfits(
        &self,
        config: &ConfigFile,
        of: impl Fn(&str) -> bool,
    ) -> Vec<ConfigError> {
        let fields = self
            .holders()
            .filter(|(holder, _)| of(holder))
            .flat_map(|(holder, fields)| fields.into_iter().map(move |field| (holder, field)));
        let misfits = fields.filter_map(|(holder, field)| match field {
            FieldSpec::Config(check) => check(config, holder).err(),
            FieldSpec::Reference(_) | FieldSpec::Listener(_) => None,
        });
        misfits.collect()
    }

    /// The names of the components that a component refers to.
    pub(crate) fn references(&self, component: &str) -> Vec<&'static str> {
        self.get(component).map_or_else(Vec::new, |i| references(&(i.fields)()))
    }

    /// The program as data.
    pub(crate) fn graph(&self) -> &Graph {
        self.graph.get_or_init(|| {
            let components = self.iter().map(|i| (i.component.name.to_owned(), component_node(i)));
            let components = components.collect();
            let main = self.main.as_deref().map(requests);
            Graph { package: self.package.clone(), components, main }
        })
    }

    fn place(&self, component: &str) -> Option<usize> {
        self.implementations.binary_search_by_key(&component, |i| i.component.name).ok()
    }

    fn holders(&self) -> impl Iterator<Item = (&'static str, Vec<FieldSpec>)> {
        let components = self.iter().map(|i| (i.component.name, (i.fields)()));
        self.main.iter().map(|main| (MAIN, main.clone())).chain(components)
    }

    fn check_references(&self, errors: &mut Vec<RegistryError>) {
        for (holder, fields) in self.holders() {
            for field in fields {
                let FieldSpec::Reference(spec) = field else { continue };
                match self.get(spec.name) {
                    None => errors.push(Self::missing(spec, holder)),
                    Some(found) if full_name(found.component) != full_name(spec) => {
                        errors.push(duplicate_name(found.component, spec));
                    }
                    Some(_) => {}
                }
            }
        }
    }

    fn check_listeners(&self, errors: &mut Vec<RegistryError>) {
        let mut held = BTreeMap::new();
        for (holder, fields) in self.holders() {
            for field in fields {
                let FieldSpec::Listener(listener) = field else { continue };
                if let Some(first) = held.insert(listener, holder) {
                    let (first, second) = (held_by(first), held_by(holder));
                    errors.push(RegistryError::ListenerTwice { listener, first, second });
                }
            }
        }
    }
}

/// A depth-first walk over references.
struct Walk<'a> {
    registry: &'a Registry,
    /// By the places of components.
    marks: Vec<Mark>,
    path: Vec<&'static str>,
    order: Vec<&'static str>,
}

/// How far the walk is with a component.
#[derive(Clone, Copy)]
enum Mark {
    New,
    OnPath,
    Done,
}

impl Walk<'_> {
    fn visit(&mut self, place: usize) -> Result<(), Vec<&'static str>> {
        let implementation = self.registry.implementations.get(place);
        let Some((implementation, mark)) = implementation.zip(self.marks.get_mut(place)) else {
            return Ok(());
        };
        let name = implementation.component.name;
        match mark {
            Mark::New => *mark = Mark::OnPath,
            Mark::OnPath => {
                let circle = self.path.iter().skip_while(|on_path| **on_path != name);
                return Err(circle.copied().chain([name]).collect());
            }
            Mark::Done => return Ok(()),
        }
        self.path.push(name);
        for reference in references(&(implementation.fields)()) {
            // One that is missing is reported elsewhere.
            self.registry.place(reference).map_or(Ok(()), |place| self.visit(place))?;
        }
        self.path.pop();
        if let Some(mark) = self.marks.get_mut(place) {
            *mark = Mark::Done;
        }
        self.order.push(name);
        Ok(())
    }
}

fn conflict(first: &Implementation, second: &Implementation) -> RegistryError {
    if full_name(first.component) == full_name(second.component) {
        RegistryError::SecondImplementation {
            component: first.component.name,
            first: (first.type_name, first.location),
            second: (second.type_name, second.location),
        }
    } else {
        duplicate_name(first.component, second.component)
    }
}

fn duplicate_name(first: &ComponentSpec, second: &ComponentSpec) -> RegistryError {
    let (a, b) = (full_name(first), full_name(second));
    RegistryError::DuplicateName { component: first.name, first: a, second: b }
}

/// Where a trait is: two traits of one name differ in it.
fn full_name(spec: &ComponentSpec) -> String {
    format!("{} ({})", spec.module, spec.location)
}

fn held_by(holder: &str) -> String {
    if holder == MAIN { "`main`".to_owned() } else { format!("component `{holder}`") }
}

fn component_node(implementation: &Implementation) -> ComponentNode {
    ComponentNode {
        implementation: implementation.type_name.to_owned(),
        location: implementation.location.to_owned(),
        methods: implementation.component.methods.iter().map(method_node).collect(),
        requests: requests(&(implementation.fields)()),
    }
}

fn method_node(method: &MethodSpec) -> MethodNode {
    let shape = (method.shape)();
    MethodNode {
        name: method.name.to_owned(),
        arguments: method.arguments.iter().map(|&name| name.to_owned()).collect(),
        arguments_shape: shape.arguments.text().to_owned(),
        value_shape: shape.value.text().to_owned(),
        error_shape: shape.error.text().to_owned(),
        idempotent: method.idempotent,
        hedge: method.hedge,
        timeout: method.timeout,
        route: method.route.iter().map(|&part| part.to_owned()).collect(),
        problems: shape.problems(method.arguments),
    }
}

fn requests(fields: &[FieldSpec]) -> Requests {
    let listeners = fields.iter().filter_map(|field| match field {
        FieldSpec::Listener(name) => Some((*name).to_owned()),
        FieldSpec::Reference(_) | FieldSpec::Config(_) => None,
    });
    Requests {
        references: references(fields).into_iter().map(str::to_owned).collect(),
        listeners: listeners.collect(),
        config: fields.iter().any(|field| matches!(field, FieldSpec::Config(_))),
    }
}

fn references(fields: &[FieldSpec]) -> Vec<&'static str> {
    let references = fields.iter().filter_map(|field| match field {
        FieldSpec::Reference(spec) => Some(spec.name),
        FieldSpec::Listener(_) | FieldSpec::Config(_) => None,
    });
    references.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! spec {
        ($name:literal, $module:literal) => {
            &ComponentSpec { name: $name, methods: &[], module: $module, location: "src/lib.rs:1" }
        };
    }

    const A: &ComponentSpec = spec!("A", "shop");
    const B: &ComponentSpec = spec!("B", "shop");
    const C: &ComponentSpec = spec!("C", "shop");
    const OTHER_A: &ComponentSpec = spec!("A", "billing");

    fn implementation(
        component: &'static ComponentSpec,
        type_name: &'static str,
        fields: fn() -> Vec<FieldSpec>,
    ) -> &'static Implementation {
        Box::leak(Box::new(Implementation {
            component,
            type_name,
            module: "shop",
            location: "src/main.rs:9",
            fields,
            build: |_| Box::pin(std::future::ready(Err(crate::Error::msg("not built in tests")))),
        }))
    }

    fn check(
        linked: Vec<&'static Implementation>,
        main: Vec<FieldSpec>,
    ) -> Result<Registry, RegistryErrors> {
        Registry::check("shop".to_owned(), linked, Some(main))
    }

    fn messages(linked: Vec<&'static Implementation>, main: Vec<FieldSpec>) -> Vec<String> {
        match check(linked, main) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.0.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn dependencies_come_first() {
        let linked = vec![
            implementation(A, "ImplA", || vec![FieldSpec::Reference(B), FieldSpec::Reference(C)]),
            implementation(B, "ImplB", || vec![FieldSpec::Reference(C)]),
            implementation(C, "ImplC", Vec::new),
        ];
        let registry = check(linked, Vec::new()).unwrap();
        assert_eq!(registry.dependency_order().unwrap(), ["C", "B", "A"]);
        assert_eq!((registry.index("A"), registry.index("C")), (Some(0), Some(2)));
    }

    /// As many as indices go. A walk that looks at all of them for each takes minutes.
    #[test]
    fn the_largest_program_is_walked_at_once() {
        let name = |number: usize| &*format!("C{number:05}").leak();
        let linked = (0..=usize::from(u16::MAX)).rev().map(|number| {
            let component = ComponentSpec { name: name(number), ..*C };
            // The first is a reference of all others.
            let fields = || vec![FieldSpec::Reference(spec!("C00000", "shop"))];
            let fields: fn() -> _ = if number == 0 { Vec::new } else { fields };
            implementation(Box::leak(Box::new(component)), "Impl", fields)
        });
        let registry = check(linked.collect(), Vec::new()).unwrap();
        for (place, name) in registry.dependency_order().unwrap().into_iter().enumerate() {
            assert_eq!(registry.index(name).map(usize::from), Some(place));
        }
        assert_eq!(registry.index("C"), None);
    }

    #[test]
    fn a_cycle_is_printed_with_its_path() {
        let linked = vec![
            implementation(A, "ImplA", || vec![FieldSpec::Reference(B)]),
            implementation(B, "ImplB", || vec![FieldSpec::Reference(C)]),
            implementation(C, "ImplC", || vec![FieldSpec::Reference(B)]),
        ];
        assert_eq!(
            messages(linked, Vec::new()),
            ["components refer to each other in a circle: B → C → B"]
        );
    }

    #[test]
    fn everything_wrong_is_reported_at_once() {
        let linked = vec![
            implementation(A, "One", || vec![FieldSpec::Listener("web")]),
            implementation(A, "Two", Vec::new),
            implementation(OTHER_A, "Three", Vec::new),
            implementation(B, "ImplB", || vec![FieldSpec::Reference(B)]),
        ];
        let main = vec![FieldSpec::Reference(C), FieldSpec::Listener("web")];
        let messages = messages(linked, main);
        let starts = [
            "component `A` has two implementations: `One` (src/main.rs:9) and `Two`",
            "`A` is the name of two components: `shop (src/lib.rs:1)` and `billing",
            "component `C` (src/lib.rs:1) has no implementation in this program, and `main` refers",
            "listener `web` is held by `main` and by component `A`",
            "components refer to each other in a circle: B → B",
        ];
        assert_eq!(messages.len(), starts.len(), "{messages:#?}");
        for (message, start) in messages.iter().zip(starts) {
            assert!(message.starts_with(start), "{message}");
        }
    }

    #[test]
    fn a_reference_to_another_component_of_the_same_name_is_refused() {
        let linked = vec![implementation(A, "ImplA", Vec::new)];
        let messages = messages(linked, vec![FieldSpec::Reference(OTHER_A)]);
        assert_eq!(messages.len(), 1);
        assert!(messages[0].starts_with("`A` is the name of two components"), "{messages:?}");
    }

    #[test]
    fn the_graph_tells_what_fields_ask_for() {
        let linked = vec![
            implementation(A, "ImplA", || {
                vec![FieldSpec::Reference(B), FieldSpec::Config(|_, _| Ok(()))]
            }),
            implementation(B, "ImplB", Vec::new),
        ];
        let main = vec![FieldSpec::Reference(A), FieldSpec::Listener("web")];
        let registry = check(linked, main).unwrap();
        let graph = registry.graph();
        assert_eq!(graph.edges().collect::<Vec<_>>(), [("main", "A"), ("A", "B")]);
        assert_eq!(graph.listeners().collect::<Vec<_>>(), [("web", "main")]);
        assert_eq!(graph.sections().collect::<Vec<_>>(), ["A"]);
    }
}
