//! `[placement]`.

use super::super::PlacementDefault;
use super::{MistakeKind, parsed, refuses_as};

#[test]
fn each_and_together_are_read() {
    let default = |text| parsed(text).placement_default();
    assert_eq!(default("[placement]\ndefault = \"each\""), PlacementDefault::Each);
    assert_eq!(default("[placement]\ndefault = \"together\""), PlacementDefault::Together);
    assert_eq!(default("[placement]"), PlacementDefault::Each);
}

#[test]
fn auto_is_not_available() {
    refuses_as(
        MistakeKind::NotAvailable,
        "[placement]\ndefault = \"auto\"",
        "weaver.toml:2:1: `default = \"auto\"` in [placement] is not available yet; use `each` or \
         `together`",
    );
}

#[test]
fn other_placements_are_refused() {
    refuses_as(
        MistakeKind::BadValue,
        "[placement]\ndefault = \"togehter\"",
        "weaver.toml:2:11: `default` in [placement]: unknown placement `togehter`; did you mean \
         `together`?",
    );
    refuses_as(
        MistakeKind::BadValue,
        "[placement]\ndefault = \"spread\"",
        "weaver.toml:2:11: `default` in [placement]: unknown placement `spread`; known are `each`, \
         `together`",
    );
    refuses_as(
        MistakeKind::WrongType,
        "[placement]\ndefault = true",
        "weaver.toml:2:11: `default` in [placement]: expected a string, found a boolean",
    );
    refuses_as(
        MistakeKind::UnknownKey,
        "[placement]\ndefualt = \"each\"",
        "weaver.toml:2:1: unknown key `defualt` in [placement]; did you mean `default`?",
    );
}
