//! One trace through several processes and sandboxes: in what they log, and in the spans of a process that wants
//! those.

use weaver_tests::{
    errand::{Errand, TRACE},
    traces::LOGGED,
};

use crate::{sandboxes::WASM, support::Deployment};

/// The first sandbox begins with building the host, which takes minutes.
const SECONDS_MAX: u64 = 1800;

const SPANS: &str = "env = { RUST_LOG = \"info,weaver::call=info\" }\n";

/// What the detective's process has logged, and what its witness's has.
fn logged(placement: &str) -> (String, Vec<String>) {
    let mut deployment = Deployment::start(Errand::Trace, 0, placement);
    let status = deployment.finish_within(SECONDS_MAX);
    let output = deployment.output();
    assert_eq!(status.code(), Some(0), "{output}");
    let of = |who: &str| {
        let lines = output.lines().filter(|line| line.contains(&format!("{LOGGED} {who}=true")));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let [detective] = &of("detective")[..] else { panic!("one line:\n{output}") };
    let witness = of("witness");
    assert_eq!(witness.len(), 2, "{output}");
    let [_, trace_id, _, _] = TRACE.split('-').collect::<Vec<_>>()[..] else { panic!("{TRACE}") };
    for line in witness.iter().chain([detective]) {
        assert!(line.ends_with(&format!(" trace_id={trace_id}")), "{line}");
    }
    (detective.clone(), witness)
}

/// The value of a field of a span.
fn field<'a>(line: &'a str, name: &str) -> &'a str {
    let (_, from) =
        line.split_once(&format!(" {name}=")).unwrap_or_else(|| panic!("{name} of {line}"));
    from.split([' ', '}']).next().unwrap_or_default()
}

/// Each part of the trace names the one above it, across the boundary.
fn assert_spans(placement: &str) {
    let (detective, witness) = logged(placement);
    let [_, trace_id, parent_id, _] = TRACE.split('-').collect::<Vec<_>>()[..] else {
        panic!("{TRACE}")
    };
    let start = "call{component=\"Detective\" method=\"investigate\" span_id=";
    assert!(detective.contains(start), "{detective}");
    assert_eq!(
        (field(&detective, "trace_id"), field(&detective, "parent_id")),
        (trace_id, parent_id)
    );
    for line in witness {
        assert!(line.contains("call{component=\"Witness\" method=\"see\" span_id="), "{line}");
        let expected = (trace_id, field(&detective, "span_id"));
        assert_eq!((field(&line, "trace_id"), field(&line, "parent_id")), expected);
    }
}

#[test]
fn what_processes_log_has_its_id() {
    let (detective, witness) = logged("[placement]\ndefault = \"each\"");
    for line in witness.iter().chain([&detective]) {
        assert!(!line.contains("call{"), "no spans unless somebody wants them: {line}");
    }
}

#[test]
fn spans_of_processes_are_one_trace() {
    assert_spans(&format!("{SPANS}[placement]\ndefault = \"each\""));
}

#[test]
fn spans_of_sandboxes_are_one_trace() {
    let sandbox = "sandbox = { env = [\"RUST_LOG\"] }";
    assert_spans(&format!(
        "{SPANS}wasm = {:?}\n[placement]\ndefault = \"together\"\n\
         [groups.detective]\ncomponents = [\"Detective\"]\n{sandbox}\n\
         [groups.witness]\ncomponents = [\"Witness\"]\n{sandbox}\n",
        *WASM
    ));
}

/// Inside one guest as well, where a call is direct.
#[test]
fn what_a_sandbox_logs_has_its_id() {
    logged(&format!(
        "wasm = {:?}\n[placement]\ndefault = \"together\"\n\
         [groups.both]\ncomponents = [\"Detective\", \"Witness\"]\nsandbox = true\n",
        *WASM
    ));
}
