//! [`Graph`]: a program's components and what they refer to, as data that tools read.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    component::{MethodShape, MethodSpec},
    config::{ConfigError, ConfigFile, Known},
    fingerprint::{Fingerprint, Signature},
    placement::MAIN,
    stream::STREAM,
};

/// What a built program consists of. A program tells it without running its `main`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Graph {
    /// The package that holds `main`.
    pub package: String,
    /// The components by name: those with an implementation in the program.
    pub components: BTreeMap<String, ComponentNode>,
    /// What the arguments of `main` refer to. (`main` may `get` any other component as well.) None of a program with
    /// a `main` of its own, which starts weaver by [`App::builder`](crate::App::builder): only a process can run it.
    pub main: Option<Requests>,
}

/// One component.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentNode {
    /// The implementing type.
    pub implementation: String,
    /// Where the `impl` is: `file:line`.
    pub location: String,
    /// The methods in the order of their declaration.
    pub methods: Vec<MethodNode>,
    /// What the implementation's fields refer to.
    pub requests: Requests,
}

/// One method.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MethodNode {
    /// The method's name.
    pub name: String,
    /// Names of the arguments.
    pub arguments: Vec<String>,
    /// What the arguments look like when they are encoded.
    pub arguments_shape: String,
    /// What the method returns when it succeeds, as it looks when it is encoded.
    pub value_shape: String,
    /// What it returns when it fails, or when the call does.
    pub error_shape: String,
    /// Whether the author wrote `#[idempotent]`.
    pub idempotent: bool,
    /// `#[idempotent(hedge = "…")]`.
    pub hedge: Option<Duration>,
    /// `#[timeout("…")]`: the method's default deadline.
    pub timeout: Option<Duration>,
    /// `#[route(…)]`: the arguments, or the fields of some, that are the call's key.
    pub route: Vec<String>,
    /// Why calls to this method cannot cross a boundary; empty for most.
    pub problems: Vec<String>,
}

impl MethodNode {
    /// The same for calls of somebody who has not the program's code. It is never freed.
    #[must_use]
    pub fn leak_spec(&self) -> &'static MethodSpec {
        let text = |text: &String| &*text.clone().leak();
        Box::leak(Box::new(MethodSpec {
            name: text(&self.name),
            arguments: &[],
            idempotent: self.idempotent,
            hedge: self.hedge,
            timeout: self.timeout,
            route: self.route.iter().map(text).collect::<Vec<_>>().leak(),
            shape: MethodShape::of::<(), (), ()>,
        }))
    }
}

/// What the fields of an implementation, or the arguments of `main`, ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requests {
    /// Components.
    pub references: Vec<String>,
    /// Listeners.
    pub listeners: Vec<String>,
    /// The component's section of the configuration.
    pub config: bool,
}

impl Graph {
    /// The fingerprint that two nodes compare before they call each other.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.signatures())
    }

    /// Every method as `(component, method)`, in the order of the wire's indices.
    pub fn methods(&self) -> impl Iterator<Item = (&str, &MethodNode)> {
        self.components.iter().flat_map(|(component, node)| {
            node.methods.iter().map(move |method| (component.as_str(), method))
        })
    }

    /// A line for each method, in the order of the wire's indices.
    #[must_use]
    pub fn signatures(&self) -> Vec<Signature> {
        let methods = self.components.iter().flat_map(|(component, node)| {
            node.methods.iter().enumerate().map(move |(index, method)| (component, index, method))
        });
        methods.map(|(component, index, method)| signature(component, index, method)).collect()
    }

    /// Whether a component has a method with `#[route(…)]`.
    #[must_use]
    pub fn is_routed(&self, component: &str) -> bool {
        let component = self.components.get(component);
        component.is_some_and(|component| {
            component.methods.iter().any(|method| !method.route.is_empty())
        })
    }

    /// Every edge as `(caller, callee)`; the caller is a component or `main`.
    pub fn edges(&self) -> impl Iterator<Item = (&str, &str)> {
        self.requests().flat_map(|(caller, requests)| {
            requests.references.iter().map(move |callee| (caller, callee.as_str()))
        })
    }

    /// Every listener as `(listener, who holds it)`.
    pub fn listeners(&self) -> impl Iterator<Item = (&str, &str)> {
        self.requests().flat_map(|(holder, requests)| {
            requests.listeners.iter().map(move |listener| (listener.as_str(), holder))
        })
    }

    /// Names of the components that take a section of the configuration.
    pub fn sections(&self) -> impl Iterator<Item = &str> {
        self.requests().filter(|(_, requests)| requests.config).map(|(name, _)| name)
    }

    /// Compares the names in a configuration with those of the program.
    ///
    /// # Errors
    /// Every component, listener and section that the program does not have.
    pub fn check_names(&self, config: &ConfigFile) -> Result<(), ConfigError> {
        self.check(config, Vec::new(), Vec::new())
    }

    /// The same where `main` is not weaver's, as in a test of a program's components: listeners, and the
    /// section `main`, may be those of a `main` that is not seen here.
    pub(crate) fn check_names_without_main(&self, config: &ConfigFile) -> Result<(), ConfigError> {
        self.check(config, config.listeners().map(|(name, _)| name).collect(), vec![MAIN])
    }

    /// `listeners` and `sections` are known as well.
    fn check<'a>(
        &'a self,
        config: &'a ConfigFile,
        mut listeners: Vec<&'a str>,
        mut sections: Vec<&'a str>,
    ) -> Result<(), ConfigError> {
        let components: Vec<_> = self.components.keys().map(String::as_str).collect();
        listeners.extend(self.listeners().map(|(name, _)| name));
        sections.extend(self.sections());
        let (components, listeners, sections) = (&components, &listeners, &sections);
        config.check(&Known { components, listeners, sections })
    }

    fn requests(&self) -> impl Iterator<Item = (&str, &Requests)> {
        let components = self.components.iter().map(|(name, node)| (name.as_str(), &node.requests));
        self.main.iter().map(|main| (MAIN, main)).chain(components)
    }
}

impl MethodNode {
    /// Whether there is a stream among the arguments.
    #[must_use]
    pub fn takes_stream(&self) -> bool {
        self.arguments_shape.contains(STREAM)
    }
}

fn signature(component: &str, index: usize, method: &MethodNode) -> Signature {
    let MethodNode { name, arguments_shape, value_shape, error_shape, .. } = method;
    Signature::new(
        format!("{component}.{name}"),
        &format!("{index} {name} {arguments_shape} -> {value_shape}, {error_shape}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_depends_on_each_shape() {
        let fingerprint = |method: MethodNode| {
            let node = ComponentNode { methods: vec![method], ..ComponentNode::default() };
            let components = [("Cart".to_owned(), node)].into();
            Graph { package: "shop".to_owned(), components, main: None }.fingerprint()
        };
        let plain = fingerprint(MethodNode::default());
        for other in [
            MethodNode { arguments_shape: "(u8)".to_owned(), ..MethodNode::default() },
            MethodNode { value_shape: "(u8)".to_owned(), ..MethodNode::default() },
            MethodNode { error_shape: "(u8)".to_owned(), ..MethodNode::default() },
        ] {
            assert_ne!(fingerprint(other.clone()), plain, "{other:?}");
        }
    }
}
