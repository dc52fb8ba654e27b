//! `weaver dev`: a program that changes while it runs.

use std::{
    fs,
    io::{ErrorKind, Write as _},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    PATIENCE,
    fixtures::program,
    kills::{assert_answers, get},
    sandbox::{Deployment, Sandbox, listener_address},
    until,
};

/// A clean end of programs that have nothing to finish.
const CLEAN_END: Duration = Duration::from_secs(10);

/// One request is under way when a process ends, and the ingress may not know of that end for one or two more.
const CUT_MAX: usize = 3;

/// What a fixture is built with from nothing.
const BUILD: Duration = Duration::from_secs(600);

fn dev<'a>(sandbox: &'a Sandbox, project: &Path, options: &[&str]) -> Deployment<'a> {
    let mut command = sandbox.weaver();
    command.arg("dev").arg(project).args(options);
    Deployment::start(sandbox, command)
}

/// A directory with a copy of a fixture, which can be changed.
fn copied(sandbox: &Sandbox, name: &str, args: &[&str], config: &str) -> (PathBuf, PathBuf) {
    let config = format!("[app]\nname = {name:?}\nbinary = \"program\"\nargs = {args:?}\n{config}");
    let project = sandbox.project(name, &[("weaver.toml", &config)]);
    let copy = project.join("program");
    fs::copy(program(name), &copy).unwrap();
    (project, copy)
}

/// The same program, as far as it matters, in another file.
fn change(program: &Path) {
    let new = program.with_extension("new");
    fs::copy(program, &new).unwrap();
    fs::OpenOptions::new().append(true).open(&new).unwrap().write_all(b"more").unwrap();
    fs::rename(new, program).unwrap();
}

fn pids(deployment: &Deployment<'_>) -> Vec<u64> {
    let Some(status) = deployment.status() else { return Vec::new() };
    let groups = status["groups"].as_array().unwrap().iter();
    let replicas = groups.flat_map(|group| group["replicas"].as_array().unwrap());
    replicas.filter_map(|replica| replica["pid"].as_u64()).collect()
}

#[test]
fn a_change_starts_all_anew_and_no_connection_is_refused() {
    let sandbox = Sandbox::new();
    let config = "[listeners.collatz]\naddress = \"127.0.0.1:0\"\n";
    let (project, program) = copied(&sandbox, "collatz", &[], config);
    let deployment = dev(&sandbox, &project, &[]);
    let address = listener_address(&deployment, "collatz");
    deployment.until_all_run();
    let before = pids(&deployment);
    assert_eq!(before.len(), 3);
    change(&program);
    let mut cut = 0;
    until("all processes are others", PATIENCE, || {
        match get(address, "/?x=8") {
            Ok(body) => assert_eq!(body, "8\n4\n2\n1\n"),
            // One that is under way with a process that ends.
            Err(error) => {
                let is_refused = [ErrorKind::ConnectionRefused, ErrorKind::WouldBlock];
                assert!(!is_refused.contains(&error.kind()), "{error}");
                cut += 1;
                assert!(cut <= CUT_MAX, "those that come after it wait: {error}");
            }
        }
        let now = pids(&deployment);
        now.len() == 3 && now.iter().all(|pid| !before.contains(pid))
    });
    assert_answers(address, 1);
    assert_eq!(listener_address(&deployment, "collatz"), address);
    assert!(!deployment.stderr().contains("starting it again"), "{}", deployment.stderr());
    deployment.end_by("INT", CLEAN_END);
}

#[test]
fn a_listener_moves_with_its_configuration_and_waits_for_an_address_that_is_taken() {
    let sandbox = Sandbox::new();
    let at = |address| format!("[listeners.collatz]\naddress = \"{address}\"\n");
    // No other test takes a port of this address once it is free again.
    let before = SocketAddr::from(([127, 0, 0, 2], 0));
    let (project, _) = copied(&sandbox, "collatz", &[], &at(before));
    let deployment = dev(&sandbox, &project, &[]);
    let first = listener_address(&deployment, "collatz");
    deployment.until_all_run();
    let taken = TcpListener::bind(before).unwrap();
    let address = taken.local_addr().unwrap();
    let config = project.join("weaver.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace(&at(before), &at(address))).unwrap();
    deployment.until_it_says(&format!("cannot listen on {address} for listener `collatz`"));
    let listener = || deployment.status().unwrap()["listeners"][0].clone();
    let problem = listener();
    let stderr = deployment.stderr();
    assert!(stderr.contains("in use") && stderr.contains("end what has it"), "{stderr}");
    assert!(problem["address"].is_null(), "{problem:#}");
    let said = format!("cannot listen on {address}: ");
    assert!(problem["problem"].as_str().unwrap().starts_with(&said), "{problem:#}");
    assert_eq!(get(first, "/?x=8").unwrap_err().kind(), ErrorKind::ConnectionRefused);
    drop(taken);
    let announced = format!("collatz  http://{address}\n");
    until("it is there", PATIENCE, || deployment.stdout().contains(&announced));
    assert_answers(address, 1);
    assert_eq!(listener()["address"], address.to_string());
    deployment.end_by("INT", CLEAN_END);
}

#[test]
fn an_address_that_is_taken_at_the_start_is_waited_for() {
    let sandbox = Sandbox::new();
    // As above.
    let taken = TcpListener::bind("127.0.0.3:0").unwrap();
    let address = taken.local_addr().unwrap();
    let config = format!("[listeners.collatz]\naddress = \"{address}\"\n");
    let (project, _) = copied(&sandbox, "collatz", &[], &config);
    let deployment = dev(&sandbox, &project, &[]);
    deployment.until_it_says(&format!("cannot listen on {address} for listener `collatz`"));
    drop(taken);
    assert_eq!(listener_address(&deployment, "collatz"), address);
    assert_answers(address, 1);
}

#[test]
fn it_outlives_main_and_a_configuration_that_does_not_fit() {
    let sandbox = Sandbox::new();
    let (project, program) = copied(&sandbox, "ends", &["ok"], "");
    let deployment = dev(&sandbox, &project, &[]);
    deployment.until_it_says("`main` has ended, with exit code 0");
    let config = project.join("weaver.toml");
    let sound = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{sound}\n[groups.x]\ncomponents = [\"Nobody\"]\n")).unwrap();
    deployment.until_it_says("`Nobody`");
    deployment.until_it_says("what runs goes on; waiting for a change");
    fs::write(&config, sound.replace("\"ok\"", "\"error\"")).unwrap();
    deployment.until_it_says("`main` has ended, with exit code 1");
    change(&program);
    until("it is started anew", PATIENCE, || {
        deployment.stderr().matches("with exit code 1").count() == 2
    });
    // A panic is an end as well: it would come again until something changes.
    fs::write(&config, sound.replace("\"ok\"", "\"panic\"")).unwrap();
    deployment.until_it_says("`main` has ended, with exit code 101");
    assert_eq!(deployment.stderr().matches("the panic that is shown").count(), 1);
    deployment.end_by("TERM", CLEAN_END);
}

#[test]
fn one_process_has_all_components() {
    let sandbox = Sandbox::new();
    let config =
        "[listeners.collatz]\naddress = \"127.0.0.1:0\"\n[groups.even]\ncomponents = [\"Even\"]\n";
    let (project, _) = copied(&sandbox, "collatz", &[], config);
    let deployment = dev(&sandbox, &project, &["--one-process"]);
    deployment.until_it_says("  main  main, Even, Odd\n");
    listener_address(&deployment, "collatz");
    assert_eq!(pids(&deployment).len(), 1);
}

/// Sources, built by cargo: also those that do not compile, at the start too.
#[test]
fn a_source_that_does_not_compile_is_waited_for() {
    let sandbox = Sandbox::new();
    sandbox.share_target();
    let project = sandbox.project("edited", &[]);
    let made = sandbox.run(&["new", "--bare", project.to_str().unwrap()]);
    assert_eq!(made.code, Some(0), "{made:#?}");
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.lock");
    fs::copy(lock, project.join("Cargo.lock")).unwrap();
    let main = project.join("src/main.rs");
    let sound = fs::read_to_string(&main).unwrap();
    let broken = sound.replace("Ok(format!", "Ok(fromat!");
    assert_ne!(sound, broken);
    fs::write(&main, &broken).unwrap();

    let mut command = sandbox.weaver();
    command.arg("dev").arg(&project);
    let deployment = Deployment::start(&sandbox, command);
    let says = |text: &str| until(text, BUILD, || deployment.stderr().contains(text));
    says("cannot find macro `fromat`");
    says("waiting for a change");
    fs::write(&main, &sound).unwrap();
    says("Hello, world!");
    fs::write(&main, &broken).unwrap();
    says("what runs goes on; waiting for a change");
    fs::write(&main, sound.replace("Hello, {name}", "Good evening, {name}")).unwrap();
    says("Good evening, world!");
    assert_eq!(deployment.stderr().matches("cannot find macro `fromat`").count(), 2);
}
