//! The bytes themselves, written out: they are what two builds of this library agree on.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use serde::Deserialize;

use super::*;

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Unit;

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Metres(u16);

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Pair(u8, u16);

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Point {
    x: i32,
    label: String,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
enum Shape {
    Nothing,
    Circle(u16),
    Line(u8, u8),
    Box { width: u8, name: String },
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Chain {
    value: u8,
    next: Option<Box<Self>>,
}

/// `hex` is in pairs of digits; spaces are for the reader.
fn golden<T>(value: &T, hex: &str)
where
    T: Serialize + DeserializeOwned + Debug + PartialEq,
{
    let digits: String = hex.split_whitespace().collect();
    let written: String = encoded(value).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(written, digits);
    assert_round_trip(value);
}

#[test]
fn integers() {
    golden(&0x12_u8, "12");
    golden(&0x1234_u16, "3412");
    golden(&0x1234_5678_u32, "78563412");
    golden(&0x0123_4567_89ab_cdef_u64, "efcdab8967452301");
    golden(&1_u128, "01000000000000000000000000000000");
    golden(&0x1234_usize, "3412000000000000");
    golden(&-1_i8, "ff");
    golden(&-2_i16, "feff");
    golden(&-2_i32, "feffffff");
    golden(&-2_i64, "feffffffffffffff");
    golden(&-2_i128, "feffffffffffffffffffffffffffffff");
    golden(&-2_isize, "feffffffffffffff");
}

#[test]
fn other_scalars() {
    golden(&true, "01");
    golden(&false, "00");
    golden(&1.5_f32, "0000c03f");
    golden(&-2.0_f64, "00000000000000c0");
    golden(&'a', "61");
    golden(&'é', "c3a9");
    golden(&'🦀', "f09fa680");
    golden(&(), "");
}

#[test]
fn strings_and_byte_strings() {
    golden(&"hé".to_owned(), "0300000000000000 68c3a9");
    golden(&String::new(), "0000000000000000");
    golden(&vec![1_u8, 2, 255], "0300000000000000 0102ff");
    golden(&bytes::Bytes::from_static(&[1, 2, 255]), "0300000000000000 0102ff");
    golden(&[1_u8, 2, 255], "0102ff");
}

#[test]
fn options() {
    golden(&None::<u16>, "00");
    golden(&Some(7_u16), "01 0700");
    golden(&Some(None::<u16>), "01 00");
}

#[test]
fn structs_and_tuples() {
    golden(&Unit, "");
    golden(&Metres(7), "0700");
    golden(&Pair(1, 2), "01 0200");
    golden(&(1_u8, 2_u16, "x".to_owned()), "01 0200 010000000000000078");
    golden(&Point { x: -1, label: "p".to_owned() }, "ffffffff 010000000000000070");
}

#[test]
fn enums() {
    golden(&Shape::Nothing, "00000000");
    golden(&Shape::Circle(9), "01000000 0900");
    golden(&Shape::Line(1, 2), "02000000 01 02");
    let named = Shape::Box { width: 3, name: "b".to_owned() };
    golden(&named, "03000000 03 010000000000000062");
    golden(&Ok::<u8, String>(1), "00000000 01");
    golden(&Err::<u8, String>("e".to_owned()), "01000000 010000000000000065");
}

#[test]
fn collections() {
    golden(&vec![1_u16, 2], "0200000000000000 0100 0200");
    golden(&vec![(), ()], "0200000000000000");
    golden(&vec![vec![1_u8], vec![]], "0200000000000000 010000000000000001 0000000000000000");
    let map = BTreeMap::from([(1_u8, true), (2, false)]);
    golden(&map, "0200000000000000 01 01 02 00");
}

#[test]
fn recursion() {
    let tail = Chain { value: 2, next: None };
    golden(&Chain { value: 1, next: Some(Box::new(tail)) }, "01 01 02 00");
}

#[test]
fn types_of_the_standard_library() {
    golden(&Duration::new(1, 2), "0100000000000000 02000000");
    golden(&IpAddr::V4(Ipv4Addr::LOCALHOST), "00000000 7f000001");
}
