use std::rc::Rc;

use weaver::{Result, component};

#[derive(serde::Serialize, serde::Deserialize)]
pub struct Item {
    pub name: String,
    #[serde(skip)]
    pub parsed: Rc<u64>,
}

#[component]
pub trait Cart {
    async fn items(&self) -> Result<Option<Item>>;
}

fn main() {}
