#[main(init = crate::logs::begin, worker_threads = 4)]
async fn main() {}
