//! What a message may weigh, and what memory its elements may take.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    fmt,
    marker::PhantomData,
};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};

use super::*;

const TOO_MUCH_MEMORY: DecodeError = DecodeError::TooMuchMemory { bytes_max: DECODED_BYTES_MAX };

/// Larger in memory than on the wire, where its first variant takes four bytes.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[expect(clippy::large_enum_variant, reason = "the size is what is tested")]
pub(super) enum Bulky {
    Small,
    Large([[u64; 32]; 16]),
}

/// Reads elements and forgets them, so that a test can spend a budget without having its memory.
/// Remembers how many there were, and how much room it was told to make.
#[derive(Debug, PartialEq)]
pub(super) struct Counted<T> {
    elements: usize,
    room: usize,
    kind: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Counted<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Counter(PhantomData))
    }
}

struct Counter<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Counter<T> {
    type Value = Counted<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("elements")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Counted<T>, A::Error> {
        let room = items.size_hint().unwrap_or(usize::MAX);
        let mut elements = 0;
        while items.next_element::<T>()?.is_some() {
            elements += 1;
        }
        Ok(Counted { elements, room, kind: PhantomData })
    }
}

/// The same for a map.
#[derive(Debug, PartialEq)]
struct CountedEntries<K, V>(Counted<(K, V)>);

impl<'de, K: Deserialize<'de>, V: Deserialize<'de>> Deserialize<'de> for CountedEntries<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntryCounter(PhantomData))
    }
}

struct EntryCounter<K, V>(PhantomData<(K, V)>);

impl<'de, K: Deserialize<'de>, V: Deserialize<'de>> Visitor<'de> for EntryCounter<K, V> {
    type Value = CountedEntries<K, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("entries")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let room = entries.size_hint().unwrap_or(usize::MAX);
        let mut elements = 0;
        while entries.next_entry::<K, V>()?.is_some() {
            elements += 1;
        }
        Ok(CountedEntries(Counted { elements, room, kind: PhantomData }))
    }
}

/// As many elements as the budget allows if each takes the room of a [`Bulky`].
const BULKY_MAX: usize = DECODED_BYTES_MAX / (size_of::<Bulky>() + ELEMENT_OVERHEAD_BYTES);

/// So many of the small variant of [`Bulky`].
fn small(elements: usize) -> Vec<u8> {
    [length(elements as u64), vec![0; elements * 4]].concat()
}

#[test]
fn elements_that_take_no_bytes_are_refused_at_once() {
    assert_eq!(decode::<Vec<()>>(&length(u64::MAX)), Err(TOO_MUCH_MEMORY));
    assert_eq!(decode::<VecDeque<[u64; 0]>>(&length(u64::MAX)), Err(TOO_MUCH_MEMORY));
    assert_eq!(decode::<HashSet<()>>(&length(u64::MAX)), Err(TOO_MUCH_MEMORY));
    assert_eq!(decode::<HashMap<(), ()>>(&length(u64::MAX)), Err(TOO_MUCH_MEMORY));
    assert_eq!(decode::<Vec<()>>(&length(1000)), Ok(vec![(); 1000]));
}

#[test]
fn both_ends_agree_on_how_many_elements_are_too_many() {
    let too_many = DECODED_BYTES_MAX / ELEMENT_OVERHEAD_BYTES + 1;
    let bytes_max = DECODED_BYTES_MAX;
    assert_eq!(refused(&vec![(); too_many]), EncodeError::TooMuchMemory { bytes_max });
    assert_eq!(decode::<Vec<()>>(&length(too_many as u64)), Err(TOO_MUCH_MEMORY));
}

#[test]
fn elements_that_are_large_in_memory_spend_the_budget() {
    fn count<T: DeserializeOwned>(elements: usize) -> Result<usize, DecodeError> {
        decode::<Counted<T>>(&small(elements)).map(|counted| counted.elements)
    }
    assert_eq!(count::<Bulky>(BULKY_MAX), Ok(BULKY_MAX));
    assert_eq!(count::<Bulky>(BULKY_MAX + 1), Err(TOO_MUCH_MEMORY));
    // What lies behind a pointer costs the same.
    assert_eq!(count::<Box<Bulky>>(BULKY_MAX), Ok(BULKY_MAX));
    assert_eq!(count::<Box<Bulky>>(BULKY_MAX + 1), Err(TOO_MUCH_MEMORY));
}

#[test]
fn keys_and_values_that_are_large_in_memory_spend_the_budget() {
    fn count<K, V>(entries: usize) -> Result<usize, DecodeError>
    where
        K: DeserializeOwned,
        V: DeserializeOwned,
    {
        decode::<CountedEntries<K, V>>(&small(entries)).map(|counted| counted.0.elements)
    }
    assert_eq!(count::<Bulky, ()>(BULKY_MAX), Ok(BULKY_MAX));
    assert_eq!(count::<Bulky, ()>(BULKY_MAX + 1), Err(TOO_MUCH_MEMORY));
    assert_eq!(count::<(), Bulky>(BULKY_MAX), Ok(BULKY_MAX));
    assert_eq!(count::<(), Bulky>(BULKY_MAX + 1), Err(TOO_MUCH_MEMORY));
}

#[test]
fn lengths_that_the_bytes_do_not_hold_are_refused() {
    // Had any of these been allocated, the process would have aborted.
    for len in [4, 1 << 20, 1 << 40, i64::MAX as u64, u64::MAX] {
        let bytes = [length(len), vec![b'a'; 3]].concat();
        assert_eq!(decode::<String>(&bytes), Err(DecodeError::UnexpectedEnd));
        assert_eq!(decode::<Box<str>>(&bytes), Err(DecodeError::UnexpectedEnd));
        assert_eq!(decode::<Vec<u8>>(&bytes), Err(DecodeError::UnexpectedEnd));
        assert_eq!(decode::<Box<[u8]>>(&bytes), Err(DecodeError::UnexpectedEnd));
        assert_eq!(decode::<bytes::Bytes>(&bytes), Err(DecodeError::UnexpectedEnd));
        let error = if len > 1 << 24 { TOO_MUCH_MEMORY } else { DecodeError::UnexpectedEnd };
        assert_eq!(decode::<Vec<u64>>(&bytes), Err(error.clone()));
        assert_eq!(decode::<VecDeque<u8>>(&bytes), Err(error.clone()));
        assert_eq!(decode::<BTreeMap<u8, String>>(&bytes), Err(error));
    }
}

#[test]
fn collections_are_told_to_make_room_for_no_more_than_the_message_could_hold() {
    let counted = decode::<Counted<()>>(&length(1000)).unwrap();
    assert_eq!((counted.elements, counted.room), (1000, 8));
    let counted = decode::<Counted<u8>>(&encoded(&vec![7_u8; 100_000])).unwrap();
    assert_eq!((counted.elements, counted.room), (100_000, 4096));
    let counted = decode::<Counted<u8>>(&encoded(&vec![7_u8; 10])).unwrap();
    assert_eq!((counted.elements, counted.room), (10, 10));
}

#[test]
fn large_byte_strings_are_copied_whole() {
    // As elements, so many bytes would be more than the budget.
    let blob = vec![7_u8; 16 << 20];
    assert!(blob.len() * (ELEMENT_OVERHEAD_BYTES + 1) > DECODED_BYTES_MAX);
    let value = (1_u8, Some(vec![blob]));
    assert_eq!(decode(&encoded(&value)), Ok(value));
}

#[test]
fn large_strings() {
    let text = "é".repeat(5 << 20);
    assert_eq!(decode(&encoded(&text)), Ok(text));
}

#[test]
fn messages_up_to_the_limit_and_beyond() {
    let mut largest = vec![7_u8; MESSAGE_BYTES_MAX - 8];
    let bytes = encoded(&largest);
    assert_eq!(bytes.len(), MESSAGE_BYTES_MAX);
    assert_eq!(decode::<Vec<u8>>(&bytes).map(|blob| blob.len()), Ok(largest.len()));

    largest.push(7);
    let bytes_max = MESSAGE_BYTES_MAX;
    let bytes = plain(&largest);
    assert_eq!(refused(&largest), EncodeError::TooLarge { bytes: bytes.len(), bytes_max });
    let too_large = DecodeError::TooLarge { bytes: bytes.len(), bytes_max };
    assert_eq!(decode::<Vec<u8>>(&bytes), Err(too_large));
}
