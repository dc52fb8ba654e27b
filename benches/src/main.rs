//! What calls cost: this program's own, where its components are placed, and beside those of other
//! systems; and what comes before the first one.
//!
//! ```sh
//! cargo run --release -p benches             # direct calls
//! cargo weaver deploy --release benches      # remote calls, and what large ones and overload do to them
//! cargo run --release -p benches -- rpc      # remote calls beside those of other systems
//! cargo run --release -p benches -- path     # remote calls over a path with delay and loss
//! cargo run --release -p benches -- local    # direct calls beside those without weaver
//! cargo run --release -p benches -- codec    # encodings of what `rpc` sends
//! cargo run --release -p benches -- start    # until the first call is answered
//! cargo run --release -p benches -- scale    # what grows with pairs and replicas, and how
//! cargo run --release -p benches -- sandbox  # calls into guests, and instances of them
//! cargo run --release -p benches -- build    # until a program is built
//! ```

mod beside;
mod build;
mod calls;
mod checkout;
mod codec;
mod figures;
mod latencies;
mod local;
mod origin;
mod overload;
mod path;
mod process;
mod rpc;
mod sandbox;
mod scale;
mod start;

use std::process::ExitCode;

use weaver::{Error, Result};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("rpc") => exit_code(rpc::main(arguments)),
        Some("path") => exit_code(path::main(arguments)),
        Some("local") => exit_code(local::main(arguments)),
        Some("codec") => exit_code(codec::main()),
        Some("start") => exit_code(start::main()),
        Some("scale") => exit_code(scale::main()),
        Some("sandbox") => exit_code(sandbox::main()),
        Some("build") => exit_code(build::main()),
        // The `weaver` command, so that a deployment needs no program that is built elsewhere.
        Some("deploy" | "ask") => weaver_cli::main(),
        Some(other) => exit_code(Err(Error::msg(format!(
            "unknown: `{other}`; there are `rpc`, `path`, `local`, `codec`, `start`, `scale`, `sandbox` \
             and `build`"
        )))),
        None => match process::Assignment::of_this_process() {
            Some(process::Assignment::Rpc(assignment)) => rpc::take_part(&assignment),
            Some(process::Assignment::Start(assignment)) => start::take_part(&assignment),
            Some(process::Assignment::Scale(_)) => scale::take_part(),
            None => program::run(),
        },
    }
}

fn exit_code(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:?}");
            ExitCode::FAILURE
        }
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
