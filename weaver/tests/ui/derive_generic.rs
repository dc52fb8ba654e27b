use weaver::Component;

#[derive(Component)]
pub struct MemCart<T> {
    pub items: Vec<T>,
}

fn main() {}
