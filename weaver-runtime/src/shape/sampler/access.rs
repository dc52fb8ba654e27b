//! The inside of sequences, maps and enums.

use std::any::type_name;

use serde::de::{
    DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::Sampler;
use crate::shape::chart::{Head, NominalId, PlaceId, Step};
use crate::shape::error::Error;
use crate::shape::explorer::Chosen;
use crate::shape::path::Segment;
use crate::shape::problem::ProblemKind;
use crate::shape::session::{Session, Way};

/// The elements of a sequence, tuple or struct.
pub(super) struct Elements<'a> {
    session: &'a mut Session,
    base: PlaceId,
    names: Names,
    len: usize,
    next: usize,
}

/// How elements are told apart.
#[derive(Clone, Copy)]
pub(super) enum Names {
    /// They are not; the choice is that of the length.
    Sequence(Chosen),
    /// By position, in what may be an array.
    Tuple,
    Positions,
    Fields(&'static [&'static str]),
}

impl<'a> Elements<'a> {
    pub(super) fn new(session: &'a mut Session, base: PlaceId, names: Names, len: usize) -> Self {
        Self { session, base, names, len, next: 0 }
    }
}

impl Names {
    fn at(self, index: usize) -> (Step, Segment, Option<Chosen>) {
        match self {
            Self::Sequence(chosen) => (Step::Element, Segment::Element, Some(chosen)),
            Self::Tuple => (Step::in_tuple(index), Segment::Index(index), None),
            Self::Positions => (Step::At(index), Segment::Index(index), None),
            Self::Fields(names) => (Step::At(index), Segment::name(names, index), None),
        }
    }
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        self.session.asked += 1;
        if self.next == self.len {
            return Ok(None);
        }
        let (step, segment, frame) = self.names.at(self.next);
        self.next += 1;
        let place = self.session.below(self.base, step);
        value(self.session, place, segment, frame, seed).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.len - self.next)
    }
}

fn value<'de, S: DeserializeSeed<'de>>(
    session: &mut Session,
    place: PlaceId,
    segment: Segment,
    frame: Option<Chosen>,
    seed: S,
) -> Result<S::Value, Error> {
    let way = Way { place, segment: Some(segment), type_name: type_name::<S::Value>(), frame };
    session.within(&way, |session| seed.deserialize(Sampler(session)))
}

/// The entries of a map.
pub(super) struct Entries<'a> {
    session: &'a mut Session,
    base: PlaceId,
    chosen: Chosen,
    left: usize,
}

impl<'a> Entries<'a> {
    pub(super) fn new(session: &'a mut Session, base: PlaceId, chosen: Chosen, len: usize) -> Self {
        Self { session, base, chosen, left: len }
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        self.session.asked += 1;
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let place = self.session.below(self.base, Step::Key);
        value(self.session, place, Segment::Key, Some(self.chosen), seed).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let place = self.session.below(self.base, Step::Value);
        value(self.session, place, Segment::Element, Some(self.chosen), seed)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

/// The chosen variant of an enum.
pub(super) struct Variants<'a> {
    session: &'a mut Session,
    of: NominalId,
    chosen: Chosen,
}

impl<'a> Variants<'a> {
    pub(super) fn new(session: &'a mut Session, of: NominalId, chosen: Chosen) -> Self {
        Self { session, of, chosen }
    }

    fn segment(&self) -> Segment {
        let names = self.session.chart.nominal(self.of).names;
        Segment::Variant(names.get(self.chosen.alternative).copied().unwrap_or_default())
    }

    /// A variant that knows no index will refuse all of them; otherwise there are aliases, and this is one too many.
    fn unidentified(&mut self, why: &Error) {
        if why.is_wrong_form() {
            let asked = "the name of a variant";
            self.session.find(ProblemKind::NotSelfDescribing { asked });
            return self.session.explorer.dead_end();
        }
        let nominal = self.session.chart.nominal_mut(self.of);
        if !nominal.unidentified.contains(&self.chosen.alternative) {
            nominal.unidentified.push(self.chosen.alternative);
        }
        self.session.explorer.no_such_variant(self.chosen, &why.to_string());
    }

    /// The place of the chosen variant.
    fn place(&mut self, head: Head) -> PlaceId {
        let inside = self.session.chart.nominal(self.of).place;
        let place = self.session.below(inside, Step::Variant(self.chosen.alternative));
        self.session.chart.record(place, head);
        place
    }

    fn elements<'de, V: Visitor<'de>>(
        self,
        place: PlaceId,
        names: Names,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        let (segment, frame) = (Some(self.segment()), Some(self.chosen));
        let way = Way { place, segment, type_name: type_name::<V::Value>(), frame };
        self.session.within(&way, |session| Sampler(session).elements(place, names, len, visitor))
    }
}

impl<'de> EnumAccess<'de> for Variants<'_> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(
        mut self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), Error> {
        self.session.asked += 1;
        let index = u32::try_from(self.chosen.alternative).map_err(|_| Error::new("too many"))?;
        let identified: Result<_, Error> = seed.deserialize(index.into_deserializer());
        match identified {
            Ok(variant) => Ok((variant, self)),
            Err(why) => {
                self.unidentified(&why);
                Err(why)
            }
        }
    }
}

impl<'de> VariantAccess<'de> for Variants<'_> {
    type Error = Error;

    fn unit_variant(mut self) -> Result<(), Error> {
        self.place(Head::UnitVariant);
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(mut self, seed: S) -> Result<S::Value, Error> {
        let place = self.place(Head::NewtypeVariant);
        let place = self.session.below(place, Step::At(0));
        let segment = self.segment();
        value(self.session, place, segment, Some(self.chosen), seed)
    }

    fn tuple_variant<V: Visitor<'de>>(mut self, len: usize, visitor: V) -> Result<V::Value, Error> {
        let place = self.place(Head::TupleVariant(len));
        self.elements(place, Names::Positions, len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        mut self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let place = self.place(Head::StructVariant(fields));
        self.elements(place, Names::Fields(fields), fields.len(), visitor)
    }
}
