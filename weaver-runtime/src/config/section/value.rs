//! One value of a section, as serde asks for it.

use std::cell::RefCell;
use std::rc::Rc;

use serde::de::{Deserializer, Expected, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue, ValueDeserializer};

use super::access::{Entries, Items};
use super::key::Key;
use super::place::Place;
use super::problem::Problem;
use super::variant::{Content, Variant};
use crate::config::fields::type_name;
use crate::config::mistakes::Mistakes;
use crate::config::names::{hint, nearest, quoted};

/// How deep values may nest. TOML allows thousands of levels by dotted keys, and each costs several
/// frames of the stack in a type that holds itself; nobody writes a dozen by hand.
const SECTION_DEPTH_MAX: usize = 64;

/// A value, where it is, and where mistakes go that do not end the reading.
#[derive(Clone)]
pub(super) struct Value<'de> {
    value: &'de Spanned<DeValue<'de>>,
    place: Rc<Place>,
    mistakes: &'de RefCell<Mistakes>,
    depth: usize,
}

impl<'de> Value<'de> {
    pub(super) fn new(
        value: &'de Spanned<DeValue<'de>>,
        place: Place,
        mistakes: &'de RefCell<Mistakes>,
    ) -> Self {
        let (place, depth) = (Rc::new(place), 0);
        Self { value, place, mistakes, depth }
    }

    /// A value inside this one.
    pub(super) fn inner(&self, value: &'de Spanned<DeValue<'de>>, place: Place) -> Self {
        Self { value, place: Rc::new(place), mistakes: self.mistakes, depth: self.depth + 1 }
    }

    pub(super) fn get(&self) -> &'de DeValue<'de> {
        self.value.get_ref()
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// In bytes from the start of the text.
    pub(super) fn offset(&self) -> usize {
        self.value.span().start
    }

    fn check_depth(&self) -> Result<(), Problem> {
        if self.depth < SECTION_DEPTH_MAX {
            return Ok(());
        }
        Err(Problem::bad_value(format!("nested deeper than {SECTION_DEPTH_MAX} levels")))
    }

    fn visit_items<V: Visitor<'de>>(
        &self,
        items: &'de [Spanned<DeValue<'de>>],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        self.check_depth()?;
        let mut access = Items::new(self, items);
        let value = visitor.visit_seq(&mut access)?;
        // A tuple takes as many items as it has, and does not look for more.
        match access.left() {
            0 => Ok(value),
            left => {
                let (expected, found) = (items.len() - left, items.len());
                Err(Problem::bad_value(format!("expected {expected} items, found {found}")))
            }
        }
    }

    fn visit_table<V: Visitor<'de>>(
        &self,
        rows: &'de DeTable<'de>,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        self.check_depth()?;
        visitor.visit_map(Entries::new(self, rows))
    }

    fn variant(&self, rows: &'de DeTable<'de>) -> Result<Variant<'de>, Problem> {
        self.check_depth()?;
        let mut rows = rows.iter();
        let (Some((key, value)), None) = (rows.next(), rows.next()) else {
            return Err(Problem::bad_value("expected a table with one key".to_owned()));
        };
        Ok(Variant {
            name: Key::new(key.get_ref()),
            content: Content(self.inner(value, self.place.child(key.get_ref()))),
        })
    }

    /// The type of a date is private to `toml`, which passes it through serde under a secret name.
    fn visit_date<V: Visitor<'de>>(
        &self,
        visitor: V,
        ask: impl FnOnce(ValueDeserializer<'de>, V) -> Result<V::Value, toml::de::Error>,
    ) -> Result<V::Value, Problem> {
        let expected = (&visitor as &dyn Expected).to_string();
        ask(ValueDeserializer::from(self.value.clone()), visitor)
            .map_err(|_| Problem::wrong_type(type_name(self.get()), &expected))
    }

    /// Reports keys that a struct ignores: a misspelt optional key would change nothing, silently.
    fn refuse_unknown(&self, rows: &DeTable<'_>, fields: &[&'static str]) {
        let unknown = rows.keys().filter(|key| !fields.contains(&key.get_ref().as_ref()));
        for key in unknown {
            let (name, table) = (quoted(key.get_ref()), self.place.as_table());
            let message = format!("unknown key {name} in {table}{}", hint(key.get_ref(), fields));
            let meant = nearest(key.get_ref(), fields);
            let mut mistakes = self.mistakes.borrow_mut();
            mistakes.add_unknown_key(key.span().start, message, self.offset(), meant);
        }
    }
}

impl<'de> Deserializer<'de> for Value<'de> {
    type Error = Problem;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.get() {
            DeValue::String(text) => visitor.visit_borrowed_str(text),
            DeValue::Integer(number) => visit_integer(number, visitor),
            DeValue::Float(number) => match number.as_str().parse() {
                Ok(number) => visitor.visit_f64(number),
                Err(_) => Err(Problem::bad_value("a float that cannot be read".to_owned())),
            },
            DeValue::Boolean(boolean) => visitor.visit_bool(*boolean),
            DeValue::Datetime(_) => {
                self.visit_date(visitor, |date, visitor| date.deserialize_any(visitor))
            }
            DeValue::Array(items) => self.visit_items(items, visitor),
            DeValue::Table(rows) => self.visit_table(rows, visitor),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.get() {
            // The date types of other crates read text.
            DeValue::Datetime(date) => visitor.visit_string(date.to_string()),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_newtype_struct(self)
    }

    /// A component without settings reads its missing section as `()`.
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match self.get() {
            DeValue::Table(rows) if rows.is_empty() => visitor.visit_unit(),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        match self.get() {
            DeValue::Table(rows) => {
                self.refuse_unknown(rows, fields);
                self.visit_table(rows, visitor)
            }
            DeValue::Datetime(_) => self.visit_date(visitor, |date, visitor| {
                date.deserialize_struct(name, fields, visitor)
            }),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        match self.get() {
            DeValue::String(text) => visitor.visit_enum(text.as_ref().into_deserializer()),
            DeValue::Table(rows) => visitor.visit_enum(self.variant(rows)?),
            other => Err(Problem::wrong_type(type_name(other), &"a string or a table")),
        }
    }

    /// Does not look into what nobody reads.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf seq tuple
        tuple_struct map identifier
    }
}

/// TOML's integers have 64 bits; the parser passes larger ones on.
fn visit_integer<'de, V: Visitor<'de>>(
    number: &DeInteger<'_>,
    visitor: V,
) -> Result<V::Value, Problem> {
    let (digits, radix) = (number.as_str(), number.radix());
    if let Ok(number) = i64::from_str_radix(digits, radix) {
        visitor.visit_i64(number)
    } else if let Ok(number) = u64::from_str_radix(digits, radix) {
        visitor.visit_u64(number)
    } else if let Ok(number) = i128::from_str_radix(digits, radix) {
        visitor.visit_i128(number)
    } else if let Ok(number) = u128::from_str_radix(digits, radix) {
        visitor.visit_u128(number)
    } else {
        Err(Problem::bad_value("an integer of more than 128 bits".to_owned()))
    }
}
