//! Where the encoded bytes go.

use bincode::{enc::write::Writer, error as format};

use super::{super::MESSAGE_BYTES_MAX, Tally};
use crate::pool::{self, POOLED_BYTES_MIN};

/// The end of the caller's buffer, as far as a message may grow.
pub(in super::super) struct Output<'a> {
    out: &'a mut Vec<u8>,
    /// Where in `out` a message of the largest size would end.
    end_max: usize,
    tally: &'a Tally,
}

impl<'a> Output<'a> {
    pub(in super::super) fn new(out: &'a mut Vec<u8>, tally: &'a Tally) -> Self {
        let end_max = out.len().saturating_add(MESSAGE_BYTES_MAX);
        Self { out, end_max, tally }
    }
}

impl Writer for Output<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), format::EncodeError> {
        let room = self.end_max - self.out.len();
        // Beyond the limit bytes are only counted, so that the refusal can say how many there are.
        if bytes.len() > room || self.tally.is_over() {
            self.tally.count_over(bytes.len());
        } else {
            if bytes.len() >= POOLED_BYTES_MIN && bytes.len() > self.out.capacity() - self.out.len()
            {
                pool::grow(self.out, bytes.len());
            }
            self.out.extend_from_slice(bytes);
        }
        Ok(())
    }
}
