//! [`catch_panic`]: a panic of an author's code as its message.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// What `run` gives, or the message of its panic. What a panic leaves half done is dropped by the
/// callers of this, so that nobody sees it.
#[inline]
pub(crate) fn catch_panic<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).map_err(caught)
}

#[cold]
fn caught(payload: Box<dyn Any + Send>) -> String {
    let message = panic_message(&*payload);
    // It is the author's as well, and may panic again, with another one that is best not dropped.
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(again);
    }
    message
}

/// The text of a panic, cut to what is worth sending.
fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message");
    let end = text.floor_char_boundary(PANIC_MESSAGE_BYTES_MAX);
    text.get(..end).unwrap_or_default().to_owned()
}

/// Long enough for any message meant to be read, short enough to travel in every error.
const PANIC_MESSAGE_BYTES_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use std::panic::panic_any;

    use super::*;

    struct PanicsAgain;

    impl Drop for PanicsAgain {
        fn drop(&mut self) {
            panic_any(Self);
        }
    }

    #[test]
    fn a_payload_that_panics_is_caught() {
        let caught = catch_panic(|| panic_any(PanicsAgain));
        assert_eq!(caught, Err("a panic without a message".to_owned()));
    }
}
