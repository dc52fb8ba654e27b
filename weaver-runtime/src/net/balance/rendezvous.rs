//! [`Site`]: where the keys of calls are at home, by rendezvous hashing.
//!
//! Every replica has a weight for every key; the greatest wins (Thaler and Ravishankar, "A Name-Based
//! Mapping Scheme for Rendezvous"). When a replica leaves, only its keys move; one that joins takes
//! only the keys that it wins. No table is shared: nodes agree because they compute the same.

use siphasher::sip::SipHasher24;

use crate::net::routes::ReplicaId;

/// A replica as a place for keys: a hash of its id, so that a restarted one gets its keys back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Site(u64);

impl Site {
    pub(crate) fn of(replica: &ReplicaId) -> Self {
        // Not `Hash`: what that writes may change with the compiler. The index is of fixed length and
        // comes last, so that no two ids write the same.
        let mut bytes = replica.group.as_bytes().to_vec();
        bytes.extend(replica.index.to_le_bytes());
        Self(SipHasher24::new().hash(&bytes))
    }

    /// The weight of the replica for a key: equal on every node.
    pub(crate) fn weight(self, key: u64) -> u64 {
        let mut bytes = [0; 16];
        let (site, rest) = bytes.split_at_mut(8);
        site.copy_from_slice(&self.0.to_le_bytes());
        rest.copy_from_slice(&key.to_le_bytes());
        SipHasher24::new().hash(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn site(index: u32) -> Site {
        Site::of(&ReplicaId { group: "cart".to_owned(), index })
    }

    fn home(replicas: &BTreeSet<u32>, key: u64) -> Option<u32> {
        replicas.iter().copied().max_by_key(|index| site(*index).weight(key))
    }

    /// Nodes of one deployment may be built for different targets: they must agree.
    #[test]
    fn weights_are_pinned() {
        assert_eq!(site(0), Site(0xe82d_f27b_a8f7_1800));
        // Computed by another implementation of SipHash-2-4, which knows its reference vector.
        let pinned = [
            (0, 0, 0x5759_a6a2_7ca5_5359),
            (1, 0, 0x9ac7_e911_6889_f9b5),
            (0, 1, 0x5dfe_3de1_e7c9_c02e),
            (1, u64::MAX, 0x8d61_0fa5_cf18_9575),
        ];
        for (index, key, weight) in pinned {
            assert_eq!(site(index).weight(key), weight, "replica {index}, key {key}");
        }
    }

    #[test]
    fn keys_spread_evenly() {
        let replicas = BTreeSet::from([0, 1, 2, 3]);
        let mut counts = [0_u32; 4];
        for key in 0..40_000 {
            counts[home(&replicas, key).unwrap() as usize] += 1;
        }
        assert!(counts.iter().all(|count| count.abs_diff(10_000) < 400), "{counts:?}");
    }

    proptest! {
        #[test]
        fn only_the_keys_of_a_replica_that_comes_or_goes_move(
            replicas in proptest::collection::btree_set(0_u32..1000, 1..20),
            other in 0_u32..1000,
            keys in proptest::collection::vec(any::<u64>(), 1..100),
        ) {
            let (mut with, mut without) = (replicas.clone(), replicas);
            with.insert(other);
            without.remove(&other);
            for key in keys {
                let home_with = home(&with, key);
                prop_assert!(home_with == Some(other) || home_with == home(&without, key));
            }
        }
    }
}
