//! The guest, built, and programs that run it.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use weaver_host::{Engine, Guest};
use weaver_runtime::{App, config::ConfigFile, sandbox::Grants};

/// The program of `tests/guests` as WebAssembly, which cargo builds once.
pub(crate) static WASM: LazyLock<PathBuf> = LazyLock::new(|| {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guests/Cargo.toml");
    let target = "wasm32-wasip2";
    let has_target =
        Command::new("rustc").args(["--print", "target-libdir", "--target", target]).output();
    let folder = String::from_utf8_lossy(&has_target.expect("rustc runs").stdout).trim().to_owned();
    if !Path::new(&folder).is_dir() {
        let added = Command::new("rustup").args(["target", "add", target]).status();
        assert!(added.is_ok_and(|status| status.success()), "rustup target add {target} fails");
    }
    let built = Command::new(env!("CARGO"))
        .args(["build", "--locked", "--target", target, "--manifest-path"])
        .arg(&manifest)
        .envs(weaver_runtime::sandbox::guest_build_variables())
        .status();
    assert!(built.is_ok_and(|status| status.success()), "the guest does not build");
    // …/target/tmp
    let target_folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is in target");
    target_folder.join(target).join("debug/guests.wasm")
});

/// One engine for all tests, as a host has one.
static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new().expect("an engine"));

/// A guest with these grants.
pub(crate) fn guest(grants: Grants) -> Guest {
    guest_of(&WASM, grants)
}

/// The same of another program.
pub(crate) fn guest_of(wasm: &Path, grants: Grants) -> Guest {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guests");
    let component = ENGINE.load(wasm, &cache).expect("it compiles");
    Guest::new(&ENGINE, &component, grants).expect("it is a guest")
}

/// A program in which `Inner` is a guest.
pub(crate) async fn program(grants: Grants) -> App {
    program_with(grants, "").await
}

/// The same with so many instances of it.
pub(crate) async fn program_of(replicas: u32, grants: Grants) -> App {
    program_with(grants, &format!("replicas = {replicas}")).await
}

/// The same with more configuration of the group.
async fn program_with(grants: Grants, more: &str) -> App {
    let config = format!("[groups.inner]\ncomponents = [\"Inner\", \"Zoo\"]\n{more}");
    let config = ConfigFile::parse(Path::new("weaver.toml"), &config).expect("it is right");
    let app = App::builder().config(config).sandbox("inner", guest(grants));
    app.start().await.expect("it starts")
}
