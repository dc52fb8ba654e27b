//! How streams leave a value while it is encoded, and come back while it is decoded: serde hands a
//! value its serializer and nothing else, so that the list of streams is the thread's.

use std::{
    any::TypeId,
    cell::RefCell,
    collections::BTreeMap,
    fmt,
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Deserializer, de};

use super::{
    Item, STREAM,
    bytes::{ByteStream, Named, Streams},
    item_shape,
};

/// What the codec is doing on this thread.
#[derive(Default)]
enum Session {
    #[default]
    None,
    Encoding(Streams),
    Decoding(Streams),
    /// The shape of a type is being found out with made-up values.
    Examining,
}

thread_local! {
    static SESSION: RefCell<Session> = const { RefCell::new(Session::None) };
}

/// Restores the session before when it is dropped, also by a panic of the author's `Serialize`.
struct Restore(Session);

impl Restore {
    fn enter(session: Session) -> Self {
        Self(SESSION.replace(session))
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        // Dropped after the cell is free again: an author's stream may encode something in its `drop`.
        drop(SESSION.replace(std::mem::take(&mut self.0)));
    }
}

/// Runs `encode`, and gives the streams that were in what it encoded.
pub(crate) fn collect<R>(encode: impl FnOnce() -> R) -> (R, Streams) {
    let _restore = Restore::enter(Session::Encoding(Streams::default()));
    let encoded = encode();
    match SESSION.take() {
        Session::Encoding(streams) => (encoded, streams),
        Session::None | Session::Decoding(_) | Session::Examining => (encoded, Streams::default()),
    }
}

/// Runs `decode`, which finds the streams of its value in `streams`. What it leaves is dropped.
pub(crate) fn distribute<R>(streams: Streams, decode: impl FnOnce() -> R) -> R {
    let _restore = Restore::enter(Session::Decoding(streams));
    decode()
}

/// Runs `examine`, to which streams show what their items look like.
pub(crate) fn examine<R>(examine: impl FnOnce() -> R) -> R {
    let _restore = Restore::enter(Session::Examining);
    examine()
}

pub(super) fn is_examining() -> bool {
    SESSION.with_borrow(|session| matches!(session, Session::Examining))
}

/// What stands for a stream in the bytes.
pub(super) enum Put {
    Number(u32),
    Examined,
}

/// Puts a stream into the message that is being encoded.
pub(super) fn put(take: impl FnOnce() -> Option<ByteStream>) -> Result<Put, &'static str> {
    SESSION.with_borrow_mut(|session| match session {
        Session::Encoding(streams) => {
            let stream = take().ok_or("a stream can be sent only once")?;
            Ok(Put::Number(streams.push(stream)))
        }
        Session::Examining => Ok(Put::Examined),
        Session::None | Session::Decoding(_) => Err(NOT_IN_A_MESSAGE),
    })
}

/// Takes a stream out of the message that is being decoded.
pub(super) fn get(number: u32) -> Result<Named, &'static str> {
    SESSION.with_borrow_mut(|session| match session {
        Session::Decoding(streams) => streams.take(number).ok_or("there is no such stream"),
        Session::None | Session::Encoding(_) | Session::Examining => Err(NOT_IN_A_MESSAGE),
    })
}

const NOT_IN_A_MESSAGE: &str = "a stream can only be an argument or a result of a component method";

/// The name under which a stream is examined: it says what the items look like, because the number
/// that stands for it does not. Made once for each type of item, and kept.
pub(super) fn described<T: Item, E: Item>() -> &'static str {
    static NAMES: Mutex<BTreeMap<TypeId, &'static str>> = Mutex::new(BTreeMap::new());
    let id = TypeId::of::<(T, E)>();
    let known = NAMES.lock().unwrap_or_else(PoisonError::into_inner).get(&id).copied();
    known.unwrap_or_else(|| {
        // Not under the lock: it runs the author's code.
        let shape = item_shape::<T, E>();
        let problem = shape.problems().iter().find(|problem| problem.is_error());
        let name = if shape.text().contains(STREAM) {
            format!("{STREAM}!they hold streams")
        } else {
            match problem {
                Some(problem) => format!("{STREAM}!{problem}"),
                None => format!("{STREAM}<{}>", shape.text()),
            }
        };
        let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
        names.entry(id).or_insert_with(|| name.leak())
    })
}

/// The number of a stream, as a newtype's content.
pub(super) struct Number;

impl<'de> de::Visitor<'de> for Number {
    type Value = u32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the number of a stream")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<u32, D::Error> {
        u32::deserialize(inner)
    }
}
