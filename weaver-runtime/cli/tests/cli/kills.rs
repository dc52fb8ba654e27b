//! Killing each process of a deployment in turn, while requests come in.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::atomic::{AtomicBool, Ordering},
    thread::{self, sleep},
    time::{Duration, Instant},
};

use crate::{
    PATIENCE, processes,
    sandbox::{Deployment, Sandbox, listener_address},
    until, wait,
};

/// The body of the answer to one request.
pub(crate) fn get(address: SocketAddr, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 200") => Ok(body.to_owned()),
        _ => Err(io::Error::other(answer)),
    }
}

#[track_caller]
pub(crate) fn assert_answers(address: SocketAddr, requests: usize) {
    for request in 0..requests {
        let body =
            get(address, "/?x=8").unwrap_or_else(|error| panic!("request {request}: {error}"));
        assert_eq!(body, "8\n4\n2\n1\n");
    }
}

/// A deployment of `collatz` that answers at an address.
fn collatz<'a>(sandbox: &'a Sandbox, default: &str) -> (SocketAddr, Deployment<'a>) {
    let config = format!(
        "[listeners.collatz]\naddress = \"127.0.0.1:0\"\n[placement]\ndefault = \"{default}\"\n"
    );
    let deployment = sandbox.deploy(&sandbox.fixture("collatz", &[], &config));
    let address = listener_address(&deployment, "collatz");
    deployment.until_all_run();
    (address, deployment)
}

/// The process of the ingress, which `status` does not show.
fn ingress(sandbox: &Sandbox) -> Option<u32> {
    let mut processes = sandbox.processes().into_iter();
    processes.find(|&pid| processes::command_line(pid).trim_end().ends_with(" ingress"))
}

/// Requests while `disturb` runs, which may fail; how many were answered.
fn while_requesting(address: SocketAddr, disturb: impl FnOnce()) -> usize {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let requests = scope.spawn(|| {
            let mut answered = 0;
            while !stop.load(Ordering::SeqCst) {
                match get(address, "/?x=8") {
                    // Never a wrong answer.
                    Ok(body) => assert_eq!(body, "8\n4\n2\n1\n"),
                    Err(_) => continue,
                }
                answered += 1;
            }
            answered
        });
        disturb();
        stop.store(true, Ordering::SeqCst);
        requests.join().unwrap()
    })
}

/// Kills the process of a group and waits until it runs again, as another.
fn kill_and_wait(deployment: &Deployment<'_>, group: &str) {
    let before = deployment.replica(group).unwrap();
    let pid = before["pid"].as_u64().unwrap();
    processes::signal(pid.try_into().unwrap(), "KILL");
    let after = wait("the restart", PATIENCE, || {
        let replica = deployment.replica(group)?;
        let grew = replica["restarts"].as_u64() > before["restarts"].as_u64();
        (grew && replica["state"] == "running").then_some(replica)
    });
    assert_ne!(after["pid"].as_u64().unwrap(), pid);
    assert_eq!(after["restarts"].as_u64().unwrap(), before["restarts"].as_u64().unwrap() + 1);
}

#[test]
fn any_killed_replica_comes_back_and_then_nothing_fails() {
    let sandbox = Sandbox::new();
    let (address, deployment) = collatz(&sandbox, "each");
    assert_answers(address, 5);
    for group in ["even", "odd", "main", "even"] {
        let answered = while_requesting(address, || kill_and_wait(&deployment, group));
        assert_answers(address, 50);
        // Nothing but chance decides how many, but not none.
        assert!(answered > 0, "{group}");
    }
    // The others were left alone.
    let restarts = |group| deployment.replica(group).unwrap()["restarts"].as_u64().unwrap();
    assert_eq!(["even", "odd", "main"].map(restarts), [2, 1, 1]);
    deployment.end_by("INT", Duration::from_secs(10));
}

#[test]
fn a_killed_ingress_comes_back_at_its_address() {
    let sandbox = Sandbox::new();
    let (address, deployment) = collatz(&sandbox, "each");
    let first = ingress(&sandbox).unwrap();
    while_requesting(address, || {
        processes::signal(first, "KILL");
        wait("another ingress", PATIENCE, || ingress(&sandbox).filter(|&pid| pid != first));
        until("an answer", PATIENCE, || get(address, "/?x=8").is_ok());
    });
    assert_answers(address, 50);
    // No replica had to suffer for it.
    for group in ["main", "even", "odd"] {
        assert_eq!(deployment.replica(group).unwrap()["restarts"], 0);
    }
    deployment.end_by("INT", Duration::from_secs(10));
}

/// While there is no ingress, its address is anybody's.
#[test]
fn an_ingress_waits_for_an_address_that_was_taken_meanwhile() {
    let sandbox = Sandbox::new();
    // No other test takes a port of this address.
    let address = TcpListener::bind("127.0.0.4:0").unwrap().local_addr().unwrap();
    let config = format!("[listeners.collatz]\naddress = \"{address}\"\n");
    let deployment = sandbox.deploy(&sandbox.fixture("collatz", &[], &config));
    deployment.until_all_run();
    let announced = format!("collatz  http://{address}\n");
    let announcements = || deployment.stdout().matches(&announced).count();
    until("it is there", PATIENCE, || announcements() == 1);
    // It starts no other meanwhile.
    processes::signal(deployment.pid(), "STOP");
    processes::signal(ingress(&sandbox).unwrap(), "KILL");
    let taken = wait("the port", PATIENCE, || TcpListener::bind(address).ok());
    processes::signal(deployment.pid(), "CONT");
    deployment.until_it_says(&format!("cannot listen on {address} for listener `collatz`"));
    drop(taken);
    until("it is there again", PATIENCE, || announcements() == 2);
    assert_answers(address, 20);
    deployment.end_by("INT", Duration::from_secs(10));
}

#[test]
fn in_one_process_the_same_holds() {
    let sandbox = Sandbox::new();
    let (address, deployment) = collatz(&sandbox, "together");
    assert_answers(address, 5);
    // The deployer, `main` with everything in it, and the ingress.
    assert_eq!(sandbox.processes().len(), 3);
    while_requesting(address, || kill_and_wait(&deployment, "main"));
    assert_answers(address, 50);
}

#[test]
fn everything_killed_at_once_comes_back() {
    let sandbox = Sandbox::new();
    let (address, deployment) = collatz(&sandbox, "each");
    let all = sandbox.processes().into_iter().filter(|&pid| pid != deployment.pid());
    all.for_each(|pid| processes::signal(pid, "KILL"));
    until("an answer", PATIENCE, || get(address, "/?x=8").is_ok());
    deployment.until_all_run();
    assert_answers(address, 20);
}

/// While one replica is being restarted, its requests wait; none is lost.
#[test]
fn requests_wait_for_a_main_that_is_being_restarted() {
    let sandbox = Sandbox::new();
    let (address, deployment) = collatz(&sandbox, "each");
    let main = deployment.replica("main").unwrap()["pid"].as_u64().unwrap();
    processes::signal(main.try_into().unwrap(), "KILL");
    // The deployer knows at once; a connection that was just on its way is not what this is about.
    until("the end", PATIENCE, || {
        deployment.replica("main").is_some_and(|replica| replica["pid"] != main)
    });
    assert_answers(address, 10);
}

#[test]
fn a_replica_that_falls_silent_is_replaced() {
    let sandbox = Sandbox::new();
    let (address, deployment) = collatz(&sandbox, "each");
    let first_ingress = ingress(&sandbox);
    let even = deployment.replica("even").unwrap()["pid"].as_u64().unwrap();
    let stopped = Instant::now();
    processes::signal(even.try_into().unwrap(), "STOP");
    until("the replacement", Duration::from_secs(30), || {
        sleep(Duration::from_millis(500));
        let replica = deployment.replica("even");
        replica.is_some_and(|even| even["restarts"] == 1 && even["state"] == "running")
    });
    assert!(stopped.elapsed() > Duration::from_secs(5), "too impatient: {:?}", stopped.elapsed());
    assert_answers(address, 20);
    deployment.until_it_says("does not answer");
    // The others, of whom nobody was silent, are what they were.
    for group in ["main", "odd"] {
        assert_eq!(deployment.replica(group).unwrap()["restarts"], 0);
    }
    assert_eq!(ingress(&sandbox), first_ingress);
}
