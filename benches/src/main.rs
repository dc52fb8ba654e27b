//! What calls cost: this program's own, where its components are placed, and beside those of other
//! systems.
//!
//! ```sh
//! cargo run --release -p benches             # direct calls
//! cargo weaver deploy --release benches      # remote calls, and what large ones and overload do to them
//! cargo run --release -p benches -- rpc      # remote calls beside those of other systems
//! cargo run --release -p benches -- codec    # encodings of what those send
//! ```

mod beside;
mod calls;
mod codec;
mod latencies;
mod overload;
mod rpc;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("rpc") => rpc::main(arguments),
        Some("codec") => codec::main(),
        // The `weaver` command, so that `rpc` needs no program that is built elsewhere.
        Some("deploy" | "ask") => weaver_cli::main(),
        Some(other) => {
            eprintln!("unknown: `{other}`; there are `rpc` and `codec`");
            ExitCode::FAILURE
        }
        None => match rpc::Assignment::of_this_process() {
            Some(assignment) => rpc::take_part(&assignment),
            None => program::run(),
        },
    }
}

/// The same program run in one process and deployed. Rows that only mean something between two
/// processes are left out in one.
mod program {
    use std::process::ExitCode;

    use weaver::{Ref, Result};

    use crate::{beside, calls, overload};

    #[weaver::main]
    async fn main(echo: Ref<dyn calls::Echo>, worker: Ref<dyn overload::Worker>) -> Result<()> {
        calls::measure(&echo).await?;
        if worker.pid().await? != std::process::id() {
            beside::measure(&echo).await?;
            overload::measure(&worker).await?;
        }
        Ok(())
    }

    pub(crate) fn run() -> ExitCode {
        main()
    }
}
