//! `Lifecycle::shutdown`: dependents before what they depend on.

use std::{fs, path::Path};

use weaver_runtime::LocalCalls;
use weaver_tests::{BODIES, Stage};

use crate::support::fresh_directory;

/// What the components wrote behind this word, in order.
pub(crate) fn noted(directory: &Path, what: &str) -> Vec<String> {
    let log = fs::read_to_string(directory.join("lifecycle")).unwrap_or_default();
    log.lines().filter_map(|line| line.strip_prefix(what)).map(str::to_owned).collect()
}

#[tokio::main]
async fn assert_order_in_this_process(calls: LocalCalls) {
    let directory = fresh_directory();
    let stage = Stage::in_this_process(calls, directory.path()).await.expect("it starts");
    let body = BODIES.iter().find(|body| body.name.starts_with("shutdown::")).expect("the body");
    // It waits until they are built.
    body.run(stage.clone()).await.expect("it passes");
    assert_eq!(noted(directory.path(), "init "), ["Bottom", "Middle", "Top"]);
    assert!(noted(directory.path(), "shutdown ").is_empty());
    stage.app.shutdown().await;
    assert_eq!(noted(directory.path(), "shutdown "), ["Top", "Middle", "Bottom"]);
    stage.app.shutdown().await;
    assert_eq!(noted(directory.path(), "shutdown ").len(), 3, "once each");
}

#[test]
fn direct_calls() {
    assert_order_in_this_process(LocalCalls::Direct);
}

#[test]
fn encoded_calls() {
    assert_order_in_this_process(LocalCalls::Encoded);
}
