//! [`Outline`]: a program as text, with what its placement makes of it. Pure.

use std::fmt;

use weaver_runtime::{
    config::ConfigFile,
    graph::{Graph, MethodNode, Requests},
    placement::MAIN,
};

use crate::{
    plan::Plan,
    signature::describe,
    wrap::{counted, wrap},
};

/// What `weaver graph` shows: the groups, `main` and each component, and what cannot travel.
pub(crate) struct Outline<'a> {
    pub(crate) app: &'a str,
    pub(crate) graph: &'a Graph,
    pub(crate) plan: &'a Plan,
    pub(crate) config: &'a ConfigFile,
}

/// `main` or a component.
struct Block {
    title: String,
    rows: Vec<Row>,
    /// A sentence below the rows.
    note: Option<&'static str>,
}

/// One line about a component.
struct Row {
    /// The same for neighbours, of which the first shows it.
    label: &'static str,
    subject: String,
    remark: String,
}

/// The longest of a row's labels.
const LABEL_CHARS: usize = "references".len();

/// A remark stands below a longer subject instead of behind it.
const SUBJECT_CHARS_MAX: usize = 40;

impl Outline<'_> {
    fn blocks(&self) -> Vec<Block> {
        let main = match &self.graph.main {
            Some(requests) => Block {
                title: MAIN.to_owned(),
                rows: self.requests(MAIN, requests),
                note: Some("main may get any other component as well"),
            },
            None => Block {
                title: format!("{MAIN}, the program's own"),
                rows: Vec::new(),
                note: Some("main may get any component"),
            },
        };
        let components = self.graph.components.iter().map(|(name, node)| {
            let title =
                format!("{name}, implemented by {} at {}", node.implementation, node.location);
            let mut rows: Vec<_> = node.methods.iter().map(method).collect();
            rows.extend(self.requests(name, &node.requests));
            Block { title, rows, note: None }
        });
        std::iter::once(main).chain(components).collect()
    }

    fn requests(&self, holder: &str, requests: &Requests) -> Vec<Row> {
        let references = requests.references.iter().map(|component| Row {
            label: "references",
            subject: component.clone(),
            remark: self.plan.edge_kind(holder, component),
        });
        let listeners = requests.listeners.iter().map(|listener| Row {
            label: "listeners",
            subject: listener.clone(),
            remark: place(self.config, listener),
        });
        let section = requests.config.then(|| Row {
            label: "config",
            subject: format!("[config.{holder}]"),
            remark: match self.config.has_section(holder) {
                true => String::new(),
                false => "not in weaver.toml".to_owned(),
            },
        });
        references.chain(listeners).chain(section).collect()
    }

    /// Methods that can only be called in one process, each with the reason.
    fn problems(&self) -> Vec<String> {
        let problems = self.graph.methods().flat_map(|(component, method)| {
            let here = match self.plan.has_remote_callers(self.graph, component) {
                true => "and here others may call it",
                false => "as it is here",
            };
            let name = &method.name;
            method.problems.iter().map(move |problem| {
                let problem = wrap(problem, 4);
                format!(
                    "  {component}.{name} can only be called in its own process, {here}:\n    {problem}"
                )
            })
        });
        problems.collect()
    }
}

/// Where a listener binds, in words.
pub(crate) fn place(config: &ConfigFile, listener: &str) -> String {
    match config.listener(listener) {
        Some(address) => address.to_string(),
        None => "a free port".to_owned(),
    }
}

fn method(method: &MethodNode) -> Row {
    let hedge = method.hedge.map(|after| format!("hedge {after:?}"));
    let timeout = method.timeout.map(|limit| format!("timeout {limit:?}"));
    let attributes = [
        method.idempotent.then(|| "idempotent".to_owned()),
        hedge,
        timeout,
        (!method.route.is_empty()).then(|| format!("route {}", method.route.join(", "))),
    ];
    Row {
        label: "methods",
        subject: describe(method).0,
        remark: attributes.into_iter().flatten().collect::<Vec<_>>().join(", "),
    }
}

impl fmt::Display for Outline<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let components = counted(self.graph.components.len(), "component");
        let groups = counted(self.plan.groups.len(), "group");
        writeln!(f, "{}: {components} in {groups}\n", self.app)?;
        self.plan.fmt_groups(f)?;
        let blocks = self.blocks();
        let subjects = blocks.iter().flat_map(|block| &block.rows);
        let subjects = subjects.filter(|row| !row.remark.is_empty());
        let lengths = subjects.map(|row| row.subject.chars().count());
        let width = lengths.filter(|length| *length <= SUBJECT_CHARS_MAX).max().unwrap_or(0);
        for block in &blocks {
            block.fmt(width, f)?;
        }
        let problems = self.problems();
        if !problems.is_empty() {
            writeln!(f, "\nproblems\n{}", problems.join("\n"))?;
        }
        Ok(())
    }
}

impl Block {
    fn fmt(&self, width: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{}", self.title)?;
        let mut above = "";
        for row in &self.rows {
            let label = if row.label == above { "" } else { row.label };
            writeln!(f, "{}", row.text(label, width))?;
            above = row.label;
        }
        self.note.map_or(Ok(()), |note| writeln!(f, "  {note}"))
    }
}

impl Row {
    fn text(&self, label: &str, width: usize) -> String {
        let Self { subject, remark, .. } = self;
        let start = format!("  {label:LABEL_CHARS$}  {subject:width$}");
        if remark.is_empty() {
            start.trim_end().to_owned()
        } else if subject.chars().count() <= width {
            format!("{start}  {remark}")
        } else {
            let indent = 2 + LABEL_CHARS + 2 + width + 2;
            format!("{start}\n{:indent$}{remark}", "")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Duration};

    use weaver_runtime::graph::ComponentNode;

    use super::*;

    fn plain(name: &str, arguments: &[&str]) -> MethodNode {
        MethodNode {
            name: name.to_owned(),
            arguments: arguments.iter().map(|&name| name.to_owned()).collect(),
            ..MethodNode::default()
        }
    }

    fn node(
        (implementation, line): (&str, u32),
        methods: Vec<MethodNode>,
        requests: Requests,
    ) -> ComponentNode {
        let location = format!("shop/src/main.rs:{line}");
        ComponentNode { implementation: implementation.to_owned(), location, methods, requests }
    }

    fn references(names: &[&str]) -> Requests {
        let references = names.iter().map(|&name| name.to_owned()).collect();
        Requests { references, ..Requests::default() }
    }

    fn graph() -> Graph {
        let problems = vec![
            "argument `document` asks the encoding for a value of any type, which its bytes do not \
             hold. Send it as JSON in a `String`."
                .to_owned(),
        ];
        let cart = vec![
            MethodNode { route: vec!["user".to_owned()], ..plain("add", &["user", "item"]) },
            MethodNode {
                idempotent: true,
                hedge: Some(Duration::from_millis(50)),
                timeout: Some(Duration::from_secs(2)),
                route: vec!["user".to_owned()],
                ..plain("items", &["user"])
            },
            MethodNode {
                timeout: Some(Duration::from_millis(1500)),
                ..plain("check_out", &["user", "currency", "address", "email", "card"])
            },
            plain("count", &[]),
        ];
        let store = vec![
            MethodNode { idempotent: true, ..plain("get", &["key"]) },
            MethodNode { problems, ..plain("put", &["key", "document"]) },
        ];
        let admin = Requests { listeners: vec!["admin".to_owned()], ..references(&["Cart"]) };
        Graph {
            package: "shop".to_owned(),
            components: [
                ("Admin".to_owned(), node(("Console", 90), Vec::new(), admin)),
                ("Cart".to_owned(), node(("InMemory", 41), cart, references(&["Pay", "Store"]))),
                (
                    "Pay".to_owned(),
                    node(("Cards", 60), Vec::new(), Requests { config: true, ..references(&[]) }),
                ),
                ("Store".to_owned(), node(("Disk<Json>", 75), store, references(&[]))),
            ]
            .into(),
            main: Some(Requests { listeners: vec!["shop".to_owned()], ..references(&["Cart"]) }),
        }
    }

    fn outline(graph: &Graph, config: &str) -> String {
        let config = ConfigFile::parse(Path::new("weaver.toml"), config).unwrap();
        let plan = Plan::new(graph, &config, &crate::plan::Sandboxes::AS_CONFIGURED);
        Outline { app: "shop", graph, plan: &plan, config: &config }.to_string()
    }

    #[test]
    fn shows_everything_in_columns() {
        let config = "[listeners.shop]\naddress = \"127.0.0.1:8080\"\n[groups.cart]\n\
                      components = [\"Cart\", \"Store\"]\nreplicas = 3\n";
        assert_eq!(
            outline(&graph(), config),
            "\
shop: 4 components in 4 groups

groups
  main   main
  cart   Cart, Store  × 3
  admin  Admin
  pay    Pay

main
  references  Cart             remote, by key
  listeners   shop             127.0.0.1:8080
  main may get any other component as well

Admin, implemented by Console at shop/src/main.rs:90
  references  Cart             remote, by key
  listeners   admin            a free port

Cart, implemented by InMemory at shop/src/main.rs:41
  methods     add(user, item)  route user
              items(user)      idempotent, hedge 50ms, timeout 2s, route user
              check_out(user, currency, address, email, card)
                               timeout 1.5s
              count()
  references  Pay              remote
              Store            direct

Pay, implemented by Cards at shop/src/main.rs:60
  config      [config.Pay]     not in weaver.toml

Store, implemented by Disk<Json> at shop/src/main.rs:75
  methods     get(key)         idempotent
              put(key, document)

problems
  Store.put can only be called in its own process, and here others may call it:
    argument `document` asks the encoding for a value of any type, which its bytes do not hold.
    Send it as JSON in a `String`.
"
        );
    }

    #[test]
    fn what_the_config_says_is_not_called_missing() {
        let text = outline(&graph(), "[config.Pay]\nkey = \"hunter2\"\n");
        assert!(text.contains("  config      [config.Pay]\n"), "{text}");
        assert!(!text.contains("hunter2"));
    }

    #[test]
    fn in_one_process_all_is_direct_and_every_method_can_be_called() {
        let text = outline(&graph(), "[placement]\ndefault = \"together\"\n");
        assert!(text.starts_with("shop: 4 components in 1 group\n"), "{text}");
        assert!(text.contains("Pay              direct\n"), "{text}");
        assert!(!text.contains("remote"), "{text}");
        assert!(text.contains("only be called in its own process, as it is here:\n"), "{text}");
    }

    #[test]
    fn a_program_of_main_alone_is_short() {
        let main = Requests::default();
        let graph = Graph { package: "shop".to_owned(), components: [].into(), main: Some(main) };
        let expected = "\
shop: 0 components in 1 group

groups
  main  main

main
  main may get any other component as well
";
        assert_eq!(outline(&graph, ""), expected);
    }
}
