//! [`key`]: what a call to a method with `#[route(…)]` is routed by.

use std::hash::Hasher;

use serde::Serialize;
use siphasher::sip::SipHasher24;

use crate::{catch_panic::catch_panic, codec};

/// The hash (SipHash-2-4) of a key's encoding: equal keys have equal ones in every process, whatever
/// its build or target. A key that cannot be encoded fails its call in any case, as an argument.
#[must_use]
pub fn key<K: Serialize + ?Sized>(key: &K) -> u64 {
    let mut bytes = Vec::new();
    // A panic of the author's `Serialize` is met again, and reported, when the arguments are encoded.
    let _ = catch_panic(|| codec::encode(key, &mut bytes));
    let mut hasher = SipHasher24::new();
    hasher.write(&bytes);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::key;

    #[test]
    fn is_of_the_encoding_and_pinned() {
        assert_eq!(key(&7_u64), key(&(7_u64,)));
        assert_ne!(key(&7_u64), key(&8_u64));
        assert_eq!(key("a"), key(&"a".to_owned()));
        assert_eq!(format!("{:016x}", key(&7_u64)), PINNED);
    }

    /// Replicas of one version agree on it; a change moves every key once.
    const PINNED: &str = "b6ea513a7ef62bf0";
}
