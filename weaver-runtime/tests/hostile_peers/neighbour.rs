//! [`Neighbour`]: a good peer that calls again and again, and must never notice the others.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::task::JoinHandle;

use crate::{
    probe::{Callee, Caller},
    soon,
};

/// A good peer with one call that is in flight all the time, and many short ones.
pub(crate) struct Neighbour {
    caller: Arc<Caller>,
    held: JoinHandle<weaver_runtime::Result<()>>,
    course: Arc<Course>,
    calling: JoinHandle<()>,
}

/// For so long it calls without a pause. A test that goes on after that waits for something, and a processor that is
/// busy with good calls alone tells it nothing.
const BUSY: Duration = Duration::from_secs(1);

/// Between two calls after that, as long as they are not measured.
const PAUSE: Duration = Duration::from_millis(2);

/// How the short calls go on.
#[derive(Default)]
struct Course {
    stop: AtomicBool,
    /// What they took since it was begun to measure them, if it was.
    latencies: Mutex<Option<Vec<Duration>>>,
}

impl Neighbour {
    pub(crate) async fn new(callee: &Callee) -> Self {
        let caller = Arc::new(callee.friend());
        soon("the first call", caller.probe.echo(String::new())).await.unwrap();
        let before = callee.held();
        let probe = Arc::clone(&caller.probe);
        let held = tokio::spawn(async move { probe.hold().await });
        crate::until("the call that is held", || callee.held() > before).await;
        let course = Arc::new(Course::default());
        let calling = tokio::spawn(call_until(Arc::clone(&caller), Arc::clone(&course)));
        Self { caller, held, course, calling }
    }

    /// What 99 of 100 of its calls take at most while `meanwhile` runs, and how many there were.
    pub(crate) async fn p99_during(
        &self,
        meanwhile: impl Future<Output = ()>,
    ) -> (Duration, usize) {
        *self.course.latencies.lock().unwrap() = Some(Vec::new());
        meanwhile.await;
        let mut latencies = self.course.latencies.lock().unwrap().take().expect("as was set");
        latencies.sort_unstable();
        let at = (latencies.len() * 99).div_ceil(100).saturating_sub(1);
        (*latencies.get(at).expect("calls were made"), latencies.len())
    }

    /// Fails if any call failed, the one in flight included.
    pub(crate) async fn assert_unharmed(self, callee: &Callee) {
        self.course.stop.store(true, Ordering::SeqCst);
        soon("the neighbour's last call", self.calling).await.unwrap();
        assert!(!self.held.is_finished(), "the call in flight ended early");
        callee.release();
        soon("the call in flight", self.held).await.unwrap().unwrap();
        drop(self.caller);
    }
}

async fn call_until(caller: Arc<Caller>, course: Arc<Course>) {
    let (begun, mut calls) = (Instant::now(), 0);
    loop {
        // One call begins after everything that was to disturb it.
        let is_last = course.stop.load(Ordering::SeqCst);
        let text = format!("neighbour {calls}");
        let started = Instant::now();
        let answer = soon("a neighbour's call", caller.probe.echo(text.clone())).await;
        assert_eq!(answer.unwrap(), text);
        calls += 1;
        if is_last {
            return;
        }
        let is_measured = match &mut *course.latencies.lock().unwrap() {
            Some(latencies) => {
                latencies.push(started.elapsed());
                true
            }
            None => false,
        };
        match is_measured || begun.elapsed() < BUSY {
            true => tokio::task::yield_now().await,
            false => tokio::time::sleep(PAUSE).await,
        }
    }
}
