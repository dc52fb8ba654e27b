//! [`Borrowed`]: what a callee decodes for an argument that the author borrows.

use std::{
    borrow::Borrow,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

/// A type that may stand behind `&` in a component method.
///
/// The caller encodes the borrowed value; the callee decodes an [`Owned`](Self::Owned) one and lends
/// it to the method. `&str`, `&[T]`, `&Path` and `&T` of any sized `T` can be borrowed. (The
/// standard library's `ToOwned` would ask for `Clone`.)
pub trait Borrowed {
    /// What is decoded.
    type Owned: Borrow<Self>;
}

impl<T> Borrowed for T {
    type Owned = T;
}

impl Borrowed for str {
    type Owned = String;
}

impl<T> Borrowed for [T] {
    type Owned = Vec<T>;
}

impl Borrowed for Path {
    type Owned = PathBuf;
}

impl Borrowed for OsStr {
    type Owned = OsString;
}
