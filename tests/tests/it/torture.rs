//! Call trees that are cancelled at random moments, three processes deep.

use weaver_tests::errand::{Errand, GO_ON};

use crate::support::Deployment;

/// Each hop a process of its own, and everything else out of the way.
const HOPS: &str = "[placement]\ndefault = \"together\"\n\
                    [groups.twig]\ncomponents = [\"Twig\"]\n\
                    [groups.branch]\ncomponents = [\"Branch\"]\n\
                    [groups.root]\ncomponents = [\"Root\"]\n";

/// The form that runs with all tests.
const TREES_SHORT: u32 = 4000;

/// The full form.
const TREES_FULL: u32 = 100_000;

/// The full form on a busy machine, in a debug build.
const TORTURE_SECONDS_MAX: u64 = 1800;

fn nothing_is_left_of(trees: u32) {
    let mut deployment = Deployment::start(Errand::Torture, trees, HOPS);
    std::fs::write(deployment.path(GO_ON), "").expect("the file");
    let status = deployment.finish_within(TORTURE_SECONDS_MAX);
    let output = deployment.output();
    assert!(status.success(), "{output}");
    let lines = output.lines().filter(|line| line.contains("torture:"));
    lines.for_each(show);
}

#[expect(clippy::print_stdout, reason = "shown with `--nocapture`")]
fn show(line: &str) {
    println!("{line}");
}

#[test]
fn nothing_is_left_of_cancelled_trees() {
    nothing_is_left_of(TREES_SHORT);
}

#[test]
#[ignore = "takes minutes; the short form runs always"]
fn nothing_is_left_of_a_hundred_thousand_cancelled_trees() {
    nothing_is_left_of(TREES_FULL);
}
