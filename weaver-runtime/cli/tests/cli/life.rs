//! A deployment from its start to its end, whichever that is.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{
    PATIENCE,
    fixtures::workspace,
    processes,
    sandbox::{Deployment, Sandbox},
    until,
};

/// A clean end of programs that have nothing to finish.
const CLEAN_END: Duration = Duration::from_secs(10);

#[test]
fn a_package_is_built_and_deployed_and_ends_with_its_main() {
    let sandbox = Sandbox::new();
    let deployment = sandbox.deploy(&workspace().join("examples/hello"));
    // It may have to be built from nothing.
    let ended = deployment.end_within(Duration::from_secs(300));
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(ended.stdout.contains("  greeter  Greeter"), "the plan is printed: {ended:#?}");
    assert!(ended.stderr.contains("Hello, world!"), "{ended:#?}");
    sandbox.assert_empty_within(Duration::from_secs(1));
    assert_eq!(sandbox.status(), serde_json::json!([]));
}

#[test]
fn the_deployment_ends_with_the_exit_code_of_main() {
    for (how, code) in [("ok", 0), ("error", 1)] {
        let sandbox = Sandbox::new();
        let ended = sandbox.run_deploy(&sandbox.fixture("ends", &[how], ""));
        assert_eq!(ended.code, Some(code), "{ended:#?}");
        assert!(!ended.stderr.contains("starting it again"), "{ended:#?}");
        assert_eq!(ended.stderr.contains("the cause that is shown"), how == "error", "{ended:#?}");
        sandbox.assert_empty_within(Duration::from_secs(1));
    }
}

#[test]
fn a_main_that_panics_is_started_again_and_can_still_be_stopped() {
    let sandbox = Sandbox::new();
    let deployment = sandbox.deploy(&sandbox.fixture("ends", &["panic"], ""));
    deployment.until_it_says("crashing in a loop");
    deployment.until_it_says("the panic that is shown");
    deployment.end_by("INT", CLEAN_END);
}

#[test]
fn a_replica_that_crashes_in_a_loop_is_shown_and_harms_no_other() {
    let sandbox = Sandbox::new();
    let mut deployment = sandbox.deploy(&sandbox.fixture("crash", &[], ""));
    deployment.until_it_says("fragile.0 is crashing in a loop");
    deployment.until_it_says("steady says 42");
    let stderr = deployment.stderr();
    let (_, shown) = stderr.split_once("crashing in a loop").unwrap();
    // The message of the deployer itself comes after the fact; the words are repeated behind it.
    until("the last words", PATIENCE, || {
        let stderr = deployment.stderr();
        let (_, after) = stderr.split_once("crashing in a loop").unwrap();
        after.contains("the last words of Fragile")
    });
    assert!(stderr.contains("exit status: 3"), "{shown}");
    let fragile = deployment.replica("fragile").unwrap();
    assert!(fragile["restarts"].as_u64().unwrap() >= 4, "{fragile:#}");
    let steady = deployment.replica("steady").unwrap();
    assert_eq!((&steady["state"], &steady["restarts"]), (&"running".into(), &0.into()));
    assert!(deployment.ended().is_none());
    deployment.end_by("INT", CLEAN_END);
}

#[test]
fn an_init_that_fails_is_shown_in_status() {
    let sandbox = Sandbox::new();
    let deployment = sandbox.deploy(&sandbox.fixture("unwell", &[], ""));
    deployment.until_it_says("get failed: ");
    deployment.until_it_says("cannot open the store: no disk");
    for (group, component, reason) in [
        ("broken", "Broken", "cannot open the store: no disk"),
        ("panicky", "Panicky", "too shaky"),
    ] {
        until("the failure in status", PATIENCE, || {
            let Some(replica) = deployment.replica(group) else { return false };
            let failed = replica["failed"].to_string();
            replica["state"] == "running" && failed.contains(component) && failed.contains(reason)
        });
        // The process lives.
        assert_eq!(deployment.replica(group).unwrap()["restarts"], 0);
    }
    let text = sandbox.run(&["status"]).stdout;
    assert!(text.contains("init of Broken failed: cannot open the store: no disk"), "{text}");
    deployment.signal("INT");
    assert_eq!(deployment.end_within(CLEAN_END).code, Some(0));
}

/// A deployment of `collatz` of which all replicas run.
fn collatz(sandbox: &Sandbox) -> Deployment<'_> {
    let listener = "[listeners.collatz]\naddress = \"127.0.0.1:0\"\n";
    let deployment = sandbox.deploy(&sandbox.fixture("collatz", &[], listener));
    deployment.until_all_run();
    deployment
}

#[test]
fn a_signal_ends_everything_with_code_0() {
    for name in ["INT", "TERM"] {
        let sandbox = Sandbox::new();
        let deployment = collatz(&sandbox);
        deployment.until_it_says("collatz  http://");
        // The deployer, three groups and the ingress.
        assert_eq!(sandbox.processes().len(), 5);
        deployment.signal(name);
        let ended = deployment.end_within(CLEAN_END);
        assert_eq!(ended.code, Some(0), "SIG{name}: {ended:#?}");
        assert!(sandbox.processes().is_empty(), "SIG{name}: {:?}", sandbox.processes());
        assert_eq!(sandbox.status(), serde_json::json!([]));
    }
}

#[test]
fn a_signal_at_any_moment_of_the_start_ends_everything() {
    for milliseconds in [0, 5, 20, 50, 100, 200] {
        let sandbox = Sandbox::new();
        let listener = "[listeners.collatz]\naddress = \"127.0.0.1:0\"\n";
        let deployment = sandbox.deploy(&sandbox.fixture("collatz", &[], listener));
        deployment.until_it_says("main may get any other component");
        sleep(Duration::from_millis(milliseconds));
        deployment.signal("TERM");
        let ended = deployment.end_within(CLEAN_END);
        // In the first moments a signal ends the command as it ends any.
        assert!(matches!(ended.code, Some(0) | None), "{milliseconds} ms: {ended:#?}");
        sandbox.assert_empty_within(Duration::from_secs(1));
    }
}

#[test]
fn the_sudden_death_of_the_deployer_ends_everything_within_a_second() {
    for name in ["KILL", "HUP"] {
        let sandbox = Sandbox::new();
        let deployment = collatz(&sandbox);
        deployment.signal(name);
        deployment.end_within(Duration::from_secs(1));
        sandbox.assert_empty_within(Duration::from_secs(1));
        assert_eq!(sandbox.status(), serde_json::json!([]));
    }
}

#[test]
fn the_sudden_death_of_the_deployer_at_any_moment_of_the_start_leaves_nothing() {
    for milliseconds in [0, 2, 5, 10, 20, 40, 80, 160] {
        let sandbox = Sandbox::new();
        let deployment = sandbox.deploy(&sandbox.fixture("ends", &["wait"], ""));
        deployment.until_it_says("main may get any other component");
        sleep(Duration::from_millis(milliseconds));
        deployment.signal("KILL");
        deployment.end_within(Duration::from_secs(1));
        sandbox.assert_empty_within(Duration::from_secs(2));
    }
}

#[test]
fn a_shutdown_that_hangs_is_bounded() {
    let sandbox = Sandbox::new();
    let deployment = sandbox.deploy(&sandbox.fixture("stubborn", &[], ""));
    deployment.until_it_says("ready");
    deployment.end_by("INT", Duration::from_secs(30));
}

#[test]
fn a_second_signal_does_not_wait() {
    let sandbox = Sandbox::new();
    let deployment = sandbox.deploy(&sandbox.fixture("stubborn", &[], ""));
    deployment.until_it_says("ready");
    deployment.signal("INT");
    deployment.until_it_says("once more");
    sleep(Duration::from_millis(500));
    let before = Instant::now();
    deployment.signal("INT");
    let ended = deployment.end_within(Duration::from_secs(5));
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(before.elapsed() < Duration::from_secs(3));
    sandbox.assert_empty_within(Duration::from_secs(1));
}

/// A replica that never reads what the deployer hands it, however much that is.
#[test]
fn replicas_that_do_not_listen_do_not_hold_up_their_deployer() {
    // More than a pipe holds.
    let long = "x".repeat(300_000);
    for setting in ["short", &long] {
        let sandbox = Sandbox::new();
        let config = format!("[config.Idle]\nsetting = \"{setting}\"\n");
        let deployment = sandbox.deploy(&sandbox.fixture("deaf", &[], &config));
        deployment.until_it_says("main may get any other component");
        // A deployer that is held up starts no second one.
        until("a replica", PATIENCE, || sandbox.processes().len() >= 2);
        sleep(Duration::from_millis(300));
        let bytes = setting.len();
        let status = sandbox.run(&["status"]);
        assert_eq!(status.code, Some(0), "{bytes} bytes: {status:#?}");
        deployment.signal("INT");
        assert_eq!(deployment.end_within(CLEAN_END).code, Some(0), "{bytes} bytes");
        sandbox.assert_empty_within(Duration::from_secs(1));
    }
}

/// The whole configuration reaches the replicas.
#[test]
fn replicas_see_a_configuration_of_many_kilobytes() {
    let sandbox = Sandbox::new();
    let comment = format!("# {}\n", "x".repeat(300_000));
    let ended = sandbox.run_deploy(&sandbox.fixture("ends", &["ok"], &comment));
    assert_eq!(ended.code, Some(0), "{ended:#?}");
}

#[test]
fn nothing_listens_for_others_but_on_loopback() {
    let sandbox = Sandbox::new();
    let _deployment = collatz(&sandbox);
    for pid in sandbox.processes() {
        let command = processes::command_line(pid);
        for table in ["tcp", "udp"] {
            for address in processes::bound(pid, table) {
                assert!(address.starts_with("0100007F:"), "{command}: {table} {address}");
            }
        }
    }
}
