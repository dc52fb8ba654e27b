//! `weaver status`.

use std::{error::Error, fmt::Write};

use clap::Args;
use weaver_runtime::control::{self, ListenerStatus, Noted, Offences, ReplicaStatus};

use super::runtime;
use crate::{
    logs,
    state::{self, Record},
};

/// Show the deployments on this machine, their replicas and their listeners.
#[derive(Debug, Args)]
pub(super) struct Status {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Status {
    pub(super) fn run(self) -> Result<u8, Box<dyn Error>> {
        let records = state::running()?;
        let (statuses, errors) = runtime()?.block_on(ask_all(&records));
        if self.json {
            logs::say(&serde_json::to_string_pretty(&statuses)?);
        } else if records.is_empty() {
            logs::say("nothing is deployed on this machine; `weaver deploy` deploys a program");
        } else {
            logs::say(statuses.iter().map(render).collect::<Vec<_>>().join("\n").trim_end());
        }
        errors.iter().for_each(|error| logs::error(error));
        Ok(u8::from(!errors.is_empty()))
    }
}

/// What every deployer says; one that does not answer hides none of the others.
async fn ask_all(records: &[Record]) -> (Vec<control::Status>, Vec<weaver_runtime::Error>) {
    let (mut statuses, mut errors) = (Vec::new(), Vec::new());
    for record in records {
        match record.status().await {
            Ok(status) => statuses.push(status),
            Err(error) => errors.push(error.context(format_args!(
                "the deployer of {} (pid {}) does not tell its status",
                record.app, record.pid
            ))),
        }
    }
    (statuses, errors)
}

/// `RUNS` is where it does: natively or sandboxed. `CALLS` are those that it works on for others.
const HEADINGS: [&str; 8] =
    ["REPLICA", "STATE", "PID", "FOR", "RESTARTS", "CALLS", "RUNS", "COMPONENTS"];

fn render(status: &control::Status) -> String {
    let mut text = String::new();
    let now = state::unix_seconds();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{}  (deployer pid {}, up {})",
        status.app,
        status.pid,
        age(now, status.since)
    );
    let mut rows = vec![HEADINGS.map(str::to_owned)];
    for group in &status.groups {
        for replica in &group.replicas {
            rows.push([
                format!("{}.{}", group.name, replica.index),
                replica.state.clone(),
                replica.pid.map_or_else(nothing, |pid| pid.to_string()),
                age(now, replica.since),
                replica.restarts.to_string(),
                replica.gauges.map_or_else(nothing, |gauges| gauges.calls_running.to_string()),
                if group.sandboxed { "sandboxed" } else { "native" }.to_owned(),
                group.components.join(", "),
            ]);
        }
    }
    text.push_str(&table(&rows));
    for listener in &status.listeners {
        let _ = writeln!(text, "{}  {}", listener.name, place(listener));
    }
    for group in &status.groups {
        for replica in &group.replicas {
            for trouble in troubles(replica) {
                let _ = writeln!(text, "{}.{}: {trouble}", group.name, replica.index);
            }
        }
    }
    text
}

fn place(listener: &ListenerStatus) -> String {
    match (listener.address, &listener.problem) {
        (Some(address), _) => format!("http://{address}"),
        (None, Some(problem)) => problem.clone(),
        (None, None) => "is being opened".to_owned(),
    }
}

/// What went wrong in a replica, one line each.
fn troubles(replica: &ReplicaStatus) -> Vec<String> {
    let failed = replica.failed.iter();
    let mut troubles: Vec<_> =
        failed.map(|(component, reason)| format!("init of {component} failed: {reason}")).collect();
    let Offences { ended, refused } = &replica.offences;
    if let Some(Noted { count, last }) = ended {
        let instances = if *count == 1 { "instance has" } else { "instances have" };
        troubles.push(format!("{count} {instances} ended in the sandbox; the last: {last}"));
    }
    if let Some(Noted { count, last }) = refused {
        let times = if *count == 1 { "once" } else { &format!("{count} times") };
        troubles.push(format!("the sandbox refused something {times}; the last: {last}"));
    }
    troubles
}

fn nothing() -> String {
    "-".to_owned()
}

fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<_> = (0..N).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}"));
        text.push_str("  ");
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// A span of time as a person says it: the largest unit that fits.
fn age(now: u64, since: u64) -> String {
    let seconds = now.saturating_sub(since);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use weaver_runtime::control::{Gauges, GroupStatus};

    use super::*;

    #[test]
    fn ages_are_in_the_largest_unit_that_fits() {
        let ages = [0, 59, 60, 3599, 3600, 86_399, 86_400].map(|seconds| age(seconds, 0));
        assert_eq!(ages, ["0 s", "59 s", "1 min", "59 min", "1 h", "23 h", "1 d"]);
        assert_eq!(age(5, 10), "0 s", "a clock that was set back");
    }

    #[test]
    fn shows_everything_in_columns() {
        let now = state::unix_seconds();
        let replica = |index, pid, state: &str, failed| ReplicaStatus {
            index,
            pid,
            state: state.to_owned(),
            since: now,
            restarts: index,
            failed,
            offences: Offences {
                ended: (index == 1).then(|| Noted { count: 2, last: "it recursed".to_owned() }),
                refused: (index == 1).then(|| Noted { count: 1, last: "a file".to_owned() }),
            },
            gauges: pid.map(|_| Gauges { calls_running: 12, ..Gauges::default() }),
        };
        let listener = |name: &str, address, problem: Option<&str>| ListenerStatus {
            name: name.to_owned(),
            address,
            problem: problem.map(str::to_owned),
            upstreams: 1,
        };
        let failed = vec![("Cart".to_owned(), "no disk".to_owned())];
        let status = control::Status {
            app: "shop".to_owned(),
            pid: 7,
            since: now,
            groups: vec![GroupStatus {
                name: "cart".to_owned(),
                components: vec!["Cart".to_owned(), "Store".to_owned()],
                sandboxed: true,
                replicas: vec![
                    replica(0, Some(41), "running", failed),
                    replica(1, None, "waiting", Vec::new()),
                ],
            }],
            listeners: vec![
                listener("admin", None, Some("cannot listen on 127.0.0.1:81: in use")),
                listener("web", Some(([127, 0, 0, 1], 80).into()), None),
            ],
        };
        assert_eq!(
            render(&status),
            "\
shop  (deployer pid 7, up 0 s)
  REPLICA  STATE    PID  FOR  RESTARTS  CALLS  RUNS       COMPONENTS
  cart.0   running  41   0 s  0         12     sandboxed  Cart, Store
  cart.1   waiting  -    0 s  1         -      sandboxed  Cart, Store
admin  cannot listen on 127.0.0.1:81: in use
web  http://127.0.0.1:80
cart.0: init of Cart failed: no disk
cart.1: 2 instances have ended in the sandbox; the last: it recursed
cart.1: the sandbox refused something once; the last: a file
"
        );
    }
}
