//! Programs built with weaver, run under each placement.
//!
//! One binary, because each costs the time to link it.

mod support;

mod examples;
mod exit_codes;
mod kills;
mod placements;
mod processes;
mod sandboxes;
mod shutdown;
mod torture;
mod traces;

use std::{
    path::Path,
    process::{Command, Stdio},
    sync::LazyLock,
};

/// Everything that the tests run, built before any of it runs: beside a compiler, what is measured in seconds
/// takes many.
static BUILT: LazyLock<()> = LazyLock::new(|| {
    LazyLock::force(&examples::PROGRAMS);
    LazyLock::force(&examples::GUESTS);
    // As the command builds it for its first sandbox.
    let host = Path::new(env!("CARGO_MANIFEST_DIR")).join("../weaver-runtime/host/Cargo.toml");
    let mut cargo = weaver_cli::cargo();
    cargo.args(["build", "--locked", "--bin", "weaver-host", "--manifest-path"]).arg(host);
    assert!(cargo.status().is_ok_and(|status| status.success()), "the host does not build");
    // Each guest is compiled once: tests that begin together would each do it.
    let host = examples::PROGRAMS.join("weaver-host");
    let guests = examples::EXAMPLES.map(|name| examples::GUESTS.join(name).with_extension("wasm"));
    for guest in guests.iter().chain([&*sandboxes::WASM]) {
        let mut compiling = Command::new(&host);
        compiling.arg("graph").arg(guest).arg(weaver_runtime::sandbox::cache());
        let compiled = compiling.stdout(Stdio::null()).status();
        assert!(compiled.is_ok_and(|it| it.success()), "{} does not compile", guest.display());
    }
});
