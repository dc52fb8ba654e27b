//! What a value may spend while it is encoded, and what became of it.

use std::cell::Cell;

use bincode::error as format;
use serde::ser::{Error, Serialize};

use super::{
    super::{DECODED_BYTES_MAX, DEPTH_MAX, ELEMENT_OVERHEAD_BYTES, EncodeError, MESSAGE_BYTES_MAX},
    Guarded,
};

/// What one value has spent, and why it was refused.
#[derive(Default)]
pub(in super::super) struct Tally {
    /// The receiver's overhead for all elements so far, in bytes.
    overhead_bytes: Cell<usize>,
    /// What did not fit into a message.
    bytes_over: Cell<usize>,
    /// The refusal is kept here because serde's error types have no room for it, and because the
    /// value's own code could swallow the error that it was told.
    refusal: Cell<Option<EncodeError>>,
}

impl Tally {
    pub(in super::super) fn guard(&self) -> Guard<'_> {
        Guard { tally: self, depth: 0 }
    }

    /// What to tell the caller after `written` bytes.
    pub(in super::super) fn verdict(
        &self,
        written: usize,
        outcome: Result<(), format::EncodeError>,
    ) -> Result<(), EncodeError> {
        if let Some(refusal) = self.refusal.take() {
            return Err(refusal);
        }
        outcome?;
        if self.is_over() {
            let bytes = written.saturating_add(self.bytes_over.get());
            return Err(EncodeError::TooLarge { bytes, bytes_max: MESSAGE_BYTES_MAX });
        }
        // The receiver counts an element's size in memory, which nobody knows here. Its size on
        // the wire is the same for numbers, and the nearest guess for the rest.
        if self.overhead_bytes.get().saturating_add(written) > DECODED_BYTES_MAX {
            return Err(EncodeError::TooMuchMemory { bytes_max: DECODED_BYTES_MAX });
        }
        Ok(())
    }

    #[inline]
    pub(super) fn is_over(&self) -> bool {
        self.bytes_over.get() > 0
    }

    #[cold]
    pub(super) fn count_over(&self, bytes: usize) {
        self.bytes_over.set(self.bytes_over.get().saturating_add(bytes));
    }

    /// Only the first refusal counts: later ones are its consequences.
    #[cold]
    pub(super) fn refuse(&self, refusal: EncodeError) {
        let first = self.refusal.take().unwrap_or(refusal);
        self.refusal.set(Some(first));
    }
}

/// Where in the value we are.
#[derive(Clone, Copy)]
pub(in super::super) struct Guard<'a> {
    tally: &'a Tally,
    depth: usize,
}

impl<'a> Guard<'a> {
    /// `value`, which serializes itself under this guard.
    #[inline]
    pub(in super::super) fn value<T>(self, value: &'a T) -> Guarded<'a, T>
    where
        T: Serialize + ?Sized,
    {
        Guarded { value, guard: self }
    }

    /// One level deeper.
    #[inline]
    pub(super) fn enter<E: Error>(self) -> Result<Self, E> {
        if self.depth == DEPTH_MAX {
            return Err(self.refuse(EncodeError::TooDeep { depth_max: DEPTH_MAX }));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    /// One level deeper, into `len` elements.
    #[inline]
    pub(super) fn enter_elements<E: Error>(self, len: Option<usize>) -> Result<(Self, usize), E> {
        let inside = self.enter()?;
        let len = len.ok_or_else(|| self.refuse(EncodeError::UnknownLength))?;
        let overhead_bytes = len
            .saturating_mul(ELEMENT_OVERHEAD_BYTES)
            .saturating_add(self.tally.overhead_bytes.get());
        if overhead_bytes > DECODED_BYTES_MAX {
            return Err(self.refuse(EncodeError::TooMuchMemory { bytes_max: DECODED_BYTES_MAX }));
        }
        self.tally.overhead_bytes.set(overhead_bytes);
        Ok((inside, len))
    }

    #[cold]
    pub(super) fn refuse<E: Error>(self, refusal: EncodeError) -> E {
        self.tally.refuse(refusal);
        E::custom("refused")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSED: EncodeError = EncodeError::TooMuchMemory { bytes_max: DECODED_BYTES_MAX };

    fn tally_of_elements(len: usize) -> (Tally, Result<(), format::EncodeError>) {
        let tally = Tally::default();
        let outcome = tally.guard().enter_elements(Some(len)).map(|_| ());
        (tally, outcome)
    }

    #[test]
    fn elements_and_bytes_share_one_limit() {
        let elements_max = DECODED_BYTES_MAX / ELEMENT_OVERHEAD_BYTES;
        let (tally, outcome) = tally_of_elements(elements_max);
        assert_eq!(tally.verdict(0, outcome), Ok(()));
        let (tally, outcome) = tally_of_elements(elements_max);
        assert_eq!(tally.verdict(1, outcome), Err(REFUSED));
        let (tally, outcome) = tally_of_elements(elements_max + 1);
        assert!(outcome.is_err());
        assert_eq!(tally.verdict(0, Ok(())), Err(REFUSED));
    }

    #[test]
    fn the_first_refusal_is_the_one_that_is_told() {
        let tally = Tally::default();
        tally.refuse(EncodeError::UnknownLength);
        tally.refuse(REFUSED);
        assert_eq!(tally.verdict(0, Ok(())), Err(EncodeError::UnknownLength));
    }
}
