//! What a node has to say to whoever runs it.

/// Says that something went wrong which nobody is waiting to hear about as an error: as a `tracing`
/// event where the program listens to those, else as a line on standard error.
pub fn warn(message: &str) {
    if tracing::dispatcher::has_been_set() {
        tracing::warn!("{message}");
    } else {
        to_stderr(message);
    }
}

/// Tells the person at the terminal.
#[expect(clippy::print_stderr, reason = "this is the one place that does")]
pub(crate) fn to_stderr(message: &str) {
    eprintln!("{message}");
}
