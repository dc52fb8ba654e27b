//! The guard around bytes that are being decoded.
//!
//! [`Decoder`] stands between the type's `Deserialize` and the format's deserializer and passes on
//! what it is asked, except that it counts depth and memory, copies byte strings whole, and
//! refuses what the format cannot answer.
//!
//! Values that hold no others go straight through. This relies on the format answering with the
//! shape that it was asked for, as a format that does not describe itself must.

use serde::de::{DeserializeSeed, Deserializer, Expected, Visitor};

use super::{DecodeError, byte_string};

mod budget;
mod elements;
mod fields;
mod variants;
mod whole;

pub(super) use budget::Budget;
use budget::Guard;
use elements::Elements;
use fields::Fields;
use variants::Variants;
use whole::{ByteBuf, Bytes, Text};

/// A seed and the guard under which it is deserialized.
pub(super) struct Seed<'a, S> {
    inner: S,
    guard: Guard<'a>,
}

impl<'de, S> DeserializeSeed<'de> for Seed<'_, S>
where
    S: DeserializeSeed<'de>,
{
    type Value = S::Value;

    #[inline]
    fn deserialize<D>(self, inner: D) -> Result<S::Value, D::Error>
    where
        D: Deserializer<'de>,
    {
        let guard = self.guard.at_place_of::<S::Value>();
        self.inner.deserialize(Decoder { inner, guard })
    }
}

/// The deserializer that a type sees.
struct Decoder<'a, D> {
    inner: D,
    guard: Guard<'a>,
}

/// Methods for values that hold no others.
macro_rules! pass_on {
    ($($method:ident)*) => {$(
        #[inline]
        fn $method<V>(self, visitor: V) -> Result<V::Value, D::Error>
        where
            V: Visitor<'de>,
        {
            self.inner.$method(visitor)
        }
    )*};
}

/// Methods with which a type asks what it is that it reads.
macro_rules! refuse {
    ($($method:ident)*) => {$(
        fn $method<V>(self, visitor: V) -> Result<V::Value, D::Error>
        where
            V: Visitor<'de>,
        {
            let expected = (&visitor as &dyn Expected).to_string();
            Err(self.guard.refuse(DecodeError::NotSelfDescribing { expected }))
        }
    )*};
}

impl<'de, D> Deserializer<'de> for Decoder<'_, D>
where
    D: Deserializer<'de>,
{
    type Error = D::Error;

    pass_on! {
        deserialize_bool
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_char
        deserialize_str deserialize_bytes deserialize_unit
    }

    refuse! { deserialize_any deserialize_identifier deserialize_ignored_any }

    #[inline]
    fn deserialize_unit_struct<V>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error>
    where
        V: Visitor<'de>,
    {
        self.inner.deserialize_unit_struct(name, visitor)
    }

    // The format would allocate before it looks whether the bytes are there.
    #[inline]
    fn deserialize_string<V>(self, visitor: V) -> Result<V::Value, D::Error>
    where
        V: Visitor<'de>,
    {
        self.inner.deserialize_str(Text(visitor))
    }

    #[inline]
    fn deserialize_byte_buf<V>(self, visitor: V) -> Result<V::Value, D::Error>
    where
        V: Visitor<'de>,
    {
        self.inner.deserialize_bytes(ByteBuf(visitor))
    }

    #[inline]
    fn deserialize_option<V>(self, visitor: V) -> Result<V::Value, D::Error>
    where
        V: Visitor<'de>,
    {
        let guard = self.guard.enter::<V::Value, _>()?;
        self.inner.deserialize_option(Fields::new(visitor, guard))
    }

    #[inline]
    fn deserialize_newtype_struct<V>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error>
    where
        V: Visitor<'de>,
    {
        let guard = self.guard.enter::<V::Value, _>()?;
        self.inner.deserialize_newtype_struct(name, Fields::new(visitor, guard))
    }

    #[inline]
    fn deserialize_seq<V>(self, visitor: V) -> Result<V::Value, D::Error>
    where
        V: Visitor<'de>,
    {
        let guard = self.guard.enter::<V::Value, _>()?;
        if byte_string::is_visitor::<V>() {
            return self.inner.deserialize_bytes(Bytes::new());
        }
        self.inner.deserialize_seq(Elements::new(visitor, guard))
    }

    #[inline]
    fn deserialize_map<V>(self, visitor: V) -> Result<V::Value, D::Error>
    where
        V: Visitor<'de>,
    {
        let guard = self.guard.enter::<V::Value, _>()?;
        self.inner.deserialize_map(Elements::new(visitor, guard))
    }

    #[inline]
    fn deserialize_tuple<V>(self, len: usize, visitor: V) -> Result<V::Value, D::Error>
    where
        V: Visitor<'de>,
    {
        let guard = self.guard.enter::<V::Value, _>()?;
        self.inner.deserialize_tuple(len, Fields::new(visitor, guard))
    }

    #[inline]
    fn deserialize_tuple_struct<V>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error>
    where
        V: Visitor<'de>,
    {
        let guard = self.guard.enter::<V::Value, _>()?;
        self.inner.deserialize_tuple_struct(name, len, Fields::new(visitor, guard))
    }

    #[inline]
    fn deserialize_struct<V>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error>
    where
        V: Visitor<'de>,
    {
        let guard = self.guard.enter::<V::Value, _>()?;
        self.inner.deserialize_struct(name, fields, Fields::new(visitor, guard))
    }

    #[inline]
    fn deserialize_enum<V>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error>
    where
        V: Visitor<'de>,
    {
        let guard = self.guard.enter::<V::Value, _>()?;
        self.inner.deserialize_enum(name, variants, Variants::new(visitor, guard, name))
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}
