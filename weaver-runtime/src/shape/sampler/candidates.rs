//! The values that are tried for a scalar, the most ordinary first.
//!
//! They are chosen so that common validating types of the ecosystem accept one: identifiers, addresses, dates, URLs,
//! hashes. A type that accepts none is not examined further, which is a note and not an error, so the lists may stay
//! short; each costs a run for each entry that a type refuses.

use serde::de::Visitor;
use serde::de::value::SeqDeserializer;

use crate::shape::error::Error;

macro_rules! integers {
    ($($name:ident $integer:ident;)*) => {$(
        pub(super) const $name: [$integer; 7] =
            [1, 0, 2, 10, 100, $integer::MAX / 2 + 1, $integer::MAX];
    )*};
}

integers! {
    I8 i8; I16 i16; I32 i32; I64 i64; I128 i128;
    U8 u8; U16 u16; U32 u32; U64 u64; U128 u128;
}

pub(super) const BOOL: [bool; 2] = [true, false];
pub(super) const F32: [f32; 4] = [1.0, 0.0, 0.5, -1.0];
pub(super) const F64: [f64; 4] = [1.0, 0.0, 0.5, -1.0];
pub(super) const CHAR: [char; 4] = ['a', '0', ' ', 'A'];

pub(super) const STRING: [&str; 24] = [
    "a",
    "",
    "0",
    "A",
    "aa",
    "127.0.0.1",
    "127.0.0.1:1",
    "::1",
    "1970-01-01T00:00:00Z",
    "1970-01-01T00:00:00",
    "1970-01-01",
    "00:00:00",
    "http://a/",
    "00000000-0000-0000-0000-000000000000",
    "a@example.com",
    "example.com",
    "1.0.0",
    "text/plain",
    "USD",
    "Mon",
    "Jan",
    "/a",
    "00000000",
    "00000000000000000000000000000000",
];

/// Lengths of byte strings, in bytes: the sizes of identifiers, addresses, digests and keys.
pub(super) const BYTES_LEN: [usize; 9] = [1, 0, 16, 4, 8, 32, 12, 20, 64];
pub(super) const SEQ_LEN: [usize; 7] = [1, 0, 2, 3, 4, 16, 32];
pub(super) const MAP_LEN: [usize; 2] = [1, 0];

/// Values for a type that takes any. It cannot travel, but whatever stands beside it is examined too.
#[derive(Debug, Clone, Copy)]
pub(super) enum Any {
    Unit,
    Bool,
    Integer,
    Text,
    /// The first variant of an internally tagged enum.
    Tagged,
}

pub(super) const ANY: [Any; 5] = [Any::Unit, Any::Text, Any::Integer, Any::Bool, Any::Tagged];

impl Any {
    pub(super) fn visit<'de, V: Visitor<'de>>(visitor: V, this: Self) -> Result<V::Value, Error> {
        match this {
            Self::Unit => visitor.visit_unit(),
            Self::Bool => visitor.visit_bool(true),
            Self::Integer => visitor.visit_u64(1),
            Self::Text => visitor.visit_str("a"),
            Self::Tagged => visitor.visit_seq(SeqDeserializer::new([0_u32].into_iter())),
        }
    }
}
