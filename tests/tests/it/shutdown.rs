//! `Lifecycle::shutdown`: dependents before what they depend on.

use std::{fs, path::Path};

use weaver_runtime::LocalCalls;
use weaver_tests::{Stage, errand::Errand};

use crate::support::{Deployment, fresh_directory};

/// What the components wrote, of one kind.
fn noted(directory: &Path, what: &str) -> Vec<String> {
    let log = fs::read_to_string(directory.join("lifecycle")).unwrap_or_default();
    log.lines().filter_map(|line| line.strip_prefix(what)).map(str::to_owned).collect()
}

#[tokio::main]
async fn assert_order_in_this_process(calls: LocalCalls) {
    let directory = fresh_directory();
    let stage = Stage::in_this_process(calls, directory.path()).await.expect("it starts");
    let (body, _) = weaver_tests::BODIES
        .iter()
        .filter(|body| body.name.starts_with("shutdown::"))
        .map(|body| (body, body.name))
        .next()
        .expect("a body that waits until they are built");
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
