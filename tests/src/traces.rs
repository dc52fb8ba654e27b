//! Traces: a call and all that it makes are of one.

use weaver::{Ref, Result, Stream, TraceContext, component, with_trace};

use crate::Stage;

/// Calls in traces of their own at once.
const CALLS: u32 = 50;

/// How often the calls yield before they look.
const TURNS: u32 = 5;

/// What the lines say that are logged in traces.
pub const LOGGED: &str = "was here";

/// The trace that we are in.
fn trace_id() -> Option<String> {
    TraceContext::current().map(|trace| trace.trace_id().to_string())
}

#[component]
trait Witness {
    /// Logs a line, and gives the trace of the call.
    async fn see(&self) -> Result<Option<String>>;

    /// The trace of what makes the items.
    async fn see_each(&self, items: u32) -> Result<Stream<Option<String>>>;
}

#[derive(Default)]
struct Eye;

#[component]
impl Witness for Eye {
    async fn see(&self) -> Result<Option<String>> {
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
        }
        tracing::info!(witness = true, "{LOGGED}");
        Ok(trace_id())
    }

    async fn see_each(&self, items: u32) -> Result<Stream<Option<String>>> {
        Ok(Stream::of_values((0..items).map(|_| trace_id())))
    }
}

/// Asks witnesses for others.
#[component]
pub(crate) trait Detective {
    /// What it sees, then its witness, its witness asked by a task, and its witness's stream.
    async fn investigate(&self) -> Result<Vec<Option<String>>>;
}

#[derive(weaver::Component)]
struct Sleuth {
    witness: Ref<dyn Witness>,
}

#[component]
impl Detective for Sleuth {
    async fn investigate(&self) -> Result<Vec<Option<String>>> {
        tracing::info!(detective = true, "{LOGGED}");
        let mut seen = vec![trace_id(), self.witness.see().await?];
        let witness = self.witness.clone();
        seen.push(weaver::spawn(async move { witness.see().await }).await.expect("it ends")?);
        let mut stream = self.witness.see_each(2).await?;
        while let Some(item) = stream.next().await {
            seen.push(item?);
        }
        assert_eq!(trace_id(), seen[0], "it is still in its own");
        Ok(seen)
    }
}

pub(crate) async fn a_call_and_all_that_it_makes_are_of_one(stage: &Stage) -> Result<()> {
    let detective = stage.app.get::<dyn Detective>().await?;
    let trace = TraceContext::new();
    let seen = with_trace(trace, detective.investigate()).await?;
    assert_eq!(seen, vec![Some(trace.trace_id().to_string()); 5]);
    assert_eq!(TraceContext::current(), None, "it ended with its future");
    Ok(())
}

pub(crate) async fn one_never_leaks_into_another_call(stage: &Stage) -> Result<()> {
    let detective = stage.app.get::<dyn Detective>().await?;
    let mut calls = tokio::task::JoinSet::new();
    for call in 0..CALLS {
        let (detective, trace) = (detective.clone(), TraceContext::new());
        calls.spawn(async move {
            // Every third is in none, or in one that begins with it where somebody wants spans.
            if call % 3 == 0 {
                return (None, detective.investigate().await);
            }
            (Some(trace), with_trace(trace, detective.investigate()).await)
        });
    }
    let (mut given, mut begun) = (Vec::new(), Vec::new());
    while let Some(call) = calls.join_next().await {
        let (trace, seen) = call.expect("it does not panic");
        let seen = seen?;
        assert!(seen.iter().all(|it| *it == seen[0]), "{seen:?}");
        match trace {
            Some(trace) => {
                assert_eq!(seen[0], Some(trace.trace_id().to_string()));
                given.extend(seen[0].clone());
            }
            None => begun.extend(seen[0].clone()),
        }
    }
    assert!(begun.iter().all(|it| !given.contains(it)), "{begun:?} {given:?}");
    Ok(())
}
