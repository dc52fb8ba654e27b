//! What a type may do while it reads an enum.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, VariantAccess, Visitor};

use super::{super::DecodeError, Fields, Guard};

/// The visitor of an enum.
pub(super) struct Variants<'a, V> {
    inner: V,
    guard: Guard<'a>,
    name: &'static str,
}

impl<'a, V> Variants<'a, V> {
    #[inline]
    pub(super) fn new(inner: V, guard: Guard<'a>, name: &'static str) -> Self {
        Self { inner, guard, name }
    }
}

impl<'de, V> Visitor<'de> for Variants<'_, V>
where
    V: Visitor<'de>,
{
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    #[inline]
    fn visit_enum<A>(self, inner: A) -> Result<V::Value, A::Error>
    where
        A: EnumAccess<'de>,
    {
        self.inner.visit_enum(VariantOf { inner, guard: self.guard, name: self.name })
    }
}

/// A variant's index (as `EnumAccess`), and then what it holds (as `VariantAccess`).
struct VariantOf<'a, A> {
    inner: A,
    guard: Guard<'a>,
    name: &'static str,
}

impl<'a, 'de, A> EnumAccess<'de> for VariantOf<'a, A>
where
    A: EnumAccess<'de>,
{
    type Error = A::Error;
    type Variant = VariantOf<'a, A::Variant>;

    #[inline]
    fn variant_seed<S>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error>
    where
        S: DeserializeSeed<'de>,
    {
        let Self { inner, guard, name } = self;
        let (index, inner) = inner.variant_seed(Index { seed, guard, name })?;
        Ok((index, VariantOf { inner, guard, name }))
    }
}

impl<'de, A> VariantAccess<'de> for VariantOf<'_, A>
where
    A: VariantAccess<'de>,
{
    type Error = A::Error;

    #[inline]
    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    #[inline]
    fn newtype_variant_seed<S>(self, seed: S) -> Result<S::Value, A::Error>
    where
        S: DeserializeSeed<'de>,
    {
        self.inner.newtype_variant_seed(self.guard.seed(seed))
    }

    #[inline]
    fn tuple_variant<V>(self, len: usize, visitor: V) -> Result<V::Value, A::Error>
    where
        V: Visitor<'de>,
    {
        self.inner.tuple_variant(len, Fields::new(visitor, self.guard))
    }

    #[inline]
    fn struct_variant<V>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error>
    where
        V: Visitor<'de>,
    {
        self.inner.struct_variant(fields, Fields::new(visitor, self.guard))
    }
}

/// The seed of a variant's index. It fails for one reason only, which is given a name here.
struct Index<'a, S> {
    seed: S,
    guard: Guard<'a>,
    name: &'static str,
}

impl<'de, S> DeserializeSeed<'de> for Index<'_, S>
where
    S: DeserializeSeed<'de>,
{
    type Value = S::Value;

    #[inline]
    fn deserialize<D>(self, index: D) -> Result<S::Value, D::Error>
    where
        D: Deserializer<'de>,
    {
        let Self { seed, guard, name } = self;
        seed.deserialize(index).map_err(|_| guard.refuse(DecodeError::UnknownVariant { name }))
    }
}
