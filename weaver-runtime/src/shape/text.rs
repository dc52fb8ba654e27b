//! The canonical text of a chart.
//!
//! Nominal types are numbered in the order in which the text meets them, so the text depends on the type alone and not
//! on the order of the runs that discovered it.

use super::chart::{Chart, Form, Head, NominalId, Place, PlaceId, Step};

/// Writes one chart.
pub(super) struct Text<'a> {
    chart: &'a Chart,
    numbers: Vec<Option<usize>>,
    met: usize,
    out: String,
}

impl<'a> Text<'a> {
    pub(super) fn of(chart: &'a Chart) -> String {
        let numbers = vec![None; chart.nominals()];
        let mut text = Self { chart, numbers, met: 0, out: String::new() };
        text.place(Some(Chart::ROOT));
        text.out
    }

    fn place(&mut self, id: Option<PlaceId>) {
        let place = id.map(|id| self.chart.place(id));
        let Some(place) = place.filter(|place| !place.heads.is_empty()) else {
            self.out.push('?');
            self.untraced(place);
            return;
        };
        for (index, head) in place.heads.iter().enumerate() {
            if index > 0 {
                self.out.push('|');
            }
            self.head(place, *head);
        }
        self.untraced(Some(place));
    }

    fn untraced(&mut self, place: Option<&Place>) {
        if let Some(type_name) = place.and_then(|place| place.untraced) {
            self.type_name(type_name);
        }
    }

    fn type_name(&mut self, type_name: &str) {
        self.out.push_str(&format!("!{type_name:?}"));
    }

    fn head(&mut self, place: &'a Place, head: Head) {
        match head {
            Head::Scalar(name) => self.out.push_str(name),
            Head::Option => self.wrapped("option", place, &[Step::At(0)]),
            Head::Seq => self.wrapped("seq", place, &[Step::Element]),
            Head::Map => self.wrapped("map", place, &[Step::Key, Step::Value]),
            Head::Tuple(len) => self.positions((0..len).map(|at| place.child(Step::in_tuple(at)))),
            Head::TupleVariant(len) => self.positions((0..len).map(|at| place.child(Step::At(at)))),
            Head::Nominal(id) => self.nominal(id),
            Head::UnitVariant => {}
            Head::NewtypeVariant => self.positions([place.child(Step::At(0))].into_iter()),
            Head::StructVariant(names) => self.fields(place, names),
        }
    }

    fn wrapped(&mut self, word: &str, place: &Place, steps: &[Step]) {
        self.out.push_str(word);
        self.out.push('<');
        self.list(steps.iter().map(|step| place.child(*step)));
        self.out.push('>');
    }

    fn list(&mut self, places: impl Iterator<Item = Option<PlaceId>>) {
        for (index, place) in places.enumerate() {
            if index > 0 {
                self.out.push(',');
            }
            self.place(place);
        }
    }

    /// A tuple; equal neighbours are counted, because arrays are tuples too.
    fn positions(&mut self, places: impl Iterator<Item = Option<PlaceId>>) {
        let mut written: Vec<(String, usize)> = Vec::new();
        for place in places {
            let start = self.out.len();
            self.place(place);
            let one = self.out.split_off(start);
            match written.last_mut() {
                Some((last, times)) if *last == one => *times += 1,
                _ => written.push((one, 1)),
            }
        }
        let listed = written.into_iter().map(|(one, times)| match times {
            1 => one,
            _ => format!("{one}*{times}"),
        });
        let listed = listed.collect::<Vec<_>>().join(",");
        self.out.push_str(&format!("({listed})"));
    }

    fn nominal(&mut self, id: NominalId) {
        let number = &mut self.numbers[Chart::index(id)];
        if let Some(number) = *number {
            self.out.push_str(&format!("#{number}"));
            return;
        }
        *number = Some(self.met);
        self.met += 1;
        self.definition(id);
    }

    fn definition(&mut self, id: NominalId) {
        let nominal = self.chart.nominal(id);
        let place = self.chart.place(nominal.place);
        let word = if nominal.form == Form::Enum { "enum " } else { "struct " };
        self.out.push_str(word);
        self.identifier(nominal.name);
        match nominal.form {
            Form::Unit => return,
            Form::Newtype => self.positions([place.child(Step::At(0))].into_iter()),
            Form::Tuple(len) => self.positions((0..len).map(|at| place.child(Step::At(at)))),
            Form::Struct => self.fields(place, nominal.names),
            Form::Enum => return self.variants(id),
        }
        if !place.complete {
            self.type_name(nominal.type_name);
        }
    }

    fn fields(&mut self, place: &Place, names: &[&str]) {
        let aliased = place.complete && place.positions() != names.len();
        if aliased {
            // With aliases among the names, no name can be given to a position.
            self.names(names);
        }
        let len = if aliased { place.positions() } else { names.len() };
        self.out.push('{');
        for (index, name) in names.iter().enumerate().take(len) {
            if index > 0 {
                self.out.push(',');
            }
            if !aliased {
                self.identifier(name);
                self.out.push(':');
            }
            self.place(place.child(Step::At(index)));
        }
        self.out.push('}');
    }

    fn variants(&mut self, id: NominalId) {
        let nominal = self.chart.nominal(id);
        let aliased = !nominal.unidentified.is_empty();
        if aliased {
            self.names(nominal.names);
        }
        self.out.push('{');
        let mut complete = true;
        let indices = (0..nominal.names.len()).filter(|at| !nominal.unidentified.contains(at));
        for (nth, index) in indices.enumerate() {
            if nth > 0 {
                self.out.push(',');
            }
            if aliased {
                self.out.push_str(&index.to_string());
            } else {
                self.identifier(nominal.names[index]);
            }
            complete &= self.variant(nominal.place, index);
        }
        self.out.push('}');
        if !complete {
            self.type_name(nominal.type_name);
        }
    }

    /// Writes what a variant holds and returns whether it is known.
    fn variant(&mut self, of: PlaceId, index: usize) -> bool {
        let place = self.chart.place(of).child(Step::Variant(index));
        let known = place.is_some_and(|place| !self.chart.place(place).heads.is_empty());
        if !known {
            self.out.push(':');
        }
        self.place(place);
        known
    }

    fn names(&mut self, names: &[&str]) {
        self.out.push('[');
        for (index, name) in names.iter().enumerate() {
            if index > 0 {
                self.out.push(',');
            }
            self.identifier(name);
        }
        self.out.push(']');
    }

    /// Quoted where a renamed field could otherwise be mistaken for punctuation of the text.
    fn identifier(&mut self, name: &str) {
        let plain = name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
        match plain && !name.is_empty() {
            true => self.out.push_str(name),
            false => self.out.push_str(&format!("{name:?}")),
        }
    }
}
