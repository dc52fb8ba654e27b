//! `weaver check`: what is said of a program that is not started.

use std::fs;

use serde_json::{Value, json};

use crate::sandbox::Sandbox;

#[test]
fn a_sound_program_passes() {
    let sandbox = Sandbox::new();
    let project = sandbox.fixture("collatz", &[], "");
    let ended = sandbox.run(&["check", project.to_str().unwrap()]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert_eq!(ended.stdout, "collatz: 2 components in 3 groups, 0 errors, 0 warnings\n");
}

#[test]
fn what_may_not_be_meant_is_a_warning_and_an_error_for_the_strict() {
    let sandbox = Sandbox::new();
    let project = sandbox.fixture("collatz", &[], "");
    let manifest = "[workspace]\n[profile.release]\npanic = \"abort\"\n";
    fs::write(project.join("Cargo.toml"), manifest).unwrap();
    let project = project.to_str().unwrap();
    let ended = sandbox.run(&["check", project]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let start = "warning: [profile.release] has `panic = \"abort\"`: a panic in a method ends";
    assert!(ended.stdout.starts_with(start), "{}", ended.stdout);
    assert!(ended.stdout.ends_with("0 errors, 1 warning\n"), "{}", ended.stdout);
    assert_eq!(sandbox.run(&["check", "--strict", project]).code, Some(1));
    let ended = sandbox.run(&["check", "--json", project]);
    let found: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(
        (&found["errors"], found["warnings"].as_array().map(Vec::len)),
        (&json!([]), Some(1))
    );
}

#[test]
fn what_a_start_would_refuse_is_an_error() {
    let sandbox = Sandbox::new();
    let config = "[groups.even]\ncomponents = [\"Evne\"]\n";
    let project = sandbox.fixture("collatz", &[], config);
    let ended = sandbox.run(&["check", project.to_str().unwrap()]);
    ended.assert_error(&["weaver.toml:6", "`Evne`", "`Even`"]);
    let project = sandbox.fixture("unfit", &[], "");
    let ended = sandbox.run(&["check", project.to_str().unwrap()]);
    ended.assert_error(&["refused to start", "Absent"]);
}
