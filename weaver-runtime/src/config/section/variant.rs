//! A variant of an enum that is written as a table with one key: `{ Circle = 0.5 }`.

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, VariantAccess, Visitor};

use super::key::Key;
use super::problem::Problem;
use super::value::Value;

/// The variant's name and what it holds.
pub(super) struct Variant<'de> {
    pub(super) name: Key<'de>,
    pub(super) content: Content<'de>,
}

/// What a variant holds.
pub(super) struct Content<'de>(pub(super) Value<'de>);

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Problem;
    type Variant = Content<'de>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Content<'de>), Problem> {
        Ok((seed.deserialize(self.name)?, self.content))
    }
}

impl<'de> Content<'de> {
    fn read<T>(self, read: impl FnOnce(Value<'de>) -> Result<T, Problem>) -> Result<T, Problem> {
        read(self.0.clone()).map_err(|problem| problem.at(&self.0))
    }
}

impl<'de> VariantAccess<'de> for Content<'de> {
    type Error = Problem;

    fn unit_variant(self) -> Result<(), Problem> {
        self.read(Deserialize::deserialize)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Problem> {
        self.read(|value| seed.deserialize(value))
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        self.read(|value| value.deserialize_tuple(length, visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        self.read(|value| value.deserialize_struct("", fields, visitor))
    }
}
