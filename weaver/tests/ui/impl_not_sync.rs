use std::cell::RefCell;

use weaver::{Lifecycle, Result, component};

#[component]
pub trait Cart {
    async fn add(&self, item: u64) -> Result<()>;
}

#[derive(weaver::Component)]
pub struct MemCart {
    items: RefCell<Vec<u64>>,
}

impl Lifecycle for MemCart {
    async fn init(&mut self) -> Result<()> {
        self.items.get_mut().push(1);
        Ok(())
    }
}

#[component]
impl Cart for MemCart {
    async fn add(&self, item: u64) -> Result<()> {
        self.items.borrow_mut().push(item);
        Ok(())
    }
}

fn main() {}
