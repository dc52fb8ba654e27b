//! [`Findings`]: what is to be said against a program and its configuration before it starts. Pure.

use std::fmt;

use weaver_runtime::graph::Graph;

use crate::{plan::Plan, wrap::wrap};

/// What `weaver check` finds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    /// What would fail.
    pub(crate) errors: Vec<String>,
    /// What works, and may not be meant.
    pub(crate) warnings: Vec<String>,
}

impl Findings {
    /// `aborting` says what has it that a panic ends the process.
    pub(crate) fn new(graph: &Graph, plan: &Plan, aborting: &[String]) -> Self {
        let aborting = aborting.iter().map(|what| {
            format!(
                "{what} has `panic = \"abort\"`: a panic in a method ends its process, and \
                 all calls that are in it; leave it out, and the panic is an error at its caller"
            )
        });
        let streams =
            graph.methods().filter(|(_, method)| method.takes_stream() && method.idempotent);
        let streams = streams.map(|(component, method)| {
            let name = &method.name;
            format!(
                "{component}.{name} is `#[idempotent]` and takes a stream: once that has begun, the call \
                 is not sent again; take what can be sent twice, or leave out `#[idempotent]`"
            )
        });
        Self { errors: plan.problems(graph), warnings: aborting.chain(streams).collect() }
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (word, findings) in [("error", &self.errors), ("warning", &self.warnings)] {
            for finding in findings {
                writeln!(f, "{word}: {}", wrap(finding, 2))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use weaver_runtime::{
        config::ConfigFile,
        graph::{ComponentNode, MethodNode, Requests},
    };

    use super::*;
    use crate::plan::Sandboxes;

    fn findings(method: MethodNode, config: &str, aborting: &[&str]) -> Findings {
        let node = ComponentNode { methods: vec![method], ..ComponentNode::default() };
        let graph = Graph {
            package: "shop".to_owned(),
            components: [("Store".to_owned(), node)].into(),
            main: Requests { references: vec!["Store".to_owned()], ..Requests::default() },
        };
        let config = ConfigFile::parse(Path::new("weaver.toml"), config).unwrap();
        let plan = Plan::new(&graph, &config, Sandboxes::default());
        let aborting: Vec<_> = aborting.iter().map(|&what| what.to_owned()).collect();
        Findings::new(&graph, &plan, &aborting)
    }

    fn put() -> MethodNode {
        MethodNode {
            name: "put".to_owned(),
            arguments: vec!["body".to_owned()],
            arguments_shape: "(bytes)".to_owned(),
            idempotent: true,
            ..MethodNode::default()
        }
    }

    #[test]
    fn a_sound_program_has_none() {
        assert_eq!(findings(put(), "", &[]), Findings::default());
    }

    #[test]
    fn what_cannot_travel_is_an_error_where_it_would_have_to() {
        let method =
            || MethodNode { problems: vec!["argument `body` is JSON".to_owned()], ..put() };
        let apart = findings(method(), "", &[]);
        assert_eq!(apart.errors.len(), 1, "{apart}");
        let together = findings(method(), "[placement]\ndefault = \"together\"", &[]);
        assert_eq!(together, Findings::default());
    }

    #[test]
    fn what_may_not_be_meant_is_a_warning() {
        let stream = MethodNode { arguments_shape: "(weaver::Stream<u8>)".to_owned(), ..put() };
        let found = findings(stream.clone(), "", &["[profile.release]"]);
        assert!(found.errors.is_empty(), "{found}");
        let [abort, stream_twice] = &found.warnings[..] else { panic!("{found}") };
        assert!(abort.starts_with("[profile.release] has `panic = \"abort\"`"), "{found}");
        assert!(stream_twice.starts_with("Store.put is `#[idempotent]` and takes a"), "{found}");
        assert!(found.to_string().starts_with("warning: [profile"), "{found}");
        let once = findings(MethodNode { idempotent: false, ..stream }, "", &[]);
        assert_eq!(once, Findings::default());
    }
}
