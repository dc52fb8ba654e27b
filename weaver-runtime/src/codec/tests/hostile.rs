//! Bytes that nobody encoded.

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;

use super::{
    depth::{Expr, Nest},
    memory::{Bulky, Counted},
    *,
};

/// Decoding comes to an end, with a value or a named error.
fn survives<T: DeserializeOwned>(bytes: &[u8]) {
    drop(decode::<T>(bytes));
}

fn survives_in_all_types(bytes: &[u8]) {
    survives::<bool>(bytes);
    survives::<char>(bytes);
    survives::<String>(bytes);
    survives::<Vec<u8>>(bytes);
    survives::<Vec<()>>(bytes);
    survives::<Vec<String>>(bytes);
    survives::<Option<Box<Nest>>>(bytes);
    survives::<HashMap<u8, Vec<u16>>>(bytes);
    survives::<BTreeMap<String, Option<char>>>(bytes);
    survives::<Vec<Vec<Vec<bool>>>>(bytes);
    survives::<Result<Expr, String>>(bytes);
    survives::<Counted<Bulky>>(bytes);
    survives::<bytes::Bytes>(bytes);
    survives::<serde_json::Value>(bytes);
}

/// Bytes that are more often than not a plausible length, tag or index.
fn plausible_bytes() -> impl Strategy<Value = Vec<u8>> {
    let chunk = prop_oneof![
        (0_u64..20).prop_map(length),
        any::<u64>().prop_map(length),
        (0_u32..6).prop_map(|index| index.to_le_bytes().to_vec()),
        (0_u8..3).prop_map(|tag| vec![tag]),
        any::<Vec<u8>>(),
    ];
    prop::collection::vec(chunk, 0..24).prop_map(|chunks| chunks.concat())
}

proptest! {
    #[test]
    fn arbitrary_bytes_do_no_harm(bytes in any::<Vec<u8>>()) {
        survives_in_all_types(&bytes);
    }

    #[test]
    fn plausible_bytes_do_no_harm(bytes in plausible_bytes()) {
        survives_in_all_types(&bytes);
    }
}
