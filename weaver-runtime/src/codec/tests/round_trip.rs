//! Any value comes back as it was, and its bytes are bincode's own.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use proptest::{collection, num, option, prelude::*};
use serde::Deserialize;

use super::*;

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
enum Tree {
    Leaf,
    Number(i64),
    Labelled(u8, String),
    Fork { left: Box<Self>, right: Option<Box<Self>>, bytes: Vec<u8> },
    List(Vec<Self>),
    Map(BTreeMap<String, Self>),
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Scalars {
    flag: bool,
    signed: (i8, i16, i32, i64, i128),
    unsigned: (u8, u16, u32, u64, u128),
    floats: (f32, f64),
    letter: char,
    unit: (),
    array: [u8; 4],
    span: Duration,
    address: IpAddr,
    outcome: Result<u8, String>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Blob(Vec<u8>);

/// Byte strings in each place and of each type that an author might choose.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct ByteStrings {
    field: Vec<u8>,
    newtype: Blob,
    optional: Option<Vec<u8>>,
    in_tuple: (u8, Vec<u8>),
    nested: Vec<Vec<u8>>,
    by_name: HashMap<String, Vec<u8>>,
    as_key: BTreeMap<Vec<u8>, u8>,
    boxed: Box<[u8]>,
    shared: Arc<[u8]>,
    maybe_borrowed: Cow<'static, [u8]>,
    buffer: bytes::Bytes,
    not_contiguous: VecDeque<u8>,
    sorted: BTreeSet<u8>,
}

/// A field that is skipped both ways is not on the wire at all.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Cached {
    key: u8,
    #[serde(skip)]
    cache: Option<String>,
    value: u8,
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        Just(Tree::Leaf),
        any::<i64>().prop_map(Tree::Number),
        (any::<u8>(), any::<String>()).prop_map(|(byte, text)| Tree::Labelled(byte, text)),
    ];
    leaf.prop_recursive(6, 48, 4, |inner| {
        let fork = (inner.clone(), option::of(inner.clone()), any::<Vec<u8>>());
        prop_oneof![
            fork.prop_map(|(left, right, bytes)| Tree::Fork {
                left: Box::new(left),
                right: right.map(Box::new),
                bytes,
            }),
            collection::vec(inner.clone(), 0..4).prop_map(Tree::List),
            collection::btree_map(any::<String>(), inner, 0..4).prop_map(Tree::Map),
        ]
    })
}

prop_compose! {
    fn scalars()(
        (flag, letter, array) in any::<(bool, char, [u8; 4])>(),
        signed in any::<(i8, i16, i32, i64, i128)>(),
        unsigned in any::<(u8, u16, u32, u64, u128)>(),
        // Every bit pattern but NaN, which is not equal to itself.
        floats in (num::f32::ANY, num::f64::ANY)
            .prop_filter("NaN", |(single, double)| !single.is_nan() && !double.is_nan()),
        (span, address) in any::<(Duration, IpAddr)>(),
        outcome in any::<Result<u8, String>>(),
    ) -> Scalars {
        Scalars { flag, signed, unsigned, floats, letter, unit: (), array, span, address, outcome }
    }
}

prop_compose! {
    fn byte_strings()(
        (field, newtype, optional) in any::<(Vec<u8>, Vec<u8>, Option<Vec<u8>>)>(),
        in_tuple in any::<(u8, Vec<u8>)>(),
        nested in collection::vec(any::<Vec<u8>>(), 0..4),
        by_name in collection::hash_map(any::<String>(), any::<Vec<u8>>(), 0..4),
        as_key in collection::btree_map(any::<Vec<u8>>(), any::<u8>(), 0..4),
        (boxed, shared, buffer) in any::<(Vec<u8>, Vec<u8>, Vec<u8>)>(),
        maybe_borrowed in any::<Vec<u8>>(),
        (not_contiguous, sorted) in any::<(VecDeque<u8>, BTreeSet<u8>)>(),
    ) -> ByteStrings {
        ByteStrings {
            field,
            newtype: Blob(newtype),
            optional,
            in_tuple,
            nested,
            by_name,
            as_key,
            boxed: boxed.into(),
            shared: shared.into(),
            maybe_borrowed: maybe_borrowed.into(),
            buffer: buffer.into(),
            not_contiguous,
            sorted,
        }
    }
}

proptest! {
    #[test]
    fn nested_values(value in tree()) {
        assert_round_trip(&value);
    }

    #[test]
    fn scalar_values(value in scalars()) {
        assert_round_trip(&value);
    }

    #[test]
    fn byte_string_values(value in byte_strings()) {
        assert_round_trip(&value);
    }

    #[test]
    fn altered_messages_are_read_as_bincode_reads_them(
        value in byte_strings(),
        position in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = encoded(&value);
        let position = position.index(bytes.len());
        bytes[position] = byte;
        if let Ok(altered) = decode::<ByteStrings>(&bytes) {
            prop_assert_eq!(from_plain::<ByteStrings>(&bytes), altered);
        }
    }

    #[test]
    fn shortened_messages_are_refused(value in tree(), cut in any::<prop::sample::Index>()) {
        let bytes = encoded(&value);
        let shortened = &bytes[..cut.index(bytes.len())];
        prop_assert_eq!(decode::<Tree>(shortened), Err(DecodeError::UnexpectedEnd));
    }
}

#[test]
fn borrowed_arguments_are_owned_by_the_receiver() {
    assert_eq!(decode(&encoded("text")), Ok("text".to_owned()));
    assert_eq!(decode(&encoded(&[1_u8, 2][..])), Ok(vec![1_u8, 2]));
    assert_eq!(decode(&encoded(&[1_u32, 2][..])), Ok(vec![1_u32, 2]));
    assert_eq!(decode(&encoded(&(&1_u8, &"a"))), Ok((1_u8, "a".to_owned())));
}

#[test]
fn fields_skipped_both_ways() {
    let bytes = encoded(&Cached { key: 1, cache: Some("c".to_owned()), value: 2 });
    assert_eq!(bytes, [1, 2]);
    assert_eq!(decode(&bytes), Ok(Cached { key: 1, cache: None, value: 2 }));
}

#[test]
fn encodes_behind_what_the_buffer_holds() {
    let mut out = b"header".to_vec();
    encode(&1_u16, &mut out).unwrap();
    encode(&2_u8, &mut out).unwrap();
    assert_eq!(out, b"header\x01\x00\x02");
}
