//! `weaver status`: none, one and several deployments, and what dead ones left behind.

use std::{
    fs,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};

use crate::{
    PATIENCE, processes,
    sandbox::{Sandbox, listener_address},
    until,
};

#[test]
fn nothing_deployed_is_no_error() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.status(), json!([]));
    let ended = sandbox.run(&["status"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(ended.stdout.contains("nothing is deployed"), "{ended:#?}");
}

#[test]
fn a_deployment_is_shown_with_everything_that_runs() {
    let sandbox = Sandbox::new();
    let config = "[listeners.collatz]\naddress = \"127.0.0.1:0\"\n[groups.even]\ncomponents = [\"Even\"]\n\
         replicas = 2\n";
    let deployment = sandbox.deploy(&sandbox.fixture("collatz", &[], config));
    let address = listener_address(&deployment, "collatz");
    deployment.until_all_run();
    let status = deployment.status().unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    assert_eq!(status["app"], "collatz");
    let recent = |since: &Value| (now - 60..=now).contains(&since.as_u64().unwrap());
    assert!(recent(&status["since"]), "{status:#}");
    let groups = status["groups"].as_array().unwrap();
    let names: Vec<_> = groups.iter().map(|group| group["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["main", "even", "odd"]);
    assert!(groups.iter().all(|group| group["sandboxed"] == false), "{status:#}");
    let counts = groups.iter().map(|group| group["replicas"].as_array().unwrap().len());
    assert_eq!(counts.collect::<Vec<_>>(), [1, 2, 1]);
    let mut pids: Vec<u32> = Vec::new();
    for replica in groups.iter().flat_map(|group| group["replicas"].as_array().unwrap()) {
        assert_eq!(replica["state"], "running");
        assert_eq!(replica["restarts"], 0);
        assert!(recent(&replica["since"]), "{replica:#}");
        pids.push(replica["pid"].as_u64().unwrap().try_into().unwrap());
    }
    pids.sort_unstable();
    pids.dedup();
    assert_eq!(pids.len(), 4, "each replica is a process of its own");
    let living = sandbox.processes();
    assert!(pids.iter().all(|pid| living.contains(pid)));
    let listener = json!({
        "name": "collatz", "address": address.to_string(), "problem": null, "upstreams": 1
    });
    assert_eq!(status["listeners"], json!([listener]));
    let text = sandbox.run(&["status"]).stdout;
    for part in [
        "collatz",
        "even.1",
        "running",
        "native",
        &format!("http://{address}"),
        &pids[0].to_string(),
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// And what is in flight is what `[limits]` allows.
#[test]
fn calls_in_flight_are_shown_at_both_ends() {
    let sandbox = Sandbox::new();
    let limits = "[limits]\nqueued_bytes = \"64KiB\"\n";
    let deployment = sandbox.deploy(&sandbox.fixture("busy", &["4"], limits));
    deployment.until_it_says("think failed: call to Thinker.think failed: refused: overloaded");
    let gauges = |group: &str| deployment.replica(group).map(|replica| replica["gauges"].clone());
    until("the gauges", PATIENCE, || {
        let (Some(main), Some(thinker)) = (gauges("main"), gauges("thinker")) else { return false };
        main["calls_waiting"] == 3 && thinker["calls_running"] == 3
    });
    let (main, thinker) = (gauges("main").unwrap(), gauges("thinker").unwrap());
    assert_eq!((&main["calls_running"], &main["queued_bytes"]), (&json!(0), &json!(0)));
    assert_eq!((&main["streams_open"], &thinker["streams_open"]), (&json!(0), &json!(0)));
    assert_eq!(thinker["calls_waiting"], 0);
    let bytes = thinker["queued_bytes"].as_u64().unwrap();
    assert!((60 << 10..64 << 10).contains(&bytes), "{thinker:#}");
    assert!(main["tasks"].as_u64().unwrap() >= 3, "{main:#}");
    let text = sandbox.run(&["status"]).stdout;
    let cells = |name: &str| {
        let row = text.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
        row.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    let column = cells("REPLICA").iter().position(|cell| cell == "CALLS").unwrap();
    // `FOR` has a number and a unit.
    assert_eq!(cells("thinker.0")[column + 1], "3", "{text}");
}

#[test]
fn two_deployments_are_shown_until_they_end() {
    let sandbox = Sandbox::new();
    let one = sandbox.deploy(&sandbox.named_fixture("one", "ends", &["wait"], ""));
    let two = sandbox.deploy(&sandbox.named_fixture("two", "ends", &["wait"], ""));
    let twin = sandbox.deploy(&sandbox.named_fixture("two", "ends", &["wait"], ""));
    for deployment in [&one, &two, &twin] {
        deployment.until_it_says("main may get any other component");
        deployment.until_all_run();
    }
    let apps = |status: &Value| {
        let all = status.as_array().unwrap().iter();
        all.map(|status| status["app"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(apps(&sandbox.status()), ["one", "two", "two"]);
    one.signal("INT");
    assert_eq!(one.end_within(Duration::from_secs(10)).code, Some(0));
    assert_eq!(apps(&sandbox.status()), ["two", "two"]);
    // The record of a killed deployer stays behind, and is nobody's.
    two.signal("KILL");
    two.end_within(Duration::from_secs(5));
    let records = || fs::read_dir(sandbox.state()).unwrap().count();
    assert_eq!(records(), 2);
    assert_eq!(apps(&sandbox.status()), ["two"]);
    assert_eq!(records(), 1);
    assert!(twin.status().is_some());
}

#[test]
fn a_deployer_that_hangs_does_not_hide_the_others() {
    let sandbox = Sandbox::new();
    let hung = sandbox.deploy(&sandbox.named_fixture("hung", "ends", &["wait"], ""));
    let well = sandbox.deploy(&sandbox.named_fixture("well", "ends", &["wait"], ""));
    hung.until_all_run();
    well.until_all_run();
    hung.signal("STOP");
    let ended = sandbox.run(&["status"]);
    hung.signal("CONT");
    assert!(ended.stdout.contains("well"), "{ended:#?}");
    let text = format!("{}{}", ended.stdout, ended.stderr);
    assert!(text.contains("hung") && text.contains("does not answer"), "{ended:#?}");
}

#[test]
fn what_is_no_record_is_no_deployment() {
    let sandbox = Sandbox::new();
    let state = sandbox.state();
    fs::create_dir_all(state.join("directory.deployment")).unwrap();
    fs::write(state.join("garbage.deployment"), [0xff; 100]).unwrap();
    fs::write(state.join("empty.deployment"), []).unwrap();
    fs::write(state.join("README"), "not ours").unwrap();
    std::os::unix::fs::symlink("/nowhere", state.join("dangling.deployment")).unwrap();
    // One that is held, by somebody who is no deployer.
    let held = fs::File::create(state.join("held.deployment")).unwrap();
    held.lock().unwrap();
    assert_eq!(sandbox.status(), json!([]));
    assert!(state.join("README").exists());
}

#[test]
fn records_can_be_read_by_nobody_else() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::new();
    let deployment = sandbox.deploy(&sandbox.fixture("ends", &["wait"], ""));
    deployment.until_all_run();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&sandbox.state()), 0o700);
    for entry in fs::read_dir(sandbox.state()).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
    // Nor does a key show in what others can read of a process.
    for pid in sandbox.processes() {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap();
        assert!(environment.len() < 64 * 1024, "{}", processes::command_line(pid));
    }
}
