use weaver::Component;

#[derive(Component, Default)]
pub struct MemCart {
    pub count: u64,
}

fn main() {}
