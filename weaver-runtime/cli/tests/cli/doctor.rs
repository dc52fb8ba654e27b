//! `weaver doctor`: what it says of this machine, which builds these tests.

use std::net::TcpListener;

use serde_json::Value;

use crate::sandbox::Sandbox;

#[test]
fn what_is_missing_is_said_with_its_cure() {
    let sandbox = Sandbox::new();
    let ended = sandbox.run(&["doctor"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:#?}");
    assert!(ended.stdout.contains("ok       rustc 1."), "{}", ended.stdout);

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let config = format!("[listeners.collatz]\naddress = \"{address}\"\n");
    let project = sandbox.fixture("collatz", &[], &config);
    let project = project.to_str().unwrap();
    let ended = sandbox.run(&["doctor", project]);
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    assert!(ended.stdout.contains(&format!("missing  listener collatz: {address} cannot be")));
    let ended = sandbox.run(&["doctor", "--json", project]);
    let findings: Vec<Value> = serde_json::from_str(&ended.stdout).unwrap();
    let missing: Vec<_> = findings.iter().filter(|it| it["state"] == "missing").collect();
    assert_eq!(missing.len(), 1, "{findings:#?}");
    assert!(missing[0]["mend"].as_str().unwrap().contains("[listeners.collatz]"));
}

#[test]
fn shells_get_completions() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish"] {
        let ended = sandbox.run(&["completions", shell]);
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        assert!(ended.stdout.contains("deploy"), "{}", ended.stdout);
    }
    assert_eq!(sandbox.run(&["completions", "abacus"]).code, Some(2));
}
