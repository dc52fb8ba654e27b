//! The arguments of a component's methods.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    component::Component as _,
    error::{CallErrorKind, Failure, Ran, Refusal, Result},
    message::{HEADER_BYTES, Message},
};

/// Methods whose arguments have everything that a value is made of. Each gives back what it got.
#[weaver_macros::component(name = "weaver.Fuzzed")]
trait Fuzzed {
    async fn plain(
        &self,
        plain: Plain,
        text: String,
        letter: char,
    ) -> Result<(Plain, String, char)>;
    async fn nested(&self, nested: Option<Box<Nested>>) -> Result<Option<Box<Nested>>>;
    async fn tree(&self, tree: Tree) -> Result<Tree>;
    async fn bytes(&self, bytes: Vec<u8>, more: Vec<Vec<u8>>) -> Result<(Vec<u8>, Vec<Vec<u8>>)>;
    async fn nothing(&self, units: Vec<()>, empty: Vec<Empty>) -> Result<(Vec<()>, Vec<Empty>)>;
    async fn maps(&self, maps: Maps) -> Result<Maps>;
}

/// How many methods there are: what is above is an index of none.
const METHODS: u8 = 6;

#[derive(Debug, Serialize, Deserialize)]
struct Plain {
    flag: bool,
    small: (i8, u8, i16, u16),
    large: (i64, u64, i128, u128),
    real: (f32, f64),
    array: [u16; 4],
    perhaps: Option<Option<u8>>,
    result: std::result::Result<(), String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Nested {
    names: Vec<Option<String>>,
    next: Option<Box<Self>>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Tree {
    Leaf,
    Value(u32),
    Pair(Box<Self>, Box<Self>),
    Many { children: Vec<Self>, by_name: BTreeMap<String, Self> },
}

#[derive(Debug, Serialize, Deserialize)]
struct Empty;

#[derive(Debug, Serialize, Deserialize)]
struct Maps {
    texts: BTreeMap<String, Vec<u8>>,
    nested: BTreeMap<u8, BTreeMap<u16, Option<char>>>,
    units: BTreeMap<(), ()>,
    set: BTreeSet<(u8, String)>,
}

#[derive(Default)]
struct Echo;

#[weaver_macros::component(unregistered)]
impl Fuzzed for Echo {
    async fn plain(
        &self,
        plain: Plain,
        text: String,
        letter: char,
    ) -> Result<(Plain, String, char)> {
        Ok((plain, text, letter))
    }

    async fn nested(&self, nested: Option<Box<Nested>>) -> Result<Option<Box<Nested>>> {
        Ok(nested)
    }

    async fn tree(&self, tree: Tree) -> Result<Tree> {
        Ok(tree)
    }

    async fn bytes(&self, bytes: Vec<u8>, more: Vec<Vec<u8>>) -> Result<(Vec<u8>, Vec<Vec<u8>>)> {
        Ok((bytes, more))
    }

    async fn nothing(&self, units: Vec<()>, empty: Vec<Empty>) -> Result<(Vec<()>, Vec<Empty>)> {
        Ok((units, empty))
    }

    async fn maps(&self, maps: Maps) -> Result<Maps> {
        Ok(maps)
    }
}

/// A call: the first byte is the method's index, what follows its arguments.
#[must_use]
pub fn arguments(bytes: &[u8]) -> bool {
    let Some((&method, arguments)) = bytes.split_first() else { return false };
    let echo: Arc<dyn Fuzzed> = Arc::new(Echo);
    match call(&*echo, method, arguments) {
        Ok(result) => {
            // What came back is the arguments: sent again, they give the same again. (They need not
            // be the bytes that came: a map may have had a key twice.)
            let sent = payload(result).split_off(TAG_BYTES);
            let again = call(&*echo, method, &sent).map(payload);
            assert_eq!(again.map(|mut again| again.split_off(TAG_BYTES)), Ok(sent));
            assert!(method < METHODS, "method {method} exists");
            true
        }
        Err(failure) => {
            match failure.kind {
                CallErrorKind::Malformed { .. } => assert_eq!(failure.ran, Ran::No, "{failure:?}"),
                // The bound on what a value may take in memory counts a little otherwise where it is
                // written than where it is read: arguments that just pass may not fit as a result.
                CallErrorKind::Refused(Refusal::TooMuchMemory { .. }) => {
                    assert_eq!(failure.ran, Ran::Yes, "{failure:?}");
                }
                _ => unreachable!("{failure:?}"),
            }
            false
        }
    }
}

/// What says that a result is `Ok`.
const TAG_BYTES: usize = 4;

fn call(echo: &dyn Fuzzed, method: u8, arguments: &[u8]) -> std::result::Result<Message, Failure> {
    let frame = [&[0; HEADER_BYTES][..], arguments].concat();
    let Some(message) = Message::from_frame(frame.into()) else { unreachable!("it has a header") };
    let running = pin!(echo.dispatch(u16::from(method), message));
    match running.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => unreachable!("it waits for nothing"),
    }
}

fn payload(message: Message) -> Bytes {
    message.into_bytes().split_off(HEADER_BYTES)
}
