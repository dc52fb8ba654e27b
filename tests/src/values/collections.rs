//! Collections: empty, of one, of many, nested, with keys that are no strings.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, LinkedList, VecDeque};

use serde::{Deserialize, Serialize};
use weaver::Result;

use super::echo::{Echo, assert_echoed};
use crate::Stage;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Key {
    Number(i32),
    Place { x: u8, y: u8 },
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Collections {
    list: Vec<String>,
    lists: Vec<Vec<Vec<u8>>>,
    units: Vec<()>,
    deque: VecDeque<i64>,
    linked: LinkedList<char>,
    set: BTreeSet<Key>,
    map: BTreeMap<Key, Vec<Option<String>>>,
    maps: BTreeMap<u8, BTreeMap<String, BTreeMap<bool, ()>>>,
    array: [Option<Box<u8>>; 3],
    slice: Box<[u32]>,
}

pub(crate) async fn collections(stage: &Stage) -> Result<()> {
    let echo = stage.app.get::<dyn Echo>().await?;
    let innermost = BTreeMap::from([(false, ()), (true, ())]);
    let inner = BTreeMap::from([(String::new(), innermost), ("b".to_owned(), BTreeMap::new())]);
    let full = Collections {
        list: (0..1000).map(|n| "x".repeat(n % 7)).collect(),
        lists: vec![vec![], vec![vec![]], vec![vec![1], vec![2, 3]]],
        units: vec![(); 5],
        deque: VecDeque::from([-1, 0, 1]),
        linked: LinkedList::from(['a', 'ü']),
        set: BTreeSet::from([Key::Number(-1), Key::Place { x: 1, y: 2 }]),
        map: BTreeMap::from([
            (Key::Number(0), vec![]),
            (Key::Place { x: 0, y: 0 }, vec![None, Some(String::new())]),
        ]),
        maps: BTreeMap::from([(0, BTreeMap::new()), (1, inner)]),
        array: [None, Some(Box::new(0)), Some(Box::new(255))],
        slice: Box::new([7, 8, 9]),
    };
    assert_echoed([Collections::default(), full], |it| echo.collections(it)).await
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Hashed {
    map: HashMap<Key, HashMap<String, u8>>,
    set: HashSet<Vec<u8>>,
}

pub(crate) async fn hashed_collections(stage: &Stage) -> Result<()> {
    let echo = stage.app.get::<dyn Echo>().await?;
    let inner = |n: u8| (0..n).map(|n| (n.to_string(), n)).collect::<HashMap<_, _>>();
    let full = Hashed {
        map: (0..50).map(|n| (Key::Number(n.into()), inner(n))).collect(),
        set: (0..200).map(|n| vec![n; usize::from(n)]).collect(),
    };
    for sent in [Hashed::default(), full] {
        assert_eq!(echo.hashed(sent.clone()).await?, sent);
    }
    Ok(())
}
