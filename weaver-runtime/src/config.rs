//! What `weaver.toml` says: where listeners bind, which components are placed together, and what
//! each component reads of its own.
//!
//! A program started with `cargo run` and the deployer read the same file through this type, and
//! replicas parse the text that the deployer hands them. Parsing is pure: only [`ConfigFile::load`] and
//! [`ConfigFile::find`] touch the file system. Every mistake of a file is reported at once.

mod app;
mod document;
mod error;
mod excerpt;
mod fields;
mod groups;
mod known;
mod limits;
mod listeners;
mod mistakes;
mod names;
mod quantity;
mod sandbox;
mod section;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::path::{self, Path, PathBuf};
use std::str::Utf8Error;

use serde::de::DeserializeOwned;

use crate::limits::Limits;
use document::Document;
use mistakes::Mistakes;

pub use error::{ConfigError, Mistake, MistakeKind, Position};
pub use groups::{Group, REPLICAS_MAX};
pub use known::Known;
pub use names::hint;

/// The name of the configuration file.
pub const CONFIG_FILE: &str = "weaver.toml";

/// The environment variable that names a configuration file where none is found otherwise.
pub const CONFIG_VARIABLE: &str = "WEAVER_CONFIG";

/// The largest file that is read. A thousand groups with a screenful of settings each stay below
/// it; what is larger is not a configuration that someone wrote.
pub const CONFIG_BYTES_MAX: usize = 1024 * 1024;

/// The configuration of one application. The default is that of an application without a file.
///
/// Not called `Config`: authors know that name as the field that holds their own section.
///
/// Its `Debug` output leaves out the text, the sections of components and the values of `env`,
/// because secrets live there.
#[derive(Clone, Default)]
pub struct ConfigFile {
    path: Option<PathBuf>,
    text: String,
    document: Document,
}

/// Where a component goes that no group lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PlacementDefault {
    /// Each component is a group of its own.
    #[default]
    Each,
    /// All components share one process.
    Together,
}

impl ConfigFile {
    /// Reads `text`; `path` is only shown in errors and the base of a relative `binary`.
    ///
    /// # Errors
    ///
    /// All mistakes that can be seen without knowing the program, sorted by line.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let mut mistakes = Mistakes::default();
        let document = document::read(text, &mut mistakes);
        mistakes.into_result(Some(path), text)?;
        Ok(Self { path: Some(path.to_owned()), text: text.to_owned(), document })
    }

    /// What a deployer has read, and handed over; the empty one for none.
    ///
    /// # Errors
    /// As [`ConfigFile::parse`].
    pub(crate) fn parse_handed(file: Option<&(PathBuf, String)>) -> Result<Self, ConfigError> {
        file.map_or_else(|| Ok(Self::default()), |(path, text)| Self::parse(path, text))
    }

    /// Reads the file at `path`.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is not UTF-8, is larger than [`CONFIG_BYTES_MAX`], or holds the
    /// mistakes that [`ConfigFile::parse`] finds.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let bytes = read_bounded(path).map_err(|error| {
            let message = format!("cannot be read: {error}");
            ConfigError::of_file(path, MistakeKind::Unreadable, message)
        })?;
        Self::of_bytes(path, &bytes)
    }

    /// What the file at `path` holds.
    pub(crate) fn of_bytes(path: &Path, bytes: &[u8]) -> Result<Self, ConfigError> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::parse(path, text),
            Err(error) => Err(not_utf8(path, bytes, error)),
        }
    }

    /// Finds the file of a program that runs in the directory `start`: [`CONFIG_FILE`] there or in
    /// a directory above it, else what `variable`, the value of [`CONFIG_VARIABLE`], names.
    ///
    /// A file named by the variable is not looked for, so that [`ConfigFile::load`] can say that it is
    /// missing.
    #[must_use]
    pub fn find(start: &Path, variable: Option<OsString>) -> Option<PathBuf> {
        // A relative directory has no ancestors to search.
        let start = path::absolute(start).unwrap_or_else(|_| start.to_owned());
        start
            .ancestors()
            .map(|directory| directory.join(CONFIG_FILE))
            .find(|file| file.is_file())
            .or_else(|| variable.filter(|value| !value.is_empty()).map(PathBuf::from))
    }

    /// Compares the names in the file with those of the program.
    ///
    /// # Errors
    ///
    /// All components, listeners and sections that the program does not have, sorted by line.
    pub fn check(&self, known: &Known<'_>) -> Result<(), ConfigError> {
        let mut mistakes = Mistakes::default();
        for mention in &self.document.mentions {
            known.check(mention, &mut mistakes);
        }
        mistakes.into_result(self.path(), &self.text)
    }

    /// Reads the section `[config.COMPONENT]`; one that is missing is an empty table.
    ///
    /// A key that is no field of a struct is a mistake, as it is everywhere else in the file,
    /// unless the struct collects such keys with `#[serde(flatten)]`.
    ///
    /// # Errors
    ///
    /// The section does not fit `C`. Messages name types, never the values found, and replace text
    /// of the section that a message of `C`'s own repeats.
    pub fn section<C: DeserializeOwned>(&self, component: &str) -> Result<C, ConfigError> {
        section::read(&self.text, component).map_err(|mut mistakes| {
            if !self.document.has_section(component) {
                mistakes.explain(match self.path {
                    Some(_) => "; the file has no such section",
                    None => "; there is no `weaver.toml`",
                });
            }
            mistakes.into_error(self.path(), &self.text)
        })
    }

    /// Whether there is a section `[config.COMPONENT]`.
    #[must_use]
    pub fn has_section(&self, component: &str) -> bool {
        self.document.has_section(component)
    }

    /// The path that the configuration was parsed with; none where there is no file.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The text of the file, for a replica to parse again. It may hold secrets.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The application's name: `name` in `[app]`.
    #[must_use]
    pub fn app_name(&self) -> Option<&str> {
        self.document.app.name.as_deref()
    }

    /// The cargo package that is built and run: `package` in `[app]`. Never together with
    /// [`ConfigFile::binary`].
    #[must_use]
    pub fn package(&self) -> Option<&str> {
        self.document.app.package.as_deref()
    }

    /// The program that is run as it is: `binary` in `[app]`. A relative path starts at the
    /// directory of the file.
    #[must_use]
    pub fn binary(&self) -> Option<PathBuf> {
        self.document.app.binary.as_deref().map(|path| self.beside(path))
    }

    /// The same program as [`binary`](Self::binary) for groups in a sandbox: `wasm` in `[app]`.
    #[must_use]
    pub fn wasm(&self) -> Option<PathBuf> {
        self.document.app.wasm.as_deref().map(|path| self.beside(path))
    }

    /// A path that starts at the directory of the file.
    fn beside(&self, path: &Path) -> PathBuf {
        let directory = self.path().and_then(Path::parent);
        directory.map_or_else(|| path.to_owned(), |directory| directory.join(path))
    }

    /// The environment of the program: `env` in `[app]`. It may hold secrets.
    #[must_use]
    pub fn env(&self) -> &BTreeMap<String, String> {
        &self.document.app.env
    }

    /// The arguments of the program: `args` in `[app]`.
    #[must_use]
    pub fn args(&self) -> &[String] {
        &self.document.app.args
    }

    /// Where the listener `name` binds. Port 0 takes a free one.
    #[must_use]
    pub fn listener(&self, name: &str) -> Option<SocketAddr> {
        self.document.listeners.get(name).copied()
    }

    /// Every listener that has an address.
    pub fn listeners(&self) -> impl Iterator<Item = (&str, SocketAddr)> {
        self.document.listeners.iter().map(|(name, address)| (name.as_str(), *address))
    }

    /// Where a component goes that no group lists.
    #[must_use]
    pub fn placement_default(&self) -> PlacementDefault {
        self.document.placement
    }

    /// What a process takes on and how long its calls wait: `[limits]`.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.document.limits.clone()
    }

    /// The groups by name. `main` is among them only where the file has `[groups.main]`.
    #[must_use]
    pub fn groups(&self) -> &BTreeMap<String, Group> {
        &self.document.groups
    }
}

impl fmt::Debug for ConfigFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigFile")
            .field("path", &self.path)
            .field("document", &self.document)
            .finish_non_exhaustive()
    }
}

/// Reads one byte more than is allowed at most: enough for [`ConfigFile::parse`] to refuse it, and an
/// endless file ends.
fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let bytes_max = u64::try_from(CONFIG_BYTES_MAX).unwrap_or(u64::MAX);
    File::open(path)?.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn not_utf8(path: &Path, bytes: &[u8], error: Utf8Error) -> ConfigError {
    let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
    let mut mistakes = Mistakes::default();
    // A file that `read_bounded` cut may end inside a character.
    if bytes.len() > CONFIG_BYTES_MAX {
        document::refuse_large(&mut mistakes);
    } else {
        mistakes.add(valid.len(), MistakeKind::Unreadable, "not UTF-8 text from here on");
    }
    mistakes.into_error(Some(path), &valid)
}
