use weaver::Component;

pub struct Item(pub u64);

#[derive(Component)]
pub struct MemCart {
    pub count: u64,
    pub last: Item,
}

fn main() {}
