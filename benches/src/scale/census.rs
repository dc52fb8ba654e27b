//! The processes of a deployment as the kernel sees them: their processor time, and what they hold.

use std::{
    collections::BTreeMap,
    fs,
    time::{Duration, Instant},
};

use weaver::{Context, Result};

use super::deployment::Deployment;
use crate::rpc::cpu;

/// The processes of a deployment.
#[derive(Debug)]
pub(crate) struct Processes {
    deployer: u32,
    callers: Vec<u32>,
    callees: Vec<u32>,
    /// All but the deployer, `main` included.
    nodes: Vec<u32>,
}

/// What one process holds, or several together.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Holding {
    pub(crate) processes: usize,
    pub(crate) resident_kibibytes: usize,
    pub(crate) threads: usize,
    /// File descriptors.
    pub(crate) files: usize,
}

/// What the processes of a deployment hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holdings {
    pub(crate) deployer: Holding,
    pub(crate) callers: Holding,
    pub(crate) callees: Holding,
    pub(crate) nodes: Holding,
}

/// Processor time, and how often threads waited: each time one of them has to be woken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Used {
    pub(crate) deployer: Duration,
    pub(crate) nodes: Duration,
    pub(crate) waits: usize,
}

impl Used {
    pub(crate) fn total(self) -> Duration {
        self.deployer + self.nodes
    }
}

impl Processes {
    /// Those that run now.
    pub(crate) fn of(deployment: &Deployment) -> Result<Self> {
        let deployer = deployment.deployer()?;
        Ok(Self {
            deployer,
            callers: deployment.callers.iter().copied().collect(),
            callees: deployment.callees.iter().copied().collect(),
            nodes: descendants(deployer)?,
        })
    }

    pub(crate) fn holdings(&self) -> Result<Holdings> {
        Ok(Holdings {
            deployer: Holding::of(&[self.deployer])?,
            callers: Holding::of(&self.callers)?,
            callees: Holding::of(&self.callees)?,
            nodes: Holding::of(&self.nodes)?,
        })
    }

    fn used(&self) -> Result<Used> {
        let deployer = cpu::used(self.deployer).context("the deployer has ended")?;
        let mut used = Used { deployer, nodes: Duration::ZERO, waits: 0 };
        for &pid in &self.nodes {
            used.nodes += cpu::used(pid).context("a process of the deployment has ended")?;
            used.waits += waits(pid).context("a process of the deployment has ended")?;
        }
        Ok(used)
    }
}

impl Holding {
    fn of(pids: &[u32]) -> Result<Self> {
        let mut sum = Self { processes: pids.len(), ..Self::default() };
        for pid in pids {
            let status = status(*pid).context("a process of the deployment has ended")?;
            let number = |name| number(&status, name).context("/proc/<pid>/status has changed");
            sum.resident_kibibytes += number("VmRSS:")?;
            sum.threads += number("Threads:")?;
            sum.files += fs::read_dir(format!("/proc/{pid}/fd"))?.count();
        }
        Ok(sum)
    }
}

/// What is used from one moment to another.
#[derive(Debug)]
pub(crate) struct Work {
    began: Instant,
    before: Used,
}

impl Work {
    pub(crate) fn begin(processes: &Processes) -> Result<Self> {
        Ok(Self { before: processes.used()?, began: Instant::now() })
    }

    pub(crate) fn end(self, processes: &Processes) -> Result<(Duration, Used)> {
        let elapsed = self.began.elapsed();
        let after = processes.used()?;
        let used = Used {
            deployer: after.deployer.saturating_sub(self.before.deployer),
            nodes: after.nodes.saturating_sub(self.before.nodes),
            waits: after.waits.saturating_sub(self.before.waits),
        };
        Ok((elapsed, used))
    }
}

/// The children of a process, theirs, and so on.
fn descendants(of: u32) -> Result<Vec<u32>> {
    let mut children: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // One may end between the two.
        let Ok(status) = status(pid) else { continue };
        if let Some(parent) = number(&status, "PPid:") {
            children.entry(parent).or_default().push(pid);
        }
    }
    let (mut found, mut next) = (Vec::new(), vec![of]);
    while let Some(pid) = next.pop() {
        let its = children.remove(&(pid as usize)).unwrap_or_default();
        found.extend(&its);
        next.extend(its);
    }
    Ok(found)
}

/// How often the threads of a process have waited until now.
fn waits(pid: u32) -> std::io::Result<usize> {
    let mut sum = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end between the two.
        let Ok(status) = fs::read_to_string(thread?.path().join("status")) else { continue };
        sum += number(&status, "voluntary_ctxt_switches:").unwrap_or(0);
    }
    Ok(sum)
}

fn status(pid: u32) -> std::io::Result<String> {
    fs::read_to_string(format!("/proc/{pid}/status"))
}

/// The first number of the line that begins with `name`.
fn number(status: &str, name: &str) -> Option<usize> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}
