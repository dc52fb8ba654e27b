//! The doors of callers, where a callee brings large answers, and who stands there.

use std::{convert::Infallible, time::Duration};

use quinn::VarInt;
use weaver_runtime::net::{HANDSHAKE_SECONDS_MAX, ServingGauges};

use crate::{
    near::{Door, Near, Purpose, SECRET_BYTES, Socket, unused_name},
    probe::{Callee, FRIEND, TEXT},
    raw::{Appetite, Raw, request},
    siege::Siege,
    until, within,
};

/// Large frames that one peer may have under way.
const LARGE_FRAMES_MAX: u64 = 16;

const LARGE_BYTES: u64 = 1 << 20;

/// How the door of a caller treats who brings it an answer.
#[derive(Clone, Copy, Debug)]
enum Doorway {
    /// Nobody listens.
    Nowhere,
    /// Nobody could ever listen there.
    TooLong,
    /// It hears the secret, and says another.
    Stranger,
    /// It hangs up.
    HangsUp,
    /// It lets nobody in, and says nothing.
    Silent,
    /// Even the kernel lets nobody in.
    Full,
}

impl Doorway {
    fn name(self, door: &Door) -> String {
        match self {
            Self::Nowhere => unused_name(),
            Self::TooLong => "x".repeat(1000),
            Self::Stranger | Self::HangsUp | Self::Silent | Self::Full => door.name.clone(),
        }
    }

    /// Treats all who come, for ever.
    async fn keep(self, door: &Door) -> Infallible {
        if matches!(self, Self::Full) {
            return std::future::pending().await;
        }
        let mut let_in = Vec::new();
        loop {
            let mut dialler = door.accept().await;
            match self {
                Self::Stranger => {
                    dialler.send(&[7; SECRET_BYTES]).await;
                    let_in.push(dialler);
                }
                Self::HangsUp => drop(dialler),
                Self::Nowhere | Self::TooLong | Self::Silent | Self::Full => let_in.push(dialler),
            }
        }
    }
}

/// An answer that cannot be brought to the door comes as a QUIC stream. What was held for it is free then.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_answer_that_is_not_let_in_comes_another_way() {
    for doorway in [Doorway::Nowhere, Doorway::TooLong, Doorway::Stranger, Doorway::HangsUp] {
        not_let_in(doorway).await;
    }
}

/// The same where it is heard and says nothing, and those that wait do not wait one after the other.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_answer_that_nobody_hears_comes_another_way() {
    not_let_in(Doorway::Silent).await;
}

/// The same where the kernel already has as many for the door as it takes.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_answer_to_a_door_that_is_full_comes_another_way() {
    not_let_in(Doorway::Full).await;
}

async fn not_let_in(doorway: Doorway) {
    let mut siege = Siege::new().await;
    let identity = siege.callee.authority.identity(FRIEND);
    let mut raw = siege.stranger(&identity, Appetite::default()).await;
    let is_full = matches!(doorway, Doorway::Full);
    let door = if is_full { Door::narrow() } else { Door::open() };
    let _crowd = if is_full { door.fill().await } else { Vec::new() };
    let local = raw.greet_from(&doorway.name(&door)).await;
    let mut socket = Socket::enter(&local, &raw.quic, Purpose::Shared).await;
    let attack = async {
        // More than may be under way: the others wait.
        for call in 0..2 * LARGE_FRAMES_MAX {
            socket.send(&request(call, TEXT, &(LARGE_BYTES,))).await;
        }
        let what = format!("{doorway:?}: the answers");
        let answers = async {
            for _ in 0..2 * LARGE_FRAMES_MAX {
                raw.next_large().await;
            }
        };
        within(HANDSHAKE_SECONDS_MAX + 4, &what, answers).await;
        let free = async {
            while siege.gauges().answer_bytes >= 1 << 20 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        within(3, &format!("{doorway:?}: an end of what is held"), free).await;
    };
    tokio::select! {
        () = attack => {}
        never = doorway.keep(&door) => match never {},
    }
    siege.end().await;
}

/// Nobody waits for an answer to a connection that has ended: what was held for it is free.
#[tokio::test(flavor = "multi_thread")]
async fn large_answers_end_with_their_connection() {
    let mut siege = Siege::new().await;
    let mut near = Near::new(&mut siege).await;
    for call in 0..4 {
        near.socket.send(&request(call, TEXT, &(8 * LARGE_BYTES,))).await;
    }
    let mut unread = Vec::new();
    for _ in 0..4 {
        unread.push(near.door.let_in(&near.raw.quic, Purpose::Answer).await);
    }
    until("the answers", || siege.gauges().answer_bytes >= 16 << 20).await;
    near.raw.quic.close(VarInt::from_u32(0), b"bye");
    // Its sockets stay open.
    let free = until("an end of what is held", || siege.gauges().answer_bytes < 1 << 20);
    within(3, "what is held for a connection that has ended", free).await;
    siege.end().await;
}

/// A node that stops does not wait for callers that are gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_drain_is_not_held_up_by_large_answers_that_nobody_lets_in() {
    let callee = Callee::new();
    let mut raw = Raw::connect(&callee.authority, FRIEND, callee.address).await;
    let door = Door::open();
    let local = raw.greet_from(&door.name).await;
    let mut socket = Socket::enter(&local, &raw.quic, Purpose::Shared).await;
    for call in 0..2 * LARGE_FRAMES_MAX {
        socket.send(&request(call, TEXT, &(LARGE_BYTES,))).await;
    }
    until("the answers", || callee.services.gauges().answer_bytes >= 16 << 20).await;
    raw.quic.close(VarInt::from_u32(0), b"bye");
    drop(socket);
    let drain = callee.services.drain(Duration::from_secs(10));
    assert_eq!(within(4, "the end of the drain", drain).await, 0);
    assert_eq!(callee.services.gauges(), ServingGauges::default());
    drop(door);
}
