use weaver::{Component, Config};

#[derive(Default)]
pub struct Prices {
    pub shipping: u64,
}

#[derive(Component)]
pub struct Shop {
    pub prices: Config<Prices>,
}

fn main() {}
