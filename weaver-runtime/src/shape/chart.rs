//! What has been seen of a type so far, from which its text is written.

use std::any::TypeId;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};

mod route;

/// Everything seen, over all runs.
#[derive(Default)]
pub(super) struct Chart {
    places: Vec<Place>,
    nominals: Vec<Nominal>,
    by_key: HashMap<NominalKey, NominalId>,
}

/// A spot in the type. Below a nominal type, places belong to that type and not to where it was met, which is what
/// makes recursion finite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct PlaceId(pub(super) usize);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct NominalId(usize);

/// What is known of a place.
#[derive(Default)]
pub(super) struct Place {
    /// One entry, unless a hand-written type reads different things at one place.
    pub(super) heads: Vec<Head>,
    children: Vec<(Step, PlaceId)>,
    /// Whether the struct or variant whose fields these are was read to its end.
    pub(super) complete: bool,
    /// The Rust type that refused every sample here.
    pub(super) untraced: Option<&'static str>,
}

/// What a type asked for at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Head {
    Scalar(&'static str),
    Option,
    Seq,
    Map,
    Tuple(usize),
    Nominal(NominalId),
    UnitVariant,
    NewtypeVariant,
    TupleVariant(usize),
    StructVariant(&'static [&'static str]),
}

/// The way from a place to one below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    At(usize),
    Element,
    Key,
    Value,
    Variant(usize),
}

/// A type with a name.
pub(super) struct Nominal {
    pub(super) form: Form,
    pub(super) name: &'static str,
    /// Fields or variants. Serde lists aliases among them, so there may be more names than positions.
    pub(super) names: &'static [&'static str],
    pub(super) place: PlaceId,
    pub(super) type_name: &'static str,
    /// Indices of `names` that name no variant: a sign of aliases.
    pub(super) unidentified: Vec<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Form {
    Unit,
    Newtype,
    Tuple(usize),
    Struct,
    Enum,
}

/// The visitor's type tells apart what serde's names do not: `Page<u8>` from `Page<String>`, and equal names in two
/// modules. It differs between builds and is never shown.
#[derive(PartialEq, Eq)]
struct NominalKey {
    visitor: TypeId,
    form: Form,
    name: &'static str,
    names: &'static [&'static str],
}

impl Hash for NominalKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // The rest differs only where a visitor is written by hand, and may be long.
        self.visitor.hash(state);
    }
}

/// Positions of a plain tuple that have a place of their own; later ones share one. Serde's tuples end at 16, so this
/// only merges the tail of long arrays, whose elements are alike.
const TUPLE_PLACES_MAX: usize = 64;

impl Chart {
    pub(super) const ROOT: PlaceId = PlaceId(0);

    pub(super) fn new() -> Self {
        Self { places: vec![Place::default()], ..Self::default() }
    }

    pub(super) fn place(&self, id: PlaceId) -> &Place {
        &self.places[id.0]
    }

    pub(super) fn place_mut(&mut self, id: PlaceId) -> &mut Place {
        &mut self.places[id.0]
    }

    pub(super) fn nominal(&self, id: NominalId) -> &Nominal {
        &self.nominals[id.0]
    }

    pub(super) fn nominal_mut(&mut self, id: NominalId) -> &mut Nominal {
        &mut self.nominals[id.0]
    }

    pub(super) fn nominals(&self) -> usize {
        self.nominals.len()
    }

    pub(super) fn index(id: NominalId) -> usize {
        id.0
    }

    pub(super) fn record(&mut self, place: PlaceId, head: Head) {
        let heads = &mut self.places[place.0].heads;
        if !heads.contains(&head) {
            heads.push(head);
        }
    }

    /// The place one step below, made when it is first asked for.
    pub(super) fn below(&mut self, place: PlaceId, step: Step) -> PlaceId {
        if let Some(child) = self.places[place.0].child(step) {
            return child;
        }
        let child = PlaceId(self.places.len());
        self.places.push(Place::default());
        self.places[place.0].children.push((step, child));
        child
    }

    /// Records at `place` the nominal type that the visitor `V` reads.
    pub(super) fn name<V, T>(
        &mut self,
        place: PlaceId,
        form: Form,
        name: &'static str,
        names: &'static [&'static str],
    ) -> NominalId {
        let key = NominalKey { visitor: typeid::of::<V>(), form, name, names };
        let id = match self.by_key.get(&key) {
            Some(id) => *id,
            None => self.add(key, std::any::type_name::<T>()),
        };
        self.record(place, Head::Nominal(id));
        id
    }

    fn add(&mut self, key: NominalKey, type_name: &'static str) -> NominalId {
        let NominalKey { form, name, names, .. } = key;
        let place = PlaceId(self.places.len());
        self.places.push(Place::default());
        let id = NominalId(self.nominals.len());
        let unidentified = Vec::new();
        self.nominals.push(Nominal { form, name, names, place, type_name, unidentified });
        self.by_key.insert(key, id);
        id
    }
}

impl Place {
    pub(super) fn child(&self, step: Step) -> Option<PlaceId> {
        self.children.iter().find(|(at, _)| *at == step).map(|(_, child)| *child)
    }

    /// How many positions of a struct or tuple have been read.
    pub(super) fn positions(&self) -> usize {
        self.children.iter().filter(|(step, _)| matches!(step, Step::At(_))).count()
    }
}

impl Step {
    /// A position in a plain tuple, which may be an array.
    pub(super) fn in_tuple(index: usize) -> Self {
        Self::At(index.min(TUPLE_PLACES_MAX))
    }
}
