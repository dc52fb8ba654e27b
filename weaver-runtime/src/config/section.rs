//! `[config.COMPONENT]` as the type that the component reads it with.
//!
//! `toml` has a deserializer; this one is our own for what that one cannot do: report all unknown
//! keys of a struct with the nearest field, name a value inside an array, keep values out of
//! messages, and bound the depth of recursive types.

mod access;
mod key;
mod place;
mod problem;
mod value;
mod variant;

use std::cell::RefCell;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mistakes::Mistakes;
use place::Place;
use value::Value;

/// Reads the section of `component` in `text`; a missing one is an empty table.
pub(super) fn read<C: DeserializeOwned>(text: &str, component: &str) -> Result<C, Mistakes> {
    let empty = Spanned::new(0..0, DeValue::Table(DeTable::new()));
    // The text of a `ConfigFile` was parsed before, so it cannot be wrong here.
    let file = DeTable::parse(text).unwrap_or_else(|_| Spanned::new(0..0, DeTable::new()));
    let config = file.get_ref().get("config");
    let section = config.and_then(|config| config.get_ref().get(component));

    let found = RefCell::new(Mistakes::default());
    let value = Value::new(section.unwrap_or(&empty), Place::section(component), &found);
    let read = C::deserialize(value.clone());
    let mut mistakes = found.take();
    match read {
        Ok(read) if mistakes.is_empty() => Ok(read),
        Ok(_) => Err(mistakes),
        Err(problem) => {
            problem.report(&value, &mut mistakes);
            Err(mistakes)
        }
    }
}
