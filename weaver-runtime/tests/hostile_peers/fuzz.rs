//! Random peers beside a good one, which must never notice them.

use fastrand::Rng;
use quinn::VarInt;

use crate::{
    neighbour::Neighbour,
    probe::{Callee, FRIEND, METHODS, OUTSIDER},
    raw::{self, Head, Raw, frame_of_length, item, stream_of},
    soon,
};

/// Connections of each kind: enough for every branch to be met, few enough for seconds.
const CONNECTIONS: u64 = 100;

/// The seed of a whole run: `WEAVER_FUZZ_SEED` repeats one that failed.
fn seed() -> u64 {
    let given = std::env::var("WEAVER_FUZZ_SEED").ok().and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| fastrand::u64(..1 << 32))
}

#[tokio::test(flavor = "multi_thread")]
async fn random_bytes_instead_of_a_greeting() {
    fuzz(|mut raw, mut random| async move {
        let bytes = bytes(&mut random, 200);
        // Being thrown out in the middle is a fine answer, here and below.
        let _ = raw.send.write_all(&bytes).await;
    })
    .await;
}

/// With the I/O in the program's own thread.
#[tokio::test(flavor = "current_thread")]
async fn random_bytes_after_a_greeting() {
    fuzz(|mut raw, mut random| async move {
        raw.greet().await;
        let bytes = bytes(&mut random, 3000);
        let _ = raw.send.write_all(&bytes).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn random_frames_after_a_greeting() {
    fuzz(|mut raw, mut random| async move {
        raw.greet().await;
        for _ in 0..random.u32(1..40) {
            let frame = random_frame(&mut random);
            let sent = match random.u8(..6) {
                0 => send_large(&raw, &frame).await.is_some(),
                1 => send_stream(&raw, &mut random).await.is_some(),
                _ => raw.send.write_all(&frame).await.is_ok(),
            };
            if !sent {
                return;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn greetings_with_one_byte_changed() {
    fuzz(|mut raw, mut random| async move {
        let mut hello = raw::hello();
        let at = random.usize(..hello.len());
        hello[at] = random.u8(..);
        let _ = raw.send.write_all(&hello).await;
        let _ = raw.send.write_all(&random_frame(&mut random)).await;
    })
    .await;
}

/// Runs `peer` on many connections, a few at a time, beside a neighbour.
async fn fuzz<F>(peer: impl Fn(Raw, Rng) -> F)
where
    F: Future<Output = ()>,
{
    const AT_ONCE: u64 = 5;
    let base = seed();
    let says = format!("a peer of a run with WEAVER_FUZZ_SEED={base}");
    let callee = Callee::new();
    let neighbour = Neighbour::new(&callee).await;
    for round in 0..CONNECTIONS / AT_ONCE {
        let mut open = Vec::new();
        for peer_number in 0..AT_ONCE {
            let mut random = Rng::with_seed(base + round * AT_ONCE + peer_number);
            let group = if random.u8(..5) == 0 { OUTSIDER } else { FRIEND };
            let raw = Raw::connect(&callee.authority, group, callee.address).await;
            let quic = raw.quic.clone();
            soon(&says, peer(raw, random)).await;
            open.push(quic);
        }
        for quic in open {
            quic.close(VarInt::from_u32(0), b"");
        }
        assert!(callee.held() >= 1, "{says}: the neighbour's call is gone");
    }
    neighbour.assert_unharmed(&callee).await;
    callee.assert_serves().await;
}

async fn send_large(raw: &Raw, bytes: &[u8]) -> Option<()> {
    let mut stream = raw.quic.open_uni().await.ok()?;
    stream.write_all(bytes).await.ok()?;
    stream.finish().ok()
}

/// A stream that mostly begins well, and then has anything on it.
async fn send_stream(raw: &Raw, random: &mut Rng) -> Option<()> {
    let (mut stream, _) = raw.quic.open_bi().await.ok()?;
    let first = if random.u8(..20) == 0 {
        random_frame(random)
    } else {
        stream_of(random.u64(..8), random.u16(..3))
    };
    stream.write_all(&first).await.ok()?;
    for _ in 0..random.u32(..5) {
        let next = if random.u8(..4) == 0 { random_frame(random) } else { item(random.u64(..)) };
        stream.write_all(&next).await.ok()?;
    }
    if random.bool() { stream.finish().ok() } else { stream.reset(VarInt::from_u32(1)).ok() }
}

/// A frame whose header is mostly right.
fn random_frame(random: &mut Rng) -> Vec<u8> {
    let kind =
        if random.u8(..8) == 0 { random.u8(..) } else { random.choice([3, 3, 3, 6]).unwrap() };
    let call = random.u64(..8);
    let payload = bytes(random, 100);
    if random.u8(..30) == 0 {
        return [frame_of_length(random.u32(..), kind, call), payload].concat();
    }
    let component = if random.u8(..8) == 0 { random.u16(..) } else { 0 };
    let method = if random.u8(..8) == 0 { random.u16(..) } else { random.u16(..METHODS) };
    // `text` would make as much as it is asked for.
    let payload = if method == 2 { payload[..payload.len().min(7)].to_vec() } else { payload };
    let streams = if random.u8(..4) == 0 { random.u8(..) } else { 0 };
    let trailer = if random.u8(..8) == 0 { random.u16(..120) | (random.u16(..4) << 14) } else { 0 };
    let time_left_ms = if random.u8(..4) == 0 { random.u32(..) } else { 0 };
    Head { kind, streams, trailer, call, component, method, time_left_ms }.before(&payload)
}

fn bytes(random: &mut Rng, most: usize) -> Vec<u8> {
    let mut bytes = vec![0; random.usize(..=most)];
    random.fill(&mut bytes);
    bytes
}
