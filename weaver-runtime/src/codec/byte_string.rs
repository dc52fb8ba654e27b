//! Byte strings: sequences of `u8` that are copied whole instead of byte by byte.
//!
//! They are recognized by type, because serde calls the same methods for `Vec<u8>` as for any
//! other `Vec<T>`. A type that is not recognized is only slower: the bytes are the same.

use std::{any::TypeId, fmt, mem::ManuallyDrop};

use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
};

/// The bytes of `items`, if it is a `&Vec<u8>` or a `&[u8]`: what the `Serialize` of vectors and
/// slices hands to `collect_seq`.
#[inline]
#[expect(unsafe_code, reason = "a type parameter cannot be matched on otherwise")]
pub(super) fn borrow<I>(items: &I) -> Option<&[u8]> {
    let id = typeid::of::<I>();
    if id == TypeId::of::<&Vec<u8>>() {
        // SAFETY: `typeid::of` forgets lifetimes and nothing else, and `u8` has none, so `I` is
        // `&'a Vec<u8>` for some `'a`, which outlives the borrow of `items` that we return.
        Some(unsafe { *std::ptr::from_ref(items).cast::<&Vec<u8>>() })
    } else if id == TypeId::of::<&[u8]>() {
        // SAFETY: as above, with `&'a [u8]`.
        Some(unsafe { *std::ptr::from_ref(items).cast::<&[u8]>() })
    } else {
        None
    }
}

/// Whether `V` is the visitor with which `Vec<u8>` deserializes itself.
///
/// Another visitor may make a `Vec<u8>` in its own way (read numbers and keep half of them, say),
/// so that the type of the value is not enough.
#[inline]
pub(super) fn is_visitor<'de, V>() -> bool
where
    V: Visitor<'de>,
{
    // The first comparison is a constant; it spares everyone else the probe.
    typeid::of::<V::Value>() == TypeId::of::<Vec<u8>>()
        && Vec::<u8>::deserialize(Probe) == Err(Seen(Some(typeid::of::<V>())))
}

/// `bytes` as a `T`, if that is what `T` is.
#[inline]
#[expect(unsafe_code, reason = "`Any` would need `T: 'static`")]
pub(super) fn cast<T>(bytes: Vec<u8>) -> Option<T> {
    if typeid::of::<T>() != TypeId::of::<Vec<u8>>() {
        return None;
    }
    let bytes = ManuallyDrop::new(bytes);
    // SAFETY: `typeid::of` forgets lifetimes and nothing else, and `Vec<u8>` has none, so `T` is
    // `Vec<u8>`. The original is not dropped, so that the copy is the only owner.
    Some(unsafe { std::ptr::from_ref(&*bytes).cast::<T>().read() })
}

/// A deserializer that reads nothing, and fails with the type of the visitor it was handed.
struct Probe;

/// The visitor that was handed to `deserialize_seq`.
#[derive(Debug, PartialEq)]
struct Seen(Option<TypeId>);

impl<'de> Deserializer<'de> for Probe {
    type Error = Seen;

    #[inline]
    fn deserialize_any<V>(self, _: V) -> Result<V::Value, Seen>
    where
        V: Visitor<'de>,
    {
        Err(Seen(None))
    }

    #[inline]
    fn deserialize_seq<V>(self, _: V) -> Result<V::Value, Seen>
    where
        V: Visitor<'de>,
    {
        Err(Seen(Some(typeid::of::<V>())))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        option unit unit_struct newtype_struct tuple tuple_struct map struct enum identifier
        ignored_any
    }
}

impl Error for Seen {
    fn custom<T>(_: T) -> Self
    where
        T: fmt::Display,
    {
        Self(None)
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing to deserialize")
    }
}

impl std::error::Error for Seen {}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use serde::de::SeqAccess;

    use super::*;

    #[test]
    fn borrows_vectors_and_slices_of_bytes() {
        let vec = vec![1_u8, 2, 3];
        assert_eq!(borrow(&&vec), Some(&[1_u8, 2, 3][..]));
        assert_eq!(borrow(&&vec[1..]), Some(&[2_u8, 3][..]));
        assert_eq!(borrow(&&Vec::<u8>::new()), Some(&[][..]));
    }

    #[test]
    fn borrows_nothing_else() {
        assert_eq!(borrow(&vec![1_u8]), None);
        assert_eq!(borrow(&&vec![1_i8]), None);
        assert_eq!(borrow(&&[1_u16][..]), None);
        assert_eq!(borrow(&&VecDeque::from([1_u8])), None);
        assert_eq!(borrow(&"text"), None);
    }

    #[test]
    fn casts_to_a_vector_of_bytes_only() {
        assert_eq!(cast::<Vec<u8>>(vec![1, 2]), Some(vec![1, 2]));
        assert_eq!(cast::<Vec<i8>>(vec![1, 2]), None);
        assert_eq!(cast::<String>(vec![1, 2]), None);
    }

    #[test]
    fn knows_the_visitor_of_vec_from_others_that_make_one() {
        struct Halves;
        impl<'de> Visitor<'de> for Halves {
            type Value = Vec<u8>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Vec<u8>, A::Error> {
                Ok(Vec::new())
            }
        }
        struct Asks(bool);
        impl<'de> Deserializer<'de> for &mut Asks {
            type Error = Seen;
            fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Seen> {
                self.0 = is_visitor::<V>();
                Err(Seen(None))
            }
            serde::forward_to_deserialize_any! {
                bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes
                byte_buf option unit unit_struct newtype_struct seq tuple tuple_struct map struct
                enum identifier ignored_any
            }
        }
        fn asked<T: for<'de> Deserialize<'de>>() -> bool {
            let mut asks = Asks(false);
            assert!(T::deserialize(&mut asks).is_err());
            asks.0
        }
        assert!(asked::<Vec<u8>>());
        assert!(asked::<Box<[u8]>>());
        assert!(!asked::<Vec<i8>>());
        assert!(!asked::<VecDeque<u8>>());
        assert!(!is_visitor::<Halves>());
    }
}
