//! However `main` ends, the deployment ends with its exit code.

use weaver_tests::errand::Errand;

use crate::support::Deployment;

fn exit_code(errand: Errand, number: u32) -> (Option<i32>, String) {
    let mut deployment = Deployment::start(errand, number, "[placement]\ndefault = \"together\"");
    let status = deployment.finish();
    (status.code(), deployment.output())
}

#[test]
fn main_returns() {
    let (code, output) = exit_code(Errand::Return, 0);
    assert_eq!(code, Some(0), "{output}");
}

#[test]
fn main_exits() {
    let (code, output) = exit_code(Errand::Exit, 0);
    assert_eq!(code, Some(0), "{output}");
}

#[test]
fn main_exits_with_an_error() {
    let (code, output) = exit_code(Errand::Exit, 3);
    assert_eq!(code, Some(3), "{output}");
}

#[test]
fn main_fails() {
    let (code, output) = exit_code(Errand::Fail, 0);
    assert_eq!(code, Some(1), "{output}");
    assert!(output.contains("failed on purpose"), "{output}");
    assert!(output.contains("caused by: the reason"), "{output}");
}

/// It did not return: it crashed, and is started again.
#[test]
fn main_panics() {
    let together = "[placement]\ndefault = \"together\"";
    let deployment = Deployment::start(Errand::Panic, 0, together);
    deployment.wait_for_line("panicked on purpose");
    deployment.wait_for_status("`main` is started again", |status| {
        let main = status.groups.iter().find(|group| group.name == "main");
        main.is_some_and(|main| main.replicas.iter().any(|replica| replica.restarts > 0))
    });
}
