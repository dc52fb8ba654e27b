//! Processes of this machine as `/proc` shows them, and signals to those that a test started.

use std::{fs, process::Command};

/// The environment variable that every process of a sandbox inherits.
pub(crate) const MARK: &str = "WEAVER_TEST_SANDBOX";

/// The living processes of the sandbox with this mark, whoever their parent is by now.
pub(crate) fn marked(mark: &str) -> Vec<u32> {
    let wanted = format!("{MARK}={mark}");
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    // The environment of a process that has ended, but is not yet waited for, is empty.
    pids.filter(|pid| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|&byte| byte == 0).any(|variable| variable == wanted.as_bytes())
    })
    .collect()
}

/// The arguments of a process.
pub(crate) fn command_line(pid: u32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}

/// The most memory that a process ever held, in kilobytes.
pub(crate) fn memory_peak_kilobytes(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Sends a signal: `INT`, `KILL`, …
pub(crate) fn signal(pid: u32, name: &str) {
    let kill = format!("kill -{name} {pid}");
    // It may have ended in this very moment.
    let _ = Command::new("sh").args(["-c", &kill]).output().unwrap();
}

/// The local addresses of a process's own sockets of one kind (`tcp`, `udp`), as the kernel prints
/// them.
pub(crate) fn bound(pid: u32, table: &str) -> Vec<String> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten();
    let links = entries.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    let sockets: Vec<_> = links
        .filter_map(|link| {
            let link = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned();
            Some(link)
        })
        .collect();
    let lines = fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
    let fields = lines.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let ours =
        fields.filter(|fields| sockets.iter().any(|socket| fields.get(9) == Some(&&**socket)));
    ours.map(|fields| fields[1].to_owned()).collect()
}
