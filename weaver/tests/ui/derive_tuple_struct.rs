use weaver::Component;

#[derive(Component)]
pub struct MemCart(pub u64);

fn main() {}
