//! Quantities: counts, sizes such as `"64MiB"` and times such as `"500ms"`, each within the range that
//! its key takes.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use toml::de::{DeInteger, DeValue};

use super::fields::Entry;
use super::mistakes::Mistakes;
use super::names::quoted;

/// A unit's name, and how many of the smallest there are in it.
type Unit = (&'static str, u64);

/// Powers of two, as memory and buffers come. `MB` and the like are left out, because half of those
/// who write them mean these.
const SIZES: [Unit; 3] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// In milliseconds: nothing that is configured is as short as one, or as long as hours.
const TIMES: [Unit; 3] = [("ms", 1), ("s", 1000), ("m", 60_000)];

impl Entry<'_> {
    /// A whole number.
    pub(super) fn count<N>(&self, range: &RangeInclusive<N>, mistakes: &mut Mistakes) -> Option<N>
    where
        N: TryFrom<u64> + PartialOrd + Display,
    {
        let DeValue::Integer(number) = self.value() else {
            self.wrong_type("an integer", mistakes);
            return None;
        };
        let count = whole(number).and_then(|count| N::try_from(count).ok());
        let count = count.filter(|count| range.contains(count));
        if count.is_none() {
            self.out_of_range(range.start(), range.end(), number, mistakes);
        }
        count
    }

    /// A size in bytes: a number of them, or a string with a unit.
    pub(super) fn bytes(
        &self,
        range: &RangeInclusive<u64>,
        mistakes: &mut Mistakes,
    ) -> Option<u64> {
        if let DeValue::Integer(number) = self.value() {
            let bytes = whole(number).unwrap_or(u64::MAX);
            return self.within(range, &SIZES, bytes, number, mistakes);
        }
        self.scaled("a size", "64MiB", &SIZES, range, mistakes)
    }

    /// A time: a string with a unit. The range is in milliseconds.
    pub(super) fn duration(
        &self,
        range: &RangeInclusive<u64>,
        mistakes: &mut Mistakes,
    ) -> Option<Duration> {
        self.scaled("a time", "500ms", &TIMES, range, mistakes).map(Duration::from_millis)
    }

    /// A string of a whole number and one of `units`; `what` it is called, with an example.
    fn scaled(
        &self,
        what: &str,
        example: &str,
        units: &[Unit],
        range: &RangeInclusive<u64>,
        mistakes: &mut Mistakes,
    ) -> Option<u64> {
        let DeValue::String(text) = self.value() else {
            self.wrong_type(&format!("{what} such as \"{example}\""), mistakes);
            return None;
        };
        let Some(value) = scale(text, units) else {
            let units = units.iter().map(|(name, _)| quoted(name)).collect::<Vec<_>>().join(", ");
            let message = format!(
                "{} is not {what}; write a whole number and a unit ({units}), such as \"{example}\"",
                quoted(text)
            );
            self.bad_value(&message, mistakes);
            return None;
        };
        self.within(range, units, value, &quoted(text), mistakes)
    }

    fn within(
        &self,
        range: &RangeInclusive<u64>,
        units: &[Unit],
        value: u64,
        found: &dyn Display,
        mistakes: &mut Mistakes,
    ) -> Option<u64> {
        if range.contains(&value) {
            return Some(value);
        }
        let (min, max) = (in_units(*range.start(), units), in_units(*range.end(), units));
        self.out_of_range(&min, &max, found, mistakes);
        None
    }

    fn out_of_range(
        &self,
        min: &dyn Display,
        max: &dyn Display,
        found: &dyn Display,
        mistakes: &mut Mistakes,
    ) {
        self.bad_value(&format!("must be between {min} and {max}, found {found}"), mistakes);
    }
}

/// The number, unless it is negative or has more than 64 bits.
fn whole(number: &DeInteger<'_>) -> Option<u64> {
    u64::from_str_radix(number.as_str(), number.radix()).ok()
}

/// What `text` says in the smallest unit; one that has more than 64 bits is beyond every range.
fn scale(text: &str, units: &[Unit]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    (digits > 0).then(|| number.parse().unwrap_or(u64::MAX).saturating_mul(*factor))
}

/// `value` in the largest unit in which it is whole.
fn in_units(value: u64, units: &[Unit]) -> String {
    let fits = |unit: &&Unit| value.is_multiple_of(unit.1);
    match units.iter().rev().find(fits) {
        Some((name, factor)) => format!("{}{name}", value / factor),
        None => value.to_string(),
    }
}
