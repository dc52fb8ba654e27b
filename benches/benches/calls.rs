//! What one call costs, caller and callee in one process: a plain trait object with async-trait, the
//! same with weaver's per-call frame, a `Ref`, and a `Ref` whose calls are encoded.
//!
//! `cargo bench -p benches` runs the rows in turn, so that a change of the machine's speed meets all.

use std::{hint::black_box, sync::Arc};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use tokio::runtime::{Builder, Runtime};
use weaver::{App, ConfigFile, LocalCalls, Ref, Result, component};

/// The plain trait that an author would write without weaver.
#[async_trait::async_trait]
trait Plain: Send + Sync {
    async fn add(&self, a: u64, b: u64) -> Result<u64>;
}

struct PlainAdder;

#[async_trait::async_trait]
impl Plain for PlainAdder {
    async fn add(&self, a: u64, b: u64) -> Result<u64> {
        Ok(black_box(a) + b)
    }
}

#[component]
trait Adder {
    async fn add(&self, a: u64, b: u64) -> Result<u64>;
    async fn length(&self, bytes: Vec<u8>) -> Result<u64>;
}

#[derive(Default)]
struct WeaverAdder;

#[component]
impl Adder for WeaverAdder {
    async fn add(&self, a: u64, b: u64) -> Result<u64> {
        Ok(black_box(a) + b)
    }

    async fn length(&self, bytes: Vec<u8>) -> Result<u64> {
        Ok(u64::try_from(bytes.len()).unwrap_or(u64::MAX))
    }
}

/// The component's trait without the frame: what `#[component]` on an impl adds to it.
struct Unframed;

impl Adder for Unframed {
    fn add<'call>(
        &'call self,
        a: u64,
        b: u64,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<u64>> + Send + 'call>> {
        Box::pin(async move { Ok(black_box(a) + b) })
    }

    fn length<'call>(
        &'call self,
        bytes: Vec<u8>,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<u64>> + Send + 'call>> {
        Box::pin(async move { Ok(u64::try_from(bytes.len()).unwrap_or(u64::MAX)) })
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn reference(runtime: &Runtime, calls: LocalCalls) -> Ref<dyn Adder> {
    runtime.block_on(async {
        // `weaver.toml` is that of the other programs here.
        let app = App::builder().config(ConfigFile::default()).local_calls(calls);
        let app = app.start().await.expect("an app");
        app.get().await.expect("a component")
    })
}

fn direct(criterion: &mut Criterion) {
    let runtime = runtime();
    let plain: Arc<dyn Plain> = Arc::new(PlainAdder);
    let unframed: Arc<dyn Adder> = Arc::new(Unframed);
    let framed = reference(&runtime, LocalCalls::Direct);
    let encoded = reference(&runtime, LocalCalls::Encoded);
    let mut group = criterion.benchmark_group("call");
    group.bench_function("Arc<dyn Trait>, async-trait", |b| {
        b.to_async(&runtime).iter(|| plain.add(black_box(1), 2));
    });
    group.bench_function("Arc<dyn Trait>, #[component], no frame", |b| {
        b.to_async(&runtime).iter(|| unframed.add(black_box(1), 2));
    });
    group.bench_function("Ref<dyn Trait>, direct (with its frame)", |b| {
        b.to_async(&runtime).iter(|| framed.add(black_box(1), 2));
    });
    group.bench_function("Ref<dyn Trait>, encoded in process", |b| {
        b.to_async(&runtime).iter(|| encoded.add(black_box(1), 2));
    });
    for bytes in [64, 64 * 1024] {
        group.bench_with_input(
            BenchmarkId::new("encoded in process, Vec<u8>", bytes),
            &bytes,
            |b, &n| {
                b.to_async(&runtime).iter(|| encoded.length(vec![7; n]));
            },
        );
    }
    group.finish();
}

criterion_group!(benches, direct);
criterion_main!(benches);
