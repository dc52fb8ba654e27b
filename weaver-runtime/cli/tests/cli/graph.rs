//! `weaver graph`: what is shown of a program that is not run.

use std::{path::Path, time::Duration};

use serde_json::{Value, json};

use crate::sandbox::{Ended, Sandbox};

/// `weaver graph` of a directory, to its end.
fn graph(sandbox: &Sandbox, project: &Path, arguments: &[&str]) -> Ended {
    let ended = sandbox.run(&[&["graph", project.to_str().unwrap()], arguments].concat());
    sandbox.assert_empty_within(Duration::from_secs(1));
    ended
}

#[test]
fn a_program_is_shown_as_it_would_be_placed() {
    let sandbox = Sandbox::new();
    let config = "[listeners.collatz]\naddress = \"127.0.0.1:9000\"\n[groups.even]\n\
                  components = [\"Even\"]\nreplicas = 2\n";
    let ended = graph(&sandbox, &sandbox.fixture("collatz", &[], config), &[]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let source = include_str!("../../../../examples/collatz/src/main.rs");
    // Counted from 0: the place is the line above, with the attribute.
    let line = |text: &str| source.lines().position(|line| line.starts_with(text)).unwrap();
    let place = |text| format!("examples/collatz/src/main.rs:{}", line(text));
    let (even, odd) = (place("impl Even for Halve"), place("impl Odd for TripleAndOne"));
    let expected = format!(
        "\
collatz: 2 components in 3 groups

groups
  main  main
  even  Even  × 2
  odd   Odd

main
  references  Even     remote
              Odd      remote
  listeners   collatz  127.0.0.1:9000
  main may get any other component as well

Even, implemented by Halve at {even}
  methods     next(x: u64) -> Step

Odd, implemented by TripleAndOne at {odd}
  methods     next(x: u64) -> Step
"
    );
    assert_eq!(ended.stdout, expected);
}

#[test]
fn the_placement_decides_the_kind_of_each_edge() {
    let sandbox = Sandbox::new();
    let together = sandbox.fixture("collatz", &[], "[placement]\ndefault = \"together\"\n");
    let ended = graph(&sandbox, &together, &["--format", "text"]);
    assert!(ended.stdout.contains("  references  Even     direct\n"), "{ended:#?}");
    assert!(!ended.stdout.contains("remote"), "{ended:#?}");
}

#[test]
fn tools_get_the_program_as_json() {
    let sandbox = Sandbox::new();
    let project = sandbox.fixture("collatz", &[], "");
    let ended = graph(&sandbox, &project, &["--json"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let program: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(program["package"], "collatz");
    assert_eq!(program["main"]["references"], json!(["Even", "Odd"]));
    let method = &program["components"]["Even"]["methods"][0];
    assert_eq!(method["arguments"], json!(["x"]));
    assert_eq!(method["arguments_shape"], "(u64)");
    for shape in ["value_shape", "error_shape"] {
        assert!(method[shape].as_str().is_some_and(|text| !text.is_empty()), "{method}");
    }
    assert_eq!(graph(&sandbox, &project, &["--format", "json"]).stdout, ended.stdout);
}

#[test]
fn others_draw_it() {
    let sandbox = Sandbox::new();
    let project = sandbox.fixture("collatz", &[], "");
    let mermaid = graph(&sandbox, &project, &["--format", "mermaid"]).stdout;
    assert!(mermaid.starts_with("flowchart LR\n  subgraph g0[\"main\"]\n"), "{mermaid}");
    assert!(mermaid.contains("-.->|remote| c1\n"), "{mermaid}");
    let dot = graph(&sandbox, &project, &["--format", "dot"]).stdout;
    assert!(dot.starts_with("digraph {\n") && dot.ends_with("}\n"), "{dot}");
    assert!(dot.contains("c0 -> c1 [label=\"remote\", style=dashed];\n"), "{dot}");
}

#[test]
fn mistakes_are_those_of_a_deployment() {
    let sandbox = Sandbox::new();
    let config = "[groups.even]\ncomponents = [\"Evne\"]\n";
    let ended = graph(&sandbox, &sandbox.fixture("collatz", &[], config), &[]);
    ended.assert_error(&["weaver.toml:6", "`Evne`", "`Even`"]);
    let ended = graph(&sandbox, &sandbox.fixture("unfit", &[], ""), &[]);
    ended.assert_error(&["refused to start", "Absent"]);
    sandbox.run(&["graph", "no/such"]).assert_error(&["no/such is not a directory"]);
    for arguments in [["--format", "svg"], ["--json", "--format=text"]] {
        let ended = sandbox.run(&[&["graph"][..], &arguments].concat());
        assert_eq!(ended.code, Some(2), "{ended:#?}");
    }
}
