#[weaver::main(init = prepare)]
async fn main() {}

async fn prepare() {}
