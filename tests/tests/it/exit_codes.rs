//! However `main` ends, the deployment ends with its exit code.

use weaver_tests::errand::Errand;

use crate::support::Deployment;

fn exit_code(errand: Errand, number: u8) -> (Option<i32>, String) {
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
    for number in [3, 0] {
        let (code, output) = exit_code(Errand::Exit, number);
        assert_eq!(code, Some(i32::from(number)), "{output}");
    }
}

#[test]
fn main_fails() {
    let (code, output) = exit_code(Errand::Fail, 0);
    assert_eq!(code, Some(1), "{output}");
    assert!(output.contains("failed on purpose"), "{output}");
    assert!(output.contains("caused by: the reason"), "{output}");
}

/// As a program without weaver would.
#[test]
fn main_panics() {
    let (code, output) = exit_code(Errand::Panic, 0);
    assert_eq!(code, Some(101), "{output}");
    assert!(output.contains("panicked on purpose"), "{output}");
}
