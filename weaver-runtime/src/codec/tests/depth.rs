//! How deep a value may nest, and that so deep a value fits on the stack.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    marker::PhantomData,
    thread,
};

use serde::{Deserialize, Deserializer, Serializer, de::Visitor};

use super::*;

const TOO_DEEP: DecodeError = DecodeError::TooDeep { depth_max: DEPTH_MAX };

/// The usual stack of a thread, and of a tokio worker.
const STACK_BYTES: usize = 2 << 20;

/// One level for the struct and one for the option.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct Nest {
    next: Option<Box<Self>>,
}

/// A recursive type with many fields, as an author would write it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) enum Expr {
    Literal { value: f64, text: String, span: (u32, u32), flags: [bool; 8] },
    Negate(Box<Self>),
    Call(Call),
    Block(Vec<Self>),
    Table(BTreeMap<String, Self>),
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Call {
    module: String,
    function: String,
    version: Option<String>,
    span: (u32, u32),
    arguments: Vec<Expr>,
    named: HashMap<String, Expr>,
    returns: Option<Box<Expr>>,
    cost: [u64; 8],
    comment: Option<String>,
}

fn nest(boxes: usize) -> Nest {
    (0..boxes).fold(Nest::default(), |inner, _| Nest { next: Some(Box::new(inner)) })
}

/// Runs `body` with the stack that it would have in production; an overflow aborts the test.
fn with_usual_stack(body: impl FnOnce() + Send + 'static) {
    thread::Builder::new().stack_size(STACK_BYTES).spawn(body).unwrap().join().unwrap();
}

#[test]
fn both_ends_agree_on_the_depth() {
    // The innermost struct and its `None` are two levels as well.
    let boxes_max = DEPTH_MAX / 2 - 1;
    with_usual_stack(move || {
        assert_round_trip(&nest(boxes_max));
        let deeper = nest(boxes_max + 1);
        assert_eq!(refused(&deeper), EncodeError::TooDeep { depth_max: DEPTH_MAX });
        assert_eq!(decode::<Nest>(&plain(&deeper)), Err(TOO_DEEP));
    });
}

#[test]
fn each_kind_of_value_is_a_level() {
    fn both_ends<T: Serialize + DeserializeOwned + Debug + PartialEq>(wrap: fn(Nest) -> T) {
        let boxes_max = DEPTH_MAX / 2 - 1;
        assert_round_trip(&wrap(nest(boxes_max - 1)));
        let deeper = wrap(nest(boxes_max));
        assert_eq!(refused(&deeper), EncodeError::TooDeep { depth_max: DEPTH_MAX });
        assert_eq!(decode::<T>(&plain(&deeper)), Err(TOO_DEEP));
    }
    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    struct Newtype(Nest);
    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    struct Tuple(Nest, u8);
    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    enum Enum {
        Newtype(Nest),
        Tuple(Nest, u8),
        Struct { nest: Nest },
    }
    with_usual_stack(|| {
        both_ends(Newtype);
        both_ends(|nest| Tuple(nest, 1));
        both_ends(|nest| (nest, 1_u8));
        both_ends(|nest| vec![nest]);
        both_ends(|nest| BTreeMap::from([(1_u8, nest)]));
        both_ends(Some);
        both_ends(Enum::Newtype);
        both_ends(|nest| Enum::Tuple(nest, 1));
        both_ends(|nest| Enum::Struct { nest });
    });
}

#[test]
fn values_without_content_are_levels_at_both_ends() {
    // One level for each `Some`, then one for what is innermost.
    fn somes(innermost: &[u8]) -> Vec<u8> {
        [vec![1; DEPTH_MAX], innermost.to_vec()].concat()
    }
    #[derive(Debug, Default, PartialEq)]
    struct Deep<T>(T);
    impl<'de, T: Deserialize<'de>> Deserialize<'de> for Deep<T> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            descend(deserializer, DEPTH_MAX).map(Self)
        }
    }
    impl<T: Serialize> Serialize for Deep<T> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            Below { value: &self.0, levels: DEPTH_MAX }.serialize(serializer)
        }
    }
    #[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
    enum Colour {
        #[default]
        Red,
    }
    with_usual_stack(|| {
        assert_eq!(encoded(&Deep(7_u8)), somes(&[7]));
        assert_eq!(decode(&somes(&[7])), Ok(Deep(7_u8)));
        assert!(matches!(refused(&Deep(None::<u8>)), EncodeError::TooDeep { .. }));
        assert_eq!(decode::<Deep<Option<u8>>>(&somes(&[0])), Err(TOO_DEEP));
        assert!(matches!(refused(&Deep(Colour::Red)), EncodeError::TooDeep { .. }));
        assert_eq!(decode::<Deep<Colour>>(&somes(&[0; 4])), Err(TOO_DEEP));
        assert!(matches!(refused(&Deep(vec![1_u8])), EncodeError::TooDeep { .. }));
        assert_eq!(decode::<Deep<Vec<u8>>>(&somes(&length(0))), Err(TOO_DEEP));
    });
}

/// `value` inside so many options.
struct Below<'a, T> {
    value: &'a T,
    levels: usize,
}

impl<T: Serialize> Serialize for Below<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.levels {
            0 => self.value.serialize(serializer),
            levels => serializer.serialize_some(&Self { value: self.value, levels: levels - 1 }),
        }
    }
}

/// The value inside so many options. A seed, because no type nests by a number.
fn descend<'de, T, D>(deserializer: D, levels: usize) -> Result<T, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    struct Descent<T>(usize, PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Descent<T> {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an option")
        }
        fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
            match self.0 {
                0 => T::deserialize(deserializer),
                levels => deserializer.deserialize_option(Self(levels - 1, PhantomData)),
            }
        }
    }
    deserializer.deserialize_option(Descent(levels - 1, PhantomData))
}

#[test]
fn many_nested_boxes_do_not_overflow_the_stack() {
    with_usual_stack(|| {
        assert_eq!(decode::<Nest>(&vec![1; 800_000]), Err(TOO_DEEP));
    });
}

#[test]
fn deep_values_of_a_rich_type_do_not_overflow_the_stack() {
    with_usual_stack(|| {
        let literal =
            Expr::Literal { value: 1.0, text: "one".to_owned(), span: (1, 2), flags: [true; 8] };
        // Four levels: enum, call, option or sequence or map.
        let wrap = |inner: Expr, round: usize| match round % 5 {
            0 => Expr::Negate(Box::new(inner)),
            1 => Expr::Block(vec![inner]),
            2 => Expr::Table(BTreeMap::from([("key".to_owned(), inner)])),
            3 => call(vec![inner], HashMap::new(), None),
            _ => call(vec![], HashMap::new(), Some(Box::new(inner))),
        };
        let mut deepest = literal;
        for round in 0.. {
            let deeper = wrap(deepest.clone(), round);
            if encode(&deeper, &mut Vec::new()).is_err() {
                assert_eq!(decode::<Expr>(&plain(&deeper)), Err(TOO_DEEP));
                break;
            }
            deepest = deeper;
        }
        assert_round_trip(&deepest);
    });
}

fn call(arguments: Vec<Expr>, named: HashMap<String, Expr>, returns: Option<Box<Expr>>) -> Expr {
    Expr::Call(Call {
        module: "module".to_owned(),
        function: "function".to_owned(),
        version: None,
        span: (3, 4),
        arguments,
        named,
        returns,
        cost: [1; 8],
        comment: Some("comment".to_owned()),
    })
}
