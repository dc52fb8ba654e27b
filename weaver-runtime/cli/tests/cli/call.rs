//! `weaver call`: a component of a running deployment, called from the shell.

use std::{io::Write as _, process::Stdio};

use serde_json::Value;

use crate::{
    PATIENCE,
    kills::get,
    processes,
    sandbox::{Deployment, Sandbox, listener_address},
    until,
};

const ANY_PORT: &str = "[listeners.collatz]\naddress = \"127.0.0.1:0\"\n";

#[test]
fn it_calls_a_component_and_shows_what_can_be_called() {
    let sandbox = Sandbox::new();
    sandbox.run(&["call", "--list"]).assert_error(&["nothing is deployed", "weaver deploy"]);
    let deployment = sandbox.deploy(&sandbox.fixture("collatz", &[], ANY_PORT));
    deployment.until_all_run();

    let listed = sandbox.run(&["call", "--list"]);
    let expected = "\
Even.next(x: u64) -> Step
  struct Step { x: u64, pid: u32 }
Odd.next(x: u64) -> Step
  struct Step { x: u64, pid: u32 }
";
    assert_eq!((listed.code, listed.stdout.as_str()), (Some(0), expected));
    let listed = sandbox.run(&["call", "--list", "--json"]);
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!(listed[1]["signature"], "Odd.next(x: u64) -> Step");

    for arguments in ["8", "[8]", "{\"x\": 8}"] {
        let called = sandbox.run(&["call", "Even.next", arguments]);
        assert_eq!(called.code, Some(0), "{called:#?}");
        let step: Value = serde_json::from_str(&called.stdout).unwrap();
        assert_eq!(step["x"], 4, "{called:#?}");
    }

    let wrong = sandbox.run(&["call", "Even.next", "\"x\""]);
    wrong.assert_error(&[
        "x is u64, not \"x\"",
        "  Even.next(x: u64) -> Step\n",
        "    struct Step { x",
    ]);
    sandbox.run(&["call", "Even.next"]).assert_error(&["0 arguments are given", "it takes 1"]);
    sandbox.run(&["call", "Even.next", "{"]).assert_error(&["are not JSON"]);
    for text in ["tea", "00017"] {
        let called = sandbox.run(&["call", "Even.next", text]);
        called.assert_error(&["are not JSON", "quotes of its own"]);
    }
    sandbox
        .run(&["call", "Even.nexd", "8"])
        .assert_error(&["Even has no method `nexd`; did you mean `next`?"]);
    let unknown = sandbox.run(&["call", "Evne.next", "8"]);
    unknown.assert_error(&["collatz has no component `Evne`; did you mean `Even`?"]);
    sandbox.run(&["call", "next", "8"]).assert_error(&["COMPONENT.METHOD"]);
    let other = sandbox.run(&["call", "--app", "shop", "--list"]);
    other.assert_error(&["not deployed", "there is collatz (pid "]);

    // From standard input, where an argument is too long for the command line.
    let (input, mut to) = std::io::pipe().unwrap();
    to.write_all(b"[8]").unwrap();
    drop(to);
    let mut command = sandbox.weaver();
    command.args(["call", "Even.next", "-"]).stdin(input);
    let called = Deployment::start(&sandbox, command).end();
    assert!(called.stdout.contains("\"x\": 4"), "{called:#?}");
}

/// Who asks from the shell meets the replica that a component would, which remembers.
#[test]
fn a_routed_method_is_called_in_the_replica_of_its_key() {
    let sandbox = Sandbox::new();
    let config = "[listeners.factors]\naddress = \"127.0.0.1:0\"\n\
                  [groups.factors]\ncomponents = [\"Factors\"]\nreplicas = 3\n";
    let deployment = sandbox.deploy(&sandbox.fixture("factors", &[], config));
    deployment.until_all_run();
    let address = listener_address(&deployment, "factors");
    let is_remembered = |x: u64| {
        get(address, &format!("/?x={x}")).unwrap();
        let called = sandbox.run(&["call", "Factors.factors", &x.to_string()]);
        assert_eq!(called.code, Some(0), "{called:#?}");
        serde_json::from_str::<Value>(&called.stdout).unwrap()["remembered"] == true
    };
    // It takes a moment until `main`, too, has heard of all three.
    until("all have the same replicas", PATIENCE, || (10..16).all(is_remembered));
    assert!((20..32).all(is_remembered));
}

/// The call is made where the replica is, also when it was just started anew.
#[test]
fn it_waits_for_a_replica_that_is_started_again() {
    let sandbox = Sandbox::new();
    let deployment = sandbox.deploy(&sandbox.fixture("collatz", &[], ANY_PORT));
    deployment.until_all_run();
    for _ in 0..3 {
        let pid = deployment.replica("even").unwrap()["pid"].as_u64().unwrap();
        processes::signal(pid.try_into().unwrap(), "KILL");
        let called = sandbox.run(&["call", "Even.next", "8"]);
        assert_eq!(called.code, Some(0), "{called:#?}");
    }
}

/// Commands share one certificate, with which no more than a few connections are taken.
#[test]
fn calls_that_wait_keep_no_other_command_from_the_deployer() {
    let sandbox = Sandbox::new();
    let deployment = sandbox.deploy(&sandbox.fixture("busy", &[], ""));
    deployment.until_all_run();
    let waiting = || {
        let mut command = sandbox.weaver();
        command.args(["call", "Thinker.think", "\"x\""]);
        Deployment::start(&sandbox, command)
    };
    let _waiting: Vec<_> = (0..20).map(|_| waiting()).collect();
    for _ in 0..3 {
        assert!(deployment.status().is_some(), "{}", deployment.stderr());
        let listed = sandbox.run(&["call", "--list"]);
        assert_eq!(listed.code, Some(0), "{listed:#?}");
    }
}

#[test]
fn the_items_of_a_stream_are_lines() {
    let sandbox = Sandbox::new();
    let deployment = sandbox.deploy(&sandbox.fixture("busy", &[], ""));
    deployment.until_all_run();
    let called = sandbox.run(&["call", "Thinker.thoughts", "3"]);
    let lines = "{\"number\":0}\n{\"number\":2}\n";
    assert_eq!(called.stdout, lines, "{called:#?}");
    called.assert_error(&["Thinker.thoughts returned an error: a thought is lost"]);

    // Without a reader it ends, though the stream would not.
    let (read, written) = std::io::pipe().unwrap();
    drop(read);
    let mut command = sandbox.weaver();
    command.args(["call", "Thinker.thoughts", "4000000000"]).stdout(written).stderr(Stdio::null());
    let mut unread = command.spawn().unwrap();
    until("the end without a reader", PATIENCE, || unread.try_wait().unwrap().is_some());

    // Ctrl-C ends it, too, and its callee hears of that.
    let mut command = sandbox.weaver();
    command.args(["call", "Thinker.think", "\"x\""]);
    let waiting = Deployment::start(&sandbox, command);
    let calls = || deployment.replica("thinker").unwrap()["gauges"]["calls_running"].clone();
    until("the call", PATIENCE, || calls() == 2);
    waiting.signal("INT");
    assert_eq!(waiting.end().code, Some(130));
    until("the end of the call", PATIENCE, || calls() == 1);
}

#[test]
fn an_error_that_the_method_returns_is_told() {
    let sandbox = Sandbox::new();
    let deployment = sandbox.deploy(&sandbox.fixture("busy", &[], ""));
    deployment.until_all_run();
    for (method, error) in [
        ("insight", "Thinker.insight returned an error: no insight: it is late"),
        ("doubt", "Thinker.doubt returned an error: {\"Reasonable\":{\"about\":\"tea\"}}"),
        ("whim", "Thinker.whim takes, or returns, what only Rust code can"),
    ] {
        let failed = sandbox.run(&["call", &format!("Thinker.{method}")]);
        failed.assert_error(&[error]);
        assert_eq!(failed.stdout, "");
    }
}

#[test]
fn an_error_is_told_with_its_causes() {
    let sandbox = Sandbox::new();
    let deployment = sandbox.deploy(&sandbox.fixture("unwell", &[], ""));
    deployment.until_all_run();
    let failed = sandbox.run(&["call", "Broken.nothing"]);
    failed.assert_error(&["Broken.nothing", "init", "cannot open the store: no disk"]);
    assert_eq!(failed.stdout, "");
}

#[test]
fn of_several_applications_one_is_chosen() {
    let sandbox = Sandbox::new();
    let deployments = ["first", "second"]
        .map(|app| sandbox.deploy(&sandbox.named_fixture(app, "collatz", &[], ANY_PORT)));
    deployments.iter().for_each(|deployment| deployment.until_all_run());
    sandbox.run(&["call", "Even.next", "8"]).assert_error(&[
        "first (pid ",
        ", second (pid ",
        "--app NAME",
    ]);
    let chosen = sandbox.run(&["call", "--app", "second", "Even.next", "8"]);
    assert_eq!(chosen.code, Some(0), "{chosen:#?}");
    let pid = deployments[0].pid().to_string();
    let chosen = sandbox.run(&["call", "--pid", &pid, "Even.next", "8"]);
    assert_eq!(chosen.code, Some(0), "{chosen:#?}");
}
