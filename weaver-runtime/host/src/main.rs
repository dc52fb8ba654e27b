//! The process of a replica in a sandbox: the deployer starts it in place of the program.

use std::{io::Write as _, path::Path, process::ExitCode};

use weaver_host::{Engine, Guest};
use weaver_runtime::{
    Context as _, Error, Result,
    bootstrap::{self, NOT_STARTED_EXIT_CODE},
    config::ConfigFile,
    placement::MAIN,
    sandbox::{Grants, SandboxBootstrap, run_sandboxed_program, run_sandboxed_replica},
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

/// `weaver-host` alone, with a bootstrap on its standard input: a replica of a deployment. The others are what
/// the command asks for: see [`graph`] and [`program`].
async fn run() -> Result<u8> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    match arguments.as_slice() {
        [] => replica().await,
        [command] if command == "version" => version(),
        [command, wasm, cache] if command == "graph" => graph(wasm.as_ref(), cache.as_ref()).await,
        [command, wasm, cache] if command == "run" => program(wasm.as_ref(), cache.as_ref()).await,
        _ => Err(Error::msg("`weaver` starts this: see `weaver deploy` and `weaver run`")),
    }
}

/// `weaver-host version`: prints of which version of weaver it is.
fn version() -> Result<u8> {
    writeln!(std::io::stdout(), "weaver-host {}", env!("CARGO_PKG_VERSION"))
        .context("cannot print the version")?;
    Ok(0)
}

async fn replica() -> Result<u8> {
    let SandboxBootstrap { bootstrap, graph, wasm, cache, grants } = bootstrap::receive()
        .context("this is the host of a sandbox, which `weaver deploy` starts")?;
    run_sandboxed_replica(bootstrap, graph, guest(&wasm, &cache, grants)?).await
}

fn guest(wasm: &Path, cache: &Path, grants: Grants) -> Result<Guest> {
    let engine = Engine::new()?;
    Guest::new(&engine, &engine.load(wasm, cache)?, grants)
}

/// `weaver-host graph PROGRAM CACHE`: prints what the program consists of.
async fn graph(wasm: &Path, cache: &Path) -> Result<u8> {
    let graph = guest(wasm, cache, Grants::default())?.describe().await?;
    std::io::stdout().lock().write_all(&graph).context("cannot print the graph")?;
    Ok(0)
}

/// `weaver-host run PROGRAM CACHE`: runs the program, with the `weaver.toml` that is found as for a process.
async fn program(wasm: &Path, cache: &Path) -> Result<u8> {
    let here = std::env::current_dir().unwrap_or_default();
    let found = ConfigFile::find(&here, std::env::var_os("WEAVER_CONFIG"));
    let config = found.map(|path| ConfigFile::load(&path)).transpose();
    let config = config.context("cannot read the configuration")?.unwrap_or_default();
    let main = config.groups().get(MAIN).and_then(|main| main.sandbox.clone());
    let guest = guest(wasm, cache, main.unwrap_or_default())?;
    let graph = guest.graph().await?;
    run_sandboxed_program(&graph, &config, guest).await
}
