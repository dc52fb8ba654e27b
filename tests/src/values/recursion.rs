//! Types that contain themselves, and generic ones.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use weaver::Result;

use super::echo::{Echo, assert_echoed};
use crate::Stage;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Page<T> {
    items: Vec<T>,
    next: Option<u64>,
}

pub(crate) async fn instantiated_generics(stage: &Stage) -> Result<()> {
    let echo = stage.app.get::<dyn Echo>().await?;
    let bytes = Page { items: vec![1, 2, 255], next: None };
    assert_echoed([bytes], |it| echo.page_of_bytes(it)).await?;
    let texts = Page { items: vec![String::new(), "b".to_owned()], next: Some(u64::MAX) };
    assert_echoed([texts], |it| echo.page_of_texts(it)).await?;
    let empty = Page { items: vec![], next: Some(0) };
    let full = Page { items: vec![None, Some(0), Some(1)], next: None };
    let pages = Page { items: vec![empty, full], next: None };
    assert_echoed([pages], |it| echo.page_of_pages(it)).await
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct List {
    head: u32,
    tail: Option<Box<Self>>,
}

impl List {
    pub(crate) fn of(length: u32) -> Self {
        let end = Self { head: 0, tail: None };
        (1..length).fold(end, |tail, head| Self { head, tail: Some(Box::new(tail)) })
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Tree {
    name: String,
    children: Vec<Self>,
    by_name: BTreeMap<String, Self>,
}

impl Tree {
    fn of(depth: usize) -> Self {
        if depth == 0 {
            return Self::default();
        }
        let child = Self::of(depth - 1);
        let by_name = BTreeMap::from([("left".to_owned(), child.clone())]);
        Self { name: depth.to_string(), children: vec![child; 2], by_name }
    }
}

/// Two types that contain each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Expression {
    Number(f64),
    Sum(Box<Self>, Box<Self>),
    Call { name: String, arguments: Arguments },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Arguments(Vec<Expression>);

pub(crate) async fn recursive_types(stage: &Stage) -> Result<()> {
    let echo = stage.app.get::<dyn Echo>().await?;
    assert_echoed([1, 2, 30].map(List::of), |it| echo.list(it)).await?;
    assert_echoed([0, 1, 5].map(Tree::of), |it| echo.tree(it)).await?;
    let one = || Box::new(Expression::Number(1.0));
    let call = |arguments| Expression::Call { name: "f".to_owned(), arguments };
    let expressions = [
        *one(),
        Expression::Sum(one(), Box::new(Expression::Sum(one(), one()))),
        call(Arguments(vec![])),
        call(Arguments(vec![*one(), call(Arguments(vec![*one()]))])),
    ];
    assert_echoed(expressions, |it| echo.expression(it)).await
}
