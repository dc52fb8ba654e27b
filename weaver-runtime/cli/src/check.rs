//! [`Findings`]: what is to be said against a program and its configuration before it starts. Pure.

use std::{collections::BTreeSet, fmt};

use weaver_runtime::{graph::Graph, placement::EdgeKind};

use crate::{
    plan::Plan,
    schema::Schema,
    sources::{Repeated, Skipped, Sources},
    wrap::wrap,
};

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
    pub(crate) fn new(graph: &Graph, plan: &Plan, sources: &Sources, aborting: &[String]) -> Self {
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
        let warnings = aborting
            .chain(streams)
            .chain(losses(graph, plan, sources))
            .chain(round_trips(graph, plan, sources));
        Self { errors: plan.problems(graph), warnings: warnings.collect() }
    }
}

/// What types lose that are sent to another process.
fn losses(graph: &Graph, plan: &Plan, sources: &Sources) -> Vec<String> {
    let remote = graph.methods().filter(|(name, _)| plan.has_remote_callers(graph, name));
    let shapes = remote.flat_map(|(_, it)| [&it.arguments_shape, &it.value_shape, &it.error_shape]);
    let sent: BTreeSet<_> =
        shapes.filter_map(|shape| Schema::parse(shape).ok()).flat_map(|it| it.outlines()).collect();
    let is_sent = |skipped: &Skipped| {
        // Types of one name are told apart by their fields.
        sent.iter().any(|(name, fields)| {
            *name == skipped.ty
                && fields.as_ref().zip(skipped.others.as_ref()).is_none_or(|(a, b)| a == b)
        })
    };
    let loss = |Skipped { ty, field, at, .. }| {
        format!(
            "`{field}` of `{ty}` ({at}) has `#[serde(skip)]`: it does not arrive in another process, which has a \
             default instead; leave the attribute out, or send a type without the field"
        )
    };
    sources.skipped_fields().into_iter().filter(is_sent).map(loss).collect()
}

/// Calls to another process that are made again and again.
fn round_trips(graph: &Graph, plan: &Plan, sources: &Sources) -> Vec<String> {
    let is_remote = |(caller, callee)| plan.placement.edge_kind(caller, callee) != EdgeKind::Direct;
    let mut told = BTreeSet::new();
    let trips = sources.calls_in_loops().into_iter().filter_map(|repeated| {
        let Repeated { caller, callee, method, at } = &repeated;
        // Where it cannot be seen who calls, it may be each that can.
        let mut callers = graph.edges().filter(|(holder, it)| {
            it == callee && caller.as_ref().is_none_or(|caller| caller == holder)
        });
        let is_known = graph.methods().any(|(name, it)| name == callee && it.name == *method);
        let are_remote = callers.next().is_some_and(is_remote) && callers.all(is_remote);
        let text = format!(
            "{callee}.{method} is called in a loop ({at}), and each call is one to another process: have a method \
             take them all at once, or put both into one group"
        );
        let call = (caller.clone(), callee.clone(), method.clone());
        (is_known && are_remote && told.insert(call)).then_some(text)
    });
    trips.collect()
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
        findings_in("", method, config, aborting)
    }

    fn findings_in(text: &str, method: MethodNode, config: &str, aborting: &[&str]) -> Findings {
        let node = ComponentNode { methods: vec![method], ..ComponentNode::default() };
        let graph = Graph {
            package: "shop".to_owned(),
            components: [("Store".to_owned(), node)].into(),
            main: Some(Requests { references: vec!["Store".to_owned()], ..Requests::default() }),
        };
        let config = ConfigFile::parse(Path::new("weaver.toml"), config).unwrap();
        let plan = Plan::new(&graph, &config, &Sandboxes::AS_CONFIGURED);
        let aborting: Vec<_> = aborting.iter().map(|&what| what.to_owned()).collect();
        let sources = Sources::parse([("src/main.rs".to_owned(), text.to_owned())]);
        Findings::new(&graph, &plan, &sources, &aborting)
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
    fn what_is_lost_or_slow_between_processes_is_a_warning_there() {
        let text = "#[component] trait Store {}
            struct Body { size: u8, #[serde(skip)] cache: u8 }
            mod page { struct Body { #[serde(skip)] cache: u8 } }
            struct Other { #[serde(skip)] cache: u8 }
            #[weaver::main]
            async fn main(store: Ref<dyn Store>) {
                for body in bodies { store.put(body).await; store.put(body).await; store.clone(); }
            }";
        let body = || "(struct Body{size:u8})".to_owned();
        let put = || MethodNode { arguments_shape: body(), ..put() };
        for sent in [
            put(),
            MethodNode { arguments_shape: "()".to_owned(), value_shape: body(), ..put() },
            MethodNode { arguments_shape: "()".to_owned(), error_shape: body(), ..put() },
        ] {
            let found = findings_in(text, sent, "", &[]);
            let [loss, trip] = &found.warnings[..] else { panic!("{found}") };
            assert!(
                loss.starts_with("`cache` of `Body` (src/main.rs:2) has `#[serde(skip)]`"),
                "{loss}"
            );
            assert!(trip.starts_with("Store.put is called in a loop (src/main.rs:7)"), "{trip}");
        }
        let together = findings_in(text, put(), "[placement]\ndefault = \"together\"", &[]);
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
