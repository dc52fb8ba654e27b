//! What is wrong with a configuration: one line for each mistake.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

/// Why a configuration is refused. Displays as one line for each mistake, such as
/// ``weaver.toml:7:1: unknown key `replica` in [groups.cart]; did you mean `replicas`?``
///
/// It has no `source`: a list has no single cause, so each line says its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    path: Option<PathBuf>,
    mistakes: Vec<Mistake>,
}

/// One mistake in a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mistake {
    /// Where it is; none for what concerns the whole file or is not in it.
    pub position: Option<Position>,
    /// What kind of mistake it is.
    pub kind: MistakeKind,
    /// What is wrong and what to do about it, without path and position.
    pub message: String,
}

/// A place in the file. Both numbers start at 1, as editors show them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// The kinds of mistakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MistakeKind {
    /// The file cannot be read, or is not UTF-8.
    Unreadable,
    /// The file is larger than [`CONFIG_BYTES_MAX`](super::CONFIG_BYTES_MAX).
    TooLarge,
    /// The text is not TOML.
    Syntax,
    /// A key that nothing reads.
    UnknownKey,
    /// A component, listener or section that the program does not have.
    UnknownName,
    /// A key that has to be there is not.
    MissingKey,
    /// A value of another type than the key takes.
    WrongType,
    /// A value of the right type that the key does not take, or a name that is not allowed.
    BadValue,
    /// Two entries that exclude each other.
    Conflict,
    /// Something that is planned and not built yet.
    NotAvailable,
}

impl ConfigError {
    /// The mistakes, sorted by position; never empty.
    #[must_use]
    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }

    /// The path of the file, as it was given; none where there is no file.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Those of one file as one, if there are any.
    pub(crate) fn join(errors: impl IntoIterator<Item = Self>) -> Option<Self> {
        errors.into_iter().reduce(|mut all, error| {
            all.mistakes.extend(error.mistakes);
            all.mistakes.sort_by_key(|mistake| mistake.position);
            all
        })
    }

    pub(super) fn new(path: Option<&Path>, mistakes: Vec<Mistake>) -> Self {
        let path = path.map(Path::to_owned);
        Self { path, mistakes }
    }

    /// One mistake that concerns the whole file.
    pub(super) fn of_file(path: &Path, kind: MistakeKind, message: String) -> Self {
        let mistake = Mistake { position: None, kind, message };
        Self::new(Some(path), vec![mistake])
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.mistakes.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            if let Some(path) = &self.path {
                write!(f, "{}:", path.display())?;
                if let Some(Position { line, column }) = mistake.position {
                    write!(f, "{line}:{column}:")?;
                }
                write!(f, " ")?;
            }
            write!(f, "{}", mistake.message)?;
        }
        Ok(())
    }
}

impl Error for ConfigError {}
