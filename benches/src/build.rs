//! What an author waits for: how long the smallest example takes to build, and how large it is.

use std::{
    collections::BTreeSet,
    fs,
    time::{Duration, Instant},
};

use tokio::{process::Command, runtime::Builder};
use weaver::{Context, Error, Result};

use crate::{checkout::Checkout, figures::median, origin::Origin};

const PROGRAM: &str = "hello";

const SOURCE: &str = "examples/hello/src/main.rs";

/// What is edited: a text in the body of a method, so that code is compiled and linked.
const EDITED: &str = "Hello, ";

const EDITS: usize = 5;

pub(crate) fn main() -> Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let measured = runtime.block_on(measure())?;
    println!("{}", Origin::now().heading("Builds"));
    println!("| `{PROGRAM}` | | aim |");
    println!("| --- | --: | --: |");
    println!("| cold `cargo build` | {:.1} s | ≤ 60 s |", measured.cold.as_secs_f64());
    println!("| again, after an edit | {:.2} s | ≤ 3 s |", measured.edit_seconds);
    println!("| cold `cargo build --release` | {:.1} s | |", measured.cold_release.as_secs_f64());
    println!("| crates, itself and what runs at build time included | {} | |", measured.crates);
    println!("| program, dev | {:.1} MiB | |", mebibytes(measured.dev_bytes));
    println!("| program, release | {:.1} MiB | |", mebibytes(measured.release_bytes));
    Ok(())
}

struct Measured {
    cold: Duration,
    edit_seconds: f64,
    cold_release: Duration,
    crates: usize,
    dev_bytes: u64,
    release_bytes: u64,
}

async fn measure() -> Result<Measured> {
    let checkout = Checkout::copy().await?;
    let tree = ["tree", "--edges", "normal,build", "--prefix", "none"];
    let tree = checkout.cargo(&[&tree[..], &["--package", PROGRAM, "--locked"]].concat()).await?;
    eprintln!("builds {PROGRAM}");
    let cold = build(&checkout, &[]).await?;
    let dev_bytes = fs::metadata(checkout.built("debug", PROGRAM))?.len();
    let source = checkout.read(SOURCE)?;
    if !source.contains(EDITED) {
        return Err(Error::msg(format!("{SOURCE} has no `{EDITED}` to edit")));
    }
    let mut edits = Vec::new();
    for edit in 1..=EDITS {
        eprintln!("edit {edit} of {EDITS}");
        let edited = format!("Hello {edit}, ");
        checkout.write(SOURCE, &source.replace(EDITED, &edited))?;
        edits.push(build(&checkout, &[]).await?.as_secs_f64());
        let mut program = Command::new(checkout.built("debug", PROGRAM));
        let printed = checkout.output(&mut program).await?;
        if !printed.starts_with(&edited) {
            return Err(Error::msg(format!("not built anew: it prints `{printed}`")));
        }
    }
    eprintln!("builds {PROGRAM} with optimizations");
    let cold_release = build(&checkout, &["--release"]).await?;
    let release_bytes = fs::metadata(checkout.built("release", PROGRAM))?.len();
    Ok(Measured {
        cold,
        edit_seconds: median(edits),
        cold_release,
        crates: crates(&tree),
        dev_bytes,
        release_bytes,
    })
}

async fn build(checkout: &Checkout, options: &[&str]) -> Result<Duration> {
    let arguments = [&["build", "--package", PROGRAM, "--locked"], options].concat();
    let began = Instant::now();
    checkout.cargo(&arguments).await.context("cannot build")?;
    Ok(began.elapsed())
}

/// How many crates a tree without indentation has, each of which may be there several times.
fn crates(tree: &str) -> usize {
    let crates = tree.lines().map(|line| line.trim_end_matches(" (*)"));
    crates.filter(|line| !line.is_empty()).collect::<BTreeSet<_>>().len()
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
