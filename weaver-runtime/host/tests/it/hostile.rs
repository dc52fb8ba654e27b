//! Guests that do what they should not. Each of these tests says what the caller gets, that a guest beside it
//! in the same process hears nothing of it, and that the instance is replaced.

#![expect(clippy::print_stdout, reason = "figures are part of a test's output")]

mod alone;
mod deeds;
mod init;
mod many;
mod raw;
mod raw_guest;
mod town;
mod world;
