//! The same calls in programs with more components, which nobody calls. How many a program has is
//! settled when it is linked, so each is a program of its own.

use std::fmt::Write;

use tokio::{process::Command, runtime::Builder};
use weaver::{Context, Result};

use super::calls::Run;
use crate::{
    checkout::Checkout,
    figures::{median, two_digits},
};

const OTHERS: [usize; 4] = [0, 1, 100, 1000];

/// Each runs all programs in turn.
const ROUNDS: usize = 5;

/// How often one run measures.
const ROUNDS_OF_RUN: usize = 3;

const MANIFEST: &str = r#"
[package]
name = "idle"
edition.workspace = true

[dependencies]
async-trait = "0.1"
serde.workspace = true
serde_json.workspace = true
tokio.workspace = true
weaver.workspace = true
"#;

/// To be followed by `idle! { NAME … }`. Its modules are files of this package.
const PROGRAM: &str = r#"
#[path = "../../../../benches/src/figures.rs"]
mod figures;
#[path = "../../../../benches/src/local/calls.rs"]
mod calls;

use weaver::Context;

fn main() -> weaver::Result<()> {
    let rounds = std::env::args().nth(1).and_then(|rounds| rounds.parse().ok());
    let run = calls::run(rounds.unwrap_or(1))?;
    println!("{}", serde_json::to_string(&run).context("cannot write JSON")?);
    Ok(())
}

macro_rules! idle {
    ($($name:ident)*) => {
        $(mod $name {
            #[weaver::component]
            pub(crate) trait $name {
                async fn add(&self, a: u64, b: u64) -> weaver::Result<u64>;
            }

            #[derive(Default)]
            struct Idle;

            #[weaver::component]
            impl $name for Idle {
                async fn add(&self, a: u64, b: u64) -> weaver::Result<u64> {
                    Ok(a + b)
                }
            }
        })*
    };
}
"#;

pub(crate) fn main() -> Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let rows = runtime.block_on(rows())?;
    println!("\n| other components | ns | ours ÷ async-trait | start, ms |");
    println!("| --: | --: | --: | --: |");
    for (others, runs) in OTHERS.into_iter().zip(rows) {
        let rounds = || runs.iter().flat_map(|run| &run.rounds);
        let each = median(rounds().map(|round| round.ours));
        let ratio = two_digits(median(rounds().map(|round| round.ours / round.async_trait)));
        let start = median(runs.iter().map(|run| run.start_ms));
        println!("| {others} | {each:.1} | {ratio} | {start:.2} |");
    }
    Ok(())
}

/// The runs of each program.
async fn rows() -> Result<[Vec<Run>; OTHERS.len()]> {
    let checkout = Checkout::copy().await?;
    // The workspace has all of `examples/`.
    checkout.write("examples/idle/Cargo.toml", MANIFEST)?;
    for others in OTHERS {
        let mut program = format!("{PROGRAM}\nidle! {{");
        for number in 0..others {
            // Writing to a string cannot fail.
            let _ = write!(program, " Idle{number}");
        }
        checkout.write(&format!("examples/idle/src/bin/idle-{others}.rs"), &(program + " }\n"))?;
    }
    eprintln!("builds programs with {OTHERS:?} other components");
    checkout.cargo(&["build", "--release", "--package", "idle"]).await?;
    let mut rows = OTHERS.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for (others, runs) in OTHERS.into_iter().zip(&mut rows) {
            let mut program = Command::new(checkout.built("release", &format!("idle-{others}")));
            let printed = checkout.output(program.arg(ROUNDS_OF_RUN.to_string())).await?;
            runs.push(serde_json::from_str(&printed).context("not what such a program prints")?);
        }
    }
    Ok(rows)
}
