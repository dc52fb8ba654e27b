//! Against the types themselves: the same bytes, and the same JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use weaver_runtime::{Shape, Stream, codec, route};

use super::{json::ValueSeed, *};

#[derive(Debug, Serialize, Deserialize)]
struct Item {
    name: String,
    price: Option<u64>,
    tags: Vec<Tag>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Tag {
    Plain,
    Weight(f32),
    Size(u8, i16),
    Parts { inner: Box<Item>, count: u128 },
}

#[derive(Debug, Serialize, Deserialize)]
enum Held {
    Nothing,
    Perhaps(Option<u8>),
}

#[derive(Debug, Serialize, Deserialize)]
enum Aliased {
    #[serde(alias = "Rot")]
    Red,
    Deep {
        #[serde(alias = "b")]
        a: u8,
    },
}

#[derive(Debug, Serialize, Deserialize)]
struct Id(i64);

#[derive(Debug, Serialize, Deserialize)]
struct Nothing;

fn schema<T: Serialize + DeserializeOwned>() -> Schema {
    Schema::parse(Shape::of::<T>().text()).unwrap()
}

/// The JSON is what serde makes of the value, the bytes are those of the codec; both lead back.
fn same<T: Serialize + DeserializeOwned>(value: &T) {
    let schema = schema::<T>();
    let json = serde_json::to_value(value).unwrap();
    let mut bytes = Vec::new();
    codec::encode(value, &mut bytes).unwrap();
    let decoded = codec::decode_with(ValueSeed(schema.root()), &bytes).unwrap();
    assert_eq!(decoded, json);
    let mut ours = Vec::new();
    codec::encode(&schema.root().read("it", &json).unwrap(), &mut ours).unwrap();
    assert_eq!(ours, bytes, "{json}");
}

#[test]
fn every_kind_of_type_is_as_serde_has_it() {
    same(&(true, -1_i8, 2_u16, i64::MIN, u64::MAX, 'ü', "text".to_owned()));
    same(&(0.5_f32, -0.1_f64, (), Some(Some(1_u32)), None::<u8>));
    same(&vec![vec![1_u8, 2], vec![]]);
    same(&[7_i32; 3]);
    same(&BTreeMap::from([("a".to_owned(), 1_i128), ("b".to_owned(), -1)]));
    same(&BTreeMap::from([(1_u32, 'x'), (20, 'y')]));
    same(&(Id(-4), Nothing));
    same(&Ok::<_, String>(Id(3)));
    same(&Err::<(), _>("why".to_owned()));
    let inner = Item { name: "in".to_owned(), price: None, tags: vec![] };
    let tags = vec![
        Tag::Plain,
        Tag::Weight(1.5),
        Tag::Size(1, -2),
        Tag::Parts { inner: Box::new(inner), count: 7 },
    ];
    same(&Item { name: "out".to_owned(), price: Some(5), tags });
    // Types of the world outside that write themselves in an unexpected form.
    same(&std::time::Duration::from_millis(1500));
}

#[test]
fn what_json_has_no_number_for_is_a_text() {
    let decoded = |bytes: &[u8], schema: &Schema| {
        codec::decode_with(ValueSeed(schema.root()), bytes).unwrap()
    };
    let wide = schema::<u128>();
    assert_eq!(decoded(&u128::MAX.to_le_bytes(), &wide), json!(u128::MAX.to_string()));
    let float = schema::<f64>();
    assert_eq!(decoded(&f64::INFINITY.to_le_bytes(), &float), json!("inf"));
    assert_eq!(float.root().read("x", &json!("inf")), Ok(Dynamic::F64(f64::INFINITY)));
    assert_eq!(decoded(&0.1_f32.to_le_bytes(), &schema::<f32>()), json!(0.1));
    let pairs = schema::<BTreeMap<(u8, u8), u8>>();
    let bytes = [&1_u64.to_le_bytes()[..], &[1, 2, 3]].concat();
    assert_eq!(decoded(&bytes, &pairs), json!([[[1, 2], 3]]));
    assert!(pairs.root().read("x", &json!([[[1, 2], 3]])).is_ok());
}

#[test]
fn what_is_no_value_of_the_type_says_where_and_why() {
    let of_item = schema::<Item>();
    let refused = |json: Value| of_item.root().read("item", &json).unwrap_err().to_string();
    assert_eq!(refused(json!(3)), "item is Item, not 3");
    let no_name = json!({ "price": 3, "tags": [] });
    assert_eq!(refused(no_name), "item has no `name`, which is String");
    let other = json!({ "name": "x", "prize": 3, "tags": [] });
    assert_eq!(
        refused(other),
        "item has a `prize`, which its type does not; it has `name`, `price`, `tags`"
    );
    let tag = |tag: Value| refused(json!({ "name": "x", "tags": ["Plain", tag] }));
    assert_eq!(
        tag(json!("Plane")),
        "item.tags[1] has a `Plane`, which its type does not; its variants are `Plain`, `Weight`, `Size`, \
         `Parts`"
    );
    assert_eq!(tag(json!({ "Size": [256, 1] })), "item.tags[1].Size[0] is u8, not 256");
    assert_eq!(tag(json!({ "Size": [1] })), "item.tags[1].Size is Tag, not [1]");
    let held = schema::<Held>();
    let refused = |json: Value| held.root().read("it", &json).unwrap_err().to_string();
    assert_eq!(refused(json!({ "Nothing": 5 })), "it.Nothing is null, not 5");
    assert_eq!(
        refused(json!("Perhaps")),
        "it.Perhaps is {\"Perhaps\": …} with (Option<u8>), not \"Perhaps\""
    );
    assert!(held.root().read("it", &json!({ "Perhaps": null })).is_ok());
    for (json, of) in [
        (json!(-1), schema::<u64>()),
        (json!(1.5), schema::<i32>()),
        (json!(128), schema::<i8>()),
        (json!("ab"), schema::<char>()),
        (json!(null), schema::<String>()),
        (json!("x"), schema::<f64>()),
        (json!({ "x": 1 }), schema::<BTreeMap<u8, u8>>()),
    ] {
        assert!(of.root().read("it", &json).is_err(), "{json} as {}", of.root());
    }
    let long = "x".repeat(1000);
    assert!(schema::<u8>().root().read("it", &json!(long)).unwrap_err().to_string().len() < 100);
}

fn arguments<T: Serialize + DeserializeOwned>(names: &[&str], text: &str) -> Result<Value, String> {
    let schema = schema::<T>();
    let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
    let json = (!text.is_empty()).then(|| serde_json::from_str(text).unwrap());
    let read = schema.read_arguments(&names, json.as_ref()).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    codec::encode(&read, &mut bytes).unwrap();
    Ok(codec::decode_with(ValueSeed(schema.root()), &bytes).unwrap())
}

#[test]
fn a_result_is_decoded_by_two_schemas() {
    fn decode<T, E>(result: &Result<T, E>) -> Result<Value, Value>
    where
        T: Serialize + DeserializeOwned,
        E: Serialize + DeserializeOwned,
    {
        let (value, error) = (schema::<T>(), schema::<E>());
        let mut bytes = Vec::new();
        codec::encode(result, &mut bytes).unwrap();
        codec::decode_with(ResultSeed(value.root(), error.root()), &bytes).unwrap()
    }
    assert_eq!(decode::<(), Tag>(&Ok(())), Ok(json!(null)));
    assert_eq!(decode::<(Id, Vec<u8>), Tag>(&Ok((Id(7), vec![1]))), Ok(json!([7, [1]])));
    assert_eq!(decode::<u8, Tag>(&Err(Tag::Weight(0.5))), Err(json!({ "Weight": 0.5 })));
    let two = schema::<u8>();
    let third = codec::decode_with(ResultSeed(two.root(), two.root()), &[2, 0, 0, 0, 9]);
    assert!(third.unwrap_err().to_string().contains("no variant 2"));
}

#[test]
fn arguments_are_a_list_or_an_object_or_the_only_one() {
    let two = |text| arguments::<(u8, Option<String>)>(&["count", "name"], text);
    assert_eq!(two("[1, \"x\"]"), Ok(json!([1, "x"])));
    assert_eq!(two("{\"name\": \"x\", \"count\": 1}"), Ok(json!([1, "x"])));
    assert_eq!(two("{\"count\": 1}"), Ok(json!([1, null])));
    assert_eq!(two("[1]"), Ok(json!([1, null])));
    assert_eq!(two("{\"count\": 1, \"name\": 3}"), Err("name is String, not 3".to_owned()));
    assert_eq!(two("{\"name\": \"x\"}"), Err("the call has no `count`, which is u8".to_owned()));
    assert_eq!(two("1"), Err("1 argument is given, and it takes 2 arguments".to_owned()));
    assert_eq!(two(""), Err("0 arguments are given, and it takes 2 arguments".to_owned()));
    assert_eq!(two("[1, 2]"), Err("name is String, not 2".to_owned()));

    assert_eq!(arguments::<()>(&[], ""), Ok(json!(null)));
    assert_eq!(arguments::<(u8,)>(&["n"], "1"), Ok(json!([1])));
    assert_eq!(arguments::<(u8,)>(&["n"], "[1]"), Ok(json!([1])));
    assert_eq!(arguments::<(u8,)>(&["n"], "{\"n\": 1}"), Ok(json!([1])));
    assert_eq!(arguments::<(u8,)>(&["n"], "\"x\""), Err("n is u8, not \"x\"".to_owned()));
    let list = |text| arguments::<(Vec<u8>,)>(&["list"], text);
    assert_eq!((list("[1, 2]"), list("[[1, 2]]")), (Ok(json!([[1, 2]])), Ok(json!([[1, 2]]))));
    assert_eq!((list("[]"), list("\"ab\"")), (Ok(json!([[]])), Ok(json!([[97, 98]]))));
    let id = |text| arguments::<(Item,)>(&["item"], text);
    assert!(id("{\"name\": \"x\", \"tags\": []}").is_ok());
    assert!(id("{\"item\": {\"name\": \"x\", \"tags\": []}}").is_ok());
}

#[test]
fn types_are_shown_as_one_writes_them() {
    let of = |schema: &Schema| schema.root().to_string();
    assert_eq!(of(&schema::<Vec<Option<Id>>>()), "Vec<Option<Id>>");
    assert_eq!(
        of(&schema::<(u8, [f32; 3], BTreeMap<String, ()>)>()),
        "(u8, [f32; 3], Map<String, ()>)"
    );
    assert_eq!(
        schema::<Vec<Item>>().root().definitions(),
        [
            "struct Item { name: String, price: Option<u64>, tags: Vec<Tag> }",
            "enum Tag { Plain, Weight(f32), Size(u8, i16), Parts { inner: Item, count: u128 } }",
        ]
    );
    let streams = schema::<(Stream<u8>, Stream<u8>)>();
    assert!(!streams.is_plain());
    assert_eq!(of(&streams), "[Stream<u8>; 2]");
    assert!(streams.items().is_none());
    let returned = schema::<Stream<Item>>();
    assert!(!returned.is_plain());
    let items = returned.items().unwrap();
    assert_eq!(items.result().unwrap().0.to_string(), "Item");
    assert!(schema::<(Stream<u8>, u8)>().items().is_none());
    let of_no_result = Schema::parse("struct \"weaver::Stream<u8>\"(u32)").unwrap();
    assert!(matches!(of_no_result.root, Form::Stream(_)) && of_no_result.items().is_none());
}

#[test]
fn what_is_not_described_is_not_plain() {
    for text in ["?", "?!\"app::Opaque\"", "(u8,?)", "u8|string", "struct S{a:option<?>}", "any"] {
        let schema = Schema::parse(text).unwrap();
        assert!(!schema.is_plain(), "{text}");
    }
    assert!(Schema::parse("struct P{code:string!\"app::Code\"}!\"app::P\"").unwrap().is_plain());
    // With aliases nobody can tell which name is whose.
    for text in [
        "struct R[new,old,other]{u8,string}",
        "enum C[Red,Rot,Blue]{0,1}",
        "enum E{V[a,b]{u8}}",
        "enum E{A|(u8)}",
        "struct R[new,old]{string}",
    ] {
        assert!(!Schema::parse(text).unwrap().is_plain(), "{text}");
    }
    let aliased = schema::<(u8, Aliased)>();
    assert!(!aliased.is_plain());
    assert!(aliased.root().read("it", &json!([1, "Red"])).is_err());
}

#[test]
fn what_is_no_shape_is_an_error() {
    let deep = "seq<".repeat(1000);
    let large = "(u8*99999999999)";
    let doubled = format!("{}u8{}", "(".repeat(30), "*2)".repeat(30));
    for text in [&doubled, "struct Loop(#0)", "struct A(struct B(#0))"] {
        assert!(Schema::parse(text).is_err(), "{text}");
    }
    for text in [
        "",
        "u7",
        "(u8",
        "seq<u8",
        "#0",
        "struct S{a}",
        "map<u8>",
        "u8 ",
        "\"",
        "enum",
        &deep,
        large,
    ] {
        assert!(Schema::parse(text).is_err(), "{text}");
    }
}

#[derive(Serialize, Deserialize)]
struct Order {
    note: Option<String>,
    customer: (u32, Id),
    #[serde(rename = "reference")]
    number: u64,
}

#[test]
fn a_key_is_that_of_a_caller_in_rust() {
    let order = Order { note: None, customer: (3, Id(-7)), number: 9 };
    let arguments = (order, "acme".to_owned());
    let schema = schema::<(Order, String)>();
    let names = ["order".to_owned(), "tenant".to_owned()];
    let json = serde_json::to_value(&arguments).unwrap();
    let dynamic = schema.read_arguments(&names, Some(&json)).unwrap();
    let key = |route: &[&str]| {
        let route: Vec<_> = route.iter().map(|&part| part.to_owned()).collect();
        let key = schema.key(&names, &route, &dynamic);
        key.map(|key| route::key(&key)).map_err(str::to_owned)
    };
    assert_eq!(key(&["tenant"]), Ok(route::key("acme")));
    assert_eq!(key(&["order.customer.1"]), Ok(route::key(&arguments.0.customer.1)));
    assert_eq!(key(&["order.customer.1.0"]), Ok(route::key(&-7_i64)));
    let both = route::key(&("acme", 3_u32));
    assert_eq!(key(&["tenant", "order.customer.0"]), Ok(both));
    for gone in ["order.number", "order.customer.2", "user", "tenant.0"] {
        assert_eq!(key(&["tenant", gone]), Err(gone.to_owned()));
    }
}
