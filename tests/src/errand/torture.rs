//! Call trees that are cancelled at random moments, and what they leave behind: nothing.
//!
//! A tree is three hops deep: `main` calls `Twig`, which calls `Branch`, which calls `Root`. Each is a
//! process of its own when it is deployed so. Some carry streams both ways, some are too large for
//! the shared stream; they are given up by dropping them, or by a deadline.

use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use weaver::{App, Context, Error, Ref, Result, Stream, component, timeout};

use super::say;
use crate::{eventually, heap};

/// Trees at once.
const AT_ONCE: usize = 64;

/// What every so manieth tree is: with streams, and too large for the shared stream.
const STREAMS_EACH: u64 = 8;
const LARGE_EACH: u64 = 64;

const LARGE_BYTES: usize = 300 * 1024;

/// A tree is given up at a random moment up to here: several times what the way to its root takes.
const LIFE_MICROSECONDS_MAX: u64 = 4000;

/// Runs until one must leave nothing.
const RUNS_MAX: u64 = 6;

/// From the last cancellation to quiet, on a busy machine.
const QUIET_SECONDS_MAX: u64 = 60;

/// Buffers of connections are given back over a second or two: the heap has settled when two looks this
/// far apart see the same.
const SETTLED_MILLISECONDS: u64 = 1000;

/// How much two such looks may differ.
const SETTLED_RATIO: f64 = 1.002;

/// What may be left of the heap, relative to before, and in bytes: windows and tables of connections
/// breathe by some tens of kilobytes, which is less than a byte for each tree of the full form.
const HEAP_GROWTH_MAX: f64 = 1.01;
const HEAP_BREATH_BYTES: usize = 64 << 10;

/// What the resident set may grow from one run to the next.
const RESIDENT_GROWTH_MAX: f64 = 1.05;

/// What a process holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Holds {
    /// Calls and producers of this module that have not ended.
    live: usize,
    heap_bytes: usize,
    resident_bytes: usize,
    /// Tasks of the runtime.
    tasks: usize,
}

/// Counts until it is dropped.
struct Live(Arc<AtomicUsize>);

impl Live {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn holds(live: &Arc<AtomicUsize>) -> Result<Holds> {
    Ok(Holds {
        live: live.load(Ordering::SeqCst),
        heap_bytes: heap::live_bytes(),
        resident_bytes: heap::resident_bytes()?,
        tasks: tokio::runtime::Handle::current().metrics().num_alive_tasks(),
    })
}

/// Numbers without end, slowly.
fn numbers(live: &Arc<AtomicUsize>) -> Stream<u64> {
    let (sender, numbers) = Stream::channel(4);
    let live = Live::new(live);
    weaver::spawn_detached(async move {
        let _live = live;
        for number in 0.. {
            if sender.send(Ok(number)).await.is_err() {
                return;
            }
        }
    });
    numbers
}

macro_rules! hop {
    ($component:ident) => {
        #[component]
        trait $component {
            /// Never returns.
            async fn visit(&self, load: Vec<u8>) -> Result<()>;

            /// Numbers without end, there and back.
            async fn flow(&self, there: Stream<u64>) -> Result<Stream<u64>>;

            async fn holds(&self) -> Result<Holds>;
        }
    };
    ($component:ident, $implementation:ident, which calls $next:ident) => {
        hop!($component);

        #[derive(weaver::Component)]
        struct $implementation {
            next: Ref<dyn $next>,
            live: Arc<AtomicUsize>,
        }

        #[component]
        impl $component for $implementation {
            async fn visit(&self, load: Vec<u8>) -> Result<()> {
                let _live = Live::new(&self.live);
                self.next.visit(load).await
            }

            async fn flow(&self, there: Stream<u64>) -> Result<Stream<u64>> {
                let _live = Live::new(&self.live);
                self.next.flow(there).await
            }

            async fn holds(&self) -> Result<Holds> {
                holds(&self.live)
            }
        }
    };
}

hop!(Twig, Leaf, which calls Branch);
hop!(Branch, Bough, which calls Root);
hop!(Root);

#[derive(Default)]
struct Soil {
    live: Arc<AtomicUsize>,
}

#[component]
impl Root for Soil {
    async fn visit(&self, _load: Vec<u8>) -> Result<()> {
        let _live = Live::new(&self.live);
        pending().await
    }

    async fn flow(&self, mut there: Stream<u64>) -> Result<Stream<u64>> {
        let _live = Live::new(&self.live);
        let (sender, back) = Stream::channel(4);
        let echoing = Live::new(&self.live);
        weaver::spawn_detached(async move {
            let _echoing = echoing;
            while let Some(number) = there.next().await {
                if sender.send(number).await.is_err() {
                    return;
                }
            }
        });
        Ok(back)
    }

    async fn holds(&self) -> Result<Holds> {
        holds(&self.live)
    }
}

/// The trees, and the processes that they grow through.
struct Forest {
    twig: Ref<dyn Twig>,
    branch: Ref<dyn Branch>,
    root: Ref<dyn Root>,
    /// Producers in this process.
    live: Arc<AtomicUsize>,
}

impl Forest {
    async fn get(app: &App) -> Result<Self> {
        let (twig, branch, root) = (app.get().await?, app.get().await?, app.get().await?);
        Ok(Self { twig, branch, root, live: Arc::default() })
    }

    /// One tree, from its beginning to its early end.
    async fn tree(&self, seed: u64) {
        let mut random = fastrand::Rng::with_seed(seed);
        let life = Duration::from_micros(random.u64(..LIFE_MICROSECONDS_MAX));
        // That it fails is what it is for; that nothing is left is looked at later.
        if random.u64(..STREAMS_EACH) == 0 {
            let _ = tokio::time::timeout(life, self.flow()).await;
        } else {
            let bytes =
                if random.u64(..LARGE_EACH) == 0 { LARGE_BYTES } else { random.usize(..200) };
            let visit = self.twig.visit(vec![7; bytes]);
            if random.bool() {
                let _ = timeout(life, visit).await;
            } else {
                let _ = tokio::time::timeout(life, visit).await;
            }
        }
    }

    /// Reads what flows back until it is stopped.
    async fn flow(&self) -> Result<()> {
        let mut back = self.twig.flow(numbers(&self.live)).await?;
        while let Some(number) = back.next().await {
            number?;
        }
        Ok(())
    }

    async fn holds(&self) -> Result<[Holds; 4]> {
        let own = holds(&self.live)?;
        Ok([own, self.twig.holds().await?, self.branch.holds().await?, self.root.holds().await?])
    }

    /// What all of them hold, once nothing of the trees is left and the heaps have settled.
    async fn settled(&self) -> Result<[Holds; 4]> {
        let last = Mutex::new([Holds::default(); 4]);
        let look = async || {
            let holds = self.holds().await.ok()?;
            let before = last.lock().ok().map(|mut last| std::mem::replace(&mut *last, holds))?;
            let mut pairs = before.iter().zip(&holds);
            let is_settled = pairs.all(|(before, now)| {
                let ratio = ratio(own(before.heap_bytes), own(now.heap_bytes));
                now.live == 0 && (1.0 / SETTLED_RATIO..SETTLED_RATIO).contains(&ratio)
            });
            if !is_settled {
                tokio::time::sleep(Duration::from_millis(SETTLED_MILLISECONDS)).await;
            }
            is_settled.then_some(holds)
        };
        match eventually("nothing is left", QUIET_SECONDS_MAX, look).await {
            Ok(holds) => Ok(holds),
            Err(ended) => Err(ended).context(format_args!("left: {:?}", self.holds().await?)),
        }
    }
}

async fn cancel_trees(forest: &Arc<Forest>, trees: u64, seed: u64) -> Result<()> {
    let mut growing = JoinSet::new();
    for tree in 0..trees {
        if growing.len() == AT_ONCE {
            growing.join_next().await.context("there are some")?.context("a tree panics")?;
        }
        let forest = Arc::clone(forest);
        growing.spawn(async move { forest.tree(seed.wrapping_add(tree)).await });
    }
    while let Some(tree) = growing.join_next().await {
        tree.context("a tree panics")?;
    }
    Ok(())
}

/// Cancels `trees` again and again, until a run leaves nothing behind. What is lost with every tree is
/// lost in every run; tables and windows that grow into their size do so once.
pub(super) async fn torture(app: &App, trees: u64, seed: u64) -> Result<()> {
    say(&format!("torture: {trees} trees, seed {seed}"));
    let forest = Arc::new(Forest::get(app).await?);
    let mut before = run(&forest, trees, seed).await?;
    for number in 1..RUNS_MAX {
        let after = run(&forest, trees, seed.wrapping_add(number * trees)).await?;
        let grown = before.iter().zip(&after).find_map(|(before, after)| grown(before, after));
        match grown {
            None => return Ok(()),
            Some(grown) => say(&format!("torture: grown by run {number}: {grown}")),
        }
        before = after;
    }
    Err(Error::msg(format_args!("something is left by each of {RUNS_MAX} runs")))
}

/// Cancels so many trees; what is held then.
async fn run(forest: &Arc<Forest>, trees: u64, seed: u64) -> Result<[Holds; 4]> {
    let began = std::time::Instant::now();
    cancel_trees(forest, trees, seed).await?;
    let grew = began.elapsed();
    let held = forest.settled().await?;
    let shown = held.map(|it| (own(it.heap_bytes), it.resident_bytes, it.tasks));
    say(&format!("torture: {grew:?}: (heap, resident, tasks) {shown:?}"));
    Ok(held)
}

/// What a run has left in a process.
fn grown(before: &Holds, after: &Holds) -> Option<String> {
    let heap_bytes = own(after.heap_bytes).saturating_sub(HEAP_BREATH_BYTES);
    let heap = ratio(own(before.heap_bytes), heap_bytes);
    let resident = ratio(before.resident_bytes, after.resident_bytes);
    let has_grown =
        heap > HEAP_GROWTH_MAX || resident > RESIDENT_GROWTH_MAX || after.tasks > before.tasks;
    has_grown.then(|| format!("heap {heap:.3}, resident {resident:.3}, tasks {}", after.tasks))
}

/// Without the buffers of the node's socket: one allocation of 32 times 64 of the largest datagrams,
/// hardly any of which is ever touched, beside which nothing would be noticed.
fn own(heap_bytes: usize) -> usize {
    heap_bytes.saturating_sub(32 * 64 * 65_507)
}

#[expect(clippy::cast_precision_loss, reason = "a ratio for a comparison with one percent")]
fn ratio(before: usize, after: usize) -> f64 {
    after as f64 / before as f64
}
