//! Types of the standard library that bring their own serde shape.

use std::{
    borrow::Cow,
    cell::{Cell, RefCell},
    cmp::Reverse,
    collections::BTreeMap,
    ffi::CString,
    marker::PhantomData,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    num::{NonZeroU16, Wrapping},
    ops::{Bound, Range, RangeInclusive},
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use weaver::Result;

use super::echo::{Echo, assert_echoed};
use crate::Stage;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Standard {
    durations: [Duration; 2],
    time: SystemTime,
    addresses: Vec<IpAddr>,
    sockets: Vec<SocketAddr>,
    results: Vec<Result<u8, String>>,
    nonzero: Option<NonZeroU16>,
    wrapping: Wrapping<i8>,
    reverse: Reverse<u8>,
    range: Range<u64>,
    inclusive: RangeInclusive<char>,
    bounds: [Bound<u8>; 3],
    path: PathBuf,
    c: CString,
    phantom: PhantomData<String>,
}

pub(crate) async fn types_of_the_standard_library(stage: &Stage) -> Result<()> {
    let echo = stage.app.get::<dyn Echo>().await?;
    let v6 = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0xff);
    let standard = Standard {
        durations: [Duration::ZERO, Duration::MAX],
        time: UNIX_EPOCH + Duration::new(1_700_000_000, 999_999_999),
        addresses: vec![Ipv4Addr::LOCALHOST.into(), v6.into()],
        sockets: vec![([127, 0, 0, 1], 1).into(), (v6, 65_535).into()],
        results: vec![Ok(1), Err("no".to_owned()), Err(String::new())],
        nonzero: NonZeroU16::new(513),
        wrapping: Wrapping(-1),
        reverse: Reverse(2),
        range: 3..5,
        inclusive: 'a'..='z',
        bounds: [Bound::Unbounded, Bound::Included(1), Bound::Excluded(2)],
        path: PathBuf::from("/tmp/ä b"),
        c: CString::from(c"c"),
        phantom: PhantomData,
    };
    assert_echoed([standard], |it| echo.standard(it)).await
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Shared {
    text: Arc<str>,
    list: Arc<[u16]>,
    map: Arc<BTreeMap<String, Arc<u8>>>,
    cow: Cow<'static, str>,
    cows: Cow<'static, [u8]>,
    /// Not `Sync`: `Send` suffices.
    cell: Cell<u8>,
    ref_cell: RefCell<String>,
}

pub(crate) async fn shared_and_borrowed_types(stage: &Stage) -> Result<()> {
    let echo = stage.app.get::<dyn Echo>().await?;
    let one = Arc::new(1);
    let entries = [("a".to_owned(), Arc::clone(&one)), ("b".to_owned(), one)];
    let shared = Shared {
        text: "shared".into(),
        list: [1, 2, 3].into(),
        map: Arc::new(entries.into()),
        cow: Cow::Borrowed("borrowed"),
        cows: Cow::Owned(vec![1, 2]),
        cell: Cell::new(7),
        ref_cell: RefCell::new("inside".to_owned()),
    };
    assert_echoed([shared], |it| echo.shared(it)).await
}
