//! Types that cannot travel: the error names the place and the kind, and bincode agrees.

use std::collections::HashMap;

use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Problem, ProblemKind, errors, survives};

/// The errors of a type, of which this value must fail in the codec too.
fn refused<T: Serialize + DeserializeOwned>(value: &T) -> Vec<Problem> {
    assert!(!survives(value), "bincode carries it");
    let errors = errors::<T>();
    assert!(!errors.is_empty(), "no error was found");
    errors
}

fn is_not_self_describing(problem: &Problem, path: &str) -> bool {
    problem.path == path && matches!(problem.kind, ProblemKind::NotSelfDescribing { .. })
}

fn asymmetric(path: &str, written: &str, read: &str) -> Problem {
    let (written, read) = (written.to_owned(), read.to_owned());
    Problem { path: path.to_owned(), kind: ProblemKind::Asymmetric { written, read } }
}

fn skipped(path: &str, field: &'static str) -> Problem {
    Problem { path: path.to_owned(), kind: ProblemKind::SkippedField { field } }
}

#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    id: u8,
    parts: Vec<Option<T>>,
    end: bool,
}

/// One value in an envelope: the path must lead into it.
fn refused_in_envelope<T: Serialize + DeserializeOwned>(value: T) -> Vec<Problem> {
    refused(&Envelope { id: 1, parts: vec![Some(value)], end: true })
}

#[derive(Default, Serialize, Deserialize)]
struct Flat {
    id: u8,
    #[serde(flatten)]
    rest: HashMap<String, u8>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(u8),
    Text { text: String },
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "type")]
enum Internal {
    Small,
    Large { size: u8 },
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", content = "value")]
enum Adjacent {
    Small,
    Large(u8),
}

#[test]
fn what_needs_a_format_that_describes_itself() {
    let problems = [
        refused_in_envelope(Flat::default()),
        refused_in_envelope(Untagged::Number(1)),
        refused_in_envelope(Untagged::Text { text: "a".into() }),
        refused_in_envelope(Internal::Small),
        refused_in_envelope(Internal::Large { size: 1 }),
        refused_in_envelope(Adjacent::Small),
        refused_in_envelope(Adjacent::Large(1)),
        refused_in_envelope(serde_json::json!([1])),
    ];
    for problems in problems {
        let [problem] = &problems[..] else { panic!("{problems:?}") };
        assert!(is_not_self_describing(problem, ".parts[]"), "{problem}");
    }
}

#[test]
fn the_value_itself_has_the_empty_path() {
    let problems = refused(&serde_json::json!(1));
    assert!(is_not_self_describing(&problems[0], ""));
    assert!(problems[0].to_string().starts_with("the value asks"), "{}", problems[0]);
}

/// Reads its fields by name only.
#[derive(Serialize)]
struct ByName {
    id: u8,
}

impl<'de> Deserialize<'de> for ByName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = ByName;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ByName, A::Error> {
                let _: Option<(String, u8)> = map.next_entry()?;
                Ok(ByName { id: 1 })
            }
        }

        from.deserialize_struct("ByName", &["id"], Fields)
    }
}

#[test]
fn a_struct_that_is_read_by_name_only() {
    let problems = refused_in_envelope(ByName { id: 1 });
    assert!(is_not_self_describing(&problems[0], ".parts[]"), "{problems:?}");
}

#[derive(Default, Serialize, Deserialize)]
struct Skipping {
    #[serde(skip_serializing_if = "Option::is_none")]
    option: Option<u8>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    list: Vec<u8>,
    #[serde(skip_serializing_if = "String::is_empty")]
    text: String,
    #[serde(skip_serializing_if = "is_zero")]
    number: u32,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    flag: bool,
    always: u8,
    kind: Kind,
}

#[derive(Default, Serialize, Deserialize)]
enum Kind {
    #[default]
    Plain,
    Nested {
        #[serde(skip_serializing_if = "Option::is_some")]
        inner: Option<Box<Skipping>>,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[test]
fn fields_that_are_left_out_for_some_values() {
    let mut problems = refused_in_envelope(Skipping::default());
    problems.sort_by(|one, other| one.path.cmp(&other.path));
    let expected = [
        skipped(".parts[].flag", "flag"),
        skipped(".parts[].kind::Nested.inner", "inner"),
        skipped(".parts[].list", "list"),
        skipped(".parts[].number", "number"),
        skipped(".parts[].option", "option"),
        skipped(".parts[].text", "text"),
    ];
    assert_eq!(problems, expected);
}

#[test]
fn positions_that_are_left_out() {
    #[derive(Serialize, Deserialize)]
    struct Tuple(u8, #[serde(skip_serializing_if = "Option::is_none")] Option<u8>, u8);

    let problems = refused_in_envelope(Tuple(1, None, 1));
    let [problem] = &problems[..] else { panic!("{problems:?}") };
    assert!(matches!(problem.kind, ProblemKind::Asymmetric { .. }), "{problem}");
    assert!(problem.path.starts_with(".parts[]."), "{problem}");
}

/// A sequence that does not know how long it will be.
#[derive(Deserialize)]
struct Lazy(Vec<u8>);

impl Serialize for Lazy {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.iter().filter(|byte| **byte > 0))
    }
}

#[test]
fn sequences_without_length() {
    let problems = refused_in_envelope(Lazy(vec![1]));
    let expected = Problem { path: ".parts[]".into(), kind: ProblemKind::UnknownLength };
    assert_eq!(problems, [expected]);
}

#[derive(Serialize, Deserialize)]
struct WriteSkipped {
    a: u8,
    #[serde(skip_serializing, default)]
    #[expect(dead_code, reason = "what matters is that it is not read for serializing")]
    b: u8,
    c: u8,
}

#[derive(Serialize, Deserialize)]
struct ReadSkipped {
    a: u8,
    #[serde(skip_deserializing)]
    b: u8,
    c: u8,
}

#[derive(Serialize, Deserialize)]
struct WrittenOtherwise {
    a: u8,
    #[serde(serialize_with = "as_text")]
    b: u64,
    c: u8,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn as_text<S: Serializer>(number: &u64, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(number)
}

#[test]
fn fields_that_go_one_way_only() {
    assert_eq!(
        refused_in_envelope(WriteSkipped { a: 1, b: 2, c: 3 }),
        [asymmetric(".parts[].b", "nothing", "u8")]
    );
    assert_eq!(
        refused_in_envelope(ReadSkipped { a: 1, b: 2, c: 3 }),
        [asymmetric(".parts[].b", "u8", "nothing")]
    );
    assert_eq!(
        refused(&WrittenOtherwise { a: 1, b: 2, c: 3 }),
        [asymmetric(".b", "a string or bytes", "u64")]
    );
}

#[derive(Serialize, Deserialize)]
enum Hole {
    First,
    #[serde(skip)]
    #[expect(dead_code, reason = "what matters is the index that it takes")]
    Internal,
    Middle(u8),
    Last(u16),
}

#[test]
fn a_skipped_variant_that_shifts_the_others() {
    assert!(survives(&Hole::First) && !survives(&Hole::Last(1)));
    assert_eq!(
        refused_in_envelope(Hole::Middle(1)),
        [asymmetric(".parts[]", "the variant Middle with index 2", "the variant Last")]
    );
}

#[test]
fn a_variant_that_is_read_but_never_written() {
    #[derive(Serialize, Deserialize)]
    enum OneWay {
        Current,
        #[serde(skip_serializing)]
        #[expect(dead_code, reason = "what matters is that it is not read for serializing")]
        Legacy(u8),
    }

    assert!(survives(&OneWay::Current));
    let problems = refused_in_envelope(OneWay::Legacy(1));
    let [Problem { path, kind: ProblemKind::Asymmetric { written, .. } }] = &problems[..] else {
        panic!("{problems:?}");
    };
    assert_eq!(path, ".parts[]");
    assert!(written.contains("OneWay::Legacy cannot be serialized"), "{written}");
}

#[test]
fn a_recursive_type_reports_once_and_at_the_shortest_path() {
    #[derive(Default, Serialize, Deserialize)]
    struct Node {
        #[serde(skip_serializing_if = "String::is_empty")]
        label: String,
        next: Option<Box<Self>>,
        children: Vec<Self>,
    }

    let expected = skipped(".label", "label");
    assert_eq!(refused(&Node::default()), [expected]);
    assert_eq!(errors::<(Node, u8)>(), [skipped(".0.label", "label")]);
}

#[test]
fn all_problems_of_a_type_are_listed() {
    #[derive(Serialize, Deserialize)]
    struct Many {
        value: serde_json::Value,
        flat: Vec<Flat>,
        either: Option<Untagged>,
        tagged: Internal,
        adjacent: Adjacent,
        #[serde(skip_serializing_if = "Option::is_none")]
        maybe: Option<u8>,
    }

    let paths: Vec<_> = errors::<Many>().into_iter().map(|problem| problem.path).collect();
    assert_eq!(paths, [".value", ".flat[]", ".either", ".tagged", ".adjacent", ".maybe"]);
}

#[test]
fn a_message_says_what_is_wrong_and_what_to_do() {
    let problem = skipped(".items[].note", "note").to_string();
    assert!(problem.starts_with("`.items[].note` is left out"), "{problem}");
    assert!(problem.ends_with("Remove `skip_serializing_if` from `note`."), "{problem}");
}
