//! Entrances for fuzzers and their corpora: each takes what a stranger could send and must come to an
//! end without a panic. They also check what must be true of whatever was understood, and say whether
//! something was.
//!
//! Not for authors: it may change with any version, and is there only with the feature `fuzzing`, and in the tests.

mod arguments;
#[cfg(test)]
mod corpora;

use std::path::Path;

use serde::Deserialize;

pub use self::arguments::arguments;
pub use crate::net::fuzzing::{frames, handshake};
use crate::{
    config::{ConfigFile, Known, MistakeKind},
    context::MetadataMap,
    limits::METADATA_BYTES_MAX,
};

/// The metadata of a call.
#[must_use]
pub fn metadata(bytes: &[u8]) -> bool {
    let Ok(map) = MetadataMap::decode(bytes) else { return false };
    assert!(bytes.len() <= METADATA_BYTES_MAX, "{} bytes were taken", bytes.len());
    assert_eq!(map.encoded(), bytes, "what is passed on is what came");
    assert_eq!(MetadataMap::decode(&map.encoded()), Ok(map));
    true
}

/// A configuration file.
#[must_use]
pub fn config(bytes: &[u8]) -> bool {
    let path = Path::new("weaver.toml");
    let known = Known { components: &["Cart"], listeners: &["shop"], sections: &["Cart"] };
    let parsed = ConfigFile::of_bytes(path, bytes);
    let checked = parsed.as_ref().map_err(Clone::clone).and_then(|file| file.check(&known));
    if let Err(error) = checked {
        assert!(!error.mistakes().is_empty(), "refused without a reason");
        assert!(!error.to_string().is_empty());
        let lines = 1 + bytes.iter().filter(|&&byte| byte == b'\n').count();
        for mistake in error.mistakes() {
            let line = mistake.position.map_or(1, |position| position.line);
            assert!((1..=lines).contains(&line), "{mistake:?} in a file of {lines} lines");
        }
    }
    let Ok(file) = parsed else { return false };
    // What a component makes of its section; the values may be of other types.
    if let Err(error) = file.section::<Section>("Cart") {
        assert!(error.mistakes().iter().all(|it| it.kind != MistakeKind::Syntax), "{error}");
    }
    for (name, group) in file.groups() {
        assert!(!name.is_empty(), "{group:?} has no name");
    }
    true
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only read")]
struct Section {
    currency: Option<String>,
    limits: Option<Vec<u32>>,
    inner: Option<Box<Self>>,
}
