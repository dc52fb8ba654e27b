//! Guests in this process.

mod calls;
mod hostile;
mod support;
