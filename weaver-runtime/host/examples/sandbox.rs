//! What a call into a guest costs, beside a direct one, and what an instance costs.
//!
//! ```sh
//! cargo run --release -p benches -- sandbox
//! ```
//!
//! Everything in turns, on one thread, several rounds; medians. The remote calls beside it are measured by the
//! crate `benches`, right after.

#![expect(clippy::print_stdout, reason = "it prints what it measures")]

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use weaver_guests::{Inner, Outer};
use weaver_host::{Engine, Guest};
use weaver_runtime::{
    App, Context, Ref, Result,
    config::ConfigFile,
    sandbox::{Callbacks, Grants, Instances},
};

/// How often everything is measured, in turns.
const ROUNDS: usize = 7;

/// Calls of one round and row.
const CALLS: u32 = 5_000;

/// Calls at once in the rows that say so.
const AT_ONCE: usize = 64;

/// Enough for some ten milliseconds.
const NUMBERS: u64 = 10_000_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let wasm = build()?;
    let engine = Engine::new()?;
    let cache = tempfile::tempdir().context("no folder for compiled code")?;
    let compile = timed(|| engine.load(&wasm, cache.path()))?;
    let load = timed(|| engine.load(&wasm, cache.path()))?;
    let component = engine.load(&wasm, cache.path())?;
    let guest = || Guest::new(&engine, &component, Grants::default());
    let bytes = std::fs::metadata(&wasm).context("cannot read the guest")?.len();
    println!("guest of {} KiB: compiled in {compile:.0?}, loaded in {load:.2?}", bytes / 1024);

    let native = program(None).await?;
    let sandboxed = program(Some(guest()?)).await?;
    let direct = native.get::<dyn Outer>().await?;
    let inside = native.get::<dyn Inner>().await?;
    let inner = sandboxed.get::<dyn Inner>().await?;
    let mut rows = Rows::default();
    for _ in 0..ROUNDS {
        for length in [64, 1024, 65_536] {
            rows.add(
                &format!("direct, {length} bytes"),
                one_by_one(|| echo_out(&direct, length)).await?,
            );
            rows.add(
                &format!("sandboxed, {length} bytes"),
                one_by_one(|| echo(&inner, length)).await?,
            );
        }
        rows.add("sandboxed, and out and back, 64 bytes", one_by_one(|| nested(&inner)).await?);
        rows.add("sandboxed, 64 bytes, 64 in flight", at_once(&inner).await?);
        rows.add("new instance", instantiate(&guest()?).await?);
        rows.add("an instance ends, and the next answers", replace(&inner).await?);
        rows.add("work, native", work(&inside).await?);
        rows.add("work, sandboxed", work(&inner).await?);
    }
    rows.print();
    memory(guest).await
}

/// The program of `tests/guests` as WebAssembly.
fn build() -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = "wasm32-wasip2";
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--release", "--quiet", "--target", target, "--manifest-path"])
        .arg(folder.join("tests/guests/Cargo.toml"))
        .envs(weaver_runtime::sandbox::guest_build_variables())
        .status();
    let built = status.is_ok_and(|status| status.success());
    built.then_some(()).context(
        "the guest does not build: is the target there (`rustup target add wasm32-wasip2`)?",
    )?;
    Ok(folder.join("../../target").join(target).join("release/guests.wasm"))
}

fn timed<T, E>(run: impl FnOnce() -> Result<T, E>) -> Result<Duration>
where
    weaver_runtime::Error: From<E>,
{
    let began = Instant::now();
    run()?;
    Ok(began.elapsed())
}

async fn program(guest: Option<Guest>) -> Result<App> {
    program_of(1, guest).await
}

async fn program_of(replicas: u32, guest: Option<Guest>) -> Result<App> {
    let config = format!("[groups.inner]\ncomponents = [\"Inner\"]\nreplicas = {replicas}\n");
    let config =
        ConfigFile::parse(Path::new("weaver.toml"), &config).context("the configuration")?;
    let app = App::builder().config(config);
    let app = match guest {
        Some(guest) => app.sandbox("inner", guest),
        None => app,
    };
    Ok(app.start().await?)
}

async fn echo_out(outer: &Ref<dyn Outer>, length: usize) -> Result<()> {
    outer.echo(vec![7; length]).await?;
    Ok(())
}

async fn echo(inner: &Ref<dyn Inner>, length: usize) -> Result<()> {
    inner.echo(vec![7; length]).await?;
    Ok(())
}

async fn nested(inner: &Ref<dyn Inner>) -> Result<()> {
    inner.nested(vec![7; 64]).await?;
    Ok(())
}

async fn one_by_one<F: Future<Output = Result<()>>>(call: impl Fn() -> F) -> Result<Duration> {
    let began = Instant::now();
    for _ in 0..CALLS {
        call().await?;
    }
    Ok(began.elapsed() / CALLS)
}

async fn at_once(inner: &Ref<dyn Inner>) -> Result<Duration> {
    let began = Instant::now();
    let calls = (0..AT_ONCE).map(|_| {
        let inner = inner.clone();
        tokio::spawn(async move {
            for _ in 0..CALLS as usize / AT_ONCE {
                echo(&inner, 64).await?;
            }
            Ok::<_, weaver_runtime::Error>(())
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.context("it panicked")??;
    }
    Ok(began.elapsed() / CALLS)
}

async fn instantiate(guest: &Guest) -> Result<Duration> {
    const INSTANCES: u32 = 100;
    let began = Instant::now();
    for _ in 0..INSTANCES {
        guest.instantiate(Callbacks::none()).await.map_err(weaver_runtime::Error::msg)?;
    }
    Ok(began.elapsed() / INSTANCES)
}

/// From a call that ends the instance to the first answer of the next.
async fn replace(inner: &Ref<dyn Inner>) -> Result<Duration> {
    let began = Instant::now();
    let ended = inner.panic("to be replaced".to_owned()).await;
    ended.is_err().then_some(()).context("it did not end")?;
    echo(inner, 64).await?;
    Ok(began.elapsed())
}

async fn work(inner: &Ref<dyn Inner>) -> Result<Duration> {
    let began = Instant::now();
    inner.work(NUMBERS).await?;
    Ok(began.elapsed())
}

/// Of instances that have started, all in one program.
async fn memory(guest: impl Fn() -> Result<Guest>) -> Result<()> {
    let mut programs = Vec::new();
    for count in [1, 10, 100] {
        let before = resident_kib()?;
        let program = program_of(count, Some(guest()?)).await?;
        let inner = program.get::<dyn Inner>().await?;
        // They take turns, and each is called several times.
        for _ in 0..10 * count {
            echo(&inner, 64).await?;
        }
        let each = resident_kib()?.saturating_sub(before) / u64::from(count);
        println!("{count:>4} instances in one program: {each} KiB each");
        programs.push(program);
    }
    Ok(())
}

fn resident_kib() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status").context("cannot read the status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let text = line.context("no resident set in it")?.trim().trim_end_matches(" kB");
    text.parse().context("cannot read the resident set")
}

/// What was measured, in the order in which it came first.
#[derive(Default)]
struct Rows(Vec<(String, Vec<Duration>)>);

impl Rows {
    fn add(&mut self, name: &str, time: Duration) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, times)) => times.push(time),
            None => self.0.push((name.to_owned(), vec![time])),
        }
    }

    fn print(&mut self) {
        for (name, times) in &mut self.0 {
            times.sort_unstable();
            let median = times[times.len() / 2];
            println!("{name:<40} {median:>10.2?}");
        }
    }
}
