#[weaver::main(init)]
async fn main() {}
