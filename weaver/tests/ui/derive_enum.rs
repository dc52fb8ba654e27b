use weaver::Component;

#[derive(Component)]
pub enum MemCart {
    Empty,
}

fn main() {}
