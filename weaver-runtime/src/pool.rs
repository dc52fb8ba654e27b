//! Buffers of large messages, kept for the next.
//!
//! An allocator gives memory of this size back to the system, which hands it out again page by page, each
//! with a fault and filled with zeros: at 1 MiB that takes longer than all copies of a message.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

/// Smaller ones the allocator keeps itself.
pub(crate) const POOLED_BYTES_MIN: usize = 64 << 10;

/// Larger ones are rare.
const POOLED_BYTES_MAX: usize = 4 << 20;

/// What is kept of all together.
const POOL_BYTES_MAX: usize = 16 << 20;

/// A buffer may be so many times as large as what it is taken for.
const WASTE_TIMES: usize = 2;

/// What is in it is initialized up to its capacity.
static POOL: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

fn pool() -> MutexGuard<'static, Vec<Vec<u8>>> {
    // Nothing panics while it holds the lock.
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a buffer has beyond what was asked for when it was made, so that others of about that size fit, too.
const SPARE_BYTES: usize = 16 << 10;

/// At least so many bytes, with whatever was in them.
pub(crate) fn take(bytes: usize) -> Vec<u8> {
    if !(POOLED_BYTES_MIN..=POOLED_BYTES_MAX).contains(&bytes) {
        return vec![0; bytes];
    }
    let kept = {
        let mut pool = pool();
        let fits = |kept: &&usize| (bytes..=WASTE_TIMES * bytes).contains(*kept);
        let smallest = pool.iter().map(Vec::len).enumerate().filter(|(_, kept)| fits(&kept));
        let smallest = smallest.min_by_key(|(_, kept)| *kept);
        smallest.map(|(index, _)| pool.swap_remove(index))
    };
    kept.unwrap_or_else(|| vec![0; bytes + SPARE_BYTES])
}

/// Keeps a buffer for the next message, if it is of a size that is worth it and there is room.
pub(crate) fn give(mut buffer: Vec<u8>) {
    if !(POOLED_BYTES_MIN..=POOLED_BYTES_MAX).contains(&buffer.capacity()) {
        return;
    }
    buffer.resize(buffer.capacity(), 0);
    let mut pool = pool();
    let kept: usize = pool.iter().map(Vec::len).sum();
    if kept + buffer.len() <= POOL_BYTES_MAX {
        pool.push(buffer);
    }
}

/// Makes room for `more` bytes behind what is in `buffer`.
#[cold]
pub(crate) fn grow(buffer: &mut Vec<u8>, more: usize) {
    let mut grown = take(buffer.len() + more);
    grown.clear();
    grown.extend_from_slice(buffer);
    give(std::mem::replace(buffer, grown));
}

/// The first `bytes` of a buffer, which is kept for the next message when nobody has them any more.
pub(crate) fn share(mut buffer: Vec<u8>, bytes: usize) -> Bytes {
    if buffer.capacity() < POOLED_BYTES_MIN {
        buffer.truncate(bytes);
        return buffer.into();
    }
    let bytes = bytes.min(buffer.len());
    Bytes::from_owner(Pooled { buffer, bytes })
}

struct Pooled {
    buffer: Vec<u8>,
    bytes: usize,
}

impl AsRef<[u8]> for Pooled {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[..self.bytes]
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        give(std::mem::take(&mut self.buffer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pool is the process's, so that other tests take from it, too.
    #[test]
    fn buffers_are_as_large_as_asked_and_bounded_together() {
        for bytes in [0, 1, POOLED_BYTES_MIN, 1 << 20, POOLED_BYTES_MAX, POOLED_BYTES_MAX + 1] {
            let buffers: Vec<_> = (0..20).map(|_| take(bytes)).collect();
            for buffer in buffers {
                let bytes_max = (WASTE_TIMES * bytes).max(bytes + SPARE_BYTES);
                assert!((bytes..=bytes_max).contains(&buffer.len()));
                give(buffer);
            }
            let kept: usize = pool().iter().map(Vec::capacity).sum();
            assert!(kept <= POOL_BYTES_MAX, "{kept}");
        }
    }

    #[test]
    fn what_is_shared_is_what_was_in_the_buffer() {
        let mut buffer = Vec::from(*b"header");
        grow(&mut buffer, 1 << 20);
        assert!(buffer.capacity() > 1 << 20);
        assert_eq!(buffer, b"header");
        buffer.extend_from_slice(&[7; 1 << 20]);
        let bytes = buffer.len();
        let shared = share(buffer, bytes);
        assert_eq!((&shared[..6], shared.len()), (&b"header"[..], 6 + (1 << 20)));
        let rest = shared.slice(6..);
        drop(shared);
        assert!(rest.iter().all(|&byte| byte == 7));
    }
}
