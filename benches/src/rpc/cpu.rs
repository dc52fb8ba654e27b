//! The processor time of a process.

use std::{fs, io, time::Duration};

/// What all threads of a process have used until now. In nanoseconds, where `getrusage` of another
/// process is not to be had and `/proc/<pid>/stat` counts in hundredths of a second.
pub(crate) fn used(pid: u32) -> io::Result<Duration> {
    let mut nanoseconds = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end between the two.
        let Ok(times) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
        nanoseconds += times.split(' ').next().and_then(|on_cpu| on_cpu.parse().ok()).unwrap_or(0);
    }
    Ok(Duration::from_nanos(nanoseconds))
}
