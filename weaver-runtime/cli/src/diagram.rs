//! [`Diagram`]: a program and its placement as a picture, in languages that others draw. Pure.

use std::fmt::{self, Write};

use weaver_runtime::{
    config::ConfigFile,
    graph::Graph,
    placement::{EdgeKind, MAIN},
};

use crate::plan::{Group, Plan};

/// What `weaver graph` draws: groups with their components, references, listeners.
pub(crate) struct Diagram<'a> {
    pub(crate) graph: &'a Graph,
    pub(crate) plan: &'a Plan,
    pub(crate) config: &'a ConfigFile,
}

impl Diagram<'_> {
    /// For [Mermaid](https://mermaid.js.org), which forges draw in Markdown.
    pub(crate) fn mermaid(&self) -> String {
        self.draw(&Mermaid)
    }

    /// For [Graphviz](https://graphviz.org).
    pub(crate) fn dot(&self) -> String {
        self.draw(&Dot)
    }

    fn draw(&self, language: &dyn Language) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(language, &mut text);
        text
    }

    fn write(&self, language: &dyn Language, text: &mut String) -> fmt::Result {
        language.begin(text)?;
        for (index, group) in self.plan.groups.iter().enumerate() {
            language.begin_group(text, index, &title(group))?;
            let main = (group.name == MAIN).then_some(MAIN).into_iter();
            for name in main.chain(group.components.iter().map(String::as_str)) {
                language.component(text, self.number(name), name)?;
            }
            language.end_group(text)?;
        }
        for (number, (listener, holder)) in self.graph.listeners().enumerate() {
            let address = self.config.listener(listener);
            let address = address.map_or_else(|| "a free port".to_owned(), |at| at.to_string());
            language.listener(text, number, listener, &address, self.number(holder))?;
        }
        for (caller, callee) in self.graph.edges() {
            let is_direct = self.plan.placement.edge_kind(caller, callee) == EdgeKind::Direct;
            let label = self.plan.edge_kind(caller, callee);
            language.edge(text, self.number(caller), self.number(callee), &label, is_direct)?;
        }
        language.end(text)
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

/// How a picture is written down.
trait Language {
    fn begin(&self, text: &mut String) -> fmt::Result;
    fn begin_group(&self, text: &mut String, number: usize, title: &str) -> fmt::Result;
    fn component(&self, text: &mut String, number: usize, name: &str) -> fmt::Result;
    fn end_group(&self, text: &mut String) -> fmt::Result;
    fn listener(
        &self,
        text: &mut String,
        number: usize,
        name: &str,
        address: &str,
        holder: usize,
    ) -> fmt::Result;
    fn edge(
        &self,
        text: &mut String,
        caller: usize,
        callee: usize,
        label: &str,
        is_direct: bool,
    ) -> fmt::Result;
    fn end(&self, text: &mut String) -> fmt::Result;
}

struct Mermaid;

impl Language for Mermaid {
    fn begin(&self, text: &mut String) -> fmt::Result {
        writeln!(text, "flowchart LR")
    }

    fn begin_group(&self, text: &mut String, number: usize, title: &str) -> fmt::Result {
        writeln!(text, "  subgraph g{number}[\"{}\"]", in_mermaid(title))
    }

    fn component(&self, text: &mut String, number: usize, name: &str) -> fmt::Result {
        writeln!(text, "    c{number}[\"{}\"]", in_mermaid(name))
    }

    fn end_group(&self, text: &mut String) -> fmt::Result {
        writeln!(text, "  end")
    }

    fn listener(
        &self,
        text: &mut String,
        number: usize,
        name: &str,
        address: &str,
        holder: usize,
    ) -> fmt::Result {
        writeln!(text, "  l{number}([\"{}<br>{address}\"]) --> c{holder}", in_mermaid(name))
    }

    fn edge(
        &self,
        text: &mut String,
        caller: usize,
        callee: usize,
        label: &str,
        is_direct: bool,
    ) -> fmt::Result {
        let arrow = if is_direct { "-->" } else { "-.->" };
        writeln!(text, "  c{caller} {arrow}|{label}| c{callee}")
    }

    fn end(&self, _: &mut String) -> fmt::Result {
        Ok(())
    }
}

/// Within quotes, Mermaid knows entities.
fn in_mermaid(text: &str) -> String {
    text.replace('#', "#35;").replace('"', "#quot;").replace('<', "#lt;").replace('>', "#gt;")
}

struct Dot;

impl Language for Dot {
    fn begin(&self, text: &mut String) -> fmt::Result {
        writeln!(text, "digraph {{\n  rankdir=LR;\n  node [shape=box];")
    }

    fn begin_group(&self, text: &mut String, number: usize, title: &str) -> fmt::Result {
        writeln!(text, "  subgraph cluster_{number} {{\n    label=\"{}\";", in_dot(title))
    }

    fn component(&self, text: &mut String, number: usize, name: &str) -> fmt::Result {
        writeln!(text, "    c{number} [label=\"{}\"];", in_dot(name))
    }

    fn end_group(&self, text: &mut String) -> fmt::Result {
        writeln!(text, "  }}")
    }

    fn listener(
        &self,
        text: &mut String,
        number: usize,
        name: &str,
        address: &str,
        holder: usize,
    ) -> fmt::Result {
        let name = in_dot(name);
        writeln!(text, "  l{number} [shape=ellipse, label=\"{name}\\n{address}\"];")?;
        writeln!(text, "  l{number} -> c{holder};")
    }

    fn edge(
        &self,
        text: &mut String,
        caller: usize,
        callee: usize,
        label: &str,
        is_direct: bool,
    ) -> fmt::Result {
        let style = if is_direct { "" } else { ", style=dashed" };
        writeln!(text, "  c{caller} -> c{callee} [label=\"{}\"{style}];", in_dot(label))
    }

    fn end(&self, text: &mut String) -> fmt::Result {
        writeln!(text, "}}")
    }
}

fn in_dot(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
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
            let (implementation, location) = (String::new(), String::new());
            let requests = references(names);
            let node = ComponentNode { implementation, location, methods: Vec::new(), requests };
            (name.to_owned(), node)
        };
        let graph = Graph {
            package: "shop".to_owned(),
            components: [node("Cart", &["a \"b\""]), node("a \"b\"", &[])].into(),
            main: Requests { listeners: vec!["web".to_owned()], ..references(&["Cart"]) },
        };
        let config = "[listeners.web]\naddress = \"127.0.0.1:80\"\n[groups.cart]\n\
                      components = [\"Cart\", 'a \"b\"']\nreplicas = 2\nsandbox = true\n";
        let config = ConfigFile::parse(Path::new("weaver.toml"), config).unwrap();
        let plan = Plan::new(&graph, &config, Sandboxes::default());
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
