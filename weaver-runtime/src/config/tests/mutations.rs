//! Text of any kind: refused or read, never a panic, and never a secret in a message.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{ConfigFile, EXAMPLE, Known, parse};

/// What a mutation puts into a file.
const PIECES: &[&str] = &[
    "\"",
    "'",
    "\"\"\"",
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "=",
    ".",
    ",",
    "\n",
    "\r\n",
    "#",
    "\0",
    "\u{feff}",
    "ü",
    "-1",
    "0x",
    "1e999",
    "2024-02-29",
    "true",
    "main",
    "weaver.",
    "auto",
    "replicas",
    "[limits]\nstreams = ",
    "1GiB",
    "10s",
    "sandbox",
    "[groups.main]\n",
    "[config.Payment.x]\n",
    "components = []\n",
    "address = 1\n",
];

/// Reads `text` in every way that there is.
fn exercise(text: &str) {
    match parse(text) {
        Ok(config) => exercise_config(&config),
        Err(error) => {
            assert!(!error.mistakes().is_empty());
            let lines = text.split('\n').count();
            for mistake in error.mistakes() {
                assert!(!mistake.message.contains('\n'));
                if let Some(position) = mistake.position {
                    assert!((1..=lines).contains(&position.line) && position.column >= 1);
                }
            }
        }
    }
}

fn exercise_config(config: &ConfigFile) {
    // Refusals are as good as successes here.
    drop(config.check(&Known::default()));
    drop(config.section::<BTreeMap<String, toml::Value>>("Payment"));
    drop(config.section::<BTreeMap<String, BTreeMap<u8, Vec<i8>>>>("Payment"));
    drop(format!("{config:?}"));
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        exercise(&text);
    }

    #[test]
    fn text_of_toml_pieces_never_panics(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40)) {
        exercise(&pieces.concat());
    }

    #[test]
    fn mutations_of_a_valid_file_never_panic(
        mutations in prop::collection::vec((any::<prop::sample::Index>(), 0..12_usize, prop::sample::select(PIECES)), 1..6),
    ) {
        let mut text = EXAMPLE.to_owned();
        for (at, removed, piece) in mutations {
            let start = text.floor_char_boundary(at.index(text.len() + 1));
            let end = text.floor_char_boundary((start + removed).min(text.len())).max(start);
            text.replace_range(start..end, piece);
        }
        exercise(&text);
    }

    /// A value that is broken anywhere stays out of the message, if its key still stands before it.
    #[test]
    fn a_broken_secret_is_not_shown(cut in 0..16_usize, piece in prop::sample::select(PIECES)) {
        let secret = "\"s3cr3tA s3cr3tB\"";
        let broken = format!("{}{piece}{}", &secret[..cut], &secret[cut + 1..]);
        for text in [
            format!("[groups.a]\ncomponents = [\"A\"]\n[config.Payment]\nkey = {broken}\n"),
            format!("[app]\nenv = {{ KEY = {broken} }}\n"),
            format!("[app.env]\nKEY = {broken}\n"),
        ] {
            let shown = match parse(&text) {
                Ok(config) => format!("{:?}", config.section::<BTreeMap<String, u8>>("Payment").err()),
                Err(error) => error.to_string(),
            };
            // Nobody can tell that what follows a whole header is still the value.
            let shows = shown.contains("s3cr3tA") || shown.contains("s3cr3tB");
            prop_assert!(!shows || piece.starts_with("[groups"), "{}", shown);
        }
    }
}
