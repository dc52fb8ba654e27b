//! Where in a section a value is, in the words of messages.

use crate::config::names::shown;

/// The table that a value is in, and its name there.
#[derive(Debug)]
pub(super) struct Place {
    /// The path of the table from the top of the file.
    table: String,
    /// A key, with an index if the value is an item of an array: `rules[2]`.
    name: String,
}

impl Place {
    pub(super) fn section(component: &str) -> Self {
        let (table, name) = ("config".to_owned(), shown(component));
        Self { table, name }
    }

    pub(super) fn child(&self, key: &str) -> Self {
        let (table, name) = (self.path(), shown(key));
        Self { table, name }
    }

    pub(super) fn item(&self, index: usize) -> Self {
        let (table, name) = (self.table.clone(), format!("{}[{index}]", self.name));
        Self { table, name }
    }

    /// The place as that of a table.
    pub(super) fn as_table(&self) -> String {
        format!("[{}]", self.path())
    }

    /// The place as that of a value in its table.
    pub(super) fn as_value(&self) -> String {
        format!("`{}` in [{}]", self.name, self.table)
    }

    fn path(&self) -> String {
        format!("{}.{}", self.table, self.name)
    }
}
