//! Calls a second, by size and by how many are in flight.

use std::time::{Duration, Instant};

use weaver::{Context, Ref, Result, Stream, component};

/// Gives back what it gets.
#[component]
pub(crate) trait Echo {
    async fn echo(&self, bytes: Vec<u8>) -> Result<Vec<u8>>;

    /// Copies so many bytes within its process.
    async fn copy(&self, bytes: usize) -> Result<()>;

    /// Items of this size, without end.
    async fn pour(&self, item_bytes: usize) -> Result<Stream<Vec<u8>>>;
}

#[derive(Default)]
struct Mirror;

#[component]
impl Echo for Mirror {
    async fn echo(&self, bytes: Vec<u8>) -> Result<Vec<u8>> {
        Ok(bytes)
    }

    async fn copy(&self, bytes: usize) -> Result<()> {
        copy(bytes);
        Ok(())
    }

    async fn pour(&self, item_bytes: usize) -> Result<Stream<Vec<u8>>> {
        Ok(Stream::of_values(std::iter::repeat_with(move || vec![7; item_bytes])))
    }
}

/// As often as a call with so large an argument and result does: encoded, sent, received, decoded.
pub(crate) fn copy(bytes: usize) {
    let mut from = vec![7_u8; bytes];
    for _ in 0..4 {
        from = std::hint::black_box(&from).clone();
    }
    std::hint::black_box(from);
}

/// How long each row is measured.
const ROW: Duration = Duration::from_secs(2);

pub(crate) async fn measure(echo: &Ref<dyn Echo>) -> Result<()> {
    println!("{:>9}  {:>9}  {:>12}  {:>10}", "bytes", "in flight", "calls/s", "µs each");
    for (bytes, in_flight) in [(64, 1), (64, 64), (65_536, 1), (65_536, 16), (1_048_576, 1)] {
        calls_in(echo, bytes, in_flight, ROW / 10).await?;
        let calls = calls_in(echo, bytes, in_flight, ROW).await?;
        let each = ROW.as_secs_f64() * 1e6 * in_flight as f64 / calls as f64;
        let rate = calls as f64 / ROW.as_secs_f64();
        println!("{bytes:>9}  {in_flight:>9}  {rate:>12.0}  {each:>10.2}");
    }
    println!("\n{:>9}  {:>12}  {:>10}   items of one stream", "bytes", "items/s", "µs each");
    for bytes in [16, 1024, 65_536] {
        let items = items_in(echo, bytes, ROW).await?;
        let (each, rate) =
            (ROW.as_secs_f64() * 1e6 / items as f64, items as f64 / ROW.as_secs_f64());
        println!("{bytes:>9}  {rate:>12.0}  {each:>10.2}");
    }
    Ok(())
}

/// How many calls finish in `time`, with so many in flight.
async fn calls_in(
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
        calls += caller.await.context("a caller panics")??;
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

async fn items_in(echo: &Ref<dyn Echo>, bytes: usize, time: Duration) -> Result<u64> {
    let mut stream = echo.pour(bytes).await?;
    let (until, mut items) = (Instant::now() + time, 0);
    while Instant::now() < until {
        let item = stream.next().await.context("it is endless")??;
        assert_eq!(item.len(), bytes);
        items += 1;
    }
    Ok(items)
}
