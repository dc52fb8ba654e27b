//! Types that travel: no error is found, and bincode agrees.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::{NonZeroI128, NonZeroU32, Saturating, Wrapping};
use std::ops::{Bound, Range, RangeInclusive};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::AtomicU8;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::Url;
use uuid::Uuid;

use super::{Shape, survives};

/// No problem at all, not even a note.
fn carried<T: Serialize + DeserializeOwned + Debug>(value: &T) {
    let shape = Shape::of::<T>();
    assert_eq!(shape.problems(), [], "{}", shape.text());
    assert!(!shape.text().contains('?'), "{}", shape.text());
    assert!(survives(value), "bincode does not carry {value:?}");
}

#[test]
fn scalars_and_texts() {
    carried(&(true, -1_i8, -1_i16, -1_i32, -1_i64, -1_i128));
    carried(&(1_u8, 1_u16, 1_u32, 1_u64, 1_u128, 1_usize));
    carried(&(0.5_f32, 0.5_f64, 'é', ()));
    carried(&(String::from("text"), Box::<str>::from("text"), Rc::<str>::from("text")));
    carried(&(Cow::<'static, str>::from("text"), Arc::new(7_u8)));
}

#[test]
fn bytes_of_every_kind() {
    carried(&(vec![1_u8, 2], vec![1_u8].into_boxed_slice(), [7_u8; 32]));
    carried(&(bytes::Bytes::from_static(b"abc"), serde_bytes::ByteBuf::from(vec![1])));
    carried(&std::ffi::CString::from(c"text"));
}

#[test]
fn collections() {
    carried(&(Some(Some(())), None::<u8>, vec![Some(1)], VecDeque::from([1])));
    carried(&(HashMap::from([(1, "a".to_owned())]), BTreeMap::from([((1, 'a'), vec![2])])));
    carried(&(HashSet::from(["a".to_owned()]), BTreeSet::from([1])));
    carried(&(Ok::<u8, String>(1), Bound::Included(1), Range { start: 1, end: 2 }));
    carried(&(RangeInclusive::new(1, 2), std::marker::PhantomData::<u8>));
}

#[test]
fn wrappers() {
    carried(&(Cell::new(1), RefCell::new(1), Mutex::new(1), AtomicU8::new(1)));
    carried(&(Wrapping(1), Saturating(1), Reverse(1), Rc::new(RefCell::new(Some(1)))));
    carried(&(Arc::<[u8]>::from([1]), PathBuf::new().into_boxed_path(), [(); 3], vec![()]));
    carried(&(BinaryHeap::from([1]), LinkedList::from([Some(Some(1))]), ((((1,),),),)));
}

#[test]
fn types_that_validate() {
    carried(&(NonZeroI128::MAX, serde_bytes::ByteArray::new([1; 16]), Ipv6Addr::LOCALHOST));
    carried(&(DateTime::<Utc>::UNIX_EPOCH.naive_utc(), DateTime::<Utc>::UNIX_EPOCH.fixed_offset()));
    carried(&(NaiveTime::MIN, chrono::Month::May));
    carried(&(NonZeroU32::MIN, Duration::from_millis(1500), SystemTime::UNIX_EPOCH));
    carried(&IpAddr::V4(Ipv4Addr::LOCALHOST));
    carried(&(SocketAddr::from(([1; 16], 80)), PathBuf::from("/tmp")));
    carried(&(Uuid::nil(), Url::parse("https://example.com/a?b=c").expect("a URL")));
    carried(&(DateTime::<Utc>::UNIX_EPOCH, NaiveDate::MIN, chrono::Weekday::Fri));
    carried(&BTreeMap::from([(Uuid::nil(), vec![DateTime::<Utc>::UNIX_EPOCH])]));
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "(u32, u32)", into = "(u32, u32)")]
struct Interval {
    from: u32,
    to: u32,
}

impl TryFrom<(u32, u32)> for Interval {
    type Error = String;

    fn try_from((from, to): (u32, u32)) -> Result<Self, String> {
        match from < to {
            true => Ok(Self { from, to }),
            false => Err("an interval has a length".into()),
        }
    }
}

impl From<Interval> for (u32, u32) {
    fn from(interval: Interval) -> Self {
        (interval.from, interval.to)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "RawOrder", into = "RawOrder")]
struct Order(RawOrder);

#[derive(Debug, Clone, Serialize, Deserialize)]
struct RawOrder {
    price: u32,
    kind: Kind,
    note: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Kind {
    Plain,
    Gift(Option<String>),
    Bundle { orders: Vec<Order>, interval: Interval },
}

impl TryFrom<RawOrder> for Order {
    type Error = String;

    fn try_from(raw: RawOrder) -> Result<Self, String> {
        match raw.price > 0 && !raw.note.is_empty() {
            true => Ok(Self(raw)),
            false => Err("an order has a price and a note".into()),
        }
    }
}

impl From<Order> for RawOrder {
    fn from(order: Order) -> Self {
        order.0
    }
}

#[test]
fn a_checked_value_is_seen_in_full() {
    let interval = Interval { from: 1, to: 2 };
    let raw = RawOrder { price: 1, kind: Kind::Gift(None), note: "n".into() };
    let kind = Kind::Bundle { orders: vec![Order(raw.clone())], interval };
    carried(&Order(RawOrder { kind, ..raw }));
    assert_eq!(
        super::text::<Vec<Order>>(),
        "seq<struct RawOrder{price:u32,kind:enum Kind{Plain,Gift(option<string>),\
         Bundle{orders:seq<#0>,interval:(u32*2)}},note:string}>"
    );
}

/// The attributes that leave both directions equal.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Harmless {
    #[serde(rename = "type")]
    kind: u8,
    #[serde(skip)]
    cache: Option<Vec<u8>>,
    #[serde(alias = "oldName")]
    new_name: String,
    #[serde(default)]
    later: Option<u8>,
    #[serde(with = "serde_bytes")]
    blob: Vec<u8>,
    #[serde(with = "as_millis")]
    wait: Duration,
    #[serde(rename(serialize = "out", deserialize = "in"))]
    direction: u8,
    meters: Meters,
    color: Color,
    hiding: Hiding,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
struct Meters(f64);

#[derive(Debug, Default, Serialize, Deserialize)]
enum Color {
    #[default]
    Red,
    #[serde(rename = "vert")]
    Green,
    #[serde(other)]
    Unknown,
}

#[derive(Debug, Default, Serialize, Deserialize)]
enum Hiding {
    #[default]
    Shown,
    #[serde(skip)]
    #[expect(dead_code, reason = "what matters is that it is skipped, at the end")]
    Hidden,
}

mod as_millis {
    use super::{Deserialize, Deserializer, Duration, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(wait: &Duration, to: S) -> Result<S::Ok, S::Error> {
        u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(remote = "Range<u8>")]
struct RangeDef {
    start: u8,
    end: u8,
}

#[derive(Debug, Serialize, Deserialize)]
struct Remote(#[serde(with = "RangeDef")] Range<u8>);

#[test]
fn harmless_attributes() {
    carried(&Harmless::default());
    carried(&vec![Color::Red, Color::Green, Color::Unknown]);
    carried(&Remote(1..2));
}

/// Written as text for people and as a number for machines.
#[derive(Debug)]
struct Level(u8);

impl Serialize for Level {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match to.is_human_readable() {
            true => to.collect_str(&self.0),
            false => to.serialize_u8(self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match from.is_human_readable() {
            true => String::deserialize(from).map(|_| Self(0)),
            false => u8::deserialize(from).map(Self),
        }
    }
}

/// Different calls in both directions, the same bytes.
#[derive(Debug)]
struct Loose {
    text: Vec<u8>,
    pairs: Vec<(u8, u8)>,
    point: (u8, u8),
}

impl Serialize for Loose {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let pairs: BTreeMap<_, _> = self.pairs.iter().copied().collect();
        let point = [self.point.0, self.point.1];
        (serde_bytes::Bytes::new(&self.text), pairs, point, "text").serialize(to)
    }
}

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        type Read = (Vec<u8>, Vec<(u8, u8)>, Range<u8>, serde_bytes::ByteBuf);
        let (text, pairs, point, _) = Read::deserialize(from)?;
        Ok(Self { text, pairs, point: (point.start, point.end) })
    }
}

#[test]
fn what_has_the_same_bytes_is_the_same() {
    carried(&Level(7));
    carried(&Loose { text: vec![1], pairs: vec![(1, 2)], point: (1, 2) });
}

/// Not a round trip of the sample, but one of everything that it ever writes.
#[derive(Debug, Serialize)]
struct Normalized {
    tags: Vec<String>,
    name: Option<String>,
}

impl<'de> Deserialize<'de> for Normalized {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let (mut tags, name) = <(Vec<String>, Option<String>)>::deserialize(from)?;
        tags.retain(|tag| tag.len() > 1);
        Ok(Self { tags, name: name.filter(|name| name != "a") })
    }
}

#[test]
fn a_type_may_normalize_what_it_reads() {
    carried(&Normalized { tags: vec!["ab".into()], name: None });
}
