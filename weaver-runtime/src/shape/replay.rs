//! The deserializer that reads a record back, as strictly as the codec reads bytes, and a little more so: a `u32` is
//! not taken for an `i32`.

use std::collections::VecDeque;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess,
    SeqAccess, VariantAccess, Visitor,
};

use super::error::Error;
use super::path::{Path, Segment};
use super::problem::ProblemKind;
use super::session::Finding;
use super::token::{Token, Written};

/// The tokens that are not read yet, and what has gone wrong.
pub(super) struct Replay {
    left: VecDeque<Written>,
    paths: Vec<Path>,
    /// Where writer and reader last went different ways, if they have not met again. They may do so in health (a
    /// struct read as a tuple), so this only says where to point when reading fails.
    parted: Option<(Written, Path, &'static str)>,
    mismatch: Option<Finding>,
    last: Path,
}

impl Replay {
    /// Reads a `T` from what one has written, to the last token.
    pub(super) fn read<T: DeserializeOwned>(tokens: Vec<Written>) -> Result<T, Finding> {
        let mut replay = Self::over(tokens);
        let reader = Reader { replay: &mut replay, path: Path::default() };
        match T::deserialize(reader) {
            Ok(value) if replay.left.is_empty() && replay.mismatch.is_none() => Ok(value),
            Ok(_) => Err(replay.into_finding("it was read to its end, but not all of it")),
            Err(why) => Err(replay.into_finding(&why.to_string())),
        }
    }

    fn over(tokens: Vec<Written>) -> Self {
        let paths = tokens.iter().map(|written| written.path.clone()).collect();
        let (parted, mismatch, last) = (None, None, Path::default());
        Self { left: tokens.into(), paths, parted, mismatch, last }
    }

    /// The most likely place of the mistake.
    fn into_finding(mut self, why: &str) -> Finding {
        if let Some((written, path, read)) = self.parted.take() {
            return match self.paths.contains(&path) {
                true => asymmetric(written.path, written.token.kind(), "nothing"),
                false => asymmetric(path, "nothing", read),
            };
        }
        if let Some(mismatch) = self.mismatch {
            return mismatch;
        }
        if let Some(Written { token, path }) = self.left.pop_front() {
            return asymmetric(path, token.kind(), "nothing");
        }
        asymmetric(self.last, "something", &format!("an error ({why})"))
    }

    fn next(&mut self, path: &Path, read: &'static str) -> Result<Token, Error> {
        self.last = path.clone();
        let Some(written) = self.left.pop_front() else {
            let missing = || asymmetric(path.clone(), "nothing", read);
            self.mismatch.get_or_insert_with(missing);
            return Err(Error::new("there is nothing left to read"));
        };
        if written.path == *path {
            self.parted = None;
        } else if self.parted.is_none() {
            self.parted = Some((written.clone(), path.clone(), read));
        }
        Ok(written.token)
    }

    fn mismatch(&mut self, path: &Path, token: &Token, read: &'static str) -> Error {
        let mismatch = || asymmetric(path.clone(), token.kind(), read);
        self.mismatch.get_or_insert_with(mismatch);
        Error::new(format!("{} is read as {read}", token.kind()))
    }

    /// A string and a sequence of bytes are the same on the wire: puts one in front as the other.
    fn split_bytes(&mut self) {
        let is_bytes = |written: &Written| matches!(written.token, Token::Bytes(_));
        if !self.left.front().is_some_and(is_bytes) {
            return;
        }
        let Some(Written { token: Token::Bytes(bytes), path }) = self.left.pop_front()
        else {
            return;
        };
        let element = path.join(Segment::Element);
        for byte in bytes.iter().rev() {
            let (token, path) = (Token::U8(*byte), element.clone());
            self.left.push_front(Written { token, path });
        }
        self.left.push_front(Written { token: Token::Length(bytes.len()), path });
    }

    fn join_bytes(&mut self) {
        let Some(Written { token: Token::Length(length), path }) = self.left.front() else {
            return;
        };
        let (length, path) = (*length, path.clone());
        let bytes = self.left.iter().skip(1).take(length).map_while(|written| match written.token {
            Token::U8(byte) => Some(byte),
            _ => None,
        });
        let bytes: Vec<u8> = bytes.collect();
        if bytes.len() == length {
            self.left.drain(..=length);
            self.left.push_front(Written { token: Token::Bytes(bytes), path });
        }
    }
}

fn asymmetric(path: Path, written: &str, read: &str) -> Finding {
    let (written, read) = (written.to_owned(), read.to_owned());
    Finding { path, kind: ProblemKind::Asymmetric { written, read } }
}

/// Compares what a value serializes to with what it serializes to after it was read back.
pub(super) fn compare(first: &[Written], second: &[Written]) -> Option<Finding> {
    let pairs = first.iter().zip(second);
    for (one, other) in pairs {
        if !one.token.is_like(&other.token) {
            let (written, read) = (one.token.describe(), other.token.describe());
            return Some(asymmetric(one.path.clone(), &written, &read));
        }
    }
    let shorter = first.len().min(second.len());
    if let Some(extra) = first.get(shorter) {
        return Some(asymmetric(extra.path.clone(), extra.token.kind(), "nothing"));
    }
    let extra = second.get(shorter)?;
    Some(asymmetric(extra.path.clone(), "nothing", extra.token.kind()))
}

/// Stands where one value is read.
struct Reader<'a> {
    replay: &'a mut Replay,
    path: Path,
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

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
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
        let Some(segment) = self.take() else { return Ok(None) };
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
        let Some(_) = self.take() else { return Ok(None) };
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
        let index = match replay.next(path, "an enum")? {
            Token::Variant(index) => index,
            token => return Err(replay.mismatch(path, &token, "an enum")),
        };
        let value: Result<_, Error> = seed.deserialize(index.into_deserializer());
        if value.is_err() {
            let written = format!("the variant with index {index}");
            let unknown = || asymmetric(path.clone(), &written, "no variant");
            replay.mismatch.get_or_insert_with(unknown);
        }
        let name = self.variants.get(index as usize).copied().unwrap_or_default();
        *path = path.join(Segment::Variant(name));
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
