use std::cell::Cell;

use weaver::{Result, component};

#[derive(serde::Serialize, serde::Deserialize)]
pub struct Item {
    pub name: String,
    pub used: Cell<u64>,
}

#[component]
pub trait Cart {
    async fn add(&self, item: &Item) -> Result<()>;
}

fn main() {}
