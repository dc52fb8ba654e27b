//! The bodies in several processes.

use std::collections::BTreeSet;

use weaver_tests::{
    BODIES,
    errand::{Errand, GO_ON, PIDS, WAITING},
};

use crate::{shutdown::noted, support::Deployment};

/// Stateless components run three and two times; others share a process.
const GROUPED: &str = r#"
[placement]
default = "each"

[groups.stateless]
components = ["Echo", "Bulk", "Borrower"]
replicas = 3

[groups.errors]
components = ["Thrower", "Go"]
replicas = 2

[groups.building]
components = ["Top", "Middle", "Bottom", "Bomb", "Explosive"]

[groups.asleep]
components = ["Nurse", "Sleeper", "Dependent", "Stubborn"]
"#;

fn assert_all_bodies_pass(placement: &str) -> Deployment {
    let mut deployment = Deployment::start(Errand::Bodies, 0, placement);
    let status = deployment.finish();
    let output = deployment.output();
    for body in BODIES {
        assert!(output.contains(&format!("ok {} ", body.name)), "{}:\n{output}", body.name);
    }
    assert_eq!(status.code(), Some(0), "{output}");
    deployment
}

#[test]
fn each_component_by_itself() {
    let deployment = assert_all_bodies_pass("[placement]\ndefault = \"each\"");
    let mut shut_down = noted(&deployment.path(""), "shutdown ");
    shut_down.sort();
    assert_eq!(shut_down, ["Bottom", "Middle", "Top"], "each once, in whatever order");
}

#[test]
fn groups_and_replicas() {
    let deployment = assert_all_bodies_pass(GROUPED);
    assert_eq!(noted(&deployment.path(""), "shutdown "), ["Top", "Middle", "Bottom"]);
}

#[test]
fn calls_reach_every_replica() {
    let workers = "[placement]\ndefault = \"together\"\n\
                   [groups.workers]\ncomponents = [\"Worker\"]\nreplicas = 3";
    let mut deployment = Deployment::start(Errand::Reach, 3, workers);
    let line = deployment.wait_for_line(PIDS);
    deployment.wait_for_line(WAITING);
    let status = deployment.wait_for_status("three workers", |_| true);
    let group = status.groups.iter().find(|group| group.name == "workers").expect("the group");
    let running: BTreeSet<_> = group.replicas.iter().filter_map(|replica| replica.pid).collect();
    assert_eq!(running.len(), 3, "{group:?}");
    assert!(line.contains(&format!("{PIDS}{running:?}")), "{line}, but {running:?} run");
    std::fs::write(deployment.path(GO_ON), "").expect("the file");
    assert!(deployment.finish().success(), "{}", deployment.output());
}
