//! The bodies with components in sandboxes, as guests of processes that the command provides.

use std::{path::PathBuf, sync::LazyLock};

use weaver_tests::{BODIES, errand::Errand};

use crate::{examples::GUESTS, shutdown::noted, support::Deployment};

/// The program as WebAssembly.
pub(crate) static WASM: LazyLock<PathBuf> = LazyLock::new(|| GUESTS.join("bodies.wasm"));

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
