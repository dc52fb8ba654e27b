//! The bodies with components in sandboxes, as guests of processes that the command provides.

use std::{path::PathBuf, process::Command, sync::LazyLock};

use weaver_tests::{BODIES, errand::Errand};

use crate::{shutdown::noted, support::Deployment};

/// The program as WebAssembly, which cargo builds once.
pub(crate) static WASM: LazyLock<PathBuf> = LazyLock::new(|| {
    build_guests(["--package", "weaver-tests", "--bin", "bodies"]).join("bodies.wasm")
});

/// Builds something as WebAssembly; where it is then.
pub(crate) fn build_guests(what: impl IntoIterator<Item = &'static str>) -> PathBuf {
    let target = "wasm32-wasip2";
    let found =
        Command::new("rustc").args(["--print", "target-libdir", "--target", target]).output();
    let folder = String::from_utf8_lossy(&found.expect("rustc runs").stdout).trim().to_owned();
    if !PathBuf::from(folder).is_dir() {
        let added = Command::new("rustup").args(["target", "add", target]).status();
        assert!(added.is_ok_and(|status| status.success()), "rustup target add {target} fails");
    }
    let built = Command::new(env!("CARGO"))
        .args(["build", "--locked", "--target", target])
        .args(what)
        .envs(weaver_runtime::sandbox::guest_build_variables())
        .status();
    assert!(
        built.is_ok_and(|status| status.success()),
        "the guest does not build; for C code it takes clang and wasi-libc (`weaver doctor`)"
    );
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    folder.parent().expect("it is in target").join(target).join("debug")
}

/// What panics in `init` is alone, because a panic ends all that is in its instance.
fn sandboxed(directory: &std::path::Path) -> String {
    format!(
        r#"
wasm = {wasm:?}

[placement]
default = "together"

[groups.building]
components = ["Top", "Middle", "Bottom", "Stubborn"]
sandbox = {{ dirs = {{ {directory:?} = "rw" }} }}

[groups.explosive]
components = ["Explosive"]
sandbox = true

[groups.bomb]
components = ["Bomb"]
sandbox = {{ memory = "64MiB" }}

[groups.rest]
components = [
    "Awkward", "Between", "Borrower", "Branch", "Bulk", "Busybody", "Clock", "Dependent", "Detective", "Echo", "Go",
    "Hall", "Meter", "Mill", "Misplaced", "Nurse", "Oracle", "Porter", "Reader", "Root", "Sleeper",
    "Source", "Thrower", "Translator", "Tuned", "Twig", "Untuned", "Witness", "Worker",
]
sandbox = {{ memory = "1GiB" }}
"#,
        wasm = *WASM,
    )
}

#[test]
fn every_component_in_one() {
    let mut deployment = Deployment::start_in(Errand::Bodies, 1, sandboxed);
    // It begins with building the host, which takes minutes the first time.
    let status = deployment.finish_within(1800);
    let output = deployment.output();
    for body in BODIES {
        assert!(output.contains(&format!("ok {} ", body.name)), "{}:\n{output}", body.name);
    }
    assert_eq!(status.code(), Some(0), "{output}");
    let mut shut_down = noted(&deployment.path(""), "shutdown ");
    shut_down.sort();
    assert_eq!(shut_down, ["Bottom", "Middle", "Top"]);
}
