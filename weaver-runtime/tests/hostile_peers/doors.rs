//! Who dials a node's door: strangers, and callers that should know better.

use std::time::{Duration, Instant};

use quinn::VarInt;
use weaver_runtime::net::HANDSHAKE_SECONDS_MAX;

use crate::{
    near::{Near, Purpose, SECRET_BYTES, Socket, secret, sockets_at},
    probe::ECHO,
    raw::request,
    siege::Siege,
    soon, until, within,
};

/// Sockets that have not said what they are for, at one door.
const STRANGERS_MAX: usize = 64;

#[tokio::test(flavor = "multi_thread")]
async fn strangers_that_say_too_little_are_hung_up_on_after_a_second() {
    let mut siege = Siege::new().await;
    let (raw, _door, local) = Near::welcome(&mut siege).await;
    let shared = secret(&raw.quic, Purpose::Shared, 0);
    let started = Instant::now();
    let mut strangers = Vec::new();
    for bytes in [0, 1, 16, SECRET_BYTES - 1] {
        let mut stranger = Socket::dial(&local).await;
        stranger.send(&shared[..bytes]).await;
        strangers.push(stranger);
    }
    for stranger in &mut strangers {
        stranger.hung_up_on().await;
    }
    let elapsed = started.elapsed();
    assert!(elapsed > Duration::from_millis(900), "{elapsed:?}");
    assert!(elapsed < Duration::from_secs(4), "{elapsed:?}");
    // The one that knows the whole still comes in.
    Socket::enter(&local, &raw.quic, Purpose::Shared).await.assert_lives(1).await;
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_that_say_something_else_are_hung_up_on_at_once() {
    let mut siege = Siege::new().await;
    let (raw, _door, local) = Near::welcome(&mut siege).await;
    let mut almost = secret(&raw.quic, Purpose::Shared, 0);
    almost[SECRET_BYTES - 1] ^= 1;
    let cases = [
        [0; SECRET_BYTES].to_vec(),
        vec![0xfe; 100_000],
        b"GET / HTTP/1.1\r\nHost: neighbours\r\n\r\n".to_vec(),
        almost.to_vec(),
    ];
    for bytes in cases {
        let mut stranger = Socket::dial(&local).await;
        // It may be hung up on before it has said all.
        let _ = stranger.try_send(&bytes).await;
        within(2, "being hung up on", stranger.hung_up_on()).await;
    }
    Socket::enter(&local, &raw.quic, Purpose::Shared).await.assert_lives(1).await;
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_of_another_connection_or_purpose_opens_nothing() {
    let mut siege = Siege::new().await;
    let other = Near::new(&mut siege).await;
    let (raw, _door, local) = Near::welcome(&mut siege).await;
    let secrets = [
        // The other caller is in: its place is taken.
        secret(&other.raw.quic, Purpose::Shared, 0),
        secret(&other.raw.quic, Purpose::Shared, 1),
        secret(&raw.quic, Purpose::Shared, 1),
        secret(&raw.quic, Purpose::Request, 1),
        // Only callers are dialled for answers.
        secret(&raw.quic, Purpose::Answer, 0),
        secret(&raw.quic, Purpose::Answer, 1),
    ];
    for secret in secrets {
        let mut stranger = Socket::dial(&local).await;
        stranger.send(&secret).await;
        within(2, "being hung up on", stranger.hung_up_on()).await;
    }
    Socket::enter(&local, &raw.quic, Purpose::Shared).await.assert_lives(1).await;
    let Near { mut socket, .. } = other;
    socket.assert_lives(1).await;
    siege.end().await;
}

/// What was shown on a socket for large requests is no way to send small ones that nobody counts.
#[tokio::test(flavor = "multi_thread")]
async fn a_socket_for_a_large_request_takes_one_frame() {
    let mut siege = Siege::new().await;
    let mut near = Near::new(&mut siege).await;
    let mut large = near.large().await;
    let two = [request(1, ECHO, &("first",)), request(2, ECHO, &("second",))].concat();
    large.send(&two).await;
    large.hung_up_on().await;
    let answer = near.socket.next().await;
    assert_eq!((answer.call, answer.text().as_str()), (1, "first"));
    near.socket.assert_lives(3).await;
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_of_strangers_is_bounded_and_gone_after_a_second() {
    const CROWD: usize = 1000;
    let mut siege = Siege::new().await;
    let near = Near::new(&mut siege).await;
    let before = sockets_at(&near.local);
    let mut crowd = Vec::new();
    for _ in 0..CROWD {
        crowd.push(Socket::dial(&near.local).await);
    }
    let bounded = || sockets_at(&near.local) <= before + STRANGERS_MAX;
    within(1, "an end of those above the limit", until("", bounded)).await;
    for stranger in &mut crowd {
        stranger.hung_up_on().await;
    }
    until("an end of all", || sockets_at(&near.local) <= before).await;
    let Near { mut socket, .. } = near;
    socket.assert_lives(1).await;
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_is_told_where_to_dial_and_does_not_is_given_up() {
    let mut siege = Siege::new().await;
    let (raw, _door, local) = Near::welcome(&mut siege).await;
    // One that is for something else is not the one that is waited for.
    let request = secret(&raw.quic, Purpose::Request, 0);
    let mut early = Socket::dial(&local).await;
    early.send(&request).await;
    let limit = HANDSHAKE_SECONDS_MAX + 4;
    within(limit, "being given up", raw.quic.closed()).await;
    siege.expect_thrown_out(&raw, "refused a connection").await;
    let ended = async { while early.try_next().await.is_some() {} };
    soon("an end of the other socket", ended).await;
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_dials_twice_has_one_socket() {
    for at_once in [false, true] {
        let mut siege = Siege::new().await;
        let (raw, _door, local) = Near::welcome(&mut siege).await;
        let dial = || Socket::try_enter(&local, &raw.quic, Purpose::Shared);
        let both = match at_once {
            true => tokio::join!(dial(), dial()),
            false => (dial().await, dial().await),
        };
        let mut living = 0;
        for mut socket in [both.0, both.1].into_iter().flatten() {
            // The other may be let in, and is hung up on then.
            let lives = socket.try_send(&request(1, ECHO, &("one",))).await.is_ok();
            if lives && let Some(answer) = soon("an answer or the end", socket.try_next()).await {
                assert_eq!(answer.text(), "one");
                living += 1;
                // Until now.
                let mut kept = socket;
                kept.assert_lives(2).await;
                raw.quic.close(VarInt::from_u32(0), b"bye");
            }
        }
        assert_eq!(living, 1);
        siege.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_shows_the_secret_and_hangs_up_leaves_nothing() {
    for hears in [false, true] {
        let mut siege = Siege::new().await;
        let (raw, _door, local) = Near::welcome(&mut siege).await;
        if hears {
            drop(Socket::enter(&local, &raw.quic, Purpose::Shared).await);
        } else {
            let mut socket = Socket::dial(&local).await;
            socket.send(&secret(&raw.quic, Purpose::Shared, 0)).await;
        }
        let limit = HANDSHAKE_SECONDS_MAX + 4;
        within(limit, "being thrown out", raw.quic.closed()).await;
        // Whether it was let in at all depends on how soon it has gone.
        let address = raw.address();
        if !siege.lines_about(address, "").is_empty() {
            siege.expect_line(address, "refused a connection").await;
        }
        siege.end().await;
    }
}
