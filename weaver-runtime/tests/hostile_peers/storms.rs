//! Strangers at a node's door that dial again and again. Anybody on the host can.

use std::{
    io::Write,
    os::{linux::net::SocketAddrExt, unix::net},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use quinn::VarInt;

use crate::{
    near::{Near, Socket, sockets_at, unused_name},
    probe::FRIEND,
    raw::{Appetite, Raw},
    show,
    siege::Siege,
    soon, until, within,
};

/// Sockets that have not said what they are for, at one door.
const STRANGERS_MAX: usize = 64;

/// A node takes that many connections of one certificate.
const CONNECTIONS_PER_CALLER_MAX: usize = 16;

/// Strangers that say nothing, and dial again when they are hung up on.
struct Crowd {
    stop: Arc<AtomicBool>,
    strangers: tokio::task::JoinSet<()>,
}

impl Crowd {
    async fn at(local: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut strangers = tokio::task::JoinSet::new();
        for _ in 0..2 * STRANGERS_MAX {
            let (local, stop) = (local.to_owned(), Arc::clone(&stop));
            strangers.spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    let mut stranger = Socket::dial(&local).await;
                    stranger.hung_up_on().await;
                }
            });
        }
        until("a crowd", || sockets_at(local) >= STRANGERS_MAX).await;
        Self { stop, strangers }
    }

    async fn leave(self) {
        self.stop.store(true, Ordering::SeqCst);
        soon("the end of the crowd", self.strangers.join_all()).await;
    }
}

/// Nobody but the two is waited for at the door: a new neighbour comes in, whoever else stands there.
#[tokio::test(flavor = "multi_thread")]
async fn neighbours_come_in_past_a_crowd_that_dials_again_and_again() {
    const NEIGHBOURS: usize = 10;
    let mut siege = Siege::new().await;
    let near = Near::new(&mut siege).await;
    let crowd = Crowd::at(&near.local).await;
    let mut let_in = 0;
    for _ in 0..NEIGHBOURS {
        let friend = siege.callee.friend();
        let answer = within(30, "an answer", friend.probe.echo("me too".to_owned())).await;
        let_in += usize::from(answer.is_ok());
    }
    crowd.leave().await;
    assert_eq!(let_in, NEIGHBOURS);
    siege.end().await;
}

/// A neighbour that is in already needs the door for large requests alone.
#[tokio::test(flavor = "multi_thread")]
async fn large_requests_come_in_past_a_crowd_that_dials_again_and_again() {
    const CALLS: usize = 10;
    let mut siege = Siege::new().await;
    let near = Near::new(&mut siege).await;
    let friend = siege.callee.friend();
    soon("a first call", friend.probe.echo(String::new())).await.unwrap();
    let crowd = Crowd::at(&near.local).await;
    let mut answered = 0;
    for _ in 0..CALLS {
        let answer = within(30, "an answer", friend.probe.echo("x".repeat(1 << 20))).await;
        answered += usize::from(answer.is_ok());
    }
    crowd.leave().await;
    assert_eq!(answered, CALLS);
    siege.end().await;
}

/// Who has gone before it dialled is not waited for, and takes nobody's place.
#[tokio::test(flavor = "multi_thread")]
async fn callers_that_hang_up_before_they_dial_free_their_places() {
    let mut siege = Siege::new().await;
    let identity = siege.callee.authority.identity(FRIEND);
    for _ in 0..CONNECTIONS_PER_CALLER_MAX {
        let mut raw = siege.stranger(&identity, Appetite::default()).await;
        raw.greet_from(&unused_name()).await;
        raw.quic.close(VarInt::from_u32(0), b"bye");
    }
    let again = async {
        loop {
            let (_, quic) = siege.dial(&identity).await;
            // It may be thrown out before it can say anything.
            if let Some(mut raw) = Raw::try_on(quic, siege.last_dialled()).await
                && raw.try_greet().await
            {
                return;
            }
        }
    };
    within(3, "a free place", again).await;
}

/// Diallers that hang up at once are many in a second. A node has other things to do.
#[tokio::test(flavor = "multi_thread")]
async fn a_storm_at_the_door_starves_nobody() {
    const THREADS: usize = 3;
    const STORM: Duration = Duration::from_secs(5);
    let mut siege = Siege::new().await;
    let mut near = Near::new(&mut siege).await;
    let stop = Arc::new(AtomicBool::new(false));
    let storm: Vec<_> = (0..THREADS)
        .map(|_| {
            let (local, stop) = (near.local.clone(), Arc::clone(&stop));
            std::thread::spawn(move || dial_until(&local, &stop))
        })
        .collect();
    let started = Instant::now();
    let mut longest = Duration::ZERO;
    let mut calls = 0;
    while started.elapsed() < STORM {
        let called = Instant::now();
        near.socket.assert_lives(calls).await;
        longest = longest.max(called.elapsed());
        calls += 1;
    }
    stop.store(true, Ordering::SeqCst);
    let dialled: usize = storm.into_iter().map(|thread| thread.join().unwrap()).sum();
    show(&format!("{calls} calls, the longest {longest:?}, while {dialled} were dialled"));
    assert!(longest < Duration::from_secs(1), "a call took {longest:?}");
    let Near { raw, .. } = near;
    assert_eq!(raw.quic.close_reason(), None);
    siege.end().await;
}

/// Dials and hangs up as fast as the kernel allows; how many times.
fn dial_until(local: &str, stop: &AtomicBool) -> usize {
    let address = net::SocketAddr::from_abstract_name(format!("weaver-{local}")).unwrap();
    let mut dialled = 0;
    while !stop.load(Ordering::SeqCst) {
        if let Ok(mut stream) = net::UnixStream::connect_addr(&address) {
            let _ = stream.write_all(b"x");
            dialled += 1;
        }
    }
    dialled
}
