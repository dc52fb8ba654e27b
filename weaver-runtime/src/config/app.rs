//! `[app]`: what the program is and how it is run.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::error::MistakeKind;
use super::fields::{Entry, Table};
use super::mistakes::Mistakes;
use super::names::{NAME_RULE, is_name, quoted};

/// The keys of `[app]`. Its `Debug` output shows no values of `env` and no `args`.
#[derive(Clone, Default)]
pub(super) struct App {
    pub(super) name: Option<String>,
    pub(super) package: Option<String>,
    pub(super) binary: Option<PathBuf>,
    pub(super) wasm: Option<PathBuf>,
    pub(super) env: BTreeMap<String, String>,
    pub(super) args: Vec<String>,
}

impl App {
    pub(super) fn read(table: &Table<'_>, mistakes: &mut Mistakes) -> Self {
        table.refuse_unknown(&["name", "package", "binary", "wasm", "env", "args"], mistakes);
        refuse_package_and_binary(table, mistakes);
        refuse_wasm_alone(table, mistakes);
        let mut app = Self::default();
        for entry in table.entries() {
            match entry.key {
                "name" => app.name = read_name(&entry, mistakes),
                "package" => app.package = read_nonempty(&entry, mistakes),
                "binary" => app.binary = read_nonempty(&entry, mistakes).map(PathBuf::from),
                "wasm" => app.wasm = read_nonempty(&entry, mistakes).map(PathBuf::from),
                "env" => app.env = read_env(&entry, mistakes),
                "args" => app.args = read_args(&entry, mistakes),
                _ => {} // Refused above.
            }
        }
        app
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("name", &self.name)
            .field("package", &self.package)
            .field("binary", &self.binary)
            .field("wasm", &self.wasm)
            .field("env", &self.env.keys())
            .finish_non_exhaustive()
    }
}

fn refuse_package_and_binary(table: &Table<'_>, mistakes: &mut Mistakes) {
    if let (Some(package), Some(binary)) = (table.get("package"), table.get("binary")) {
        let message = format!(
            "both `package` and `binary` in {table}; keep `package` to build it with cargo, or \
             `binary` to run it as it is"
        );
        let later = package.key_offset.max(binary.key_offset);
        mistakes.add(later, MistakeKind::Conflict, message);
    }
}

fn refuse_wasm_alone(table: &Table<'_>, mistakes: &mut Mistakes) {
    if let (Some(wasm), None) = (table.get("wasm"), table.get("binary")) {
        let message = format!(
            "{wasm} without `binary`: it is the same program as that, for groups in a sandbox; of a \
             `package`, cargo builds both"
        );
        mistakes.add(wasm.key_offset, MistakeKind::Conflict, message);
    }
}

fn read_nonempty(entry: &Entry<'_>, mistakes: &mut Mistakes) -> Option<String> {
    entry.nonempty_string(mistakes).map(|string| string.text.to_owned())
}

fn read_name(entry: &Entry<'_>, mistakes: &mut Mistakes) -> Option<String> {
    let name = entry.string(mistakes)?.text;
    if !is_name(name) {
        entry.bad_value(&format!("{} is not allowed; {NAME_RULE}", quoted(name)), mistakes);
        return None;
    }
    Some(name.to_owned())
}

fn read_args(entry: &Entry<'_>, mistakes: &mut Mistakes) -> Vec<String> {
    let strings = entry.strings(mistakes).into_iter();
    strings.map(|string| string.text.to_owned()).collect()
}

fn read_env(entry: &Entry<'_>, mistakes: &mut Mistakes) -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    let variables = entry.table(mistakes);
    for variable in variables.iter().flat_map(Table::entries) {
        // The system would take such a name for another one, or refuse to start the program.
        if variable.key.is_empty() || variable.key.contains(['=', '\0']) {
            let message = format!("{variable}: not the name of an environment variable");
            mistakes.add(variable.key_offset, MistakeKind::BadValue, message);
        }
        if let Some(value) = variable.string(mistakes) {
            env.insert(variable.key.to_owned(), value.text.to_owned());
        }
    }
    env
}
