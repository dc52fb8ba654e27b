//! Visitors of strings and byte strings that are copied whole.
//!
//! Each takes a slice of the message, which is known to be there, and only then allocates.

use std::{fmt, marker::PhantomData};

use serde::de::{Error, Visitor};

use super::byte_string;

/// Copies text for a visitor that asked for a `String`.
pub(super) struct Text<V>(pub(super) V);

impl<'de, V> Visitor<'de> for Text<V>
where
    V: Visitor<'de>,
{
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    #[inline]
    fn visit_str<E: Error>(self, text: &str) -> Result<V::Value, E> {
        self.0.visit_string(text.to_owned())
    }
}

/// Copies bytes for a visitor that asked for a byte buffer.
pub(super) struct ByteBuf<V>(pub(super) V);

impl<'de, V> Visitor<'de> for ByteBuf<V>
where
    V: Visitor<'de>,
{
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    #[inline]
    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<V::Value, E> {
        self.0.visit_byte_buf(bytes.to_vec())
    }
}

/// Copies bytes into a `Vec<u8>`, which is what `T` is.
pub(super) struct Bytes<T>(PhantomData<T>);

impl<T> Bytes<T> {
    pub(super) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T> Visitor<'_> for Bytes<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a byte string")
    }

    #[inline]
    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<T, E> {
        byte_string::cast(bytes.to_vec()).ok_or_else(|| E::custom("not a byte string"))
    }
}
