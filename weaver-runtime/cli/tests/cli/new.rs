//! `weaver new`: what it makes is a program.

use std::{fs, path::Path};

use crate::sandbox::Sandbox;

/// Makes a program in a folder of its own, and gives what was said of it.
fn new(sandbox: &Sandbox, arguments: &[&str]) -> (String, String) {
    let folder = sandbox.project("made", &[]).join("shop");
    let path = folder.to_str().unwrap();
    let ended = sandbox.run(&[&["new", path], arguments].concat());
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    (path.to_owned(), ended.stdout)
}

/// The versions that the workspace has: cargo need not look for others.
fn lock(folder: &Path) {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.lock");
    fs::copy(lock, folder.join("Cargo.lock")).unwrap();
}

#[test]
fn it_builds_and_its_tests_pass() {
    let sandbox = Sandbox::new();
    sandbox.share_target();
    let (path, said) = new(&sandbox, &[]);
    for text in ["cargo run --manifest-path", "cargo test --manifest-path", "deploy", "graph"] {
        assert!(said.contains(text), "{said}");
    }
    lock(Path::new(&path));
    let tested = weaver_cli::cargo().arg("test").current_dir(&path).output().unwrap();
    let stderr = String::from_utf8_lossy(&tested.stderr);
    assert!(tested.status.success(), "{stderr}");
    assert!(String::from_utf8_lossy(&tested.stdout).contains("1 passed"), "{tested:?}");
}

#[test]
fn the_smallest_is_hello() {
    let sandbox = Sandbox::new();
    let (path, _) = new(&sandbox, &["--bare"]);
    let hello = include_str!("../../../../examples/hello/src/main.rs");
    assert_eq!(fs::read_to_string(format!("{path}/src/main.rs")).unwrap(), hello);
    let manifest = fs::read_to_string(format!("{path}/Cargo.toml")).unwrap();
    assert!(manifest.contains("\n[dependencies]\nweaver = { path = \"/"), "{manifest}");
}

/// In such a workspace cargo writes a section of its own behind the dependencies.
#[test]
fn in_a_workspace_with_lints_it_is_a_member() {
    let sandbox = Sandbox::new();
    let manifest = "[workspace]\nresolver = \"3\"\nmembers = []\n\n[workspace.lints.rust]\n";
    let workspace = sandbox.project("work", &[("Cargo.toml", manifest)]);
    let ended = sandbox.run(&["new", workspace.join("shop").to_str().unwrap()]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let read = weaver_cli::cargo()
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(&workspace)
        .output()
        .unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let text = String::from_utf8_lossy(&read.stdout);
    assert!(text.contains("\"name\":\"shop\"") && text.contains("\"name\":\"axum\""), "{text}");
}

#[test]
fn what_is_there_is_left_alone() {
    let sandbox = Sandbox::new();
    let (path, _) = new(&sandbox, &["--bare"]);
    let ended = sandbox.run(&["new", &path]);
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    assert!(ended.stderr.contains("already exists"), "{ended:#?}");
    let ended = sandbox.run(&["new", "--weaver", "/nowhere", &format!("{path}2")]);
    ended.assert_error(&["/nowhere", "--weaver SOURCE"]);
    assert!(!Path::new(&format!("{path}2")).exists(), "nothing is begun that cannot be finished");
}
