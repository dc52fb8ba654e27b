//! Metadata that is none.

use weaver_runtime::{CallErrorKind, Failure, Ran, Refusal, limits::METADATA_BYTES_MAX};

use crate::{
    probe::USER,
    raw::{HEADER_BYTES, Head, Raw, encode, kind},
    siege::Siege,
};

/// The most that a header can say of the length of what is behind the arguments.
const TRAILER_BYTES_MAX: usize = (1 << 14) - 1;

/// In that field: there is a trace, and a route key.
const HAS_TRACE: u16 = 1 << 15;
const HAS_KEY: u16 = 1 << 14;

/// A request to `user` with these bytes as its metadata.
fn request(call: u64, metadata: &[u8]) -> Vec<u8> {
    let trailer = u16::try_from(metadata.len()).unwrap();
    Head { kind: kind::REQUEST, trailer, call, method: USER, ..Head::default() }.before(metadata)
}

async fn answer(raw: &mut Raw, call: u64, metadata: &[u8]) -> Failure {
    raw.send(&request(call, metadata)).await;
    raw.next().await.failure()
}

type Entries = Vec<(String, Vec<u8>)>;

#[tokio::test(flavor = "multi_thread")]
async fn metadata_that_is_longer_than_its_frame_ends_the_connection() {
    for claimed in [1, 100, u16::MAX] {
        let mut siege = Siege::new().await;
        let mut raw = siege.attacker().await;
        let head = Head { kind: kind::REQUEST, trailer: claimed, ..Head::default() };
        raw.send(&head.before(&[])).await;
        siege.expect_thrown_out(&raw, "a trailer of").await;
        siege.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trailer_without_what_it_says_ends_the_connection() {
    for (has, bytes) in [(HAS_TRACE, 24), (HAS_KEY, 7), (HAS_TRACE | HAS_KEY, 32), (HAS_TRACE, 0)] {
        let mut siege = Siege::new().await;
        let mut raw = siege.attacker().await;
        let trailer = has | u16::try_from(bytes).unwrap();
        let head = Head { kind: kind::REQUEST, trailer, ..Head::default() };
        raw.send(&head.before(&vec![7; bytes])).await;
        siege.expect_thrown_out(&raw, "does not hold what it should").await;
        siege.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_that_cannot_be_and_a_key_for_nobody_are_nothing() {
    let mut siege = Siege::new().await;
    let mut raw = siege.attacker().await;
    for (call, byte) in [(1, 0), (2, 0xff)] {
        let trailer = HAS_TRACE | HAS_KEY | 33;
        let head = Head { kind: kind::REQUEST, trailer, call, method: USER, ..Head::default() };
        raw.send(&head.before(&[byte; 33])).await;
        let user: weaver_runtime::Result<Option<String>> = raw.next().await.decode();
        assert_eq!(user.unwrap(), None);
    }
    raw.assert_lives(100).await;
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_in_the_metadata_is_a_malformed_call() {
    let mut siege = Siege::new().await;
    let mut raw = siege.attacker().await;
    let mut trailing = encode(&Entries::new());
    trailing.push(0);
    let cases: [&[u8]; 6] = [
        b"garbage",
        &[0],
        &u64::MAX.to_le_bytes(),
        &encode(&(1_u64 << 62)),
        &encode(&vec![(vec![0xff_u8], vec![0_u8])]),
        &trailing,
    ];
    for (call, metadata) in (1..).zip(cases) {
        let failure = answer(&mut raw, call, metadata).await;
        assert!(matches!(failure.kind, CallErrorKind::Malformed { .. }), "{failure:?}");
        assert_eq!(failure.ran, Ran::No);
    }
    raw.assert_lives(100).await;
    siege.expect_line(raw.address(), "the call's metadata").await;
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_metadata_is_refused_with_both_numbers() {
    let mut siege = Siege::new().await;
    let mut raw = siege.attacker().await;
    for (call, bytes) in [(1, METADATA_BYTES_MAX + 1), (2, TRAILER_BYTES_MAX)] {
        let failure = answer(&mut raw, call, &vec![0; bytes]).await;
        let bytes_max = METADATA_BYTES_MAX;
        let refusal = Refusal::MetadataTooLarge { bytes, bytes_max };
        assert_eq!(failure, CallErrorKind::Refused(refusal).into());
    }
    // As much as there may be is taken, and one name many times is one entry.
    let (name, entry) = ("user".to_owned(), encode(&"x"));
    let entries: Entries = vec![(name, entry); (METADATA_BYTES_MAX - 8) / 29];
    raw.send(&request(3, &encode(&entries))).await;
    let user: weaver_runtime::Result<Option<String>> = raw.next().await.decode();
    assert_eq!(user.unwrap().as_deref(), Some("x"));
    siege.expect_line(raw.address(), "metadata too large").await;
    siege.end().await;
}

/// A value of another type than the name promises is no value, and no panic.
#[tokio::test(flavor = "multi_thread")]
async fn a_value_of_another_type_is_none() {
    let mut siege = Siege::new().await;
    let mut raw = siege.attacker().await;
    let values: [&[u8]; 4] = [&[], &[1], &[0xff; 100], &u64::MAX.to_le_bytes()];
    for (call, value) in (1..).zip(values) {
        let entries: Entries = vec![("user".to_owned(), value.to_vec())];
        raw.send(&request(call, &encode(&entries))).await;
        let user: weaver_runtime::Result<Option<String>> = raw.next().await.decode();
        assert_eq!(user.unwrap(), None);
    }
    siege.end().await;
}

/// The metadata lives as long as its call; the datagram that it came in must not.
#[tokio::test(flavor = "multi_thread")]
async fn metadata_in_the_middle_of_other_bytes_is_found() {
    let mut siege = Siege::new().await;
    let mut raw = siege.attacker().await;
    let entries: Entries = vec![("user".to_owned(), encode(&"ann"))];
    let mut bytes = vec![];
    for call in 0..50 {
        bytes.extend(request(call, &encode(&entries)));
        // Cancels of nobody, with bodies that nobody reads.
        let padding = Head { kind: kind::CANCEL, call: 1 << 40, ..Head::default() };
        bytes.extend(padding.before(&vec![0; 1000 - HEADER_BYTES]));
    }
    raw.send(&bytes).await;
    for _ in 0..50 {
        let user: weaver_runtime::Result<Option<String>> = raw.next().await.decode();
        assert_eq!(user.unwrap().as_deref(), Some("ann"));
    }
    siege.end().await;
}
