//! A replica that is killed while it is called.

use weaver_tests::errand::{Errand, GO_ON, WAITING};

use crate::support::{Deployment, Status, kill};

fn workers(status: &Status) -> Vec<(Option<u32>, u32, &str)> {
    let group = status.groups.iter().find(|group| group.name == "workers").expect("the group");
    group.replicas.iter().map(|it| (it.pid, it.restarts, it.state.as_str())).collect()
}

fn kill_one_of(replicas: u8) {
    let placement = format!(
        "[placement]\ndefault = \"together\"\n\
         [groups.workers]\ncomponents = [\"Worker\"]\nreplicas = {replicas}"
    );
    let mut deployment = Deployment::start(Errand::Traffic, 0, &placement);
    deployment.wait_for_line(WAITING);
    let all_run = |status: &Status| workers(status).iter().all(|(.., state)| *state == "running");
    let before = deployment.wait_for_status("all workers run", all_run);
    let victim = workers(&before)[0].0.expect("its process");
    kill(victim);
    let restarted = |status: &Status| all_run(status) && workers(status)[0].1 == 1;
    let after = deployment.wait_for_status("the victim is restarted", restarted);
    assert_ne!(workers(&after)[0].0, Some(victim));
    for (before, after) in workers(&before).iter().zip(workers(&after)).skip(1) {
        assert_eq!(*before, after, "the others go on");
    }
    std::fs::write(deployment.path(GO_ON), "").expect("the file");
    assert!(deployment.finish().success(), "{}", deployment.output());
}

#[test]
fn the_only_replica() {
    kill_one_of(1);
}

#[test]
fn one_of_two() {
    kill_one_of(2);
}
