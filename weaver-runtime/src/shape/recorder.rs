//! The serializer that writes down what a sample serializes to, and what the codec would refuse.

use serde::ser::{Serialize, Serializer};

use super::error::Error;
use super::path::{Path, Segment};
use super::problem::ProblemKind;
use super::session::Finding;
use super::token::{Token, Written};

mod compound;

use compound::Compound;

/// What one value serialized to.
#[derive(Default)]
pub(super) struct Record {
    pub(super) tokens: Vec<Written>,
    /// Calls that have no meaning in the codec; with any of these, the tokens cannot be read back.
    pub(super) findings: Vec<Finding>,
    /// Why serializing ended early, and where.
    pub(super) failure: Option<(Path, String)>,
}

impl Record {
    /// Serializes one value.
    pub(super) fn of<T: Serialize>(value: &T) -> Self {
        let mut record = Self::default();
        let recorder = Recorder { record: &mut record, path: Path::default() };
        if let Err(why) = value.serialize(recorder) {
            record.failure.get_or_insert_with(|| (Path::default(), why.to_string()));
        }
        record
    }
}

/// Stands where one value is written.
struct Recorder<'a> {
    record: &'a mut Record,
    path: Path,
}

impl Recorder<'_> {
    fn write(self, token: Token) {
        let Self { record, path } = self;
        record.tokens.push(Written { token, path });
    }

    fn find(&mut self, path: Path, kind: ProblemKind) {
        self.record.findings.push(Finding { path, kind });
    }
}

impl<'a> Recorder<'a> {
    /// The same place again, for what else is to be written there.
    fn here(&mut self) -> Recorder<'_> {
        Recorder { record: &mut *self.record, path: self.path.clone() }
    }

    fn variant(mut self, index: u32, name: &'static str) -> Self {
        self.here().write(Token::Variant(index, name));
        self.path = self.path.join(Segment::Variant(name));
        self
    }

    /// A sequence or map; its length must be known before its elements.
    fn counted(mut self, length: Option<usize>) -> Compound<'a> {
        if length.is_none() {
            self.find(self.path.clone(), ProblemKind::UnknownLength);
        }
        self.here().write(Token::Length(length.unwrap_or(0)));
        self.compound()
    }

    fn compound(self) -> Compound<'a> {
        Compound::new(self)
    }
}

macro_rules! scalars {
    ($($method:ident $type:ty, $token:ident;)*) => {$(
        fn $method(self, value: $type) -> Result<(), Error> {
            self.write(Token::$token(value.into()));
            Ok(())
        }
    )*};
}

impl<'a> Serializer for Recorder<'a> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Compound<'a>;
    type SerializeTuple = Compound<'a>;
    type SerializeTupleStruct = Compound<'a>;
    type SerializeTupleVariant = Compound<'a>;
    type SerializeMap = Compound<'a>;
    type SerializeStruct = Compound<'a>;
    type SerializeStructVariant = Compound<'a>;

    scalars! {
        serialize_bool bool, Bool;
        serialize_i8 i8, I8;
        serialize_i16 i16, I16;
        serialize_i32 i32, I32;
        serialize_i64 i64, I64;
        serialize_i128 i128, I128;
        serialize_u8 u8, U8;
        serialize_u16 u16, U16;
        serialize_u32 u32, U32;
        serialize_u64 u64, U64;
        serialize_u128 u128, U128;
        serialize_f32 f32, F32;
        serialize_f64 f64, F64;
        serialize_char char, Char;
        serialize_str &str, Bytes;
        serialize_bytes &[u8], Bytes;
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.write(Token::Option(false));
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(mut self, value: &T) -> Result<(), Error> {
        self.here().write(Token::Option(true));
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<(), Error> {
        self.variant(index, variant);
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self.variant(index, variant))
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Compound<'a>, Error> {
        Ok(self.counted(length))
    }

    fn serialize_tuple(self, _length: usize) -> Result<Compound<'a>, Error> {
        Ok(self.compound())
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        _length: usize,
    ) -> Result<Compound<'a>, Error> {
        Ok(self.compound())
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Compound<'a>, Error> {
        Ok(self.variant(index, variant).compound())
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Compound<'a>, Error> {
        Ok(self.counted(length))
    }

    fn serialize_struct(self, _name: &'static str, _length: usize) -> Result<Compound<'a>, Error> {
        Ok(self.compound())
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Compound<'a>, Error> {
        Ok(self.variant(index, variant).compound())
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}
