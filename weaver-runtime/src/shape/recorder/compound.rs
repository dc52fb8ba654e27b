//! The inside of sequences, maps and structs, as they are written.

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};

use super::Recorder;
use crate::shape::error::Error;
use crate::shape::path::Segment;
use crate::shape::problem::ProblemKind;

/// Anything with values inside.
pub(super) struct Compound<'a> {
    recorder: Recorder<'a>,
    next: usize,
}

impl<'a> Compound<'a> {
    pub(super) fn new(recorder: Recorder<'a>) -> Self {
        Self { recorder, next: 0 }
    }
}

impl Compound<'_> {
    fn value<T: Serialize + ?Sized>(&mut self, at: Segment, value: &T) -> Result<(), Error> {
        let path = self.recorder.path.join(at);
        let record = &mut *self.recorder.record;
        let inside = Recorder { record: &mut *record, path: path.clone() };
        value.serialize(inside).inspect_err(|why| {
            // The innermost value that fails is the one to name.
            record.failure.get_or_insert_with(|| (path, why.to_string()));
        })
    }

    fn position<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let at = Segment::Index(self.next);
        self.next += 1;
        self.value(at, value)
    }

    fn skip(&mut self, field: &'static str) {
        let path = self.recorder.path.join(Segment::Field(field));
        self.recorder.find(path, ProblemKind::SkippedField { field });
    }
}

impl SerializeSeq for Compound<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.value(Segment::Element, value)
    }

    fn end(self) -> Result<(), Error> {
        Ok(())
    }
}

impl SerializeMap for Compound<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.value(Segment::Key, key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.value(Segment::Element, value)
    }

    fn end(self) -> Result<(), Error> {
        Ok(())
    }
}

macro_rules! positions {
    ($($compound:ident $method:ident;)*) => {$(
        impl $compound for Compound<'_> {
            type Ok = ();
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.position(value)
            }

            fn end(self) -> Result<(), Error> {
                Ok(())
            }
        }
    )*};
}

positions! {
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
    SerializeTupleVariant serialize_field;
}

macro_rules! fields {
    ($($compound:ident)*) => {$(
        impl $compound for Compound<'_> {
            type Ok = ();
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Error> {
                self.value(Segment::Field(name), value)
            }

            fn skip_field(&mut self, name: &'static str) -> Result<(), Error> {
                self.skip(name);
                Ok(())
            }

            fn end(self) -> Result<(), Error> {
                Ok(())
            }
        }
    )*};
}

fields! { SerializeStruct SerializeStructVariant }
