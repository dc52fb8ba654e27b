//! The mistakes found so far in one text, by offset; positions are worked out at the end.

use std::path::Path;

use super::error::{ConfigError, Mistake, MistakeKind, Position};

/// Collects mistakes, so that one mistake does not hide the next.
#[derive(Debug, Default)]
pub(super) struct Mistakes {
    found: Vec<Found>,
}

#[derive(Debug)]
struct Found {
    /// In bytes from the start of the text; none for what concerns the whole file.
    offset: Option<usize>,
    kind: MistakeKind,
    message: String,
    /// The other place of a conflict; its line ends the message.
    earlier: Option<usize>,
    /// Of an unknown key: the offset of its table, and the key that was probably meant.
    slip_of: Option<(usize, &'static str)>,
}

impl Mistakes {
    pub(super) fn add(&mut self, offset: usize, kind: MistakeKind, message: impl Into<String>) {
        self.push(Some(offset), kind, message.into(), None);
    }

    /// Adds a mistake that has no place in the text.
    pub(super) fn add_to_file(&mut self, kind: MistakeKind, message: impl Into<String>) {
        self.push(None, kind, message.into(), None);
    }

    /// Adds a conflict between two places; the line of the earlier one ends `message`.
    pub(super) fn add_conflict(&mut self, offset: usize, earlier: usize, message: String) {
        self.push(Some(offset), MistakeKind::Conflict, message, Some(earlier));
    }

    /// Adds a key that the table at `table` does not have, with the one that was probably meant.
    pub(super) fn add_unknown_key(
        &mut self,
        offset: usize,
        message: String,
        table: usize,
        meant: Option<&'static str>,
    ) {
        let slip_of = meant.map(|key| (table, key));
        let (kind, earlier) = (MistakeKind::UnknownKey, None);
        self.found.push(Found { offset: Some(offset), kind, message, earlier, slip_of });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Whether something was found at `offset`.
    pub(super) fn has(&self, offset: usize) -> bool {
        self.found.iter().any(|found| found.offset == Some(offset))
    }

    /// Whether a key in the table at `table` is a slip of `key`.
    pub(super) fn has_slip_of(&self, table: usize, key: &str) -> bool {
        self.found.iter().any(|found| found.slip_of == Some((table, key)))
    }

    /// Replaces the places of all mistakes by a note, for a text that lacks what they are about.
    pub(super) fn explain(&mut self, note: &str) {
        for found in &mut self.found {
            found.offset = None;
            found.message.push_str(note);
        }
    }

    /// Fails if anything was found.
    pub(super) fn into_result(self, path: Option<&Path>, text: &str) -> Result<(), ConfigError> {
        if self.is_empty() {
            return Ok(());
        }
        Err(self.into_error(path, text))
    }

    /// The error of a text in which something was found.
    pub(super) fn into_error(mut self, path: Option<&Path>, text: &str) -> ConfigError {
        self.found.sort_by_key(|found| found.offset);
        let lines = Lines::new(text);
        let mistakes = self.found.into_iter().map(|found| Mistake {
            position: found.offset.map(|offset| lines.position(offset)),
            kind: found.kind,
            message: match found.earlier.map(|offset| lines.position(offset).line) {
                Some(line) => format!("{} (line {line})", found.message),
                None => found.message,
            },
        });
        ConfigError::new(path, mistakes.collect())
    }

    fn push(
        &mut self,
        offset: Option<usize>,
        kind: MistakeKind,
        message: String,
        earlier: Option<usize>,
    ) {
        self.found.push(Found { offset, kind, message, earlier, slip_of: None });
    }
}

/// Where the lines of a text start.
pub(super) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        // A byte order mark is no column of the first line.
        let first = text.len() - text.trim_start_matches('\u{feff}').len();
        let others = text.match_indices('\n').map(|(newline, _)| newline + 1);
        let starts = std::iter::once(first).chain(others).collect();
        Self { text, starts }
    }

    pub(super) fn position(&self, offset: usize) -> Position {
        // Offsets of syntax errors come from the TOML parser, which promises nothing about them.
        let offset = self.text.floor_char_boundary(offset);
        let line = self.starts.partition_point(|start| *start <= offset).max(1);
        let before = self.text.get(self.starts[line - 1]..offset).unwrap_or("");
        Position { line, column: before.chars().count() + 1 }
    }
}
