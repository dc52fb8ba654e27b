//! What a value may do between the beginning and the end of a collection, struct or tuple.

use serde::ser::{
    Error, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant,
};

use super::{super::EncodeError, Guard};

/// The inside of a sequence or map, which gave its length first.
pub(super) struct Elements<'a, C> {
    inner: C,
    guard: Guard<'a>,
    announced: usize,
    written: usize,
}

impl<'a, C> Elements<'a, C> {
    #[inline]
    pub(super) fn new(inner: C, guard: Guard<'a>, announced: usize) -> Self {
        Self { inner, guard, announced, written: 0 }
    }

    /// The inner half, if as many elements were written as announced: a receiver would read the
    /// next field as an element, or an element as the next field.
    #[inline]
    fn complete<E: Error>(self) -> Result<C, E> {
        if self.written != self.announced {
            let announced = self.announced;
            return Err(self.guard.refuse(EncodeError::WrongLength { announced }));
        }
        Ok(self.inner)
    }
}

impl<C> SerializeSeq for Elements<'_, C>
where
    C: SerializeSeq,
{
    type Ok = C::Ok;
    type Error = C::Error;

    #[inline]
    fn serialize_element<T>(&mut self, value: &T) -> Result<(), C::Error>
    where
        T: Serialize + ?Sized,
    {
        self.written += 1;
        self.inner.serialize_element(&self.guard.value(value))
    }

    #[inline]
    fn end(self) -> Result<C::Ok, C::Error> {
        self.complete()?.end()
    }
}

impl<C> SerializeMap for Elements<'_, C>
where
    C: SerializeMap,
{
    type Ok = C::Ok;
    type Error = C::Error;

    #[inline]
    fn serialize_key<T>(&mut self, key: &T) -> Result<(), C::Error>
    where
        T: Serialize + ?Sized,
    {
        self.written += 1;
        self.inner.serialize_key(&self.guard.value(key))
    }

    #[inline]
    fn serialize_value<T>(&mut self, value: &T) -> Result<(), C::Error>
    where
        T: Serialize + ?Sized,
    {
        self.inner.serialize_value(&self.guard.value(value))
    }

    #[inline]
    fn end(self) -> Result<C::Ok, C::Error> {
        self.complete()?.end()
    }
}

/// The inside of a struct, tuple or variant, whose type says how many fields it has.
pub(super) struct Fields<'a, C> {
    inner: C,
    guard: Guard<'a>,
    name: &'static str,
    variant: Option<&'static str>,
}

impl<'a, C> Fields<'a, C> {
    #[inline]
    pub(super) fn of_tuple(inner: C, guard: Guard<'a>) -> Self {
        Self { inner, guard, name: "tuple", variant: None }
    }

    #[inline]
    pub(super) fn of_struct(inner: C, guard: Guard<'a>, name: &'static str) -> Self {
        Self { inner, guard, name, variant: None }
    }

    #[inline]
    pub(super) fn of_variant(
        inner: C,
        guard: Guard<'a>,
        name: &'static str,
        variant: &'static str,
    ) -> Self {
        Self { inner, guard, name, variant: Some(variant) }
    }

    #[cold]
    fn skipped<E: Error>(&self, field: &'static str) -> E {
        let container = match self.variant {
            Some(variant) => format!("{}::{variant}", self.name),
            None => self.name.to_owned(),
        };
        self.guard.refuse(EncodeError::SkippedField { container, field })
    }
}

/// Fields that have only a position, which serde knows under three names.
macro_rules! positional_fields {
    ($($trait:ident::$method:ident)*) => {$(
        impl<C> $trait for Fields<'_, C>
        where
            C: $trait,
        {
            type Ok = C::Ok;
            type Error = C::Error;

            #[inline]
            fn $method<T>(&mut self, value: &T) -> Result<(), C::Error>
            where
                T: Serialize + ?Sized,
            {
                self.inner.$method(&self.guard.value(value))
            }

            #[inline]
            fn end(self) -> Result<C::Ok, C::Error> {
                self.inner.end()
            }
        }
    )*};
}

positional_fields! {
    SerializeTuple::serialize_element
    SerializeTupleStruct::serialize_field
    SerializeTupleVariant::serialize_field
}

/// Fields that have a name, which serde knows under two names.
macro_rules! named_fields {
    ($($trait:ident)*) => {$(
        impl<C> $trait for Fields<'_, C>
        where
            C: $trait,
        {
            type Ok = C::Ok;
            type Error = C::Error;

            #[inline]
            fn serialize_field<T>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), C::Error>
            where
                T: Serialize + ?Sized,
            {
                self.inner.serialize_field(key, &self.guard.value(value))
            }

            fn skip_field(&mut self, key: &'static str) -> Result<(), C::Error> {
                Err(self.skipped(key))
            }

            #[inline]
            fn end(self) -> Result<C::Ok, C::Error> {
                self.inner.end()
            }
        }
    )*};
}

named_fields! { SerializeStruct SerializeStructVariant }
