//! A program that uses a component whose trait and implementation are in crates of their own.

// Without this line nothing of the implementation's crate is in the program: the linker takes only what is named.
use interfaces_clock_implementation as _;

use interfaces_clock::Clock;
use weaver::{Ref, Result};

#[weaver::main]
async fn main(clock: Ref<dyn Clock>) -> Result<()> {
    for _ in 0..3 {
        println!("tick {}", clock.tick().await?);
    }
    Ok(())
}
