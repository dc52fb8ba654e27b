//! Wrong input: each mistake ends the command with code 1 and a message that names it, and leaves no
//! process behind.

use std::{
    net::TcpListener,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    fixtures::{program, workspace},
    sandbox::{Deployment, Ended, Sandbox, listener_address},
};

/// Deploys a fixture with `config` to the end.
fn deploy_with(fixture: &str, config: &str) -> Ended {
    let sandbox = Sandbox::new();
    let project = sandbox.fixture(fixture, &["ok"], config);
    let ended = sandbox.run_deploy(&project);
    sandbox.assert_empty_within(Duration::from_secs(1));
    ended
}

/// Deploys a directory with these files to the end.
fn deploy_files(files: &[(&str, &str)]) -> Ended {
    let sandbox = Sandbox::new();
    let project = sandbox.project("project", files);
    let ended = sandbox.run_deploy(&project);
    sandbox.assert_empty_within(Duration::from_secs(1));
    ended
}

#[test]
fn an_unknown_key_is_shown_with_its_line_and_the_nearest_name() {
    let ended = deploy_with("ends", "[placment]\ndefault = \"each\"\n");
    ended.assert_error(&["weaver.toml:5", "`placment`", "`placement`"]);
    let ended = deploy_with("ends", "\n[placement]\ndefualt = \"each\"\n");
    ended.assert_error(&["weaver.toml:7", "`defualt`", "`default`"]);
    let ended = deploy_with("ends", "[placement]\ndefault = \"togehter\"\n");
    ended.assert_error(&["weaver.toml:6", "`togehter`", "`together`"]);
}

#[test]
fn names_that_the_program_does_not_have_are_shown_with_the_nearest() {
    let ended = deploy_with("ends", "[groups.idle]\ncomponents = [\"Idel\"]\n");
    ended.assert_error(&["weaver.toml:6", "`Idel`", "`Idle`"]);
    let ended = deploy_with("collatz", "[listeners.colatz]\naddress = \"127.0.0.1:0\"\n");
    ended.assert_error(&["weaver.toml:5", "`colatz`", "`collatz`"]);
    let ended = deploy_with("ends", "[config.Idle]\nx = 1\n");
    ended.assert_error(&["weaver.toml:5", "`Idle`"]);
}

#[test]
fn all_mistakes_are_shown_at_once() {
    let ended = deploy_with("ends", "[a]\n[b]\n[groups.c]\nreplicas = 0\n");
    ended.assert_error(&["weaver.toml:5", "weaver.toml:6", "weaver.toml:7", "weaver.toml:8"]);
}

#[test]
fn what_is_no_toml_is_refused() {
    let ended = deploy_with("ends", "[placement\n");
    ended.assert_error(&["weaver.toml:5", "not valid TOML"]);
    let sandbox = Sandbox::new();
    let project = sandbox.project("project", &[("weaver.toml", "")]);
    std::fs::write(project.join("weaver.toml"), b"[app]\nname = \"\xff\"\n").unwrap();
    sandbox.run_deploy(&project).assert_error(&["weaver.toml:2", "UTF-8"]);
}

#[test]
fn what_is_not_available_yet_is_said_to_be_so() {
    let cases = [
        ("[placement]\ndefault = \"auto\"\n", 6),
        ("[groups.idle]\ncomponents = [\"Idle\"]\nreplicas = { min = 1, max = 2 }\n", 7),
        ("[groups.main]\nreplicas = 2\n", 6),
        ("[groups.main]\ncomponents = [\"Idle\"]\n", 6),
    ];
    for (config, line) in cases {
        let ended = deploy_with("ends", config);
        ended.assert_error(&[&format!("weaver.toml:{line}"), "not available yet"]);
    }
    let sandbox = Sandbox::new();
    sandbox.run(&["deploy", "--detach"]).assert_error(&["--detach", "not available yet"]);
}

#[test]
fn a_port_in_use_is_named_and_ends_the_deployment() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let config = format!("[listeners.collatz]\naddress = \"{address}\"\n");
    let ended = deploy_with("collatz", &config);
    ended.assert_error(&["`collatz`", &address.to_string(), "in use", "[listeners.collatz]"]);
}

#[test]
fn a_port_of_another_deployment_comes_with_its_name() {
    let sandbox = Sandbox::new();
    let config = "[listeners.collatz]\naddress = \"127.0.0.1:0\"\n";
    let first = sandbox.deploy(&sandbox.fixture("collatz", &[], config));
    let address = listener_address(&first, "collatz").to_string();
    let config = format!("[listeners.collatz]\naddress = \"{address}\"\n");
    let second = sandbox.named_fixture("second", "collatz", &[], &config);
    let has_it = format!("collatz, which is deployed (pid {}), has it", first.pid());
    sandbox.run_deploy(&second).assert_error(&["`collatz`", &address, &has_it]);
    let doctor = sandbox.run(&["doctor", second.to_str().unwrap()]);
    assert_eq!(doctor.code, Some(1), "{doctor:#?}");
    let missing = format!("missing  listener collatz: {address} cannot be bound: {has_it}");
    assert!(doctor.stdout.contains(&missing), "{}", doctor.stdout);
}

#[test]
fn what_is_named_for_a_sandbox_and_is_not_there_is_shown_with_the_nearest() {
    let sandbox = Sandbox::new();
    let project = sandbox.fixture("collatz", &[], "");
    let ended = sandbox.run(&["deploy", "--sandbox", "Evne,main", project.to_str().unwrap()]);
    ended.assert_error(&["`--sandbox`", "`Evne`", "did you mean `Even`?"]);
}

#[test]
fn an_address_of_another_machine_is_named_and_ends_the_deployment() {
    // From the block that is reserved for documentation.
    let ended = deploy_with("collatz", "[listeners.collatz]\naddress = \"192.0.2.1:80\"\n");
    ended.assert_error(&["`collatz`", "192.0.2.1:80", "[listeners.collatz]"]);
}

#[test]
fn a_program_that_is_not_built_with_weaver_is_refused() {
    let ended = deploy_files(&[("weaver.toml", "[app]\nbinary = \"/bin/ls\"\n")]);
    ended.assert_error(&["/ls", "not built with weaver", "#[weaver::main]"]);
    let text = "#!/bin/sh\nsleep 100\n";
    let ended = deploy_files(&[("weaver.toml", "[app]\nbinary = \"run\"\n"), ("run", text)]);
    ended.assert_error(&["not built with weaver"]);
}

#[test]
fn a_binary_that_does_not_exist_or_is_none_is_named() {
    let ended = deploy_files(&[("weaver.toml", "[app]\nbinary = \"nowhere/run\"\n")]);
    ended.assert_error(&["nowhere/run", "`binary`", "does not exist"]);
    let idle = "[groups.idle]\ncomponents = [\"Idle\"]\nsandbox = true\n";
    let ended = deploy_with("ends", idle);
    ended.assert_error(&["`binary`", "native code", "sandbox", "`wasm`"]);
    let ended = deploy_files(&[("weaver.toml", "[app]\nbinary = \".\"\n")]);
    ended.assert_error(&["cannot read"]);
}

#[test]
fn a_binary_that_cannot_be_executed_is_named() {
    let sandbox = Sandbox::new();
    let project = sandbox.project("project", &[("weaver.toml", "[app]\nbinary = \"copy\"\n")]);
    std::fs::write(project.join("copy"), std::fs::read(program("ends")).unwrap()).unwrap();
    sandbox.run_deploy(&project).assert_error(&["cannot run", "copy", "ermission denied"]);
}

#[test]
fn a_directory_without_a_package_is_named() {
    deploy_files(&[("README.md", "nothing")]).assert_error(&["project", "holds no package"]);
    deploy_files(&[("weaver.toml", "")]).assert_error(&["project", "holds no package"]);
}

#[test]
fn a_directory_that_does_not_exist_is_named() {
    let sandbox = Sandbox::new();
    sandbox.run(&["deploy", "no/such"]).assert_error(&["no/such is not a directory"]);
    let project = sandbox.project("project", &[("file", "")]);
    sandbox.run_deploy(&project.join("file")).assert_error(&["file is not a directory"]);
}

const MANIFEST: &str =
    "[package]\nname = \"p\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n";

#[test]
fn an_error_of_cargo_is_shown_and_ends_the_command() {
    let wrong = ("src/main.rs", "fn main() { nonsense }\n");
    let ended = deploy_files(&[("Cargo.toml", MANIFEST), wrong]);
    ended.assert_error(&["cannot find value `nonsense`", "cargo could not build the program"]);
    let ended = deploy_files(&[("Cargo.toml", "[package]\nname = 7\n")]);
    ended.assert_error(&["cargo could not build the program"]);
    let named = ("weaver.toml", "[app]\npackage = \"absent\"\n");
    let ended = deploy_files(&[("Cargo.toml", MANIFEST), ("src/main.rs", "fn main() {}\n"), named]);
    ended.assert_error(&["absent", "cargo could not build the program"]);
}

#[test]
fn a_library_is_no_program() {
    let ended = deploy_files(&[("Cargo.toml", MANIFEST), ("src/lib.rs", "")]);
    ended.assert_error(&["builds no executable"]);
}

#[test]
fn a_package_that_does_not_use_weaver_is_refused() {
    let ended = deploy_files(&[("Cargo.toml", MANIFEST), ("src/main.rs", "fn main() {}\n")]);
    ended.assert_error(&["not built with weaver"]);
}

#[test]
fn one_of_several_programs_must_be_chosen() {
    let sandbox = Sandbox::new();
    let fixtures = workspace().join("weaver-runtime/cli/tests/fixtures");
    let deployment = sandbox.deploy(&fixtures);
    // It may have to be built from nothing.
    let ended = deployment.end_within(Duration::from_secs(300));
    ended.assert_error(&["several executables", "crash", "stubborn", "`default-run`"]);
}

#[test]
fn the_program_is_the_one_that_cargo_runs() {
    let manifest = MANIFEST.replace("[package]", "[package]\ndefault-run = \"second\"");
    let empty = "fn main() {}\n";
    let ended = deploy_files(&[
        ("Cargo.toml", &manifest),
        ("src/bin/first.rs", empty),
        ("src/bin/second.rs", empty),
    ]);
    ended.assert_error(&["second is not built with weaver"]);
}

#[test]
fn components_that_do_not_fit_together_are_all_named() {
    let ended = deploy_with("unfit", "");
    ended.assert_error(&["refused to start", "Absent", "First", "Second"]);
}

#[test]
fn a_program_that_never_reaches_weaver_is_given_up() {
    let started = Instant::now();
    let ended = deploy_with("hang", "");
    ended.assert_error(&["did not tell its components", "weaver::App::builder()"]);
    assert!(ended.stderr.contains("waiting for "), "{ended:#?}");
    assert!(started.elapsed() < Duration::from_secs(60));
}

/// Also while a program is only asked for its components.
#[test]
fn a_program_that_is_being_asked_ends_with_the_command() {
    for name in ["KILL", "INT", "TERM"] {
        let sandbox = Sandbox::new();
        let deployment = sandbox.deploy(&sandbox.fixture("hang", &[], ""));
        // The command, the one that asks, and the program.
        crate::until("the question", crate::PATIENCE, || sandbox.processes().len() == 3);
        deployment.signal(name);
        deployment.end_within(Duration::from_secs(5));
        sandbox.assert_empty_within(Duration::from_secs(2));
    }
}

#[test]
fn the_ingress_is_not_started_by_hand() {
    let sandbox = Sandbox::new();
    sandbox.run(&["ingress"]).assert_error(&["`weaver deploy`"]);
}

#[test]
fn unknown_words_on_the_command_line_are_refused() {
    let sandbox = Sandbox::new();
    for arguments in [&["depoly"][..], &["deploy", "--fast"], &["status", "x"], &[]] {
        let ended = sandbox.run(arguments);
        assert_eq!(ended.code, Some(2), "{ended:#?}");
        assert!(ended.stderr.contains("Usage"), "{ended:#?}");
    }
}

#[test]
fn a_program_that_only_seems_to_be_a_replica_says_so() {
    let sandbox = Sandbox::new();
    let mut command = Command::new(program("ends"));
    let directory = sandbox.project("empty", &[("x", "")]);
    command.arg("ok").env("WEAVER_REPLICA", "stdin").stdin(Stdio::null()).current_dir(directory);
    let ended = Deployment::start(&sandbox, command).end_within(Duration::from_secs(10));
    ended.assert_error(&["no deployer", "WEAVER_REPLICA"]);
}

#[test]
fn a_question_that_no_program_knows_is_refused() {
    let sandbox = Sandbox::new();
    let mut command = Command::new(program("ends"));
    command.arg("ok").env("WEAVER_ASK", "colour").stdin(Stdio::null());
    let ended = Deployment::start(&sandbox, command).end_within(Duration::from_secs(10));
    ended.assert_error(&["WEAVER_ASK", "`colour`"]);
}

#[test]
fn a_state_directory_that_cannot_be_used_is_named() {
    let sandbox = Sandbox::new();
    let project = sandbox.fixture("ends", &["ok"], "");
    let occupied = sandbox.project("state", &[("weaver", "not a directory")]);
    for arguments in [vec!["deploy", project.to_str().unwrap()], vec!["status"]] {
        let mut command = sandbox.weaver();
        command.args(arguments).env("XDG_RUNTIME_DIR", &occupied);
        let ended = Deployment::start(&sandbox, command).end();
        ended.assert_error(&[occupied.to_str().unwrap()]);
    }
    sandbox.assert_empty_within(Duration::from_secs(1));
}

/// `cargo run --manifest-path …` from elsewhere: cargo tells the program which package it is.
#[test]
fn a_program_that_cargo_runs_reads_the_file_of_its_package() {
    let sandbox = Sandbox::new();
    let config = "[groups.even]\ncomponents = [\"Evne\"]\n";
    let package = sandbox.project("package", &[("weaver.toml", config)]);
    let elsewhere = sandbox.project("elsewhere", &[("there", "")]);
    let mut run = Command::new(program("collatz"));
    run.current_dir(&elsewhere).env_remove("WEAVER_CONFIG").env("RUST_BACKTRACE", "0");
    let refused = run.env("CARGO_MANIFEST_DIR", &package).output().unwrap();
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && stderr.contains("package/weaver.toml:2"), "{stderr}");
}

/// Before everything in it is built.
#[test]
fn a_workspace_is_no_program() {
    let sandbox = Sandbox::new();
    let path = workspace();
    for command in ["deploy", "check", "graph"] {
        let ended = sandbox.run(&[command, path.to_str().unwrap()]);
        ended.assert_error(&["is a workspace of packages", "`package` in [app]"]);
        assert!(!ended.stderr.contains("Compiling"), "{ended:#?}");
    }
}
