//! The text is canonical: equal for equal types, different for each kind of change.

use std::collections::{BTreeMap, HashMap};
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use super::text;

#[derive(Serialize, Deserialize)]
struct Item {
    name: String,
    price: u64,
    next: Option<Box<Self>>,
}

#[derive(Serialize, Deserialize)]
struct Page<T> {
    items: Vec<T>,
    total: u32,
}

#[derive(Serialize, Deserialize)]
struct Id(u64);

#[derive(Serialize, Deserialize)]
struct Point(f64, f64);

#[derive(Serialize, Deserialize)]
struct Nothing;

#[derive(Serialize, Deserialize)]
enum Figure {
    Dot,
    Circle(f32),
    Line(Point, Point),
    Named { name: char, tags: BTreeMap<String, bool> },
}

#[test]
fn golden_texts() {
    assert_eq!(text::<u8>(), "u8");
    assert_eq!(text::<()>(), "unit");
    assert_eq!(text::<(i128, f32, char)>(), "(i128,f32,char)");
    assert_eq!(text::<Vec<u8>>(), "seq<u8>");
    assert_eq!(text::<bytes::Bytes>(), "bytes");
    assert_eq!(text::<[u8; 4]>(), "(u8*4)");
    assert_eq!(text::<HashMap<String, Option<i8>>>(), "map<string,option<i8>>");
    assert_eq!(text::<Item>(), "struct Item{name:string,price:u64,next:option<#0>}");
    assert_eq!(text::<Id>(), "struct Id(u64)");
    assert_eq!(text::<Nothing>(), "struct Nothing");
    assert_eq!(text::<PhantomData<u8>>(), "struct PhantomData");
    assert_eq!(text::<Page<Id>>(), "struct Page{items:seq<struct Id(u64)>,total:u32}");
    assert_eq!(text::<(Id, Point, Id)>(), "(struct Id(u64),struct Point(f64*2),#0)");
    assert_eq!(text::<Result<u8, String>>(), "enum Result{Ok(u8),Err(string)}");
    assert_eq!(
        text::<Figure>(),
        "enum Figure{Dot,Circle(f32),Line(struct Point(f64*2),#1),\
         Named{name:char,tags:map<string,bool>}}"
    );
}

/// Declares a struct or enum in a module of its own.
macro_rules! variation {
    ($module:ident { $($item:item)* }) => {
        mod $module {
            use serde::{Deserialize, Serialize};

            $(#[derive(Serialize, Deserialize)] $item)*
        }
    };
}

variation!(base { pub(super) struct Order { id: u64, note: String } });
variation!(renamed { pub(super) struct Order { key: u64, note: String } });
variation!(reordered { pub(super) struct Order { note: String, id: u64 } });
variation!(retyped { pub(super) struct Order { id: u32, note: String } });
variation!(extended { pub(super) struct Order { id: u64, note: String, paid: bool } });
variation!(optional { pub(super) struct Order { id: u64, note: Option<String> } });
variation!(other_name { pub(super) struct Purchase { id: u64, note: String } });
variation!(positional { pub(super) struct Order(u64, String); });
variation!(serde_name { #[serde(rename_all = "UPPERCASE")] pub(super) struct Order { id: u64, note: String } });

#[test]
fn every_change_of_a_struct_shows() {
    let texts = [
        text::<base::Order>(),
        text::<renamed::Order>(),
        text::<reordered::Order>(),
        text::<retyped::Order>(),
        text::<extended::Order>(),
        text::<optional::Order>(),
        text::<other_name::Purchase>(),
        text::<positional::Order>(),
        text::<serde_name::Order>(),
        text::<(u64, String)>(),
    ];
    assert_all_differ(&texts);
}

variation!(two { pub(super) enum Kind { Small, Large(u8) } });
variation!(three { pub(super) enum Kind { Small, Large(u8), Huge } });
variation!(swapped { pub(super) enum Kind { Large(u8), Small } });
variation!(variant_renamed { pub(super) enum Kind { Tiny, Large(u8) } });
variation!(variant_retyped { pub(super) enum Kind { Small, Large(u16) } });
variation!(variant_struct { pub(super) enum Kind { Small, Large { size: u8 } } });
variation!(variant_wider { pub(super) enum Kind { Small, Large(u8, u8) } });

#[test]
fn every_change_of_an_enum_shows() {
    let texts = [
        text::<two::Kind>(),
        text::<three::Kind>(),
        text::<swapped::Kind>(),
        text::<variant_renamed::Kind>(),
        text::<variant_retyped::Kind>(),
        text::<variant_struct::Kind>(),
        text::<variant_wider::Kind>(),
    ];
    assert_all_differ(&texts);
}

fn assert_all_differ(texts: &[String]) {
    for (at, one) in texts.iter().enumerate() {
        assert!(!texts[..at].contains(one), "{one} twice");
    }
}

#[test]
fn a_changed_generic_argument_shows() {
    assert_ne!(text::<Page<u8>>(), text::<Page<String>>());
    let both = text::<(Page<u8>, Page<String>)>();
    assert_eq!(
        both,
        "(struct Page{items:seq<u8>,total:u32},struct Page{items:seq<string>,total:u32})"
    );
}

#[test]
fn equal_names_in_two_modules_are_two_types() {
    assert_eq!(
        text::<(base::Order, retyped::Order, base::Order)>(),
        "(struct Order{id:u64,note:string},struct Order{id:u32,note:string},#0)"
    );
}

#[test]
fn a_name_cannot_pass_for_structure() {
    #[derive(Serialize, Deserialize)]
    struct Odd {
        #[serde(rename = "a:u8,b")]
        a: u8,
    }
    assert_eq!(text::<Odd>(), r#"struct Odd{"a:u8,b":u8}"#);
}

#[test]
fn aliases_are_listed_apart_from_positions() {
    #[derive(Serialize, Deserialize)]
    struct Renamed {
        #[serde(alias = "old")]
        new: u8,
        other: String,
    }
    #[derive(Serialize, Deserialize)]
    enum Word {
        #[serde(alias = "Old")]
        New,
        Other(u8),
    }
    assert_eq!(text::<Renamed>(), "struct Renamed[new,old,other]{u8,string}");
    assert_eq!(text::<Word>(), "enum Word[New,Old,Other]{0,1(u8)}");
}

#[derive(Serialize, Deserialize)]
struct Tree {
    value: u8,
    children: Vec<Self>,
}

#[derive(Serialize, Deserialize)]
struct Ping {
    pong: Option<Box<Pong>>,
    count: u8,
}

#[derive(Serialize, Deserialize)]
struct Pong {
    ping: Ping,
}

#[derive(Serialize, Deserialize)]
enum Expr {
    Add(Box<Self>, Box<Self>),
    Neg(Box<Self>),
    Call { args: Vec<Self>, by: BTreeMap<String, Self> },
    Let(Box<Statement>),
    Number(f64),
}

#[derive(Serialize, Deserialize)]
enum Statement {
    Block(Vec<Self>),
    Evaluate(Expr),
    Nothing,
}

#[test]
fn recursive_types_refer_back() {
    assert_eq!(text::<Tree>(), "struct Tree{value:u8,children:seq<#0>}");
    assert_eq!(text::<Ping>(), "struct Ping{pong:option<struct Pong{ping:#0}>,count:u8}");
    assert_eq!(text::<Pong>(), "struct Pong{ping:struct Ping{pong:option<#0>,count:u8}}");
    assert_eq!(
        text::<Expr>(),
        "enum Expr{Add(#0*2),Neg(#0),Call{args:seq<#0>,by:map<string,#0>},\
         Let(enum Statement{Block(seq<#1>),Evaluate(#0),Nothing}),Number(f64)}"
    );
    assert_eq!(
        text::<Statement>(),
        "enum Statement{Block(seq<#0>),Evaluate(enum Expr{Add(#1*2),Neg(#1),\
         Call{args:seq<#1>,by:map<string,#1>},Let(#0),Number(f64)}),Nothing}"
    );
}

/// Only the last variant ends: many samples lead too deep before it is found.
macro_rules! maze {
    ($($name:ident: $($to:ident)*;)*) => {$(
        #[derive(Serialize, Deserialize)]
        enum $name {
            A($(Box<$to>),*),
            B(Box<Self>, $(Option<Box<$to>>),*),
            C { around: ($(Box<$to>),*), back: Box<Self> },
            D($(Vec<$to>),*, Box<Self>),
            End,
        }
    )*};
}

maze! {
    North: East South West;
    East: South West North;
    South: West North East;
    West: North East South;
}

#[test]
fn a_maze_of_recursions_is_seen_in_full() {
    let shape = super::Shape::of::<North>();
    assert!(!shape.text().contains('?'), "{}", shape.text());
    assert_eq!(shape.problems(), []);
}

#[test]
fn the_text_is_the_same_again_and_after_others() {
    let first = text::<Figure>();
    assert_ne!(text::<(Id, Figure)>(), first);
    assert_eq!(text::<Figure>(), first);
    let other_thread = std::thread::spawn(text::<Figure>).join().expect("it does not panic");
    assert_eq!(other_thread, first);
}

#[test]
fn a_part_of_a_type_reads_like_the_part_alone() {
    assert_eq!(text::<Vec<Tree>>(), format!("seq<{}>", text::<Tree>()));
    assert_eq!(text::<Option<Figure>>(), format!("option<{}>", text::<Figure>()));
}
