use weaver::Listener;

#[derive(Default)]
pub struct Web {
    pub listener: Listener,
}

fn main() {}
