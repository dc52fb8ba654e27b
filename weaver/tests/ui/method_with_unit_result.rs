use weaver::{Ref, component};

#[component]
pub trait Cart {
    async fn add(&self, item: u64) -> ();
}

#[derive(Default)]
pub struct MemCart;

#[component]
impl Cart for MemCart {
    async fn add(&self, item: u64) -> () {
        drop(item);
    }
}

pub struct Shop(pub Ref<dyn Cart>);

fn main() {}
