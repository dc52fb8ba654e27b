//! Guests in this process.

mod calls;
mod support;
