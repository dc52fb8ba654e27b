//! Programs that write more than is read.

use std::{process::Stdio, thread::sleep, time::Duration};

use crate::{PATIENCE, processes, sandbox::Sandbox, until, wait};

/// What a deployer may hold in memory while a replica floods it, in kilobytes.
const MEMORY_KILOBYTES_MAX: u64 = 200_000;

#[test]
fn a_log_without_ends_of_lines_passes_through_in_bounded_memory() {
    let sandbox = Sandbox::new();
    let deployment = sandbox.deploy(&sandbox.fixture("loud", &["50"], ""));
    let pid = deployment.pid();
    deployment.until_it_says("xxxxxxxx");
    let watch = std::thread::spawn(move || {
        let mut peak = 0;
        while std::fs::exists(format!("/proc/{pid}/io")).unwrap() {
            let status = std::fs::read_to_string(format!("/proc/{pid}/status"));
            if !status.is_ok_and(|status| status.contains("VmHWM")) {
                break;
            }
            peak = processes::memory_peak_kilobytes(pid).max(peak);
            sleep(Duration::from_millis(50));
        }
        peak
    });
    // Every byte passes through an unoptimized deployer.
    let ended = deployment.end_within(Duration::from_secs(150));
    assert_eq!(ended.code, Some(0));
    assert!(watch.join().unwrap() < MEMORY_KILOBYTES_MAX);
    sandbox.assert_empty_within(Duration::from_secs(1));
}

/// A pager that is not scrolled, or a terminal that is stopped, must not stop the deployer.
#[test]
fn a_deployer_whose_output_is_not_read_still_works_and_ends() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.weaver();
    command.arg("deploy").arg(sandbox.fixture("loud", &[], ""));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = child.id();
    // The deployer and `main`, and time enough to fill what pipes hold.
    until("the replica", PATIENCE, || sandbox.processes().len() == 2);
    sleep(Duration::from_secs(2));
    let status = sandbox.run(&["status", "--json"]);
    processes::signal(pid, "INT");
    // Its `main` never comes to an await: it is killed when time is up.
    let ended = (0..500).find_map(|_| {
        sleep(Duration::from_millis(50));
        child.try_wait().unwrap()
    });
    processes::signal(pid, "KILL");
    child.wait().unwrap();
    assert_eq!(status.code, Some(0), "{status:#?}");
    assert_eq!(ended.expect("an end within 25 s of Ctrl-C").code(), Some(0));
    sandbox.assert_empty_within(Duration::from_secs(2));
}

/// `weaver deploy | head`: whoever read the output is gone.
#[test]
fn a_deployer_whose_output_nobody_takes_goes_on() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.weaver();
    command.arg("deploy").arg(sandbox.fixture("crash", &[], ""));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    let pid = child.id();
    let restarts = wait("restarts", PATIENCE, || {
        assert!(child.try_wait().unwrap().is_none(), "it ended");
        let status = sandbox.status();
        let groups = status[0]["groups"].as_array()?.clone();
        let fragile = groups.iter().find(|group| group["name"] == "fragile")?;
        fragile["replicas"][0]["restarts"].as_u64().filter(|&restarts| restarts > 2)
    });
    assert!(restarts > 2);
    processes::signal(pid, "INT");
    let ended = wait("its end", PATIENCE, || child.try_wait().unwrap());
    assert_eq!(ended.code(), Some(0));
    sandbox.assert_empty_within(Duration::from_secs(1));
}

#[test]
fn a_command_whose_output_nobody_takes_does_not_panic() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.weaver();
    command.arg("status").stderr(Stdio::piped());
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    command.stdout(writer);
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!stderr.contains("panicked"), "{stderr}");
}
