use std::sync::Arc;

use weaver::{Result, component};

#[component]
pub trait Cart {
    async fn add(&self, item: u64) -> Result<()>;
}

#[derive(weaver::Component)]
pub struct Shop {
    pub cart: Arc<dyn Cart>,
}

fn main() {}
