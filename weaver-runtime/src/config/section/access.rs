//! The insides of arrays and tables, as serde walks them.

use std::slice;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess};
use toml::de::{DeString, DeTable, DeValue};
use toml::{Spanned, map};

use super::key::Key;
use super::problem::Problem;
use super::value::Value;

/// The items of an array.
pub(super) struct Items<'a, 'de> {
    array: &'a Value<'de>,
    items: slice::Iter<'de, Spanned<DeValue<'de>>>,
    index: usize,
}

/// The entries of a table.
pub(super) struct Entries<'de> {
    table: Value<'de>,
    rows: map::Iter<'de, Spanned<DeString<'de>>, Spanned<DeValue<'de>>>,
    /// The value whose key was read last.
    value: Option<Value<'de>>,
}

impl<'a, 'de> Items<'a, 'de> {
    pub(super) fn new(array: &'a Value<'de>, items: &'de [Spanned<DeValue<'de>>]) -> Self {
        Self { array, items: items.iter(), index: 0 }
    }

    pub(super) fn left(&self) -> usize {
        self.items.len()
    }
}

impl<'de> Entries<'de> {
    pub(super) fn new(table: &Value<'de>, rows: &'de DeTable<'de>) -> Self {
        Self { table: table.clone(), rows: rows.iter(), value: None }
    }
}

impl<'de> SeqAccess<'de> for Items<'_, 'de> {
    type Error = Problem;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Problem> {
        let Some(item) = self.items.next() else {
            return Ok(None);
        };
        let value = self.array.inner(item, self.array.place().item(self.index));
        self.index += 1;
        seed.deserialize(value.clone()).map(Some).map_err(|problem| problem.at(&value))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left())
    }
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Problem;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Problem> {
        let Some((key, value)) = self.rows.next() else {
            return Ok(None);
        };
        self.value = Some(self.table.inner(value, self.table.place().child(key.get_ref())));
        seed.deserialize(Key::new(key.get_ref()))
            .map(Some)
            .map_err(|problem| problem.at_key(key.span().start, &self.table))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Problem> {
        let Some(value) = self.value.take() else {
            return Err(Problem::bad_value("a value was asked for before its key".to_owned()));
        };
        seed.deserialize(value.clone()).map_err(|problem| problem.at(&value))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rows.len())
    }
}
