//! [`Diagram`]: a program and its placement as a picture, in languages that others draw. Pure.

use weaver_runtime::{config::ConfigFile, graph::Graph, placement::EdgeKind};

use crate::{
    outline::place,
    plan::{Group, Plan},
};

/// What `weaver graph` draws: groups with their components, references, listeners.
pub(crate) struct Diagram<'a> {
    pub(crate) graph: &'a Graph,
    pub(crate) plan: &'a Plan,
    pub(crate) config: &'a ConfigFile,
}

impl Diagram<'_> {
    /// For [Mermaid](https://mermaid.js.org), which forges draw in Markdown.
    pub(crate) fn mermaid(&self) -> String {
        self.elements().iter().map(mermaid).collect()
    }

    /// For [Graphviz](https://graphviz.org).
    pub(crate) fn dot(&self) -> String {
        self.elements().iter().map(dot).collect()
    }

    fn elements(&self) -> Vec<Element<'_>> {
        let mut elements = vec![Element::Begin];
        for (number, group) in self.plan.groups.iter().enumerate() {
            elements.push(Element::BeginGroup { number, title: title(group) });
            let component = |name| Element::Component { number: self.number(name), name };
            elements.extend(group.members().map(component));
            elements.push(Element::EndGroup);
        }
        elements.extend(self.graph.listeners().enumerate().map(|(number, (name, holder))| {
            let (place, holder) = (place(self.config, name), self.number(holder));
            Element::Listener { number, name, place, holder }
        }));
        elements.extend(self.graph.edges().map(|(caller, callee)| Element::Edge {
            caller: self.number(caller),
            callee: self.number(callee),
            kind: self.plan.edge_kind(caller, callee),
            is_direct: self.plan.placement.edge_kind(caller, callee) == EdgeKind::Direct,
        }));
        elements.push(Element::End);
        elements
    }

    /// Names may hold what a language does not let stand there.
    fn number(&self, name: &str) -> usize {
        let among = self.graph.components.keys().position(|it| it == name);
        // `main` is the first.
        among.map_or(0, |at| at + 1)
    }
}

fn title(group: &Group) -> String {
    let times = if group.replicas == 1 { String::new() } else { format!(" × {}", group.replicas) };
    let sandboxed = if group.sandbox.is_some() { ", sandboxed" } else { "" };
    format!("{}{times}{sandboxed}", group.name)
}

/// A part of the picture, in the order in which they are written down.
enum Element<'a> {
    Begin,
    BeginGroup { number: usize, title: String },
    Component { number: usize, name: &'a str },
    EndGroup,
    Listener { number: usize, name: &'a str, place: String, holder: usize },
    Edge { caller: usize, callee: usize, kind: String, is_direct: bool },
    End,
}

fn mermaid(element: &Element<'_>) -> String {
    // Within quotes, it knows entities.
    let quoted = |text: &str| {
        text.replace('#', "#35;").replace('"', "#quot;").replace('<', "#lt;").replace('>', "#gt;")
    };
    match element {
        Element::Begin => "flowchart LR\n".to_owned(),
        Element::BeginGroup { number, title } => {
            format!("  subgraph g{number}[\"{}\"]\n", quoted(title))
        }
        Element::Component { number, name } => format!("    c{number}[\"{}\"]\n", quoted(name)),
        Element::EndGroup => "  end\n".to_owned(),
        Element::Listener { number, name, place, holder } => {
            format!("  l{number}([\"{}<br>{place}\"]) --> c{holder}\n", quoted(name))
        }
        Element::Edge { caller, callee, kind, is_direct } => {
            let arrow = if *is_direct { "-->" } else { "-.->" };
            format!("  c{caller} {arrow}|{kind}| c{callee}\n")
        }
        Element::End => String::new(),
    }
}

fn dot(element: &Element<'_>) -> String {
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    match element {
        Element::Begin => "digraph {\n  rankdir=LR;\n  node [shape=box];\n".to_owned(),
        Element::BeginGroup { number, title } => {
            format!("  subgraph cluster_{number} {{\n    label=\"{}\";\n", quoted(title))
        }
        Element::Component { number, name } => {
            format!("    c{number} [label=\"{}\"];\n", quoted(name))
        }
        Element::EndGroup => "  }\n".to_owned(),
        Element::Listener { number, name, place, holder } => format!(
            "  l{number} [shape=ellipse, label=\"{}\\n{place}\"];\n  l{number} -> c{holder};\n",
            quoted(name)
        ),
        Element::Edge { caller, callee, kind, is_direct } => {
            let style = if *is_direct { "" } else { ", style=dashed" };
            format!("  c{caller} -> c{callee} [label=\"{}\"{style}];\n", quoted(kind))
        }
        Element::End => "}\n".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use weaver_runtime::graph::{ComponentNode, Requests};

    use super::*;
    use crate::plan::Sandboxes;

    fn drawn(draw: impl Fn(&Diagram<'_>) -> String) -> String {
        let references = |names: &[&str]| Requests {
            references: names.iter().map(|&name| name.to_owned()).collect(),
            ..Requests::default()
        };
        let node = |name: &str, names| {
            let node = ComponentNode { requests: references(names), ..ComponentNode::default() };
            (name.to_owned(), node)
        };
        let graph = Graph {
            package: "shop".to_owned(),
            components: [node("Cart", &["a \"b\""]), node("a \"b\"", &[])].into(),
            main: Some(Requests { listeners: vec!["web".to_owned()], ..references(&["Cart"]) }),
        };
        let config = "[listeners.web]\naddress = \"127.0.0.1:80\"\n[groups.cart]\n\
                      components = [\"Cart\", 'a \"b\"']\nreplicas = 2\nsandbox = true\n";
        let config = ConfigFile::parse(Path::new("weaver.toml"), config).unwrap();
        let plan = Plan::new(&graph, &config, &Sandboxes::AS_CONFIGURED);
        draw(&Diagram { graph: &graph, plan: &plan, config: &config })
    }

    #[test]
    fn mermaid_has_groups_edges_and_listeners() {
        let expected = "\
flowchart LR
  subgraph g0[\"main\"]
    c0[\"main\"]
  end
  subgraph g1[\"cart × 2, sandboxed\"]
    c1[\"Cart\"]
    c2[\"a #quot;b#quot;\"]
  end
  l0([\"web<br>127.0.0.1:80\"]) --> c0
  c0 -.->|sandboxed, remote| c1
  c1 -->|direct| c2
";
        assert_eq!(drawn(|it| it.mermaid()), expected);
    }

    #[test]
    fn dot_has_the_same() {
        let expected = "\
digraph {
  rankdir=LR;
  node [shape=box];
  subgraph cluster_0 {
    label=\"main\";
    c0 [label=\"main\"];
  }
  subgraph cluster_1 {
    label=\"cart × 2, sandboxed\";
    c1 [label=\"Cart\"];
    c2 [label=\"a \\\"b\\\"\"];
  }
  l0 [shape=ellipse, label=\"web\\n127.0.0.1:80\"];
  l0 -> c0;
  c0 -> c1 [label=\"sandboxed, remote\", style=dashed];
  c1 -> c2 [label=\"direct\"];
}
";
        assert_eq!(drawn(|it| it.dot()), expected);
    }
}
