//! Tests that measure the memory of their process, or write to its stdout: each in a process of its own.

use std::{
    env,
    io::{BufRead as _, BufReader, Read},
    process::{Command, Stdio},
    thread,
};

const ALONE: &str = "WEAVER_TEST_ALONE";

/// Whether this process runs that test alone. If not, it was run by another one, and has passed.
pub(super) fn is_alone(test: &str, peak_mib_max: u64) -> bool {
    if env::var_os(ALONE).is_some_and(|name| name == test) {
        // Behind the name of the test.
        println!();
        return true;
    }
    let mut child = Command::new(env::current_exe().expect("it has a path"))
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(ALONE, test)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let (out, err) = (child.stdout.take().expect("a pipe"), child.stderr.take().expect("a pipe"));
    let err = thread::spawn(move || tail(err));
    let out = tail(out);
    let (err, status) = (err.join().expect("it reads"), child.wait().expect("it ends"));
    assert!(status.success(), "{}\n{}", out.join("\n"), err.join("\n"));
    let peak = out.iter().find_map(|line| line.strip_prefix("peak KiB: ")?.parse::<u64>().ok());
    let peak = peak.expect("it says how much it used") >> 10;
    println!("{test}: a peak of {peak} MiB");
    out.iter().filter(|line| line.starts_with("| ")).for_each(|line| println!("{line}"));
    assert!(peak < peak_mib_max, "{test} used {peak} MiB");
    false
}

/// The last lines.
fn tail(from: impl Read) -> Vec<String> {
    let mut last = std::collections::VecDeque::new();
    for line in BufReader::new(from).lines() {
        last.push_back(line.expect("it is text"));
        if last.len() > 40 {
            last.pop_front();
        }
    }
    last.into()
}

/// Says how much memory this process has used at most.
pub(super) fn say_peak() {
    let status = std::fs::read_to_string("/proc/self/status").expect("this is Linux");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.expect("it is there").trim().trim_end_matches(" kB");
    println!("\npeak KiB: {peak}");
}
