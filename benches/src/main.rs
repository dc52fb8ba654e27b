//! What a call costs where this program's components are placed: the same program, run both ways.
//!
//! ```sh
//! cargo run --release -p benches             # direct calls
//! cargo weaver deploy --release benches      # remote calls
//! ```

use std::time::{Duration, Instant};

use weaver::{Ref, Result, component};

/// Gives back what it gets.
#[component]
trait Echo {
    async fn echo(&self, bytes: Vec<u8>) -> Result<Vec<u8>>;
}

#[derive(Default)]
struct Mirror;

#[component]
impl Echo for Mirror {
    async fn echo(&self, bytes: Vec<u8>) -> Result<Vec<u8>> {
        Ok(bytes)
    }
}

/// How long each row is measured.
const ROW: Duration = Duration::from_secs(2);

#[weaver::main]
async fn main(echo: Ref<dyn Echo>) -> Result<()> {
    println!("{:>9}  {:>9}  {:>12}  {:>10}", "bytes", "in flight", "calls/s", "µs each");
    for (bytes, in_flight) in [(64, 1), (64, 64), (65_536, 1), (65_536, 16), (1_048_576, 1)] {
        measure(&echo, bytes, in_flight, ROW / 10).await?;
        let calls = measure(&echo, bytes, in_flight, ROW).await?;
        let each = ROW.as_secs_f64() * 1e6 * in_flight as f64 / calls as f64;
        let rate = calls as f64 / ROW.as_secs_f64();
        println!("{bytes:>9}  {in_flight:>9}  {rate:>12.0}  {each:>10.2}");
    }
    Ok(())
}

/// How many calls finish in `time`, with so many in flight.
async fn measure(
    echo: &Ref<dyn Echo>,
    bytes: usize,
    in_flight: usize,
    time: Duration,
) -> Result<u64> {
    let until = Instant::now() + time;
    let callers: Vec<_> =
        (0..in_flight).map(|_| tokio::spawn(call(echo.clone(), bytes, until))).collect();
    let mut calls = 0;
    for caller in callers {
        calls += caller.await.map_err(weaver::Error::msg)??;
    }
    Ok(calls)
}

async fn call(echo: Ref<dyn Echo>, bytes: usize, until: Instant) -> Result<u64> {
    let mut calls = 0;
    while Instant::now() < until {
        let answer = echo.echo(vec![7; bytes]).await?;
        assert_eq!(answer.len(), bytes, "another caller's answer");
        calls += 1;
    }
    Ok(calls)
}
