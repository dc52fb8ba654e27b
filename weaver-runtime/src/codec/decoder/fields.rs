//! Values of which the type says how many there are: an option's, a struct's, a tuple's.
//!
//! Their size is part of the size of what holds them, which has been paid for.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};

use super::{Decoder, Guard};

/// The visitor of a value that has fields: it hands the guard on to them.
pub(super) struct Fields<'a, V> {
    inner: V,
    guard: Guard<'a>,
}

impl<'a, V> Fields<'a, V> {
    #[inline]
    pub(super) fn new(inner: V, guard: Guard<'a>) -> Self {
        Self { inner, guard }
    }
}

impl<'de, V> Visitor<'de> for Fields<'_, V>
where
    V: Visitor<'de>,
{
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    #[inline]
    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    #[inline]
    fn visit_some<D>(self, inner: D) -> Result<V::Value, D::Error>
    where
        D: Deserializer<'de>,
    {
        let guard = self.guard;
        self.inner.visit_some(Decoder { inner, guard })
    }

    #[inline]
    fn visit_newtype_struct<D>(self, inner: D) -> Result<V::Value, D::Error>
    where
        D: Deserializer<'de>,
    {
        let guard = self.guard;
        self.inner.visit_newtype_struct(Decoder { inner, guard })
    }

    #[inline]
    fn visit_seq<A>(self, inner: A) -> Result<V::Value, A::Error>
    where
        A: SeqAccess<'de>,
    {
        let guard = self.guard;
        self.inner.visit_seq(FieldAccess { inner, guard })
    }
}

/// The fields, one after another.
struct FieldAccess<'a, A> {
    inner: A,
    guard: Guard<'a>,
}

impl<'de, A> SeqAccess<'de> for FieldAccess<'_, A>
where
    A: SeqAccess<'de>,
{
    type Error = A::Error;

    #[inline]
    fn next_element_seed<S>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error>
    where
        S: DeserializeSeed<'de>,
    {
        self.inner.next_element_seed(self.guard.seed(seed))
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}
