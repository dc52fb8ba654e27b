//! The bytes of an argument or a result.
//!
//! The format is bincode's: little-endian, fixed-width integers, lengths as `u64`, nothing that
//! describes itself. Only this module and its children name bincode; golden tests pin the bytes.
//!
//! Both directions run inside a guard: `encoder` and `decoder` wrap serde's traits around
//! bincode's and refuse, with a named error, what the format cannot carry and what would cost the
//! receiver more than [`DEPTH_MAX`], [`MESSAGE_BYTES_MAX`] or [`DECODED_BYTES_MAX`] allow.

use std::marker::PhantomData;

use bincode::config::{Configuration, Fixint, LittleEndian, legacy};
use serde::{
    Serialize,
    de::{DeserializeOwned, DeserializeSeed},
};

mod byte_string;
mod decoder;
mod encoder;
mod error;
#[cfg(test)]
mod tests;

pub use error::{DecodeError, EncodeError};

/// The largest encoded value, in bytes (64 MiB).
///
/// What is larger should be a stream: a message is held whole in memory at both ends.
pub const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// How deep a value may nest: each sequence, map, struct, tuple, enum, newtype and option is one
/// level.
///
/// Deeper than what people write by hand, and shallow enough that the stack frames of an
/// unoptimized build fit in a thread's usual 2 MiB.
pub const DEPTH_MAX: usize = 128;

/// How much memory the elements of one decoded value may take, in bytes (256 MiB).
///
/// Four times [`MESSAGE_BYTES_MAX`], because honest values take more room in memory than on the
/// wire. The text of strings and the content of byte strings are not counted: each of their bytes
/// is also a byte of the message.
pub const DECODED_BYTES_MAX: usize = 256 << 20;

/// What an element costs beside its size in memory, in bytes.
///
/// About a collection's own overhead for an element. It makes elements that take no bytes at all,
/// such as `()`, spend something: otherwise eight bytes could claim 2⁶⁴ of them.
const ELEMENT_OVERHEAD_BYTES: usize = 16;

/// The `legacy` preset is little-endian with fixed-width integers. It has no limit of its own: the
/// input is a slice of at most [`MESSAGE_BYTES_MAX`], and the output refuses to grow beyond it.
const FORMAT: Configuration<LittleEndian, Fixint> = legacy();

/// Appends the encoded `value` to `out`, whatever `out` already holds.
///
/// What is encoded can be decoded, with one exception: elements that are much larger in memory than
/// on the wire (millions of large options that are `None`, say) can exceed [`DECODED_BYTES_MAX`] at
/// the receiver, because serde does not tell a serializer the size of what it writes.
///
/// # Errors
///
/// See [`EncodeError`]. `out` is then as long as it was before.
pub fn encode<T>(value: &T, out: &mut Vec<u8>) -> Result<(), EncodeError>
where
    T: Serialize + ?Sized,
{
    let start = out.len();
    let tally = encoder::Tally::default();
    let value = tally.guard().value(value);
    let output = encoder::Output::new(out, &tally);
    let outcome = bincode::serde::encode_into_writer(value, output, FORMAT);
    let outcome = tally.verdict(out.len() - start, outcome);
    if outcome.is_err() {
        out.truncate(start);
    }
    outcome
}

/// Decodes a value that takes up all of `bytes`.
///
/// # Errors
///
/// See [`DecodeError`]. No input makes it panic, nor nest deeper or take more memory than the limits
/// of this module.
pub fn decode<T>(bytes: &[u8]) -> Result<T, DecodeError>
where
    T: DeserializeOwned,
{
    decode_with(PhantomData::<T>, bytes)
}

/// The same by a seed, for a type that is only known at run time.
///
/// # Errors
///
/// As [`decode`].
pub fn decode_with<'a, S>(seed: S, bytes: &'a [u8]) -> Result<S::Value, DecodeError>
where
    S: DeserializeSeed<'a>,
{
    let budget = decoder::Budget::new(bytes.len())?;
    let seed = budget.guard().seed(seed);
    let outcome = bincode::serde::seed_decode_from_slice(seed, bytes, FORMAT);
    let (value, read) = budget.verdict(outcome)?;
    match bytes.len() - read {
        0 => Ok(value),
        count => Err(DecodeError::TrailingBytes { count }),
    }
}
