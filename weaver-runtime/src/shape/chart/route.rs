//! The shortest path to a place of a recursive type.

use super::{Chart, Form, Head, NominalId, PlaceId, Step};
use crate::shape::path::{Path, Segment};

/// A walk along a path, through the places of a chart.
struct Route<'a> {
    chart: &'a Chart,
    place: PlaceId,
    kept: Vec<Segment>,
    /// The nominal types on the way, and how long the path was when each was met.
    met: Vec<(NominalId, usize)>,
}

impl Chart {
    /// The path without its detours through a recursion: `.next.next.price` becomes `.price`. So one problem of a
    /// recursive type is reported once.
    pub(in crate::shape) fn shorten(&self, path: &Path) -> Path {
        let mut route = Route { chart: self, place: Self::ROOT, kept: Vec::new(), met: Vec::new() };
        let mut segments = path.segments().into_iter();
        for segment in segments.by_ref() {
            let known = route.follow(segment);
            route.kept.push(segment);
            if !known {
                break;
            }
        }
        let Route { kept, .. } = route;
        kept.into_iter().chain(segments).fold(Path::default(), |path, next| path.join(next))
    }
}

impl Route<'_> {
    /// Takes one step; `false` if the chart does not know it, as after `#[serde(rename(serialize = …))]`.
    fn follow(&mut self, segment: Segment) -> bool {
        let Some(head) = self.settle() else {
            return false;
        };
        let Some(step) = self.step(head, segment) else {
            return false;
        };
        self.enter(step)
    }

    fn enter(&mut self, step: Step) -> bool {
        let below = self.chart.place(self.place).child(step);
        self.place = below.unwrap_or(self.place);
        below.is_some()
    }

    /// Goes through what leaves no trace in a path, to what has parts.
    fn settle(&mut self) -> Option<Head> {
        loop {
            let head = *self.chart.place(self.place).heads.first()?;
            match head {
                Head::Option | Head::NewtypeVariant => {}
                Head::Nominal(id) => {
                    self.meet(id);
                    self.place = self.chart.nominal(id).place;
                    if self.chart.nominal(id).form != Form::Newtype {
                        return Some(head);
                    }
                }
                _ => return Some(head),
            }
            if !self.enter(Step::At(0)) {
                return None;
            }
        }
    }

    fn meet(&mut self, id: NominalId) {
        match self.met.iter().position(|(met, _)| *met == id) {
            Some(index) => {
                self.kept.truncate(self.met[index].1);
                self.met.truncate(index + 1);
            }
            None => self.met.push((id, self.kept.len())),
        }
    }

    fn step(&self, head: Head, segment: Segment) -> Option<Step> {
        match (head, segment) {
            (Head::Seq, Segment::Element) => Some(Step::Element),
            (Head::Map, Segment::Element) => Some(Step::Value),
            (Head::Map, Segment::Key) => Some(Step::Key),
            (Head::Tuple(_), Segment::Index(index)) => Some(Step::in_tuple(index)),
            (Head::TupleVariant(_), Segment::Index(index)) => Some(Step::At(index)),
            (Head::StructVariant(names), Segment::Field(name)) => self.field(names, name),
            (Head::Nominal(id), _) => self.step_into(id, segment),
            _ => None,
        }
    }

    fn step_into(&self, id: NominalId, segment: Segment) -> Option<Step> {
        let nominal = self.chart.nominal(id);
        match segment {
            Segment::Field(name) => self.field(nominal.names, name),
            Segment::Index(index) => Some(Step::At(index)),
            Segment::Variant(name) if nominal.unidentified.is_empty() => {
                nominal.names.iter().position(|known| *known == name).map(Step::Variant)
            }
            Segment::Variant(_) | Segment::Element | Segment::Key => None,
        }
    }

    fn field(&self, names: &[&str], name: &str) -> Option<Step> {
        let place = self.chart.place(self.place);
        let is_aliased = place.complete && place.positions() != names.len();
        if is_aliased {
            return None;
        }
        names.iter().position(|known| *known == name).map(Step::At)
    }
}
