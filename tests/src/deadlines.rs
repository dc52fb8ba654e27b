//! Deadlines: who sets one, who sees it, and what ends with it.

use std::{
    future::pending,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use weaver::{CallErrorKind, Context, Error, Ran, Ref, Result, component, time_left, timeout};

use crate::{Stage, eventually};

/// Far longer than any call here takes.
const LONG: Duration = Duration::from_secs(600);

/// Short, and long enough for a call to arrive.
const SHORT: Duration = Duration::from_millis(300);

/// From a deadline to its error on a busy machine; far below [`LONG`].
const AT_ONCE: Duration = Duration::from_secs(20);

/// From a deadline to the end of the callee's work: a frame's way, and a busy machine.
const STOPPED_SECONDS_MAX: u64 = 10;

#[component]
trait Clock {
    async fn time_left(&self) -> Result<Option<Duration>>;

    /// Never returns.
    async fn wait(&self) -> Result<()>;

    /// Never returns, for at most a while.
    #[timeout("300ms")]
    async fn wait_a_while(&self) -> Result<()>;

    /// What the method's own deadline leaves.
    #[timeout("10m")]
    async fn time_left_of_its_own(&self) -> Result<Option<Duration>>;

    /// Calls of `wait` that are under way, and how many calls there were of anything.
    async fn counts(&self) -> Result<(u32, u32)>;
}

#[derive(Default)]
struct Wall {
    waiting: AtomicU32,
    calls: AtomicU32,
}

struct Leaves<'a>(&'a AtomicU32);

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[component]
impl Clock for Wall {
    async fn time_left(&self) -> Result<Option<Duration>> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        Ok(time_left())
    }

    async fn wait(&self) -> Result<()> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let _leaves = Leaves(&self.waiting);
        pending().await
    }

    async fn wait_a_while(&self) -> Result<()> {
        self.wait().await
    }

    async fn time_left_of_its_own(&self) -> Result<Option<Duration>> {
        Ok(time_left())
    }

    async fn counts(&self) -> Result<(u32, u32)> {
        Ok((self.waiting.load(Ordering::SeqCst), self.calls.load(Ordering::SeqCst)))
    }
}

/// Asks a clock on behalf of others.
#[component]
trait Hall {
    /// What a call sees that this one makes: as it is, within a longer deadline, from a task of the
    /// call, and from a detached one.
    async fn time_left_below(&self) -> Result<[Option<Duration>; 4]>;

    /// Waits by having the clock wait.
    async fn wait(&self) -> Result<()>;

    /// Works beyond the deadline without looking at it, and then asks the clock to wait.
    async fn wait_late(&self, work: Duration) -> Result<(), Error>;
}

#[derive(weaver::Component)]
struct Entrance {
    clock: Ref<dyn Clock>,
}

#[component]
impl Hall for Entrance {
    async fn time_left_below(&self) -> Result<[Option<Duration>; 4]> {
        let clock = self.clock.clone();
        let task = weaver::spawn(async move { clock.time_left().await });
        let clock = self.clock.clone();
        let detached = weaver::spawn_detached(async move { clock.time_left().await });
        Ok([
            self.clock.time_left().await?,
            timeout(2 * LONG, self.clock.time_left()).await?,
            task.await.context("the task ends")??,
            detached.await.context("the task ends")??,
        ])
    }

    async fn wait(&self) -> Result<()> {
        self.clock.wait().await
    }

    async fn wait_late(&self, work: Duration) -> Result<(), Error> {
        let began = Instant::now();
        while began.elapsed() < work {
            std::hint::spin_loop();
        }
        self.clock.wait().await
    }
}

fn assert_exceeded(outcome: Result<()>, component: &str, method: &str) -> Ran {
    let error = outcome.expect_err("its deadline passed");
    let call = error.call_error().expect("it is the call that failed");
    assert_eq!(call.kind(), &CallErrorKind::DeadlineExceeded);
    assert_eq!((call.component(), call.method()), (component, method));
    call.ran()
}

async fn nobody_waits(clock: &Ref<dyn Clock>) -> Result<()> {
    let look = async || (clock.counts().await.ok()?.0 == 0).then_some(());
    eventually("nobody waits", STOPPED_SECONDS_MAX, look).await.context("the callee works on")?;
    Ok(())
}

pub(crate) async fn the_caller_learns_it_at_once_and_the_callee_stops(stage: &Stage) -> Result<()> {
    let clock = stage.app.get::<dyn Clock>().await?;
    let began = Instant::now();
    let ran = assert_exceeded(timeout(SHORT, clock.wait()).await, "Clock", "wait");
    assert_ne!(ran, Ran::No);
    assert!((SHORT..AT_ONCE).contains(&began.elapsed()), "{:?}", began.elapsed());
    nobody_waits(&clock).await
}

pub(crate) async fn it_ends_all_that_the_call_has_made(stage: &Stage) -> Result<()> {
    let (hall, clock) = (stage.app.get::<dyn Hall>().await?, stage.app.get::<dyn Clock>().await?);
    assert_exceeded(timeout(SHORT, hall.wait()).await, "Hall", "wait");
    nobody_waits(&clock).await
}

pub(crate) async fn the_callee_sees_the_time_left_and_so_do_its_calls(stage: &Stage) -> Result<()> {
    let (hall, clock) = (stage.app.get::<dyn Hall>().await?, stage.app.get::<dyn Clock>().await?);
    assert_eq!(clock.time_left().await?, None, "there is none unless somebody sets it");
    let seen = timeout(LONG, clock.time_left()).await?;
    let is_what_is_left =
        |left: Option<Duration>| left.is_some_and(|it| LONG - AT_ONCE < it && it <= LONG);
    assert!(is_what_is_left(seen), "{seen:?}");
    let [plain, longer, task, detached] = timeout(LONG, hall.time_left_below()).await?;
    for seen in [plain, longer, task] {
        assert!(is_what_is_left(seen), "{seen:?}");
    }
    assert_eq!(detached, None);
    Ok(())
}

pub(crate) async fn without_one_a_longer_one_is_its_own(stage: &Stage) -> Result<()> {
    let hall = stage.app.get::<dyn Hall>().await?;
    let [plain, own, task, detached] = hall.time_left_below().await?;
    assert_eq!([plain, task, detached], [None; 3]);
    assert!(own.is_some_and(|left| left > LONG), "{own:?}");
    Ok(())
}

pub(crate) async fn one_that_has_passed_sends_nothing(stage: &Stage) -> Result<()> {
    let (hall, clock) = (stage.app.get::<dyn Hall>().await?, stage.app.get::<dyn Clock>().await?);
    let (_, before) = clock.counts().await?;
    let late = timeout(Duration::ZERO, clock.wait()).await;
    assert_eq!(assert_exceeded(late, "Clock", "wait"), Ran::No);
    // The callee's own call after the deadline is not made either.
    assert!(timeout(SHORT, hall.wait_late(2 * SHORT)).await.is_err());
    nobody_waits(&clock).await?;
    assert_eq!(clock.counts().await?.1, before);
    Ok(())
}

pub(crate) async fn others_are_not_bounded_by_it(stage: &Stage) -> Result<()> {
    let clock = stage.app.get::<dyn Clock>().await?;
    let bounded = timeout(SHORT, clock.wait());
    let free = async {
        let mut seen = Vec::new();
        for _ in 0..20 {
            seen.push(clock.time_left().await?);
            tokio::task::yield_now().await;
        }
        Ok::<_, Error>(seen)
    };
    let (bounded, free) = tokio::join!(bounded, free);
    assert_exceeded(bounded, "Clock", "wait");
    assert_eq!(free?, [None; 20]);
    nobody_waits(&clock).await
}

pub(crate) async fn a_methods_own_is_for_callers_without_one(stage: &Stage) -> Result<()> {
    let clock = stage.app.get::<dyn Clock>().await?;
    let began = Instant::now();
    assert_exceeded(clock.wait_a_while().await, "Clock", "wait_a_while");
    assert!((SHORT..AT_ONCE).contains(&began.elapsed()), "{:?}", began.elapsed());
    nobody_waits(&clock).await?;
    let own = clock.time_left_of_its_own().await?;
    assert!(own.is_some_and(|left| LONG - AT_ONCE < left && left <= LONG), "{own:?}");
    // An earlier one of the caller's stays, a later one does not count.
    let earlier = timeout(LONG / 2, clock.time_left_of_its_own()).await?;
    assert!(earlier.is_some_and(|left| left <= LONG / 2), "{earlier:?}");
    let later = timeout(2 * LONG, clock.wait_a_while()).await;
    assert_exceeded(later, "Clock", "wait_a_while");
    nobody_waits(&clock).await
}
