//! A key of a table, for maps whose keys are not text.

use serde::de::{Deserializer, IntoDeserializer, Unexpected, Visitor};
use serde::{de, forward_to_deserialize_any};

use super::problem::Problem;

/// A key, which is text in the file and may be a number or a variant in the type.
pub(super) struct Key<'de> {
    text: &'de str,
}

impl<'de> Key<'de> {
    pub(super) fn new(text: &'de str) -> Self {
        Self { text }
    }
}

/// Methods that read the key as a type which is written as text.
macro_rules! parse_key {
    ($($method:ident $visit:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
            match self.text.parse() {
                Ok(value) => visitor.$visit(value),
                Err(_) => {
                    Err(de::Error::invalid_type(Unexpected::Str(self.text), &visitor))
                }
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = Problem;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_borrowed_str(self.text)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_enum(self.text.into_deserializer())
    }

    parse_key! {
        deserialize_bool visit_bool
        deserialize_i8 visit_i8
        deserialize_i16 visit_i16
        deserialize_i32 visit_i32
        deserialize_i64 visit_i64
        deserialize_i128 visit_i128
        deserialize_u8 visit_u8
        deserialize_u16 visit_u16
        deserialize_u32 visit_u32
        deserialize_u64 visit_u64
        deserialize_u128 visit_u128
    }

    forward_to_deserialize_any! {
        f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}
