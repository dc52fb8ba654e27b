//! Write one Rust program, run its components in one process or in several.
#[doc(hidden)]
pub use weaver_runtime::__private;
pub use weaver_macros::component;
pub use weaver_runtime::{
    CallError, CallErrorKind, Context, Error, Ran, Ref, Refusal, Result,
};
#[cfg(feature = "node")]
pub use {
    weaver_macros::{Component, main},
    weaver_runtime::{App, Config, Lifecycle, Listener},
};
