use weaver::{Ref, Result, Stream, component};

#[component]
pub trait Ledger {
    #[route(lines)]
    async fn add(&self, lines: Stream<u64>) -> Result<()>;
}

#[derive(Default)]
pub struct MemLedger;

#[component]
impl Ledger for MemLedger {
    async fn add(&self, lines: Stream<u64>) -> Result<()> {
        drop(lines);
        Ok(())
    }
}

pub struct Shop(pub Ref<dyn Ledger>);

fn main() {}
