//! Shapes that the encoding cannot carry: a typed error where they would have to be encoded, before
//! anything ran; never wrong data. A call in the same process takes them as they are.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    sync::atomic::{AtomicU32, Ordering},
};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use weaver::{CallError, CallErrorKind, Ran, Result, component};

use crate::Stage;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Flattened {
    id: u8,
    #[serde(flatten)]
    rest: BTreeMap<String, u8>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct FlattenedStruct {
    id: u8,
    #[serde(flatten)]
    rest: Plain,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Plain {
    name: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(u8),
    Text(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum InternallyTagged {
    Nothing,
    Point { x: u8 },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value")]
enum AdjacentlyTagged {
    Nothing,
    Number(u8),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct LeftOut {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    id: u8,
}

/// What follows would be read as what was left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct NotWritten {
    #[serde(skip_serializing, default)]
    name: u8,
    id: u8,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct NotRead {
    #[serde(skip_deserializing)]
    name: u8,
    id: u8,
}

/// An error that cannot travel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum JsonError {
    Json(Value),
    Call(CallError),
}

impl From<CallError> for JsonError {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

/// A list, of which a long one nests deep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Chain(Option<Box<Self>>);

impl Chain {
    fn of(length: u32) -> Self {
        (1..length).fold(Self(None), |rest, _| Self(Some(Box::new(rest))))
    }
}

macro_rules! awkward {
    ($($method:ident: $type:ty,)*) => {
        #[component]
        trait Awkward {
            $(async fn $method(&self, shape: $type) -> Result<$type>;)*
            async fn json_result(&self) -> Result<Value>;
            async fn json_error(&self) -> Result<u8, JsonError>;
            async fn chain(&self, chain: Chain) -> Result<Chain>;
            async fn make_chain(&self, length: u32) -> Result<Chain>;
            /// How many of the methods above ran.
            async fn runs(&self) -> Result<u32>;
        }

        #[component]
        impl Awkward for Counting {
            $(async fn $method(&self, shape: $type) -> Result<$type> {
                self.ran();
                Ok(shape)
            })*

            async fn json_result(&self) -> Result<Value> {
                self.ran();
                Ok(json!([1, "two", null]))
            }

            async fn json_error(&self) -> Result<u8, JsonError> {
                self.ran();
                Err(JsonError::Json(json!({"left": 0})))
            }

            async fn chain(&self, chain: Chain) -> Result<Chain> {
                self.ran();
                Ok(chain)
            }

            async fn make_chain(&self, length: u32) -> Result<Chain> {
                self.ran();
                Ok(Chain::of(length))
            }

            async fn runs(&self) -> Result<u32> {
                Ok(self.runs.load(Ordering::SeqCst))
            }
        }
    };
}

#[derive(Default)]
struct Counting {
    runs: AtomicU32,
}

impl Counting {
    fn ran(&self) {
        self.runs.fetch_add(1, Ordering::SeqCst);
    }
}

awkward! {
    flattened: Flattened,
    flattened_struct: FlattenedStruct,
    untagged: Untagged,
    internally_tagged: InternallyTagged,
    adjacently_tagged: AdjacentlyTagged,
    left_out: LeftOut,
    not_written: NotWritten,
    not_read: NotRead,
    json: Value,
    deep_inside: Vec<(u8, Option<BTreeMap<String, Untagged>>)>,
}

/// Every refusal says what to do about it, with one of these words.
const REMEDIES: [&str; 3] = ["emove", "Make both directions agree", "send it as"];

/// `blamed` is what the error has to mention.
fn assert_refused<T: Debug>(method: &str, blamed: &str, outcome: Result<T>) {
    let error = outcome.expect_err("it cannot have been carried");
    let call = error.call_error().expect("it is the call that failed");
    assert_call_refused(method, blamed, call);
}

fn assert_call_refused(method: &str, blamed: &str, call: &CallError) {
    assert_eq!((call.component(), call.method()), ("Awkward", method));
    let CallErrorKind::Malformed { reason } = call.kind() else {
        panic!("{method}: {call}");
    };
    assert!(reason.contains(blamed), "{method} should mention {blamed}: {reason}");
    assert!(REMEDIES.iter().any(|remedy| reason.contains(remedy)), "{method}: {reason}");
    assert_eq!(call.ran(), Ran::No, "{method}");
}

pub(crate) async fn shapes_that_cannot_be_carried(stage: &Stage) -> Result<()> {
    let awkward = stage.app.get::<dyn Awkward>().await?;
    let before = awkward.runs().await?;
    let mut direct_calls = 0;
    macro_rules! refuse {
        ($($method:ident($value:expr);)*) => {$({
            let sent = $value;
            let outcome = awkward.$method(sent.clone()).await;
            if stage.encoded {
                assert_refused(stringify!($method), "", outcome);
            } else {
                direct_calls += 1;
                assert_eq!(outcome?, sent);
            }
        })*};
    }
    let rest = BTreeMap::from([("a".to_owned(), 1)]);
    refuse! {
        flattened(Flattened { id: 1, rest });
        flattened_struct(FlattenedStruct { id: 1, rest: Plain { name: "a".to_owned() } });
        untagged(Untagged::Number(1));
        untagged(Untagged::Text("a".to_owned()));
        internally_tagged(InternallyTagged::Nothing);
        internally_tagged(InternallyTagged::Point { x: 1 });
        adjacently_tagged(AdjacentlyTagged::Nothing);
        adjacently_tagged(AdjacentlyTagged::Number(1));
        left_out(LeftOut { name: None, id: 1 });
        left_out(LeftOut { name: Some("a".to_owned()), id: 1 });
        not_written(NotWritten { name: 1, id: 2 });
        not_read(NotRead { name: 1, id: 2 });
        json(json!(null));
        json(json!({"a": [1, "two", 3.5]}));
        deep_inside(vec![]);
        deep_inside(vec![(1, Some([("a".to_owned(), Untagged::Number(1))].into()))]);
    }
    assert_eq!(awkward.runs().await? - before, direct_calls, "what is refused does not run");
    Ok(())
}

/// The argument is named whether its type was refused or, before that, its value.
pub(crate) async fn the_error_names_the_argument(stage: &Stage) -> Result<()> {
    if !stage.encoded {
        return Ok(());
    }
    let awkward = stage.app.get::<dyn Awkward>().await?;
    assert_refused("json", "argument `shape`", awkward.json(json!(1)).await);
    let left_out = awkward.left_out(LeftOut { name: None, id: 1 }).await;
    assert_refused("left_out", "argument `shape`", left_out);
    let rest = BTreeMap::new();
    let flattened = awkward.flattened(Flattened { id: 1, rest }).await;
    assert_refused("flattened", "argument `shape`", flattened);
    Ok(())
}

pub(crate) async fn shapes_in_results_and_errors(stage: &Stage) -> Result<()> {
    let awkward = stage.app.get::<dyn Awkward>().await?;
    let before = awkward.runs().await?;
    let (result, error) = (awkward.json_result().await, awkward.json_error().await);
    if stage.encoded {
        assert_refused("json_result", "the result", result);
        let Err(JsonError::Call(call)) = error else { panic!("carried: {error:?}") };
        assert_call_refused("json_error", "the error", &call);
        assert_eq!(awkward.runs().await?, before, "what is refused does not run");
    } else {
        assert_eq!(result?, json!([1, "two", null]));
        assert_eq!(error, Err(JsonError::Json(json!({"left": 0}))));
    }
    Ok(())
}

/// A type that can be carried, and a value of it that cannot.
pub(crate) async fn values_that_nest_too_deep(stage: &Stage) -> Result<()> {
    const SHALLOW: u32 = 20;
    const DEEP: u32 = 1000;
    let awkward = stage.app.get::<dyn Awkward>().await?;
    assert_eq!(awkward.chain(Chain::of(SHALLOW)).await?, Chain::of(SHALLOW));
    assert_eq!(awkward.make_chain(SHALLOW).await?, Chain::of(SHALLOW));
    let (sent, made) = (awkward.chain(Chain::of(DEEP)).await, awkward.make_chain(DEEP).await);
    if !stage.encoded {
        assert_eq!((sent?, made?), (Chain::of(DEEP), Chain::of(DEEP)));
        return Ok(());
    }
    assert_refused("chain", "levels deep", sent);
    let error = made.expect_err("it cannot have been carried");
    let call = error.call_error().expect("it is the call that failed");
    assert!(matches!(call.kind(), CallErrorKind::Malformed { .. }), "{call}");
    assert_eq!(call.ran(), Ran::Yes, "it ran, and its result was refused");
    Ok(())
}
