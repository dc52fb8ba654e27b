//! Guests in this process.

mod calls;
mod hostile;
mod linked;
mod support;
