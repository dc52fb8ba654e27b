//! [`Watch`]: the files that a program is built from, and whether one has changed.
//!
//! Looked at again and again rather than told of by the system: it is the same everywhere (containers and network
//! folders included), and some hundred files take a millisecond.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Files that are looked at. What comes above is not noticed.
const FILES_MAX: usize = 10_000;

/// How deep folders are searched for files that are new.
const DEPTH_MAX: usize = 16;

/// The files, each as it was last seen.
#[derive(Debug)]
pub(crate) struct Watch {
    files: BTreeSet<PathBuf>,
    /// In which files may be added.
    folder: PathBuf,
    seen: Seen,
}

/// When each was written last, and how long it is; `None` for one that is not there.
type Seen = BTreeMap<PathBuf, Option<(SystemTime, u64)>>;

impl Watch {
    /// Looks at a package's folder, and at `files` elsewhere, from now on.
    pub(crate) fn new(folder: &Path, files: impl IntoIterator<Item = PathBuf>) -> Self {
        let files = files.into_iter().collect();
        let mut watch = Self { files, folder: folder.to_owned(), seen: Seen::new() };
        watch.seen = watch.look();
        watch
    }

    /// Looks at these files as well, which were as they are when the last look was.
    pub(crate) fn also(&mut self, files: impl IntoIterator<Item = PathBuf>) {
        self.files.extend(files);
        let now = self.look();
        for (file, state) in now {
            self.seen.entry(file).or_insert(state);
        }
    }

    /// Whether a file has changed, come or gone since the last look that found so.
    pub(crate) fn has_changed(&mut self) -> bool {
        let now = self.look();
        let changed = now != self.seen;
        self.seen = now;
        changed
    }

    fn look(&self) -> Seen {
        let mut found = BTreeSet::new();
        sources(&self.folder, DEPTH_MAX, &mut found);
        let files = self.files.iter().chain(&found).take(FILES_MAX);
        files.map(|file| (file.clone(), state(file))).collect()
    }
}

fn state(file: &Path) -> Option<(SystemTime, u64)> {
    let metadata = fs::metadata(file).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// What may be a package's source: Rust, and what configures it. Others are known from what was built of them.
fn sources(folder: &Path, depth: usize, found: &mut BTreeSet<PathBuf>) {
    // One that cannot be read has nothing.
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let is_hidden = name.to_string_lossy().starts_with('.');
        let Ok(kind) = entry.file_type() else { continue };
        if is_hidden || found.len() >= FILES_MAX {
            continue;
        } else if kind.is_dir() && depth > 0 && !is_built(&path) {
            sources(&path, depth - 1, found);
        } else if path.extension().is_some_and(|it| it == "rs" || it == "toml")
            || name == "Cargo.lock"
        {
            found.insert(path);
        }
    }
}

/// Cargo marks the folder of what it builds.
fn is_built(folder: &Path) -> bool {
    folder.file_name() == Some(OsStr::new("target")) || folder.join("CACHEDIR.TAG").exists()
}

/// The files that cargo has built an executable from, as it notes beside it.
pub(crate) fn built_from(executable: &Path) -> Vec<PathBuf> {
    // Without it, the package's folder is what is looked at.
    let notes = fs::read_to_string(executable.with_extension("d")).unwrap_or_default();
    notes.lines().flat_map(dependencies).collect()
}

/// `path: file file`, where a space in a name is behind a backslash.
fn dependencies(line: &str) -> Vec<PathBuf> {
    let Some((_, files)) = line.split_once(": ") else { return Vec::new() };
    let mut names = vec![String::new()];
    let mut is_escaped = false;
    for c in files.chars() {
        match (c, names.last_mut()) {
            ('\\', _) if !is_escaped => {
                is_escaped = true;
                continue;
            }
            (' ', _) if !is_escaped => names.push(String::new()),
            (c, Some(name)) => name.push(c),
            (_, None) => {}
        }
        is_escaped = false;
    }
    names.into_iter().filter(|name| !name.is_empty()).map(PathBuf::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_seen_once_and_what_is_built_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir_all(path("src/deep")).unwrap();
        fs::create_dir_all(path("target")).unwrap();
        fs::write(path("src/main.rs"), "1").unwrap();
        let elsewhere = tempfile::NamedTempFile::new().unwrap();
        let mut watch = Watch::new(folder.path(), [elsewhere.path().to_owned()]);
        assert!(!watch.has_changed());
        for (file, text) in [("src/main.rs", "12"), ("src/deep/new.rs", "1"), ("weaver.toml", "")] {
            fs::write(path(file), text).unwrap();
            assert!(watch.has_changed(), "{file}");
            assert!(!watch.has_changed(), "{file}");
        }
        for file in ["target/x.rs", "src/chat.db", ".hidden.rs"] {
            fs::write(path(file), "1").unwrap();
            assert!(!watch.has_changed(), "{file}");
        }
        fs::write(elsewhere.path(), "123").unwrap();
        assert!(watch.has_changed());
        fs::remove_file(path("src/main.rs")).unwrap();
        assert!(watch.has_changed());
        // What is only known now has not changed by that.
        watch.also([path("src/chat.db")]);
        assert!(!watch.has_changed());
        fs::write(path("src/chat.db"), "12").unwrap();
        assert!(watch.has_changed());
    }

    #[test]
    fn what_cargo_notes_is_read() {
        let line = r"/t/shop: /w/a\ b/main.rs /w/page.html";
        assert_eq!(dependencies(line), ["/w/a b/main.rs", "/w/page.html"].map(PathBuf::from));
        assert_eq!(dependencies(""), Vec::<PathBuf>::new());
    }
}
