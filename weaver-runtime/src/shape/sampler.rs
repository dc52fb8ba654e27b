//! The deserializer that makes a sample of any type, and keeps a record of what the type asked for.
//!
//! It answers exactly as the codec's deserializer would (structs are sequences, variants are `u32` indices, nothing is
//! human readable), only that the values come from the explorer.

use std::any::type_name;

use serde::de::{Deserializer, Visitor};

use super::chart::{Form, Head, NominalId, PlaceId, Step};
use super::error::Error;
use super::problem::ProblemKind;
use super::session::{Session, Way};
use super::stream;

mod access;
mod candidates;

use access::{Elements, Entries, Names, Variants};

/// Stands at one value of the type.
pub(super) struct Sampler<'a>(pub(super) &'a mut Session);

/// The first candidates of a scalar are all tried, so that `skip_serializing_if` shows, whichever value it is about.
const SCALAR_COVERAGE: usize = 2;

impl Sampler<'_> {
    fn scalar<'de, V: Visitor<'de>, C: Copy>(
        self,
        label: &'static str,
        candidates: &[C],
        visitor: V,
        visit: impl FnOnce(V, C) -> Result<V::Value, Error>,
    ) -> Result<V::Value, Error> {
        let session = self.0;
        let place = session.cursor.place;
        session.chart.record(place, Head::Scalar(label));
        let count = candidates.len();
        let coverage = SCALAR_COVERAGE.min(count);
        let chosen = session.choose::<V, V::Value>(place, label, count, coverage, None)?;
        visit(visitor, candidates[chosen.alternative])
            .inspect_err(|why| session.explorer.refused(chosen, &why.to_string()))
    }

    fn impossible<'de, V: Visitor<'de>>(
        self,
        asked: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0.find(ProblemKind::NotSelfDescribing { asked });
        self.scalar("any", &candidates::ANY, visitor, candidates::Any::visit)
    }

    /// Lets the visitor read elements of which `base` is the parent.
    fn elements<'de, V: Visitor<'de>>(
        self,
        base: PlaceId,
        names: Names,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        let before = self.0.asked;
        let elements = Elements::new(self.0, base, names, len);
        let result = visitor.visit_seq(elements);
        match &result {
            Ok(_) => self.0.chart.place_mut(base).complete = true,
            Err(why) => self.wrong_form(before, why),
        }
        result
    }

    /// A visitor that asked for a sequence or map and then refuses it unseen does so for any content.
    fn wrong_form(self, asked_before: usize, why: &Error) {
        if why.is_wrong_form() && self.0.asked == asked_before && !self.0.explorer.is_blamed() {
            let asked = "names of fields or another form than the one it declares";
            self.0.find(ProblemKind::NotSelfDescribing { asked });
            self.0.explorer.dead_end();
        }
    }

    /// Enters a nominal type and leaves it again.
    fn nominal<'de, V: Visitor<'de>>(
        self,
        form: Form,
        name: &'static str,
        names: &'static [&'static str],
        visit: impl FnOnce(Sampler<'_>, NominalId, PlaceId) -> Result<V::Value, Error>,
    ) -> Result<V::Value, Error> {
        let session = self.0;
        let id = session.chart.name::<V, V::Value>(session.cursor.place, form, name, names);
        let inside = session.chart.nominal(id).place;
        visit(Sampler(session), id, inside)
    }
}

macro_rules! scalars {
    ($($method:ident $label:literal $visit:ident $candidates:path;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.scalar($label, &$candidates, visitor, |visitor, value| visitor.$visit(value.into()))
        }
    )*};
}

impl<'de> Deserializer<'de> for Sampler<'_> {
    type Error = Error;

    scalars! {
        deserialize_bool "bool" visit_bool candidates::BOOL;
        deserialize_i8 "i8" visit_i8 candidates::I8;
        deserialize_i16 "i16" visit_i16 candidates::I16;
        deserialize_i32 "i32" visit_i32 candidates::I32;
        deserialize_i64 "i64" visit_i64 candidates::I64;
        deserialize_i128 "i128" visit_i128 candidates::I128;
        deserialize_u8 "u8" visit_u8 candidates::U8;
        deserialize_u16 "u16" visit_u16 candidates::U16;
        deserialize_u32 "u32" visit_u32 candidates::U32;
        deserialize_u64 "u64" visit_u64 candidates::U64;
        deserialize_u128 "u128" visit_u128 candidates::U128;
        deserialize_f32 "f32" visit_f32 candidates::F32;
        deserialize_f64 "f64" visit_f64 candidates::F64;
        deserialize_char "char" visit_char candidates::CHAR;
        deserialize_str "string" visit_string candidates::STRING;
        deserialize_string "string" visit_string candidates::STRING;
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let visit = |visitor: V, len| visitor.visit_byte_buf(vec![b'a'; len]);
        self.scalar("bytes", &candidates::BYTES_LEN, visitor, visit)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let session = self.0;
        let place = session.cursor.place;
        session.chart.record(place, Head::Option);
        let chosen = session.choose::<V, V::Value>(place, "option", 2, 2, Some(1))?;
        if chosen.alternative == 1 {
            return visitor
                .visit_none()
                .inspect_err(|why: &Error| session.explorer.refused(chosen, &why.to_string()));
        }
        let inside = session.below(place, Step::At(0));
        let (segment, frame, type_name) = (None, Some(chosen), type_name::<V::Value>());
        let way = Way { place: inside, segment, type_name, frame };
        session.within(&way, |session| visitor.visit_some(Sampler(session)))
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.scalar("unit", &[()], visitor, |visitor, ()| visitor.visit_unit())
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.nominal::<V>(Form::Unit, name, &[], |_, _, _| visitor.visit_unit())
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        if let Some(problem) = stream::problem(name, self.0.part, &self.0.cursor.path) {
            self.0.find(problem);
        }
        self.nominal::<V>(Form::Newtype, name, &[], |sampler, _, inside| {
            let session = sampler.0;
            let place = session.below(inside, Step::At(0));
            let type_name = type_name::<V::Value>();
            let way = Way { place, segment: None, type_name, frame: None };
            let value =
                session.within(&way, |session| visitor.visit_newtype_struct(Sampler(session)))?;
            session.chart.place_mut(inside).complete = true;
            Ok(value)
        })
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let place = self.0.cursor.place;
        self.0.chart.record(place, Head::Seq);
        let count = candidates::SEQ_LEN.len();
        let chosen = self.0.choose::<V, V::Value>(place, "seq", count, 2, Some(1))?;
        let len = candidates::SEQ_LEN[chosen.alternative];
        self.elements(place, Names::Sequence(chosen), len, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Error> {
        let place = self.0.cursor.place;
        self.0.chart.record(place, Head::Tuple(len));
        self.elements(place, Names::Tuple, len, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.nominal::<V>(Form::Tuple(len), name, &[], |sampler, _, inside| {
            sampler.elements(inside, Names::Positions, len, visitor)
        })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let place = self.0.cursor.place;
        self.0.chart.record(place, Head::Map);
        let count = candidates::MAP_LEN.len();
        let chosen = self.0.choose::<V, V::Value>(place, "map", count, 2, Some(1))?;
        let len = candidates::MAP_LEN[chosen.alternative];
        let before = self.0.asked;
        let result = visitor.visit_map(Entries::new(self.0, place, chosen, len));
        if let Err(why) = &result {
            self.wrong_form(before, why);
        }
        result
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.nominal::<V>(Form::Struct, name, fields, |sampler, _, inside| {
            sampler.elements(inside, Names::Fields(fields), fields.len(), visitor)
        })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.nominal::<V>(Form::Enum, name, variants, |sampler, id, inside| {
            let session = sampler.0;
            let count = variants.len();
            let chosen = session.choose::<V, V::Value>(inside, "variant", count, count, None)?;
            let before = session.asked;
            let result = visitor.visit_enum(Variants::new(session, id, chosen));
            if let Err(why) = &result {
                Sampler(session).wrong_form(before, why);
            }
            result
        })
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        // Only a key or a tag asks for a name: the mistake is that of the type around it.
        self.0.cursor.path = self.0.cursor.path.enclosing();
        self.impossible("the name of a field or variant", visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.impossible("the kind of the next value", visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.impossible("the end of a value of unknown kind", visitor)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}
