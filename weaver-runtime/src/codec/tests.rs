//! Tests of the codec as its callers see it.

use std::fmt::Debug;

use bincode::config::legacy;
use serde::{Serialize, de::DeserializeOwned};

use super::*;

mod depth;
mod golden;
mod hostile;
mod memory;
mod refusals;
mod round_trip;

fn encoded<T>(value: &T) -> Vec<u8>
where
    T: Serialize + ?Sized,
{
    let mut out = Vec::new();
    encode(value, &mut out).expect("the value is one that the codec carries");
    out
}

/// Why `value` was refused; also checks that the refusal left no bytes behind.
fn refused<T>(value: &T) -> EncodeError
where
    T: Serialize + ?Sized,
{
    let mut out = b"header".to_vec();
    let error = encode(value, &mut out).expect_err("the codec does not carry this value");
    assert_eq!(out, b"header");
    error
}

/// What bincode itself makes of `value`, without our guards.
fn plain<T>(value: &T) -> Vec<u8>
where
    T: Serialize + ?Sized,
{
    bincode::serde::encode_to_vec(value, legacy()).expect("bincode carries this value")
}

fn from_plain<T>(bytes: &[u8]) -> T
where
    T: DeserializeOwned,
{
    let (value, read) = bincode::serde::decode_from_slice(bytes, legacy())
        .expect("bincode reads what the codec wrote");
    assert_eq!(read, bytes.len());
    value
}

/// `value` survives each pair of a writer and a reader, and both writers agree on the bytes.
fn assert_round_trip<T>(value: &T)
where
    T: Serialize + DeserializeOwned + Debug + PartialEq,
{
    let bytes = encoded(value);
    assert_eq!(bytes, plain(value));
    assert_eq!(decode::<T>(&bytes).as_ref(), Ok(value));
    assert_eq!(&from_plain::<T>(&bytes), value);
}

/// A length, and nothing of what it promises.
fn length(len: u64) -> Vec<u8> {
    len.to_le_bytes().to_vec()
}
