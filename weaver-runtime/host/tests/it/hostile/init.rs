//! Guests that do not come up.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use weaver_guests::wild::{Calm, Deed, Moody, Wild};
use weaver_host::{Guest, GuestInstance};
use weaver_runtime::{
    App, CallError, CallErrorKind, Ran,
    sandbox::{Callbacks, Grants, Instances},
};

use super::{
    raw_guest::{LOOPS_BEFORE_START, raw},
    town::{app, is_trapped},
};
use crate::support::guest;

/// A call is answered within this, whatever happens at the start, which may block for 10 s.
const ANSWERED_SECONDS_MAX: u64 = 15;

/// Counts how often it is started.
pub(super) struct Counted {
    pub(super) guest: Guest,
    pub(super) starts: Arc<AtomicU64>,
}

impl Instances for Counted {
    type Instance = GuestInstance;

    async fn instantiate(&self, callbacks: Callbacks) -> Result<GuestInstance, String> {
        self.starts.fetch_add(1, Ordering::Relaxed);
        self.guest.instantiate(callbacks).await
    }

    fn concurrency(&self) -> usize {
        self.guest.concurrency()
    }
}

async fn moody(deed: &str) -> (App, Arc<AtomicU64>) {
    let starts = Arc::new(AtomicU64::new(0));
    let guest = Counted { guest: guest(Grants::default()), starts: Arc::clone(&starts) };
    (app(guest, &format!("[config.Moody]\ndeed = \"{deed}\"")).await, starts)
}

async fn get(app: &App) -> CallError {
    let began = Instant::now();
    let get = app.get::<dyn Moody>();
    let limit = Duration::from_secs(ANSWERED_SECONDS_MAX);
    let error = tokio::time::timeout(limit, get).await.expect("it is answered").unwrap_err();
    let error = error.call_error().expect("it says which call").clone();
    println!("{:?}: {error}", began.elapsed());
    error
}

fn is_init_failed(error: &CallError, word: &str) {
    assert!(matches!(error.kind(), CallErrorKind::InitFailed { .. }), "{error}");
    assert_eq!(error.ran(), Ran::No);
    assert!(error.to_string().contains(word), "{error}");
}

#[tokio::test]
async fn what_ends_in_init_is_tried_again_after_pauses_that_grow() {
    for (deed, word) in [("panic", "in init"), ("abort", "it aborted")] {
        let (app, starts) = moody(deed).await;
        is_init_failed(&get(&app).await, word);
        let calm = app.get::<dyn Calm>().await.unwrap();
        // At 0, 100, 300, 700 and 1500 ms, on a machine that has time for it.
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(2) {
            is_init_failed(&get(&app).await, word);
            assert_eq!(calm.echo(7).await.unwrap(), 7);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let starts = starts.load(Ordering::Relaxed);
        println!("{deed}: {starts} starts");
        assert!((3..=6).contains(&starts), "{starts} starts");
        app.shutdown().await;
    }
}

#[tokio::test]
async fn an_error_of_init_is_no_end_of_the_instance() {
    let (app, starts) = moody("fail").await;
    is_init_failed(&get(&app).await, "not today");
    tokio::time::sleep(Duration::from_millis(500)).await;
    is_init_failed(&get(&app).await, "not today");
    assert_eq!(starts.load(Ordering::Relaxed), 1);
    app.shutdown().await;
}

#[tokio::test]
async fn a_loop_in_init_ends_with_its_turn() {
    let (app, _) = moody("spin").await;
    is_init_failed(&get(&app).await, "blocked its only thread for 10s");
    is_init_failed(&get(&app).await, "blocked its only thread for 10s");
    assert_eq!(app.get::<dyn Calm>().await.unwrap().echo(7).await.unwrap(), 7);
    app.shutdown().await;
}

#[tokio::test]
async fn a_loop_before_the_start_ends_with_its_turn() {
    let app = app(raw(LOOPS_BEFORE_START), "").await;
    is_init_failed(&get(&app).await, "blocked its only thread for 10s");
    assert_eq!(app.get::<dyn Calm>().await.unwrap().echo(7).await.unwrap(), 7);
    app.shutdown().await;
}

/// Its first instance starts, and no other does.
struct Once(Counted);

impl Instances for Once {
    type Instance = GuestInstance;

    async fn instantiate(&self, callbacks: Callbacks) -> Result<GuestInstance, String> {
        if self.0.starts.load(Ordering::Relaxed) > 0 {
            // Long enough for a call to be on its way to it.
            tokio::time::sleep(Duration::from_millis(100)).await;
            return Err("there was one already".to_owned());
        }
        self.0.instantiate(callbacks).await
    }

    fn concurrency(&self) -> usize {
        self.0.concurrency()
    }
}

#[tokio::test]
async fn calls_that_wait_for_a_replacement_that_does_not_start_did_not_run() {
    let starts = Arc::new(AtomicU64::new(0));
    let app = app(Once(Counted { guest: guest(Grants::default()), starts }), "").await;
    let wild = app.get::<dyn Wild>().await.unwrap();
    is_trapped(&wild.carry_out(Deed::Abort).await.unwrap_err(), "it aborted");
    for _ in 0..3 {
        let error = wild.carry_out(Deed::Nothing).await.unwrap_err();
        is_init_failed(&error, "there was one already");
    }
}

/// Also where it is in the instance's first turn with calls.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_many_traps_is_that_of_its_call() {
    let starts = Arc::new(AtomicU64::new(0));
    let guest = Counted { guest: guest(Grants::default()), starts: Arc::clone(&starts) };
    let app = app(guest, "").await;
    let wild = app.get::<dyn Wild>().await.unwrap();
    let number = 50;
    for _ in 0..number {
        is_trapped(&wild.carry_out(Deed::Abort).await.unwrap_err(), "it aborted");
    }
    wild.carry_out(Deed::Nothing).await.unwrap().unwrap();
    // Each is replaced once.
    assert_eq!(starts.load(Ordering::Relaxed), number + 1);
}
