//! `weaver check`: what is said of a program that is not started.

use std::fs;

use serde_json::{Value, json};

use crate::sandbox::Sandbox;

#[test]
fn a_sound_program_passes() {
    let sandbox = Sandbox::new();
    let project = sandbox.fixture("factors", &[], "");
    let ended = sandbox.run(&["check", project.to_str().unwrap()]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert_eq!(ended.stdout, "factors: 1 component in 2 groups, 0 errors, 0 warnings\n");
}

/// Of a program whose sources cargo has noted beside it.
#[test]
fn round_trips_in_a_loop_are_warned_of_where_they_are_some() {
    let sandbox = Sandbox::new();
    let check = |config: &str| {
        let project = sandbox.fixture("collatz", &[], config);
        let ended = sandbox.run(&["check", project.to_str().unwrap()]);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        ended.stdout
    };
    let apart = check("");
    let start = "warning: Even.next is called in a loop (";
    assert!(apart.starts_with(start) && apart.contains("collatz/src/main.rs:"), "{apart}");
    assert!(
        apart.ends_with("collatz: 2 components in 3 groups, 0 errors, 2 warnings\n"),
        "{apart}"
    );
    let together = check("[placement]\ndefault = \"together\"\n");
    assert_eq!(together, "collatz: 2 components in 1 group, 0 errors, 0 warnings\n");
}

#[test]
fn what_may_not_be_meant_is_a_warning_and_an_error_for_the_strict() {
    let sandbox = Sandbox::new();
    let project = sandbox.fixture("factors", &[], "");
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

/// Each in a line of its own, with all others, also as JSON.
#[test]
fn what_a_start_would_refuse_is_an_error() {
    let sandbox = Sandbox::new();
    let config = "[groups.even]\ncomponents = [\"Evne\"]\nsandbox = true\n[groups.other]\ncomponents = [\"Odd\", \"X\"]\n";
    let project = sandbox.fixture("collatz", &[], config);
    let project = project.to_str().unwrap();
    let ended = sandbox.run(&["check", project]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), ""));
    for part in [
        "error: ",
        "weaver.toml:6",
        "`Evne`",
        "`Even`",
        "weaver.toml:9",
        "`X`",
        "3 errors, 2 warnings",
    ] {
        assert!(ended.stdout.contains(part), "{part} of {}", ended.stdout);
    }
    let ended = sandbox.run(&["check", "--json", project]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), ""));
    let found: Value = serde_json::from_str(&ended.stdout).unwrap();
    let errors: Vec<_> =
        found["errors"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    assert_eq!(errors.len(), 3, "{found}");
    assert!(errors[0].contains("weaver.toml:6") && errors[1].contains("weaver.toml:9"), "{found}");
    assert!(errors[2].contains("`binary` in [app] is native code"), "{found}");
}

/// Also by `deploy`, before anything runs.
#[test]
fn a_section_that_does_not_fit_is_an_error() {
    let sandbox = Sandbox::new();
    let project = sandbox.fixture("deaf", &[], "[config.Idle]\nmood = 3\n");
    let ended = sandbox.run(&["check", project.to_str().unwrap()]);
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    assert!(
        ended.stdout.contains("weaver.toml:6") && ended.stdout.contains("1 error,"),
        "{ended:#?}"
    );
    sandbox.run(&["deploy", project.to_str().unwrap()]).assert_error(&["weaver.toml:6"]);
}

/// A program that cannot be asked has one error, with its causes.
#[test]
fn what_cannot_be_asked_is_an_error_as_json_too() {
    let sandbox = Sandbox::new();
    let project = sandbox.fixture("unfit", &[], "");
    let project = project.to_str().unwrap();
    sandbox.run(&["check", project]).assert_error(&["refused to start", "Absent"]);
    let ended = sandbox.run(&["check", "--json", project]);
    let found: Value = serde_json::from_str(&ended.stdout).unwrap();
    let [error] = &found["errors"].as_array().unwrap()[..] else { panic!("{found}") };
    assert!(error.as_str().unwrap().contains("Absent"), "{found}");
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), ""));
}
