//! Types that cannot be looked at in full are noted, never refused, and never bring the tracer down.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::{Shape, errors, notes, text};

#[derive(Serialize)]
struct Postcode(String);

impl<'de> Deserialize<'de> for Postcode {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        match text.starts_with("CH-") {
            true => Ok(Self(text)),
            false => Err(D::Error::custom("not a Swiss postcode")),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Address {
    street: String,
    code: Postcode,
    town: String,
}

#[derive(Serialize, Deserialize)]
struct Person {
    name: String,
    home: Option<Address>,
    others: Vec<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    age: Option<u8>,
}

fn name<T>() -> &'static str {
    std::any::type_name::<T>()
}

/// The text of `Address`, as far as it can be known.
fn address() -> String {
    let (code, address) = (name::<Postcode>(), name::<Address>());
    format!("struct Address{{street:string,code:string!{code:?},town:?}}!{address:?}")
}

#[test]
fn a_type_that_accepts_no_candidate_is_named_in_the_text() {
    assert_eq!(text::<Postcode>(), format!("string!{:?}", name::<Postcode>()));
    assert_eq!(text::<Address>(), address());
    assert_eq!(errors::<Address>(), []);
    assert_eq!(notes::<Address>(), [(".code".to_owned(), name::<Postcode>())]);
}

#[test]
fn what_stands_beside_it_is_still_examined() {
    let home = format!("home:option<{}>", address());
    assert_eq!(
        text::<Person>(),
        format!("struct Person{{name:string,{home},others:seq<#1>,age:option<u8>}}")
    );
    assert_eq!(notes::<Person>(), [(".home.code".to_owned(), name::<Postcode>())]);
    assert!(matches!(&errors::<Person>()[..], [problem] if problem.path == ".age"));
}

#[test]
fn a_note_comes_after_the_errors_and_says_so() {
    let shape = Shape::of::<Person>();
    let [error, note] = shape.problems() else { panic!("{shape:?}") };
    assert!(error.is_error() && !note.is_error());
    let message = note.to_string();
    assert!(message.contains("not a Swiss postcode"), "{message}");
}

#[derive(Serialize, Deserialize)]
struct Endless {
    me: Box<Self>,
}

#[derive(Serialize, Deserialize)]
enum Labyrinth {
    Left(Box<Self>, u8),
    Right { other: Box<Endless>, back: Box<Self> },
}

#[test]
fn types_without_values_end_in_a_note() {
    assert_eq!(text::<Endless>(), format!("struct Endless{{me:#0}}!{:?}", name::<Endless>()));
    assert_eq!(notes::<Endless>().len(), 1);
    assert!(text::<Labyrinth>().starts_with("enum Labyrinth{Left(#0,?),Right{other:"));
    assert!(!notes::<Labyrinth>().is_empty());
    assert_eq!(errors::<Labyrinth>(), []);
}

#[test]
fn an_enum_without_variants_is_fully_known() {
    #[derive(Debug, Serialize, Deserialize)]
    enum Never {}

    assert_eq!(text::<Result<u8, Never>>(), "enum Result{Ok(u8),Err(enum Never{})}");
    assert_eq!(Shape::of::<Result<u8, Never>>().problems(), []);
}

#[test]
fn a_variant_that_exists_elsewhere_is_noted() {
    type Text = std::ffi::OsString;

    assert_eq!(errors::<Text>(), []);
    assert_eq!(notes::<Text>(), [(String::new(), name::<Text>())]);
    assert!(text::<Text>().ends_with(&format!("}}!{:?}", name::<Text>())), "{}", text::<Text>());
}

#[derive(Serialize)]
struct Panicking;

impl<'de> Deserialize<'de> for Panicking {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let number = u32::deserialize(from)?;
        assert!(number > u32::MAX - 1, "the test panics on purpose");
        Ok(Self)
    }
}

#[derive(Deserialize)]
struct PanickingWriter(u8);

impl Serialize for PanickingWriter {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        assert!(self.0 > 0, "the test panics on purpose");
        to.serialize_u8(self.0)
    }
}

#[test]
fn a_panic_counts_as_a_refusal() {
    assert_eq!(text::<(u8, Panicking)>(), "(u8,u32)");
    let problems = errors::<(u8, PanickingWriter)>();
    assert!(matches!(&problems[..], [problem] if problem.to_string().contains("panicked")));
}

/// Takes whatever goes wrong below for nothing.
#[derive(Serialize)]
struct Lenient(Option<Postcode>);

impl<'de> Deserialize<'de> for Lenient {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self(Option::<Postcode>::deserialize(from).unwrap_or_default()))
    }
}

#[test]
fn a_swallowed_refusal_is_still_one() {
    assert_eq!(errors::<(Lenient, u8)>(), []);
    let optional = name::<Option<Postcode>>();
    assert_eq!(notes::<(Lenient, u8)>(), [(".0".to_owned(), optional)]);
    assert_eq!(text::<(Lenient, u8)>(), format!("(option<string!{optional:?}>,u8)"));
}

/// Its samples double with each level.
macro_rules! doubling {
    ($name:ident $($rest:ident)+) => {
        #[derive(Serialize, Deserialize)]
        struct $name(doubling_first!($($rest)+), doubling_first!($($rest)+));
        doubling!($($rest)+);
    };
    ($name:ident) => {
        #[derive(Serialize, Deserialize)]
        struct $name(u8);
    };
}

macro_rules! doubling_first {
    ($first:ident $($rest:ident)*) => { Box<$first> };
}

doubling!(L0 L1 L2 L3 L4 L5 L6 L7 L8 L9 L10 L11 L12 L13 L14 L15 L16 L17 L18 L19);

#[test]
fn a_type_that_is_too_large_ends_in_a_note() {
    let shape = Shape::of::<L0>();
    let [note] = shape.problems() else { panic!("{:?}", shape.problems()) };
    assert!(!note.is_error());
    assert!(note.to_string().contains("within the limits"), "{note}");
    assert!(shape.text().contains("struct L19(u8)"), "{}", shape.text());
}

/// Nests without being recursive, until a frame of each level no longer fits a small stack.
#[derive(Serialize, Deserialize)]
struct Fat {
    a: [u64; 32],
    b: [u64; 32],
    c: [u64; 32],
    inner: Option<Box<Self>>,
    either: Result<Box<Self>, u8>,
}

#[test]
fn deep_samples_do_not_overflow_a_small_stack() {
    let on_small_stack = std::thread::Builder::new().stack_size(1 << 20);
    let thread = on_small_stack.spawn(|| (text::<Fat>(), text::<Labyrinth>())).expect("a thread");
    let (fat, _) = thread.join().expect("no overflow");
    assert!(fat.ends_with("inner:option<#0>,either:enum Result{Ok(#0),Err(u8)}}"), "{fat}");
}
