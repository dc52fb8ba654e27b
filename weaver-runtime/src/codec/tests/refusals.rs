//! What the format cannot carry is refused by name, and never read as something else.

use std::collections::BTreeMap;

use serde::{
    Deserialize, Deserializer, Serializer,
    de::IgnoredAny,
    ser::{Error, SerializeMap, SerializeSeq, SerializeStruct},
};

use super::*;

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Profile {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    nickname: Option<String>,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
enum Event {
    Renamed {
        #[serde(skip_serializing_if = "String::is_empty")]
        name: String,
    },
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Flat {
    id: u8,
    #[serde(flatten)]
    rest: BTreeMap<String, u8>,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(untagged)]
enum Untagged {
    Number(u8),
    Text(String),
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "kind")]
enum Internal {
    Point { x: u8 },
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "kind", content = "value")]
enum Adjacent {
    Number(u8),
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
enum Colour {
    Red,
    Green,
}

fn assert_not_self_describing<T>(bytes: &[u8], expected: &str)
where
    T: DeserializeOwned + Debug + PartialEq,
{
    let expected = expected.to_owned();
    assert_eq!(decode::<T>(bytes), Err(DecodeError::NotSelfDescribing { expected }));
}

#[test]
fn a_field_that_leaves_itself_out() {
    let error = refused(&Profile { name: "Ann".to_owned(), nickname: None });
    let container = "Profile".to_owned();
    assert_eq!(error, EncodeError::SkippedField { container, field: "nickname" });

    let error = refused(&Event::Renamed { name: String::new() });
    let container = "Event::Renamed".to_owned();
    assert_eq!(error, EncodeError::SkippedField { container, field: "name" });
}

#[test]
fn a_field_that_could_leave_itself_out_but_does_not() {
    assert_round_trip(&Profile { name: "Ann".to_owned(), nickname: Some("A".to_owned()) });
    assert_round_trip(&Event::Renamed { name: "Ann".to_owned() });
}

#[test]
fn flattened_fields() {
    let flat = Flat { id: 1, rest: BTreeMap::from([("a".to_owned(), 2)]) };
    assert_eq!(refused(&flat), EncodeError::UnknownLength);
    let one_entry = encoded(&BTreeMap::from([("id", 1_u8)]));
    assert_not_self_describing::<Flat>(&one_entry, "field identifier");
}

#[test]
fn untagged_enums() {
    let bytes = encoded(&Untagged::Text("t".to_owned()));
    assert_not_self_describing::<Untagged>(&bytes, "any value");
}

#[test]
fn internally_tagged_enums() {
    let bytes = encoded(&Internal::Point { x: 1 });
    assert_not_self_describing::<Internal>(&bytes, "internally tagged enum Internal");
}

#[test]
fn adjacently_tagged_enums() {
    let bytes = encoded(&Adjacent::Number(1));
    assert_not_self_describing::<Adjacent>(&bytes, "variant identifier");
}

#[test]
fn dynamic_values() {
    let bytes = encoded(&serde_json::json!({ "a": [1, "two", null] }));
    assert_not_self_describing::<serde_json::Value>(&bytes, "any valid JSON value");
}

#[test]
fn ignored_values() {
    let error = decode::<IgnoredAny>(&[1]).map(|_| ()).unwrap_err();
    assert_eq!(error, DecodeError::NotSelfDescribing { expected: "anything at all".to_owned() });
}

#[test]
fn sequences_and_maps_without_a_length() {
    struct Odd;
    impl Serialize for Odd {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq((0_u8..4).filter(|number| number % 2 == 1))
        }
    }
    struct OddMap;
    impl Serialize for OddMap {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_map((0_u8..4).filter(|number| number % 2 == 1).map(|n| (n, n)))
        }
    }
    assert_eq!(refused(&Odd), EncodeError::UnknownLength);
    assert_eq!(refused(&OddMap), EncodeError::UnknownLength);
}

#[test]
fn sequences_and_maps_with_a_wrong_length() {
    struct Seq(usize);
    impl Serialize for Seq {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut seq = serializer.serialize_seq(Some(self.0))?;
            seq.serialize_element(&1_u8)?;
            seq.end()
        }
    }
    struct Map(usize);
    impl Serialize for Map {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(Some(self.0))?;
            map.serialize_entry(&1_u8, &2_u8)?;
            map.end()
        }
    }
    assert_eq!(encoded(&Seq(1)), plain(&[1_u8][..]));
    assert_eq!(encoded(&Map(1)), plain(&BTreeMap::from([(1_u8, 2_u8)])));
    for announced in [0, 2] {
        assert_eq!(refused(&Seq(announced)), EncodeError::WrongLength { announced });
        assert_eq!(refused(&Map(announced)), EncodeError::WrongLength { announced });
    }
}

#[test]
fn values_that_no_type_has() {
    assert_eq!(decode::<bool>(&[2]), Err(DecodeError::InvalidBool { byte: 2 }));
    assert_eq!(decode::<Option<u8>>(&[3, 1]), Err(DecodeError::InvalidOption { tag: 3 }));
    assert_eq!(decode::<char>(&[0xff]), Err(DecodeError::InvalidChar));
    assert_eq!(decode::<char>(&[0xed, 0xa0, 0x80]), Err(DecodeError::InvalidChar));
    assert_eq!(decode::<String>(&plain(&[0xff_u8][..])), Err(DecodeError::InvalidUtf8));
    let unknown = DecodeError::UnknownVariant { name: "Colour" };
    assert_eq!(decode::<Colour>(&[2, 0, 0, 0]), Err(unknown));
    assert_eq!(decode::<Colour>(&[1, 0, 0]), Err(DecodeError::UnexpectedEnd));
}

#[test]
fn too_few_or_too_many_bytes() {
    assert_eq!(decode::<u16>(&[1]), Err(DecodeError::UnexpectedEnd));
    assert_eq!(decode::<u16>(&[1, 0, 9, 9]), Err(DecodeError::TrailingBytes { count: 2 }));
    assert_eq!(decode::<()>(&[0]), Err(DecodeError::TrailingBytes { count: 1 }));
}

#[derive(Debug, PartialEq)]
struct Picky;

impl Serialize for Picky {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom("not today"))
    }
}

impl<'de> Deserialize<'de> for Picky {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(serde::de::Error::custom("not today"))
    }
}

#[test]
fn what_the_type_itself_refuses() {
    assert_eq!(refused(&Picky), EncodeError::Other("not today".to_owned()));
    assert_eq!(decode::<Picky>(&[]), Err(DecodeError::Other("not today".to_owned())));
}

#[test]
fn a_refusal_stands_although_the_type_swallows_it() {
    struct Careless;
    impl Serialize for Careless {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut fields = serializer.serialize_struct("Careless", 0)?;
            assert!(fields.skip_field("gone").is_err());
            fields.end()
        }
    }
    #[derive(Debug, PartialEq)]
    struct Lenient(Option<Untagged>);
    impl<'de> Deserialize<'de> for Lenient {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            Ok(Self(Untagged::deserialize(deserializer).ok()))
        }
    }
    assert!(matches!(refused(&Careless), EncodeError::SkippedField { field: "gone", .. }));
    assert_not_self_describing::<Lenient>(&[], "any value");
    // The first refusal is told, not one that it led to.
    assert_not_self_describing::<(Lenient, Vec<()>)>(&u64::MAX.to_le_bytes(), "any value");
}
