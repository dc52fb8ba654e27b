//! What a call costs where this program's components are placed: the same program, run both ways.
//!
//! ```sh
//! cargo run --release -p benches             # direct calls
//! cargo weaver deploy --release benches      # remote calls, and what large ones and overload do to them
//! ```
//!
//! Rows that only mean something between two processes are left out in one.

mod beside;
mod calls;
mod latencies;
mod overload;

use weaver::{Ref, Result};

#[weaver::main]
async fn main(echo: Ref<dyn calls::Echo>, worker: Ref<dyn overload::Worker>) -> Result<()> {
    calls::measure(&echo).await?;
    if worker.pid().await? != std::process::id() {
        beside::measure(&echo).await?;
        overload::measure(&worker).await?;
    }
    Ok(())
}
