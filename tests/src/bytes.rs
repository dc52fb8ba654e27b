//! Byte strings, from none to ten megabytes, and sizes at which the way they are sent changes.

use bytes::Bytes;
use weaver::{Ref, Result, component};

use crate::Stage;

/// Gives back bytes, and a checksum of them taken there.
#[component]
trait Bulk {
    async fn owned(&self, bytes: Vec<u8>) -> Result<(Vec<u8>, u64)>;

    async fn shared(&self, bytes: Bytes) -> Result<(Bytes, u64)>;

    async fn lent(&self, bytes: &[u8]) -> Result<(Box<[u8]>, u64)>;

    async fn text(&self, text: String) -> Result<(String, u64)>;

    async fn numbers(&self, numbers: Vec<u32>) -> Result<(Vec<u32>, u64)>;

    async fn many(&self, parts: Vec<Bytes>) -> Result<Vec<Vec<u8>>>;

    /// Bytes made there.
    async fn make(&self, count: usize) -> Result<Vec<u8>>;
}

#[derive(Default)]
struct Warehouse;

#[component]
impl Bulk for Warehouse {
    async fn owned(&self, bytes: Vec<u8>) -> Result<(Vec<u8>, u64)> {
        let sum = checksum(&bytes);
        Ok((bytes, sum))
    }

    async fn shared(&self, bytes: Bytes) -> Result<(Bytes, u64)> {
        let sum = checksum(&bytes);
        Ok((bytes, sum))
    }

    async fn lent(&self, bytes: &[u8]) -> Result<(Box<[u8]>, u64)> {
        Ok((bytes.into(), checksum(bytes)))
    }

    async fn text(&self, text: String) -> Result<(String, u64)> {
        let sum = checksum(text.as_bytes());
        Ok((text, sum))
    }

    async fn numbers(&self, numbers: Vec<u32>) -> Result<(Vec<u32>, u64)> {
        let sum = numbers.iter().copied().map(u64::from).sum();
        Ok((numbers, sum))
    }

    async fn many(&self, parts: Vec<Bytes>) -> Result<Vec<Vec<u8>>> {
        Ok(parts.into_iter().map(Vec::from).collect())
    }

    async fn make(&self, count: usize) -> Result<Vec<u8>> {
        Ok(pattern(count))
    }
}

/// Bytes that look nothing like themselves a few places on, so that a shifted, repeated or swapped
/// part shows.
fn pattern(count: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(count + 8);
    while bytes.len() < count {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(count);
    bytes
}

/// FNV-1a over eight bytes at a time: enough to notice, quick enough in a debug build.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.chunks(8).fold(0xcbf2_9ce4_8422_2325, |sum, chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        (sum ^ u64::from_le_bytes(word)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// As `assert_eq`, without ten megabytes in the message.
fn assert_same(what: &str, count: usize, back: &[u8], sent: &[u8]) {
    assert!(back == sent, "{what} of {count} bytes came back changed, as {} bytes", back.len());
}

pub(crate) async fn byte_strings_of_every_kind(stage: &Stage) -> Result<()> {
    let bulk = stage.app.get::<dyn Bulk>().await?;
    for count in [0, 1, 2, 255, 256, 65_535, 65_536] {
        assert_all_kinds(&bulk, count).await?;
    }
    let parts = [0, 1, 70_000, 300_000].map(pattern);
    let back = bulk.many(parts.iter().cloned().map(Bytes::from).collect()).await?;
    assert!(back == parts, "several byte strings in one value came back changed");
    Ok(())
}

async fn assert_all_kinds(bulk: &Ref<dyn Bulk>, count: usize) -> Result<()> {
    let sent = pattern(count);
    let sum = checksum(&sent);
    let (owned, owned_sum) = bulk.owned(sent.clone()).await?;
    let (shared, shared_sum) = bulk.shared(sent.clone().into()).await?;
    let (lent, lent_sum) = bulk.lent(&sent).await?;
    assert_eq!([owned_sum, shared_sum, lent_sum], [sum; 3], "{count} bytes at the callee");
    assert_same("Vec<u8>", count, &owned, &sent);
    assert_same("Bytes", count, &shared, &sent);
    assert_same("Box<[u8]>", count, &lent, &sent);
    Ok(())
}

/// A message of up to 256 KiB shares a stream with others, a larger one has its own. Header and
/// length are part of the message, so that the size of the content at which this changes is a
/// little below.
pub(crate) async fn sizes_around_a_shared_frame(stage: &Stage) -> Result<()> {
    const SHARED_BYTES_MAX: usize = 256 * 1024;
    const HEADERS_BYTES_MAX: usize = 64;
    let bulk = stage.app.get::<dyn Bulk>().await?;
    for count in SHARED_BYTES_MAX - HEADERS_BYTES_MAX..=SHARED_BYTES_MAX + 1 {
        let sent = pattern(count);
        let (back, sum) = bulk.owned(sent.clone()).await?;
        assert_eq!(sum, checksum(&sent), "{count} bytes at the callee");
        assert_same("Vec<u8>", count, &back, &sent);
    }
    Ok(())
}

pub(crate) async fn ten_megabytes_both_ways(stage: &Stage) -> Result<()> {
    const COUNT: usize = 10_000_000;
    let bulk = stage.app.get::<dyn Bulk>().await?;
    assert_all_kinds(&bulk, COUNT).await?;
    assert_same("made there: Vec<u8>", COUNT, &bulk.make(COUNT).await?, &pattern(COUNT));
    let sent = "äöü".repeat(COUNT / 6);
    let (text, sum) = bulk.text(sent.clone()).await?;
    assert_eq!(sum, checksum(sent.as_bytes()), "a text at the callee");
    assert_same("String", sent.len(), text.as_bytes(), sent.as_bytes());
    let sent: Vec<u32> = (0..300_000).collect();
    let (numbers, sum) = bulk.numbers(sent.clone()).await?;
    assert_eq!(sum, sent.iter().copied().map(u64::from).sum::<u64>(), "numbers at the callee");
    assert!(numbers == sent, "numbers came back changed");
    Ok(())
}
