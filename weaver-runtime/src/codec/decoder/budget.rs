//! What bytes may spend while they are decoded, and what became of them.

use std::cell::Cell;

use bincode::error as format;
use serde::de::Error;

use super::{
    super::{DECODED_BYTES_MAX, DEPTH_MAX, DecodeError, MESSAGE_BYTES_MAX},
    Seed,
};

/// The most elements that a collection may make room for before they have been read.
///
/// Bounds what a wrong length allocates, also in collections that believe it. A longer one grows
/// as its elements arrive, at an amortized cost that 4096 elements have made small.
const PREALLOCATED_ELEMENTS_MAX: usize = 4096;

/// What one message may still spend, and why it was refused.
pub(in super::super) struct Budget {
    message_bytes: usize,
    /// What is left of [`DECODED_BYTES_MAX`].
    bytes_left: Cell<usize>,
    /// The refusal is kept here because the format's error type has no room for it, and because
    /// the value's own code could swallow the error that it was told.
    refusal: Cell<Option<DecodeError>>,
}

impl Budget {
    /// The budget of a message of `bytes` bytes.
    pub(in super::super) fn new(bytes: usize) -> Result<Self, DecodeError> {
        if bytes > MESSAGE_BYTES_MAX {
            return Err(DecodeError::TooLarge { bytes, bytes_max: MESSAGE_BYTES_MAX });
        }
        Ok(Self {
            message_bytes: bytes,
            bytes_left: Cell::new(DECODED_BYTES_MAX),
            refusal: Cell::new(None),
        })
    }

    pub(in super::super) fn guard(&self) -> Guard<'_> {
        Guard { budget: self, depth: 0, paid_bytes: 0 }
    }

    /// What to tell the caller.
    pub(in super::super) fn verdict<T>(
        &self,
        outcome: Result<T, format::DecodeError>,
    ) -> Result<T, DecodeError> {
        match self.refusal.take() {
            Some(refusal) => Err(refusal),
            None => Ok(outcome?),
        }
    }
}

/// Where in the value we are.
#[derive(Clone, Copy)]
pub(in super::super) struct Guard<'a> {
    budget: &'a Budget,
    depth: usize,
    /// The size of the place that this value will be moved to, which has been paid for.
    ///
    /// A larger value sits behind a pointer (a `Box`), and pays the difference.
    paid_bytes: usize,
}

impl<'a> Guard<'a> {
    /// One level deeper, into a `T`.
    #[inline]
    pub(super) fn enter<T, E: Error>(self) -> Result<Self, E> {
        if self.depth == DEPTH_MAX {
            return Err(self.refuse(DecodeError::TooDeep { depth_max: DEPTH_MAX }));
        }
        let unpaid = size_of::<T>().saturating_sub(self.paid_bytes);
        if unpaid > 0 {
            self.spend(unpaid)?;
        }
        Ok(Self { depth: self.depth + 1, paid_bytes: self.paid_bytes + unpaid, ..self })
    }

    /// `inner`, which deserializes its value under this guard.
    #[inline]
    pub(in super::super) fn seed<S>(self, inner: S) -> Seed<'a, S> {
        Seed { inner, guard: self }
    }

    /// Inside a place for a `T` that has just been paid for, or that is part of one that was.
    #[inline]
    pub(super) fn at_place_of<T>(self) -> Self {
        Self { paid_bytes: size_of::<T>(), ..self }
    }

    #[inline]
    pub(super) fn spend<E: Error>(self, bytes: usize) -> Result<(), E> {
        match self.budget.bytes_left.get().checked_sub(bytes) {
            Some(left) => {
                self.budget.bytes_left.set(left);
                Ok(())
            }
            None => Err(self.refuse_memory()),
        }
    }

    /// How many elements to make room for, of which the message says that there are `len`.
    #[inline]
    pub(super) fn room_for(self, len: usize) -> usize {
        len.min(self.budget.message_bytes).min(PREALLOCATED_ELEMENTS_MAX)
    }

    #[cold]
    fn refuse_memory<E: Error>(self) -> E {
        self.refuse(DecodeError::TooMuchMemory { bytes_max: DECODED_BYTES_MAX })
    }

    /// Only the first refusal counts: later ones are its consequences.
    #[cold]
    pub(super) fn refuse<E: Error>(self, refusal: DecodeError) -> E {
        let first = self.budget.refusal.take().unwrap_or(refusal);
        self.budget.refusal.set(Some(first));
        E::custom("refused")
    }
}
