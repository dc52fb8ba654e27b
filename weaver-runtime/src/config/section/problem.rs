//! Why a value does not fit the type that a component reads it with.

use std::error::Error;
use std::fmt::{self, Display};

use serde::de::{self, Expected, Unexpected};
use toml::de::DeValue;

use super::value::Value;
use crate::config::error::MistakeKind;
use crate::config::mistakes::Mistakes;
use crate::config::names::{hint, quoted, quoted_list};

/// Shorter strings of a section are not looked for in a message: they are parts of ordinary words,
/// and no secrets.
const HIDDEN_BYTES_MIN: usize = 4;

/// One problem, and where it is as soon as that is known.
#[derive(Debug)]
pub(super) struct Problem {
    kind: MistakeKind,
    what: What,
    at: Option<At>,
}

#[derive(Debug)]
enum What {
    /// Concerns a key of the table; the text goes on with the name of the table, then the hint.
    Key { text: String, hint: String },
    /// A key that the table does not have.
    Missing(&'static str),
    /// Concerns the value.
    Value(String),
    /// The words of the type itself, which may repeat the value.
    Custom(String),
}

#[derive(Debug)]
struct At {
    /// In bytes from the start of the text.
    offset: usize,
    table: String,
    /// The table or the value, whichever the problem is in.
    subject: String,
}

impl Problem {
    pub(super) fn wrong_type(found: &str, expected: &dyn Display) -> Self {
        let text = format!("expected {expected}, found {found}");
        Self::of_value(MistakeKind::WrongType, text)
    }

    pub(super) fn bad_value(text: String) -> Self {
        Self::of_value(MistakeKind::BadValue, text)
    }

    /// Says where the problem is. The innermost value is told first and stays.
    pub(super) fn at(self, value: &Value<'_>) -> Self {
        self.at_offset(value.offset(), value)
    }

    /// Says that the problem is in a key of `table`.
    pub(super) fn at_key(self, offset: usize, table: &Value<'_>) -> Self {
        self.at_offset(offset, table)
    }

    /// Reports the problem; `section` is where it is if nothing inside was named.
    pub(super) fn report(self, section: &Value<'_>, mistakes: &mut Mistakes) {
        let Self { kind, what, at } = self.at(section);
        let at = at.unwrap_or_else(|| At::new(section.offset(), section));
        let message = match what {
            // It is there, and was told of: the one mistake is in its name.
            What::Missing(field) if mistakes.has_slip_of(at.offset, field) => return,
            What::Missing(field) => format!("missing key {} in {}", quoted(field), at.table),
            What::Key { text, hint } => format!("{text} in {}{hint}", at.table),
            What::Value(text) => format!("{}: {text}", at.subject),
            // Words of a foreign type may hold anything.
            What::Custom(text) => {
                format!("{}: {}", at.subject, text.replace(char::is_control, " "))
            }
        };
        // A struct that refuses unknown keys by itself repeats what was reported for it.
        if !(kind == MistakeKind::UnknownKey && mistakes.has(at.offset)) {
            mistakes.add(at.offset, kind, message);
        }
    }

    fn of_value(kind: MistakeKind, text: String) -> Self {
        let (what, at) = (What::Value(text), None);
        Self { kind, what, at }
    }

    fn at_offset(mut self, offset: usize, value: &Value<'_>) -> Self {
        if self.at.is_some() {
            return self;
        }
        if let What::Custom(text) = &mut self.what {
            hide_strings(text, value.get());
        }
        self.at = Some(At::new(offset, value));
        self
    }
}

impl At {
    fn new(offset: usize, value: &Value<'_>) -> Self {
        let table = value.place().as_table();
        let subject = match value.get() {
            DeValue::Table(_) => table.clone(),
            _ => value.place().as_value(),
        };
        Self { offset, table, subject }
    }
}

impl Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Key { text, .. } | What::Value(text) | What::Custom(text) => f.write_str(text),
            What::Missing(field) => write!(f, "missing key {}", quoted(field)),
        }
    }
}

impl Error for Problem {}

impl de::Error for Problem {
    fn custom<T: Display>(message: T) -> Self {
        let (kind, what) = (MistakeKind::BadValue, What::Custom(message.to_string()));
        Self { kind, what, at: None }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::wrong_type(type_name(found), &expected)
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = type_name(found);
        Self::bad_value(format!("expected {expected}, found {found} that does not fit"))
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        let items = if length == 1 { "item" } else { "items" };
        Self::bad_value(format!("expected {expected}, found {length} {items}"))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::bad_value(match expected {
            [] => "no value fits here".to_owned(),
            [only] => format!("expected {}", quoted(only)),
            _ => format!("expected one of {}", quoted_list(expected)),
        })
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self {
            kind: MistakeKind::UnknownKey,
            what: What::Key {
                text: format!("unknown key {}", quoted(field)),
                hint: hint(field, expected),
            },
            at: None,
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Self { kind: MistakeKind::MissingKey, what: What::Missing(field), at: None }
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self {
            kind: MistakeKind::Conflict,
            what: What::Key {
                text: format!("key {}, or another name of it, is there twice", quoted(field)),
                hint: String::new(),
            },
            at: None,
        }
    }
}

/// What was found, without the value that serde carries along.
fn type_name(found: Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "an integer",
        Unexpected::Float(_) => "a float",
        Unexpected::Char(_) | Unexpected::Str(_) => "a string",
        Unexpected::Bytes(_) => "bytes",
        Unexpected::Seq => "an array",
        Unexpected::Map => "a table",
        Unexpected::UnitVariant => "a string or a key without a value",
        Unexpected::Unit
        | Unexpected::Option
        | Unexpected::NewtypeStruct
        | Unexpected::Enum
        | Unexpected::NewtypeVariant
        | Unexpected::TupleVariant
        | Unexpected::StructVariant
        | Unexpected::Other(_) => "something else",
    }
}

/// Replaces the strings in `value` where `text` repeats them; the longest first, of which others may be parts.
fn hide_strings(text: &mut String, value: &DeValue<'_>) {
    let mut strings = Vec::new();
    collect_strings(value, &mut strings);
    strings.sort_by_key(|string| std::cmp::Reverse(string.len()));
    for string in strings {
        let debug = format!("{string:?}");
        *text = text.replace(string, "…").replace(debug.trim_matches('"'), "…");
    }
}

fn collect_strings<'a>(value: &'a DeValue<'_>, strings: &mut Vec<&'a str>) {
    match value {
        DeValue::String(string) if string.len() >= HIDDEN_BYTES_MIN => strings.push(string),
        DeValue::Array(items) => {
            items.iter().for_each(|item| collect_strings(item.get_ref(), strings));
        }
        DeValue::Table(rows) => {
            rows.values().for_each(|value| collect_strings(value.get_ref(), strings));
        }
        _ => {}
    }
}
