//! The process of a replica in a sandbox: the deployer starts it in place of the program.

use std::{io::Write as _, path::Path, process::ExitCode};

use weaver_host::{Engine, Guest};
use weaver_runtime::{
    Context as _, Error, Result,
    bootstrap::{self, NOT_STARTED_EXIT_CODE},
    sandbox::{Grants, SandboxBootstrap, run_sandboxed_replica},
};

fn main() -> ExitCode {
    // One thread: it is also where the guest works, and what feeds it is never further away than that.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.map_err(|error| Error::from_std(&error)).and_then(|it| it.block_on(run()));
    match ended {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            weaver_runtime::warn(&format!("error: {error:?}"));
            ExitCode::from(NOT_STARTED_EXIT_CODE)
        }
    }
}

async fn run() -> Result<u8> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    if let [command, wasm, cache] = arguments.as_slice()
        && command == "graph"
    {
        return graph(wasm.as_ref(), cache.as_ref()).await;
    }
    let SandboxBootstrap { bootstrap, graph, wasm, cache, grants } = bootstrap::receive()
        .context("this is the host of a sandbox, which `weaver deploy` starts")?;
    let engine = Engine::new()?;
    let component = engine.load(&wasm, &cache)?;
    let guest = Guest::new(&engine, &component, grants)?;
    run_sandboxed_replica(bootstrap, graph, guest).await
}

/// `weaver-host graph PROGRAM CACHE`: prints what the program consists of.
async fn graph(wasm: &Path, cache: &Path) -> Result<u8> {
    let engine = Engine::new()?;
    let guest = Guest::new(&engine, &engine.load(wasm, cache)?, Grants::default())?;
    let graph = guest.describe().await?;
    std::io::stdout().lock().write_all(&graph).context("cannot print the graph")?;
    Ok(0)
}
