//! What a call into a sandbox costs: measured by a program of the crate that has the sandbox, because building
//! wasmtime takes longer than all of these.

use std::process::Command;

use weaver::{Context, Error, Result};

use crate::rpc;

pub(crate) fn main() -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = ["run", "--release", "--package", "weaver-host", "--example", "sandbox"];
    let status = Command::new(cargo).args(arguments).status().context("cannot run cargo")?;
    status.success().then_some(()).ok_or_else(|| Error::msg("cargo could not run it"))?;
    let [one, many] = rpc::ours_alone()?;
    println!("remote, 64 bytes                          {one:>8.2}µs");
    println!("remote, 64 bytes, 64 in flight            {many:>8.2}µs");
    Ok(())
}
