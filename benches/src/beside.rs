//! What a transfer does to small calls on the same pair of nodes.

use std::time::{Duration, Instant};

use weaver::{Context, Error, Ref, Result};

use crate::{
    calls::{self, Echo},
    figures::median,
    latencies::Latencies,
};

/// How long each round takes, and how many there are of each kind, in turns.
const ROUND: Duration = Duration::from_secs(3);
const ROUNDS: usize = 3;

/// Small calls, one after another, by so many callers.
const CALLERS: usize = 4;
const SMALL_BYTES: usize = 64;

/// The largest argument there is, less what encodes it.
const LARGE_BYTES: usize = (64 << 20) - 64;

const ITEM_BYTES: usize = 1 << 20;

pub(crate) async fn measure(echo: &Ref<dyn Echo>) -> Result<()> {
    println!(
        "\nsmall calls beside a transfer: {CALLERS} callers, {SMALL_BYTES} bytes, median of {ROUNDS} rounds"
    );
    println!("{:<28}  {:>9}  {:>9}  {:>9}", "beside", "calls/s", "p50 µs", "p99 µs");
    let mut rows: [Vec<[f64; 3]>; 4] = Default::default();
    for _ in 0..ROUNDS {
        rows[0].push(round(echo, std::future::pending()).await?);
        rows[1].push(round(echo, transfer(echo.clone())).await?);
        rows[2].push(round(echo, pour(echo.clone())).await?);
        rows[3].push(round(echo, copy(echo.clone())).await?);
    }
    let names =
        ["nothing", "64 MiB there and back", "a stream of 1 MiB items", "64 MiB copied, not sent"];
    let medians: Vec<_> = rows.into_iter().map(medians).collect();
    for (name, [rate, p50, p99]) in names.into_iter().zip(&medians) {
        println!("{name:<28}  {rate:>9.0}  {p50:>9.0}  {p99:>9.0}");
    }
    let ratios = medians[1..].iter().map(|row| row[2] / medians[0][2]);
    println!("p99 beside each ÷ alone: {:.1?}", ratios.collect::<Vec<_>>());
    Ok(())
}

fn medians(rounds: Vec<[f64; 3]>) -> [f64; 3] {
    std::array::from_fn(|column| median(rounds.iter().map(|round| round[column])))
}

/// Calls a second, and the median and 99th percentile of their latency.
async fn round(
    echo: &Ref<dyn Echo>,
    beside: impl Future<Output = Error> + Send + 'static,
) -> Result<[f64; 3]> {
    let beside = tokio::spawn(beside);
    let until = Instant::now() + ROUND;
    let callers: Vec<_> = (0..CALLERS).map(|_| tokio::spawn(small(echo.clone(), until))).collect();
    let mut latencies = Latencies::default();
    for caller in callers {
        latencies.append(caller.await.context("a caller panics")??);
    }
    if beside.is_finished() {
        return Err(beside.await.context("the transfer panics")?);
    }
    beside.abort();
    let rate = latencies.count() as f64 / ROUND.as_secs_f64();
    Ok([rate, latencies.quantile(0.5), latencies.quantile(0.99)])
}

async fn small(echo: Ref<dyn Echo>, until: Instant) -> Result<Latencies> {
    let mut latencies = Latencies::default();
    while Instant::now() < until {
        let began = Instant::now();
        echo.echo(vec![7; SMALL_BYTES]).await?;
        latencies.push(began.elapsed());
    }
    Ok(latencies)
}

/// One after another, until an error.
async fn transfer(echo: Ref<dyn Echo>) -> Error {
    loop {
        if let Err(error) = echo.echo(vec![7; LARGE_BYTES]).await {
            return error;
        }
    }
}

/// What a transfer costs of the processors, without a transfer.
async fn copy(echo: Ref<dyn Echo>) -> Error {
    loop {
        calls::copy(LARGE_BYTES);
        if let Err(error) = echo.copy(LARGE_BYTES).await {
            return error;
        }
    }
}

async fn pour(echo: Ref<dyn Echo>) -> Error {
    let mut stream = match echo.pour(ITEM_BYTES).await {
        Ok(stream) => stream,
        Err(error) => return error,
    };
    loop {
        match stream.next().await {
            Some(Ok(_)) => {}
            Some(Err(error)) => return error,
            None => return Error::msg("the stream has ended"),
        }
    }
}
