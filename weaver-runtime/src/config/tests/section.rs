//! `[config.COMPONENT]` as the types of authors.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Error};

use super::{ConfigFile, MistakeKind, parsed, shows};

/// A field of each shape that serde knows and TOML can write.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
struct Everything {
    text: String,
    letter: char,
    small: u8,
    large: u64,
    signed: i128,
    ratio: f32,
    whole_ratio: f64,
    yes: bool,
    absent: Option<u8>,
    present: Option<Inner>,
    pair: (u8, String),
    items: Vec<Inner>,
    ports: BTreeMap<u16, Level>,
    levels: BTreeMap<Level, bool>,
    level: Level,
    shape: Shape,
    shapes: Vec<Shape>,
    newtype: Newtype,
    unit: (),
    address: IpAddr,
    every: Duration,
    day: toml::value::Datetime,
    day_text: String,
    any: Any,
    #[serde(default, alias = "other-name")]
    aliased: u8,
    rest: toml::Value,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Inner {
    max: u16,
}

#[derive(Debug, Deserialize, PartialEq, PartialOrd, Eq, Ord)]
#[serde(rename_all = "lowercase")]
enum Level {
    Low,
    High,
}

#[derive(Debug, Deserialize, PartialEq)]
enum Shape {
    Point,
    Circle(f64),
    Line(u8, u8),
    Box { width: u8 },
}

#[derive(Debug, Deserialize, PartialEq)]
struct Newtype(u8);

#[derive(Debug, Deserialize, PartialEq)]
#[serde(untagged)]
enum Any {
    Number(i64),
    Table { a: String },
}

#[derive(Debug, Deserialize, PartialEq)]
struct Payment {
    currency: Currency,
    #[serde(default)]
    limits: Vec<Limit>,
    #[serde(default)]
    retries: u8,
    #[serde(default)]
    level: Option<Level>,
    #[serde(default)]
    shape: Option<Shape>,
    #[serde(default)]
    pair: Option<(u8, u8)>,
    #[serde(default)]
    ports: BTreeMap<u16, u8>,
    #[serde(default, alias = "tries")]
    attempts: u8,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Limit {
    max: u16,
}

/// A type that repeats the value in its message.
#[derive(Debug, PartialEq)]
struct Currency(String);

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.len() {
            3 => Ok(Self(text)),
            _ => Err(D::Error::custom(format!("{text} and {text:?} are no\ncurrency"))),
        }
    }
}

#[track_caller]
fn refused<C: DeserializeOwned + std::fmt::Debug>(text: &str, lines: &[&str]) -> MistakeKind {
    let error = parsed(text).section::<C>("Payment").unwrap_err();
    shows(&error, lines);
    error.mistakes()[0].kind
}

#[test]
fn every_shape_is_read() {
    let config = parsed(
        r#"[config.All]
text = "a\nb"
letter = "x"
small = 0xff
large = 18446744073709551615
signed = -170141183460469231731687303715884105728
ratio = 0.5
whole-ratio = 1_000
yes = true
present.max = 7
pair = [1, "b"]
items = [{ max = 1 }, { max = 2 }]
level = "high"
shape = "Point"
shapes = [{ Circle = 0.5 }, { Line = [1, 2] }, { Box = { width = 3 } }]
newtype = 4
unit = {}
address = "::1"
every = { secs = 1, nanos = 5 }
day = 2024-02-29
day-text = 2024-02-29T10:00:00Z
any = { a = "b" }
other-name = 9
rest = { a = 2024-02-29, b = [1] }
[config.All.ports]
80 = "low"
[config.All.levels]
low = false
"#,
    );
    let all: Everything = config.section("All").unwrap();
    assert_eq!(all.text, "a\nb");
    assert_eq!((all.letter, all.small, all.large), ('x', 255, u64::MAX));
    assert_eq!(all.signed, i128::MIN);
    assert_eq!((all.ratio, all.whole_ratio, all.yes), (0.5, 1000.0, true));
    assert_eq!((all.absent, all.present), (None, Some(Inner { max: 7 })));
    assert_eq!(all.pair, (1, "b".to_owned()));
    assert_eq!(all.items, [Inner { max: 1 }, Inner { max: 2 }]);
    assert_eq!(all.ports, BTreeMap::from([(80, Level::Low)]));
    assert_eq!(all.levels, BTreeMap::from([(Level::Low, false)]));
    assert_eq!((all.level, all.shape), (Level::High, Shape::Point));
    assert_eq!(all.shapes, [Shape::Circle(0.5), Shape::Line(1, 2), Shape::Box { width: 3 }]);
    assert_eq!(all.newtype, Newtype(4));
    assert_eq!(all.address, "::1".parse::<IpAddr>().unwrap());
    assert_eq!(all.every, Duration::new(1, 5));
    assert_eq!(all.day.to_string(), "2024-02-29");
    assert_eq!(all.day_text, "2024-02-29T10:00:00Z");
    assert_eq!(all.any, Any::Table { a: "b".to_owned() });
    assert_eq!(all.aliased, 9);
    assert!(all.rest["a"].is_datetime());
    assert_eq!(all.rest["b"][0].as_integer(), Some(1));
}

#[test]
fn a_struct_that_collects_other_keys_gets_them() {
    #[derive(Debug, Deserialize)]
    struct Open {
        currency: Currency,
        #[serde(flatten)]
        rest: BTreeMap<String, u8>,
    }
    let config = parsed("[config.Payment]\ncurrency = \"CHF\"\nother = 3");
    let open: Open = config.section("Payment").unwrap();
    assert_eq!(open.currency, Currency("CHF".to_owned()));
    assert_eq!(open.rest["other"], 3);
}

#[test]
fn a_section_in_parts_is_one_table() {
    let config = parsed("config.Payment.limits = []\nconfig.Payment.currency = \"CHF\"");
    let payment: Payment = config.section("Payment").unwrap();
    assert_eq!(payment.currency, Currency("CHF".to_owned()));
}

#[test]
fn a_missing_section_is_an_empty_table() {
    #[derive(Debug, Default, Deserialize, PartialEq)]
    struct Optional {
        #[serde(default)]
        retries: u8,
        name: Option<String>,
    }
    for config in [ConfigFile::default(), parsed(""), parsed("[config.Other]\nretries = 3")] {
        assert_eq!(config.section::<Optional>("Payment").unwrap(), Optional::default());
        config.section::<()>("Payment").unwrap();
        let map = config.section::<BTreeMap<String, String>>("Payment").unwrap();
        assert!(map.is_empty());
    }
}

#[test]
fn a_missing_section_that_is_needed_is_named() {
    let kind = refused::<Payment>(
        "[config.Other]",
        &["weaver.toml: missing key `currency` in [config.Payment]; the file has no such section"],
    );
    assert_eq!(kind, MistakeKind::MissingKey);
    shows(
        &ConfigFile::default().section::<Payment>("Payment").unwrap_err(),
        &["missing key `currency` in [config.Payment]; there is no `weaver.toml`"],
    );
}

#[test]
fn a_missing_key_is_reported_at_its_table() {
    refused::<Payment>(
        "\n[config.Payment]\nretries = 1\n",
        &["weaver.toml:2:1: missing key `currency` in [config.Payment]"],
    );
    refused::<Payment>(
        "[config.Payment]\ncurrency = \"CHF\"\n\n[[config.Payment.limits]]\nmax = 1\n\
         [[config.Payment.limits]]\n",
        &["weaver.toml:6:1: missing key `max` in [config.Payment.limits[1]]"],
    );
}

/// Of a key that has to be there, the slip is the mistake; beside a slip of another key it is missing as well.
#[test]
fn a_misspelt_key_is_not_missing_too() {
    let slip =
        "weaver.toml:2:1: unknown key `curency` in [config.Payment]; did you mean `currency`?";
    refused::<Payment>("[config.Payment]\ncurency = \"CHF\"\n", &[slip]);
    refused::<Payment>(
        "[config.Payment]\nretrys = 1\n",
        &[
            "weaver.toml:1:1: missing key `currency` in [config.Payment]",
            "weaver.toml:2:1: unknown key `retrys` in [config.Payment]; did you mean `retries`?",
        ],
    );
}

#[test]
fn unknown_keys_are_reported_together_and_once() {
    let kind = refused::<Payment>(
        "[config.Payment]\ncurrency = \"CHF\"\nretrys = 1\ntries = 2\nwibble = \"hunter2\"\n\
         [[config.Payment.limits]]\nmxa = 1\nmax = 2\n",
        &[
            "weaver.toml:3:1: unknown key `retrys` in [config.Payment]; did you mean `retries`?",
            "weaver.toml:5:1: unknown key `wibble` in [config.Payment]; known are `currency`, \
             `limits`, `retries`, `level`, `shape`, `pair`, `ports`, `attempts`, `tries`",
            "weaver.toml:7:1: unknown key `mxa` in [config.Payment.limits[0]]; did you mean `max`?",
        ],
    );
    assert_eq!(kind, MistakeKind::UnknownKey);
}

#[test]
fn unknown_keys_of_a_variant_are_reported() {
    refused::<Payment>(
        "[config.Payment]\ncurrency = \"CHF\"\nshape = { Box = { width = 1, hight = 2 } }\n",
        &["weaver.toml:3:30: unknown key `hight` in [config.Payment.shape.Box]; only `width` is \
           known"],
    );
}

#[test]
fn wrong_types_name_types_and_not_values() {
    let refused = |line, expected: &str| {
        let text = format!("[config.Payment]\n{line}\ncurrency = \"CHF\"\n");
        assert_eq!(refused::<Payment>(&text, &[expected]), MistakeKind::WrongType);
    };
    refused(
        "retries = \"hunter2\"",
        "weaver.toml:2:11: `retries` in [config.Payment]: expected u8, found a string",
    );
    refused(
        "limits = [{ max = 1 }, { max = \"hunter2\" }]",
        "weaver.toml:2:32: `max` in [config.Payment.limits[1]]: expected u16, found a string",
    );
    refused(
        "limits = [\"hunter2\"]",
        "weaver.toml:2:11: `limits[0]` in [config.Payment]: expected struct Limit, found a string",
    );
    refused(
        "retries = 2024-02-29",
        "weaver.toml:2:11: `retries` in [config.Payment]: expected u8, found a date or time",
    );
    refused(
        "ports = { hunter2 = 1 }",
        "weaver.toml:2:11: [config.Payment.ports]: expected u16, found a string",
    );
    refused(
        "level = 4711",
        "weaver.toml:2:9: `level` in [config.Payment]: expected a string or a table, found an \
         integer",
    );
    refused(
        "retries = { a = \"hunter2\" }",
        "weaver.toml:2:11: [config.Payment.retries]: expected u8, found a table",
    );
}

#[test]
fn bad_values_are_refused_without_showing_them() {
    let refused = |line, expected: &str| {
        let text = format!("[config.Payment]\n{line}\ncurrency = \"CHF\"\n");
        assert_eq!(refused::<Payment>(&text, &[expected]), MistakeKind::BadValue);
    };
    refused(
        "retries = 4711",
        "weaver.toml:2:11: `retries` in [config.Payment]: expected u8, found an integer that does \
         not fit",
    );
    refused(
        "level = \"hunter2\"",
        "weaver.toml:2:9: `level` in [config.Payment]: expected one of `low`, `high`",
    );
    refused(
        "shape = { Line = [1, 2, 4711] }",
        "weaver.toml:2:18: `Line` in [config.Payment.shape]: expected 2 items, found 3",
    );
    refused(
        "shape = { Point = {}, Line = [] }",
        "weaver.toml:2:9: [config.Payment.shape]: expected a table with one key",
    );
    refused(
        "pair = [1]",
        "weaver.toml:2:8: `pair` in [config.Payment]: expected a tuple of size 2, found 1 item",
    );
}

#[test]
fn a_message_of_the_type_itself_does_not_repeat_the_value() {
    let kind = refused::<Payment>(
        "[config.Payment]\ncurrency = \"hunter\\n2\"",
        &["weaver.toml:2:12: `currency` in [config.Payment]: … and \"…\" are no currency"],
    );
    assert_eq!(kind, MistakeKind::BadValue);

    #[derive(Debug, Deserialize)]
    #[serde(try_from = "BTreeMap<String, Vec<String>>")]
    struct Whole;
    impl TryFrom<BTreeMap<String, Vec<String>>> for Whole {
        type Error = String;
        fn try_from(map: BTreeMap<String, Vec<String>>) -> Result<Self, String> {
            Err(format!("{:?} will not do", map["keys"]))
        }
    }
    refused::<Whole>(
        "[config.Payment]\nkeys = [\"hunter2\"]",
        &["weaver.toml:1:1: [config.Payment]: [\"…\"] will not do"],
    );
    // One that is a part of another, before it.
    refused::<Whole>(
        "[config.Payment]\nkeys = [\"hunter\", \"hunter2026\"]",
        &["weaver.toml:1:1: [config.Payment]: [\"…\", \"…\"] will not do"],
    );
}

#[test]
fn two_names_of_one_field_exclude_each_other() {
    let kind = refused::<Payment>(
        "[config.Payment]\ncurrency = \"CHF\"\nattempts = 1\ntries = 2\n",
        &["weaver.toml:1:1: key `attempts`, or another name of it, is there twice in \
           [config.Payment]"],
    );
    assert_eq!(kind, MistakeKind::Conflict);
}

#[test]
fn a_type_that_holds_itself_is_followed_to_a_bound() {
    #[derive(Debug, Deserialize)]
    struct Nest {
        #[expect(dead_code, reason = "only its depth matters")]
        a: Option<Box<Self>>,
    }
    let nested = |depth| format!("[config.Payment]\n{} = {{}}", vec!["a"; depth].join("."));
    parsed(&nested(63)).section::<Nest>("Payment").unwrap();
    let error = parsed(&nested(64)).section::<Nest>("Payment").unwrap_err();
    assert!(error.to_string().ends_with(": nested deeper than 64 levels"), "{error}");
}
