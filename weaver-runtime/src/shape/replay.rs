//! The deserializer that reads a record back, as strictly as the codec reads bytes, and a little more so: a `u32` is
//! not taken for an `i32`.

use std::collections::VecDeque;

use serde::de::DeserializeOwned;

use super::error::Error;
use super::path::{Path, Segment};
use super::problem::ProblemKind;
use super::session::Finding;
use super::token::{Token, Written};

mod reader;

use reader::Reader;

/// The tokens that are not read yet, and what has gone wrong.
pub(super) struct Replay {
    left: VecDeque<Written>,
    paths: Vec<Path>,
    /// Where writer and reader last went different ways, if they have not met again. They may do so in health (a
    /// struct read as a tuple), so this only says where to point when reading fails.
    parted: Option<(Written, Path, &'static str)>,
    /// A variant whose index means another one to the reader. It points to the mistake as above.
    shifted: Option<Finding>,
    mismatch: Option<Finding>,
    last: Path,
}

impl Replay {
    /// Reads a `T` from what one has written, to the last token.
    pub(super) fn read<T: DeserializeOwned>(tokens: Vec<Written>) -> Result<T, Finding> {
        let mut replay = Self::over(tokens);
        let reader = Reader { replay: &mut replay, path: Path::default() };
        match T::deserialize(reader) {
            Ok(value) if replay.left.is_empty() && replay.mismatch.is_none() => Ok(value),
            Ok(_) => Err(replay.into_finding("it was read to its end, but not all of it")),
            Err(why) => Err(replay.into_finding(&why.to_string())),
        }
    }

    fn over(tokens: Vec<Written>) -> Self {
        let paths = tokens.iter().map(|written| written.path.clone()).collect();
        let (left, last) = (tokens.into(), Path::default());
        Self { left, paths, parted: None, shifted: None, mismatch: None, last }
    }

    /// The most likely place of the mistake.
    fn into_finding(mut self, why: &str) -> Finding {
        if let Some(shifted) = self.shifted {
            return shifted;
        }
        if let Some((written, path, read)) = self.parted.take() {
            return match self.paths.contains(&path) {
                true => asymmetric(written.path, written.token.kind(), "nothing"),
                false => asymmetric(path, "nothing", read),
            };
        }
        if let Some(mismatch) = self.mismatch {
            return mismatch;
        }
        if let Some(Written { token, path }) = self.left.pop_front() {
            return asymmetric(path, token.kind(), "nothing");
        }
        asymmetric(self.last, "something", &format!("an error ({why})"))
    }

    fn next(&mut self, path: &Path, read: &'static str) -> Result<Token, Error> {
        self.last = path.clone();
        let Some(written) = self.left.pop_front() else {
            let missing = || asymmetric(path.clone(), "nothing", read);
            self.mismatch.get_or_insert_with(missing);
            return Err(Error::new("there is nothing left to read"));
        };
        if written.path == *path {
            self.parted = None;
        } else if self.parted.is_none() {
            self.parted = Some((written.clone(), path.clone(), read));
        }
        Ok(written.token)
    }

    fn mismatch(&mut self, path: &Path, token: &Token, read: &'static str) -> Error {
        let mismatch = || asymmetric(path.clone(), token.kind(), read);
        self.mismatch.get_or_insert_with(mismatch);
        Error::new(format!("{} is read as {read}", token.kind()))
    }

    /// A string and a sequence of bytes are the same on the wire: puts one in front as the other.
    fn split_bytes(&mut self) {
        let is_bytes = |written: &Written| matches!(written.token, Token::Bytes(_));
        if !self.left.front().is_some_and(is_bytes) {
            return;
        }
        let Some(Written { token: Token::Bytes(bytes), path }) = self.left.pop_front() else {
            return;
        };
        let element = path.join(Segment::Element);
        for byte in bytes.iter().rev() {
            let (token, path) = (Token::U8(*byte), element.clone());
            self.left.push_front(Written { token, path });
        }
        self.left.push_front(Written { token: Token::Length(bytes.len()), path });
    }

    fn join_bytes(&mut self) {
        let Some(Written { token: Token::Length(length), path }) = self.left.front() else {
            return;
        };
        let (length, path) = (*length, path.clone());
        let bytes =
            self.left.iter().skip(1).take(length).map_while(|written| match written.token {
                Token::U8(byte) => Some(byte),
                _ => None,
            });
        let bytes: Vec<u8> = bytes.collect();
        if bytes.len() == length {
            self.left.drain(..=length);
            self.left.push_front(Written { token: Token::Bytes(bytes), path });
        }
    }
}

fn asymmetric(path: Path, written: &str, read: &str) -> Finding {
    let (written, read) = (written.to_owned(), read.to_owned());
    Finding { path, kind: ProblemKind::Asymmetric { written, read } }
}

/// Compares what a value serializes to with what it serializes to after it was read back.
pub(super) fn compare(first: &[Written], second: &[Written]) -> Option<Finding> {
    let pairs = first.iter().zip(second);
    for (one, other) in pairs {
        if !one.token.is_like(&other.token) {
            let (written, read) = (one.token.describe(), other.token.describe());
            return Some(asymmetric(one.path.clone(), &written, &read));
        }
    }
    let shorter = first.len().min(second.len());
    if let Some(extra) = first.get(shorter) {
        return Some(asymmetric(extra.path.clone(), extra.token.kind(), "nothing"));
    }
    let extra = second.get(shorter)?;
    Some(asymmetric(extra.path.clone(), "nothing", extra.token.kind()))
}
