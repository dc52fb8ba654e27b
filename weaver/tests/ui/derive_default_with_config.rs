//! A section that `Default` would leave unread.

use weaver::{Config, Result, component};

#[derive(Default, serde::Deserialize)]
pub struct Prices {
    tea: u64,
}

#[derive(Default)]
pub struct Shop {
    prices: Config<Prices>,
}

#[component]
pub trait Shopping {
    async fn buy(&self) -> Result<u64>;
}

#[component]
impl Shopping for Shop {
    async fn buy(&self) -> Result<u64> {
        Ok(self.prices.tea)
    }
}

fn main() {}
