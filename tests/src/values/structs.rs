//! Structs, enums, texts and options: each of serde's kinds, and what is empty against what is not
//! there.

use serde::{Deserialize, Serialize};
use weaver::Result;

use super::echo::{Echo, assert_echoed};
use crate::Stage;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Texts {
    string: String,
    boxed: Box<str>,
    letters: Vec<char>,
}

pub(crate) async fn texts(stage: &Stage) -> Result<()> {
    let echo = stage.app.get::<dyn Echo>().await?;
    let texts = ["", "a", "Grüezi", "\0", "a\nb", "👩‍👩‍👧", "\u{feff}x"].map(|text| Texts {
        string: text.to_owned(),
        boxed: text.into(),
        letters: text.chars().collect(),
    });
    assert_echoed(texts, |it| echo.texts(it)).await
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Newtype(u64);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct Transparent {
    only: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Pair(String, Newtype);

/// Attributes that change nothing that travels, or the same at both ends.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct Renamed {
    first_name: String,
    #[serde(rename = "type", alias = "kind")]
    kind: u8,
    #[serde(skip)]
    not_sent: u8,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Structs {
    nothing: (),
    unit: Unit,
    newtype: Newtype,
    transparent: Transparent,
    pair: Pair,
    renamed: Renamed,
    tuple: (u8, (u8, (u8,)), [u16; 3]),
    empty_array: [u64; 0],
}

pub(crate) async fn structs(stage: &Stage) -> Result<()> {
    let echo = stage.app.get::<dyn Echo>().await?;
    echo.nothing().await?;
    let full = Structs {
        newtype: Newtype(7),
        transparent: Transparent { only: "only".to_owned() },
        pair: Pair("left".to_owned(), Newtype(u64::MAX)),
        renamed: Renamed { first_name: "Ada".to_owned(), kind: 3, not_sent: 0 },
        tuple: (1, (2, (3,)), [4, 5, 6]),
        ..Structs::default()
    };
    assert_echoed([Structs::default(), full], |it| echo.structs(it)).await?;
    let skipped =
        Structs { renamed: Renamed { not_sent: 9, ..Renamed::default() }, ..Structs::default() };
    let seen = echo.structs(skipped).await?.value.renamed.not_sent;
    assert_eq!(seen, if stage.encoded { 0 } else { 9 }, "`#[serde(skip)]` is not sent");
    Ok(())
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Variant {
    Unit,
    Newtype(String),
    Tuple(u8, String),
    Struct { left: i32, right: Option<String> },
    Nested(Inner),
    EmptyTuple(),
    EmptyStruct {},
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Inner {
    #[serde(rename = "1")]
    First,
    Second(Box<Variant>),
}

pub(crate) async fn enums(stage: &Stage) -> Result<()> {
    let echo = stage.app.get::<dyn Echo>().await?;
    let variants = [
        Variant::Unit,
        Variant::Newtype("new".to_owned()),
        Variant::Tuple(1, "two".to_owned()),
        Variant::Struct { left: -1, right: None },
        Variant::Struct { left: 1, right: Some(String::new()) },
        Variant::Nested(Inner::First),
        Variant::Nested(Inner::Second(Box::new(Variant::Nested(Inner::First)))),
        Variant::EmptyTuple(),
        Variant::EmptyStruct {},
    ];
    assert_echoed(variants, |it| echo.variant(it)).await
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Options {
    text: Option<String>,
    list: Option<Vec<u8>>,
    unit: Option<()>,
    flag: Option<bool>,
    nested: Option<Option<Option<u8>>>,
}

pub(crate) async fn options(stage: &Stage) -> Result<()> {
    let echo = stage.app.get::<dyn Echo>().await?;
    let options = [
        Options::default(),
        Options { text: Some(String::new()), ..Options::default() },
        Options { list: Some(Vec::new()), ..Options::default() },
        Options { unit: Some(()), ..Options::default() },
        Options { flag: Some(false), ..Options::default() },
        Options { nested: Some(None), ..Options::default() },
        Options { nested: Some(Some(None)), ..Options::default() },
        Options { nested: Some(Some(Some(0))), ..Options::default() },
    ];
    assert_echoed(options, |it| echo.options(it)).await
}

pub(crate) async fn sixteen_arguments(stage: &Stage) -> Result<()> {
    let echo = stage.app.get::<dyn Echo>().await?;
    let [b, d, f, h, j, l, n] = ["b", "d", "f", "h", "j", "l", "n"].map(str::to_owned);
    let all = echo.sixteen(1, b, 3, d, 5, f, 7, h, 9, j, 11, l, 13, n, 15, "p").await?;
    assert_eq!(all, "1b3d5f7h9j11l13n15p");
    Ok(())
}
