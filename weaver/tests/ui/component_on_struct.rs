use weaver::component;

#[component]
pub struct Store;

fn main() {}
