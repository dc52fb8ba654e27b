use std::sync::Mutex;

#[derive(weaver::Component)]
pub struct MemCart {
    pub items: Mutex<Vec<Itm>>,
}

fn main() {}
