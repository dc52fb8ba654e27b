//! Keeps panics that are part of a test out of what is printed: with backtraces they take seconds,
//! and hide those that nobody expected.

use std::{panic, sync::Once};

/// Where components panic on purpose.
const EXPECTED: [&str; 2] = ["bomb.rs", "dynamite.rs"];

static ONCE: Once = Once::new();

/// Prints no panics of [`EXPECTED`] from now on; others as before.
pub(crate) fn hush_expected_panics() {
    ONCE.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            let expected = |file: &str| EXPECTED.iter().any(|expected| file.ends_with(expected));
            if !panic.location().is_some_and(|location| expected(location.file())) {
                others(panic);
            }
        }));
    });
}
