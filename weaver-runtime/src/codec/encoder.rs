//! The guard around a value that is being encoded.
//!
//! [`Encoder`] stands between the value's `Serialize` and the format's serializer and passes on
//! what it is told, except that it counts depth and elements, copies byte strings whole, and
//! refuses what a receiver could not read back.

use serde::ser::{Serialize, SerializeSeq, Serializer};

use super::byte_string;

mod guard;
mod inside;
mod output;

use guard::Guard;
pub(super) use guard::Tally;
use inside::{Elements, Fields};
pub(super) use output::Output;

/// A value and the guard under which it is serialized.
pub(super) struct Guarded<'a, T: ?Sized> {
    value: &'a T,
    guard: Guard<'a>,
}

impl<T> Serialize for Guarded<'_, T>
where
    T: Serialize + ?Sized,
{
    #[inline]
    fn serialize<S>(&self, inner: S) -> Result<S::Ok, S::Error>
    where
        S: Serializer,
    {
        self.value.serialize(Encoder { inner, guard: self.guard })
    }
}

/// The serializer that a value sees.
struct Encoder<'a, S> {
    inner: S,
    guard: Guard<'a>,
}

/// Methods that a leaf of the value calls, and that need no guard.
macro_rules! pass_on {
    ($($method:ident($type:ty))*) => {$(
        #[inline]
        fn $method(self, value: $type) -> Result<S::Ok, S::Error> {
            self.inner.$method(value)
        }
    )*};
}

impl<'a, S> Serializer for Encoder<'a, S>
where
    S: Serializer,
{
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Elements<'a, S::SerializeSeq>;
    type SerializeTuple = Fields<'a, S::SerializeTuple>;
    type SerializeTupleStruct = Fields<'a, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Fields<'a, S::SerializeTupleVariant>;
    type SerializeMap = Elements<'a, S::SerializeMap>;
    type SerializeStruct = Fields<'a, S::SerializeStruct>;
    type SerializeStructVariant = Fields<'a, S::SerializeStructVariant>;

    pass_on! {
        serialize_bool(bool)
        serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64)
        serialize_i128(i128)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64)
        serialize_u128(u128)
        serialize_f32(f32) serialize_f64(f64) serialize_char(char)
        serialize_str(&str) serialize_bytes(&[u8]) serialize_unit_struct(&'static str)
    }

    #[inline]
    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit()
    }

    // A level although it holds nothing, because the decoder counts it before it knows that.
    #[inline]
    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.guard.enter()?;
        self.inner.serialize_none()
    }

    #[inline]
    fn serialize_some<T>(self, value: &T) -> Result<S::Ok, S::Error>
    where
        T: Serialize + ?Sized,
    {
        let inside = self.guard.enter()?;
        self.inner.serialize_some(&inside.value(value))
    }

    #[inline]
    fn serialize_newtype_struct<T>(self, name: &'static str, value: &T) -> Result<S::Ok, S::Error>
    where
        T: Serialize + ?Sized,
    {
        let inside = self.guard.enter()?;
        self.inner.serialize_newtype_struct(name, &inside.value(value))
    }

    // A level for the same reason as `None`.
    #[inline]
    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.guard.enter()?;
        self.inner.serialize_unit_variant(name, index, variant)
    }

    #[inline]
    fn serialize_newtype_variant<T>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error>
    where
        T: Serialize + ?Sized,
    {
        let inside = self.guard.enter()?;
        self.inner.serialize_newtype_variant(name, index, variant, &inside.value(value))
    }

    #[inline]
    fn collect_seq<I>(self, items: I) -> Result<S::Ok, S::Error>
    where
        I: IntoIterator<Item: Serialize>,
    {
        if let Some(bytes) = byte_string::borrow(&items) {
            self.guard.enter()?;
            return self.inner.serialize_bytes(bytes);
        }
        let items = items.into_iter();
        let mut elements = self.serialize_seq(exact_len(&items))?;
        for item in items {
            SerializeSeq::serialize_element(&mut elements, &item)?;
        }
        SerializeSeq::end(elements)
    }

    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        let (guard, announced) = self.guard.enter_elements(len)?;
        let inner = self.inner.serialize_seq(len)?;
        Ok(Elements::new(inner, guard, announced))
    }

    #[inline]
    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        let (guard, announced) = self.guard.enter_elements(len)?;
        let inner = self.inner.serialize_map(len)?;
        Ok(Elements::new(inner, guard, announced))
    }

    #[inline]
    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, S::Error> {
        let guard = self.guard.enter()?;
        let inner = self.inner.serialize_tuple(len)?;
        Ok(Fields::of_tuple(inner, guard))
    }

    #[inline]
    fn serialize_tuple_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        let guard = self.guard.enter()?;
        let inner = self.inner.serialize_tuple_struct(name, len)?;
        Ok(Fields::of_struct(inner, guard, name))
    }

    #[inline]
    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        let guard = self.guard.enter()?;
        let inner = self.inner.serialize_tuple_variant(name, index, variant, len)?;
        Ok(Fields::of_variant(inner, guard, name, variant))
    }

    #[inline]
    fn serialize_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStruct, S::Error> {
        let guard = self.guard.enter()?;
        let inner = self.inner.serialize_struct(name, len)?;
        Ok(Fields::of_struct(inner, guard, name))
    }

    #[inline]
    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        let guard = self.guard.enter()?;
        let inner = self.inner.serialize_struct_variant(name, index, variant, len)?;
        Ok(Fields::of_variant(inner, guard, name, variant))
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// How many items follow, if the iterator is sure.
fn exact_len<I>(items: &I) -> Option<usize>
where
    I: Iterator,
{
    let (lower, upper) = items.size_hint();
    upper.filter(|upper| *upper == lower)
}
