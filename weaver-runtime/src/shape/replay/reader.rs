//! The serde side of reading a record back.

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use super::{Replay, asymmetric};
use crate::shape::error::Error;
use crate::shape::path::{Path, Segment};
use crate::shape::token::Token;

/// Stands where one value is read.
pub(super) struct Reader<'a> {
    pub(super) replay: &'a mut Replay,
    pub(super) path: Path,
}

impl Reader<'_> {
    fn length(&mut self) -> Result<usize, Error> {
        self.replay.split_bytes();
        let read = "a sequence or map";
        match self.replay.next(&self.path, read)? {
            Token::Length(length) => Ok(length),
            token => Err(self.replay.mismatch(&self.path, &token, read)),
        }
    }

    fn bytes(&mut self) -> Result<Vec<u8>, Error> {
        self.replay.join_bytes();
        let read = "a string or bytes";
        match self.replay.next(&self.path, read)? {
            Token::Bytes(bytes) => Ok(bytes),
            token => Err(self.replay.mismatch(&self.path, &token, read)),
        }
    }

    fn unsupported<V>(self, read: &'static str) -> Result<V, Error> {
        let finding = || asymmetric(self.path, "something", read);
        self.replay.mismatch.get_or_insert_with(finding);
        Err(Error::new("this cannot be read"))
    }
}

impl<'a> Reader<'a> {
    fn inside(self, names: Names, left: usize) -> Inside<'a> {
        Inside { reader: self, names, left, next: 0 }
    }

    fn at(&mut self, segment: Segment) -> Reader<'_> {
        Reader { replay: &mut *self.replay, path: self.path.join(segment) }
    }
}

macro_rules! scalars {
    ($($method:ident $visit:ident $token:ident $read:literal;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.replay.next(&self.path, $read)? {
                Token::$token(value) => visitor.$visit(value),
                token => Err(self.replay.mismatch(&self.path, &token, $read)),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Error;

    scalars! {
        deserialize_bool visit_bool Bool "bool";
        deserialize_i8 visit_i8 I8 "i8";
        deserialize_i16 visit_i16 I16 "i16";
        deserialize_i32 visit_i32 I32 "i32";
        deserialize_i64 visit_i64 I64 "i64";
        deserialize_i128 visit_i128 I128 "i128";
        deserialize_u8 visit_u8 U8 "u8";
        deserialize_u16 visit_u16 U16 "u16";
        deserialize_u32 visit_u32 U32 "u32";
        deserialize_u64 visit_u64 U64 "u64";
        deserialize_u128 visit_u128 U128 "u128";
        deserialize_f32 visit_f32 F32 "f32";
        deserialize_f64 visit_f64 F64 "f64";
        deserialize_char visit_char Char "char";
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_string(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        let text = String::from_utf8(self.bytes()?);
        visitor.visit_string(text.map_err(|_| Error::new("the bytes are not text"))?)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_byte_buf(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        let bytes = self.bytes()?;
        visitor.visit_byte_buf(bytes)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.replay.next(&self.path, "an option")? {
            Token::Option(true) => visitor.visit_some(self),
            Token::Option(false) => visitor.visit_none(),
            token => Err(self.replay.mismatch(&self.path, &token, "an option")),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        let length = self.length()?;
        visitor.visit_seq(self.inside(Names::Elements, length))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(self.inside(Names::Positions, len))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_seq(self.inside(Names::Positions, len))
    }

    fn deserialize_map<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        let length = self.length()?;
        visitor.visit_map(self.inside(Names::Elements, length))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_seq(self.inside(Names::Fields(fields), fields.len()))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(Variants { reader: self, variants })
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Error> {
        self.unsupported("a name")
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Error> {
        self.unsupported("anything")
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Error> {
        self.unsupported("anything")
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// The values of a sequence, tuple, struct or map.
struct Inside<'a> {
    reader: Reader<'a>,
    names: Names,
    left: usize,
    next: usize,
}

enum Names {
    Elements,
    Positions,
    Fields(&'static [&'static str]),
}

impl Inside<'_> {
    fn take(&mut self) -> Option<Segment> {
        self.left = self.left.checked_sub(1)?;
        self.next += 1;
        Some(match self.names {
            Names::Elements => Segment::Element,
            Names::Positions => Segment::Index(self.next - 1),
            Names::Fields(names) => Segment::name(names, self.next - 1),
        })
    }
}

impl<'de> SeqAccess<'de> for Inside<'_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        let Some(segment) = self.take() else {
            return Ok(None);
        };
        seed.deserialize(self.reader.at(segment)).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> MapAccess<'de> for Inside<'_> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        let Some(_) = self.take() else {
            return Ok(None);
        };
        seed.deserialize(self.reader.at(Segment::Key)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(self.reader.at(Segment::Element))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

/// A variant, before and after its index was read.
struct Variants<'a> {
    reader: Reader<'a>,
    variants: &'static [&'static str],
}

impl<'de> EnumAccess<'de> for Variants<'_> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(
        mut self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), Error> {
        let Reader { replay, path } = &mut self.reader;
        let token = replay.next(path, "an enum")?;
        let Token::Variant(index, written) = token else {
            return Err(replay.mismatch(path, &token, "an enum"));
        };
        let value: Result<_, Error> = seed.deserialize(index.into_deserializer());
        let read = self.variants.get(index as usize).copied();
        if value.is_err() || (read != Some(written) && self.variants.contains(&written)) {
            let read = read.map(|read| format!("the variant {read}"));
            let read = read.unwrap_or_else(|| "no variant".to_owned());
            let shifted = || asymmetric(path.clone(), &token.describe(), &read);
            replay.shifted.get_or_insert_with(shifted);
        }
        *path = path.join(Segment::Variant(read.unwrap_or_default()));
        Ok((value?, self))
    }
}

impl<'de> VariantAccess<'de> for Variants<'_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(self.reader)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(self.reader.inside(Names::Positions, len))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_seq(self.reader.inside(Names::Fields(fields), fields.len()))
    }
}
