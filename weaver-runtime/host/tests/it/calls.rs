//! Calls into a guest, and out of it.

use std::time::{Duration, Instant};

use weaver_guests::{Inner, wild::Zoo};
use weaver_runtime::{CallErrorKind, Ran, sandbox::Grants};

use crate::support::{program, program_of};

#[tokio::test]
async fn go_in_and_out() {
    let app = program(Grants::default()).await;
    let inner = app.get::<dyn Inner>().await.unwrap();
    for length in [0, 1, 64, 70_000, 1 << 20] {
        let bytes = vec![7; length];
        assert_eq!(inner.echo(bytes.clone()).await.unwrap(), bytes);
        assert_eq!(inner.nested(bytes.clone()).await.unwrap(), bytes);
    }
    assert_eq!(inner.work(1000).await.unwrap(), weaver_guests::work(1000));
    app.shutdown().await;
}

#[tokio::test]
async fn many_go_in_and_out_at_once() {
    const CALLS: usize = 5_000;
    let app = program(Grants { concurrency: CALLS, ..Grants::default() }).await;
    let inner = app.get::<dyn Inner>().await.unwrap();
    let calls = (0..CALLS).map(|number| {
        let inner = inner.clone();
        let bytes = number.to_le_bytes().to_vec();
        tokio::spawn(async move { (inner.nested(bytes.clone()).await.unwrap(), bytes) })
    });
    for call in calls.collect::<Vec<_>>() {
        let (answer, bytes) = call.await.unwrap();
        assert_eq!(answer, bytes);
    }
    app.shutdown().await;
}

#[tokio::test]
async fn a_sleep_takes_its_time_and_holds_up_nobody() {
    let app = program(Grants::default()).await;
    let inner = app.get::<dyn Inner>().await.unwrap();
    let began = Instant::now();
    let sleeping = (0..50).map(|_| {
        let inner = inner.clone();
        tokio::spawn(async move { inner.sleep(Duration::from_millis(200)).await })
    });
    let sleeping: Vec<_> = sleeping.collect();
    inner.echo(vec![1]).await.unwrap();
    assert!(began.elapsed() < Duration::from_millis(200), "{:?}", began.elapsed());
    for sleeping in sleeping {
        sleeping.await.unwrap().unwrap();
    }
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(200), "{took:?}");
    assert!(took < Duration::from_secs(5), "{took:?}: one after the other");
}

#[tokio::test]
async fn a_panic_ends_the_instance_and_the_next_is_there() {
    let app = program(Grants::default()).await;
    let inner = app.get::<dyn Inner>().await.unwrap();
    inner.echo(vec![1]).await.unwrap();
    let neighbour = inner.clone();
    let neighbour = tokio::spawn(async move { neighbour.sleep(Duration::from_secs(60)).await });
    // It is under way once this has come back, which was sent after it.
    inner.sleep(Duration::from_millis(50)).await.unwrap();
    let error = inner.panic("on purpose".to_owned()).await.unwrap_err();
    assert_eq!(error.kind(), &CallErrorKind::Panicked { message: "on purpose".to_owned() });
    assert_eq!(error.ran(), Ran::Yes);
    let error = neighbour.await.unwrap().unwrap_err();
    assert!(matches!(error.kind(), CallErrorKind::OutcomeUnknown { .. }), "{error}");
    assert!(error.to_string().contains("on purpose"), "{error}");
    assert_eq!(inner.echo(vec![2]).await.unwrap(), [2]);
}

/// Also where the call is in the instance's first turn, whose answers, that it is built among them, are lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_many_panics_is_that_of_its_call() {
    let app = program(Grants::default()).await;
    let inner = app.get::<dyn Inner>().await.unwrap();
    for number in 0..100 {
        let message = number.to_string();
        let error = inner.panic(message.clone()).await.unwrap_err();
        assert_eq!(error.kind(), &CallErrorKind::Panicked { message });
    }
}

#[tokio::test]
async fn a_call_has_no_more_of_the_processor_than_is_granted() {
    let grants =
        Grants { cpu: Some(Duration::from_millis(50)), concurrency: 1, ..Grants::default() };
    let app = program(grants).await;
    let inner = app.get::<dyn Inner>().await.unwrap();
    inner.echo(vec![1]).await.unwrap();
    let error = inner.work(u64::MAX).await.unwrap_err();
    assert!(error.to_string().contains("`cpu = \"50ms\"`"), "{error}");
    // Many that are short do not add up: each takes a fraction of it.
    for _ in 0..20 {
        inner.work(200_000).await.unwrap();
    }
}

#[tokio::test]
async fn several_instances_work_side_by_side() {
    let app = program_of(3, Grants { concurrency: 1, ..Grants::default() }).await;
    let inner = app.get::<dyn Inner>().await.unwrap();
    let ours = |inner: &weaver_runtime::Ref<dyn Inner>| {
        let inner = inner.clone();
        tokio::spawn(async move { inner.sleep(Duration::from_secs(3600)).await })
    };
    // Each has one place.
    let (first, second) = (ours(&inner), ours(&inner));
    for length in 0..10 {
        assert_eq!(inner.echo(vec![7; length]).await.unwrap(), vec![7; length]);
    }
    // One that ends is not the others' business.
    inner.panic("on purpose".to_owned()).await.unwrap_err();
    inner.echo(vec![1]).await.unwrap();
    assert!(!first.is_finished() && !second.is_finished());
    first.abort();
    second.abort();
    app.shutdown().await;
}

#[tokio::test]
async fn equal_keys_meet_the_same_instance() {
    let app = program_of(3, Grants::default()).await;
    let zoo = app.get::<dyn Zoo>().await.unwrap();
    for visit in 1..=5 {
        for cage in 0..20 {
            assert_eq!(zoo.visit(cage).await.unwrap(), visit, "cage {cage}");
        }
    }
    app.shutdown().await;
}
