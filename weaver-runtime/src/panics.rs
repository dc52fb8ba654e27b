//! Panics of authors' code: each is an error at its caller, and a line in the log with the backtrace of
//! the place where it happened.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    cell::RefCell,
    fmt,
    panic::PanicHookInfo,
    sync::Once,
};

use crate::report;

/// Where the last panic of this thread happened.
struct Place {
    location: String,
    backtrace: Backtrace,
}

thread_local! {
    static LAST: RefCell<Option<Place>> = const { RefCell::new(None) };
}

/// Remembers the place of every panic from now on: a backtrace can only be taken where the panic
/// happens, before it unwinds. The hook that was there before still runs.
pub(crate) fn remember_places() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            LAST.with_borrow_mut(|last| *last = Some(Place::of(info)));
            before(info);
        }));
    });
}

/// Logs the last panic of this thread, which was caught in `what`.
#[cold]
pub(crate) fn log(what: impl fmt::Display, message: &str) {
    report::warn(&line(what, message));
}

fn line(what: impl fmt::Display, message: &str) -> String {
    let Some(Place { location, backtrace }) = LAST.take() else {
        return format!("{what} panicked: {message}");
    };
    match backtrace.status() {
        BacktraceStatus::Captured => {
            format!("{what} panicked at {location}: {message}\n{backtrace}")
        }
        _ => format!("{what} panicked at {location}: {message}"),
    }
}

impl Place {
    fn of(info: &PanicHookInfo<'_>) -> Self {
        let location = info.location().map_or_else(|| "?".to_owned(), ToString::to_string);
        // Finding the names takes up to a second in a debug build, so that it can be switched off.
        let unwanted = std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value == "0");
        let backtrace = if unwanted { Backtrace::disabled() } else { Backtrace::force_capture() };
        Self { location, backtrace }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catch_panic::catch_panic;

    #[test]
    fn the_line_says_where_and_by_which_way() {
        remember_places();
        let message = catch_panic(|| panic!("on purpose")).unwrap_err();
        let line = line("Cart.add", &message);
        let start = format!("Cart.add panicked at {}", file!());
        assert!(line.starts_with(&start), "{line}");
        let is_wanted = std::env::var_os("RUST_BACKTRACE").is_none_or(|value| value != "0");
        assert_eq!(line.contains("the_line_says_where"), is_wanted, "{line}");
        // The next is not taken for this one.
        assert_eq!(super::line("Cart.add", "x"), "Cart.add panicked: x");
    }
}
