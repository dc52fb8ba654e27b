//! Loading and finding files.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use super::{ConfigFile, EXAMPLE, MistakeKind};

#[test]
fn a_file_is_loaded_with_its_path() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("weaver.toml");
    fs::write(&path, EXAMPLE).unwrap();
    let config = ConfigFile::load(&path).unwrap();
    assert_eq!(config.path(), Some(path.as_path()));
    assert_eq!(config.text(), EXAMPLE);
}

#[test]
fn a_file_that_cannot_be_read_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("none.toml");
    let error = ConfigFile::load(&path).unwrap_err();
    assert_eq!(error.mistakes()[0].kind, MistakeKind::Unreadable);
    let shown = error.to_string();
    let start = format!("{}: cannot be read: ", path.display());
    assert!(shown.starts_with(&start) && shown.len() > start.len(), "{shown}");
}

#[test]
fn a_file_that_is_not_utf8_is_refused_where_it_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("weaver.toml");
    fs::write(&path, b"[app]\nname = \"\xff\"\n").unwrap();
    let error = ConfigFile::load(&path).unwrap_err();
    let line = format!("{}:2:9: not UTF-8 text from here on", path.display());
    assert_eq!(error.to_string(), line);
    assert_eq!(error.mistakes()[0].kind, MistakeKind::Unreadable);
}

#[test]
fn a_large_file_is_refused_even_if_it_is_cut_inside_a_character() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("weaver.toml");
    for text in ["#".repeat(1024 * 1024 + 1), format!("#{}", "ü".repeat(1024 * 1024))] {
        fs::write(&path, text).unwrap();
        let error = ConfigFile::load(&path).unwrap_err();
        assert_eq!(error.mistakes()[0].kind, MistakeKind::TooLarge);
    }
}

#[test]
fn the_nearest_file_upward_is_found_before_the_variable() {
    let directory = tempfile::tempdir().unwrap();
    let deep = directory.path().join("a/b/c");
    fs::create_dir_all(&deep).unwrap();
    let variable = Some(OsString::from("other.toml"));

    // A directory of that name is none.
    fs::create_dir(deep.join("weaver.toml")).unwrap();
    let top = directory.path().join("weaver.toml");
    fs::write(&top, "").unwrap();
    assert_eq!(ConfigFile::find(&deep, variable.clone()), Some(top));

    let near = directory.path().join("a/b/weaver.toml");
    fs::write(&near, "").unwrap();
    assert_eq!(ConfigFile::find(&deep, variable), Some(near));
}

#[test]
fn the_variable_names_a_file_where_none_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let find =
        |variable: Option<&str>| ConfigFile::find(directory.path(), variable.map(OsString::from));
    assert_eq!(find(None), None);
    assert_eq!(find(Some("")), None);
    assert_eq!(find(Some("missing.toml")), Some(PathBuf::from("missing.toml")));
}
