//! A table of the file and its entries, with the words that messages name them by.

use std::fmt;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::MistakeKind;
use super::mistakes::Mistakes;
use super::names::{hint, quoted, shown};

/// A table and its path in the file; the path of the whole file is empty.
pub(super) struct Table<'a> {
    path: String,
    pub(super) offset: usize,
    rows: &'a DeTable<'a>,
}

/// One key of a table and its value.
pub(super) struct Entry<'a> {
    pub(super) key: &'a str,
    pub(super) key_offset: usize,
    table_path: String,
    value: &'a Spanned<DeValue<'a>>,
}

/// A string of the file and where it is.
pub(super) struct Text<'a> {
    pub(super) text: &'a str,
    pub(super) offset: usize,
}

impl<'a> Table<'a> {
    pub(super) fn root(rows: &'a DeTable<'a>) -> Self {
        Self { path: String::new(), offset: 0, rows }
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = Entry<'a>> {
        self.rows.iter().map(|(key, value)| Entry {
            key: key.get_ref(),
            key_offset: key.span().start,
            table_path: self.path.clone(),
            value,
        })
    }

    pub(super) fn get(&self, key: &str) -> Option<Entry<'a>> {
        self.entries().find(|entry| entry.key == key)
    }

    /// The table under `key`, if there is one.
    pub(super) fn table(&self, key: &str, mistakes: &mut Mistakes) -> Option<Self> {
        self.get(key)?.table(mistakes)
    }

    pub(super) fn refuse_unknown(&self, known: &[&str], mistakes: &mut Mistakes) {
        for entry in self.entries().filter(|entry| !known.contains(&entry.key)) {
            let message = format!("unknown key {entry}{}", hint(entry.key, known));
            mistakes.add(entry.key_offset, MistakeKind::UnknownKey, message);
        }
    }

    pub(super) fn refuse_missing(&self, key: &str, mistakes: &mut Mistakes) {
        let message = format!("missing key {} in {self}", quoted(key));
        mistakes.add(self.offset, MistakeKind::MissingKey, message);
    }
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]", self.path)
    }
}

impl<'a> Entry<'a> {
    pub(super) fn value(&self) -> &'a DeValue<'a> {
        self.value.get_ref()
    }

    pub(super) fn offset(&self) -> usize {
        self.value.span().start
    }

    pub(super) fn table(&self, mistakes: &mut Mistakes) -> Option<Table<'a>> {
        let DeValue::Table(rows) = self.value() else {
            self.wrong_type("a table", mistakes);
            return None;
        };
        let key = shown(self.key);
        let path = match self.table_path.as_str() {
            "" => key,
            parent => format!("{parent}.{key}"),
        };
        let offset = self.offset();
        Some(Table { path, offset, rows })
    }

    pub(super) fn string(&self, mistakes: &mut Mistakes) -> Option<Text<'a>> {
        self.string_in(self.value, mistakes)
    }

    pub(super) fn nonempty_string(&self, mistakes: &mut Mistakes) -> Option<Text<'a>> {
        let string = self.string(mistakes)?;
        if string.text.is_empty() {
            self.bad_value("must not be empty", mistakes);
            return None;
        }
        Some(string)
    }

    pub(super) fn strings(&self, mistakes: &mut Mistakes) -> Vec<Text<'a>> {
        let DeValue::Array(items) = self.value() else {
            self.wrong_type("an array of strings", mistakes);
            return Vec::new();
        };
        items.iter().filter_map(|item| self.string_in(item, mistakes)).collect()
    }

    /// Reports the value, which must not be secret where `what` repeats it.
    pub(super) fn bad_value(&self, what: &str, mistakes: &mut Mistakes) {
        let message = format!("{self}: {what}");
        mistakes.add(self.offset(), MistakeKind::BadValue, message);
    }

    /// Reports something that is planned: `what` says it as the subject of a sentence.
    pub(super) fn not_available(&self, what: &str, instead: &str, mistakes: &mut Mistakes) {
        let message = format!("{what} is not available yet{instead}");
        mistakes.add(self.key_offset, MistakeKind::NotAvailable, message);
    }

    pub(super) fn wrong_type(&self, expected: &str, mistakes: &mut Mistakes) {
        self.wrong_type_of(self.value, expected, mistakes);
    }

    fn wrong_type_of(&self, value: &Spanned<DeValue<'_>>, expected: &str, mistakes: &mut Mistakes) {
        let found = type_name(value.get_ref());
        let message = format!("{self}: expected {expected}, found {found}");
        mistakes.add(value.span().start, MistakeKind::WrongType, message);
    }

    /// The value itself or an item of it, as a string.
    fn string_in(
        &self,
        value: &'a Spanned<DeValue<'a>>,
        mistakes: &mut Mistakes,
    ) -> Option<Text<'a>> {
        let offset = value.span().start;
        let DeValue::String(text) = value.get_ref() else {
            self.wrong_type_of(value, "a string", mistakes);
            return None;
        };
        // Neither a path nor an argument nor a variable can hold one; the error of the system call
        // would come late and name no line.
        if text.contains('\0') {
            let message = format!("{self}: must not contain a NUL character");
            mistakes.add(offset, MistakeKind::BadValue, message);
            return None;
        }
        Some(Text { text, offset })
    }
}

/// The key and the table it is in.
impl fmt::Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", quoted(self.key))?;
        match self.table_path.as_str() {
            "" => Ok(()),
            path => write!(f, " in [{path}]"),
        }
    }
}

/// The type of `value` in words, for messages that must not show the value.
pub(super) fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}
