//! The doors of callers, where a callee brings large answers, and who stands there.

use std::{convert::Infallible, time::Duration};

use weaver_runtime::net::HANDSHAKE_SECONDS_MAX;

use crate::{
    near::{Door, Purpose, SECRET_BYTES, Socket, unused_name},
    probe::{FRIEND, TEXT},
    raw::{Appetite, request},
    siege::Siege,
    within,
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
}

impl Doorway {
    fn name(self, door: &Door) -> String {
        match self {
            Self::Nowhere => unused_name(),
            Self::TooLong => "x".repeat(1000),
            Self::Stranger | Self::HangsUp => door.name.clone(),
        }
    }

    /// Treats all who come, for ever.
    async fn keep(self, door: &Door) -> Infallible {
        let mut let_in = Vec::new();
        loop {
            let mut dialler = door.accept().await;
            match self {
                Self::Stranger => {
                    dialler.send(&[7; SECRET_BYTES]).await;
                    let_in.push(dialler);
                }
                Self::HangsUp => drop(dialler),
                Self::Nowhere | Self::TooLong => let_in.push(dialler),
            }
        }
    }
}

/// An answer that cannot be brought ends the connection, for else somebody would wait for it for ever. What
/// was held for it is free then.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_answer_that_is_not_let_in_ends_the_connection() {
    for doorway in [Doorway::Nowhere, Doorway::TooLong, Doorway::Stranger, Doorway::HangsUp] {
        not_let_in(doorway).await;
    }
}

async fn not_let_in(doorway: Doorway) {
    let mut siege = Siege::new().await;
    let identity = siege.callee.authority.identity(FRIEND);
    let mut raw = siege.stranger(&identity, Appetite::default()).await;
    let door = Door::open();
    let local = raw.greet_from(&doorway.name(&door)).await;
    let mut socket = Socket::enter(&local, &raw.quic, Purpose::Shared).await;
    let attack = async {
        // More than may be under way: the others wait.
        for call in 0..2 * LARGE_FRAMES_MAX {
            socket.send(&request(call, TEXT, &(LARGE_BYTES,))).await;
        }
        let what = format!("{doorway:?}: the end of the connection");
        let closed = within(HANDSHAKE_SECONDS_MAX + 4, &what, raw.quic.closed()).await;
        assert!(closed.to_string().contains("cannot dial its socket"), "{doorway:?}: {closed}");
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
