//! Why a call did not give the callee's own answer ([`CallError`]), and the error that a program
//! can use everywhere when it needs no type of its own ([`Error`]).

mod call_error;
mod chain;

pub use call_error::{CallError, CallErrorKind, Failure, Load, Ran, Refusal};
pub use chain::{Context, Error};

/// What a component method returns when its author needs no error type of their own.
pub type Result<T, E = Error> = std::result::Result<T, E>;
