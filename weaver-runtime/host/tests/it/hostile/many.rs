//! Many ends, one after the other and at once.

use std::{
    fs,
    time::{Duration, Instant},
};

use fastrand::Rng;
use tokio::{task::JoinSet, time::timeout};
use weaver_guests::wild::{Deed, Wild};
use weaver_runtime::{CallError, CallErrorKind, Ref, Stream, sandbox::Grants};

use super::{
    alone::{is_alone, say_peak},
    town::Town,
};

/// How long no call may take.
const LIMIT: Duration = Duration::from_secs(20);

/// What may be left after 200 instances: what the allocator keeps, and not one instance's memory of 2 MiB.
const LEFT_MIB_MAX: usize = 24;

#[tokio::test]
async fn instances_that_end_leave_nothing() {
    if !is_alone("hostile::many::instances_that_end_leave_nothing", 400) {
        return;
    }
    let town = Town::new(Grants::default()).await;
    let mut replaced = Vec::new();
    end_many(&town.wild, 20, &mut replaced).await;
    let before = (resident_mib(), open_files());
    end_many(&town.wild, 200, &mut replaced).await;
    let after = (resident_mib(), open_files());
    replaced.sort();
    let (middle, last) = (replaced[replaced.len() / 2], replaced[replaced.len() - 1]);
    println!("| replaced within {middle:?} (the slowest: {last:?})");
    println!("| resident MiB and open files: {before:?}, then {after:?}");
    assert!(after.0 <= before.0 + LEFT_MIB_MAX, "{before:?}, then {after:?}");
    assert!(after.1 <= before.1, "{before:?}, then {after:?}");
    town.close().await;
    say_peak();
}

async fn end_many(wild: &Ref<dyn Wild>, ends: usize, replaced: &mut Vec<Duration>) {
    for number in 0..ends {
        // A stream each way is open while it ends.
        let mut poured = wild.pour(1000).await.unwrap();
        poured.next().await.unwrap().unwrap();
        let deeds = [Deed::Abort, Deed::Exit(1), Deed::Panic("again".to_owned()), Deed::Recurse];
        wild.carry_out(deeds[number % deeds.len()].clone()).await.unwrap_err();
        let ended = Instant::now();
        wild.carry_out(Deed::Nothing).await.unwrap().unwrap();
        replaced.push(ended.elapsed());
    }
}

fn resident_mib() -> usize {
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = pages.split(' ').nth(1).unwrap().parse().unwrap();
    (pages * 4096) >> 20
}

fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_at_once_every_call_is_answered() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let town = Town::new(Grants::default()).await;
    let mut callers = JoinSet::new();
    for caller in 0..12 {
        let (wild, rng) = (town.wild.clone(), Rng::with_seed(seed + caller));
        callers.spawn(call_on(wild, rng));
    }
    let (mut answered, mut failed) = (0, 0);
    while let Some(counts) = callers.join_next().await {
        let (its_answered, its_failed) = counts.expect("no caller is surprised");
        (answered, failed) = (answered + its_answered, failed + its_failed);
    }
    println!("{answered} calls were answered, {failed} were not");
    assert!(answered > 0 && failed > 0);
    // Who ended last may have ended twice without an answer: then there is a pause.
    let until = Instant::now() + LIMIT;
    while let Err(error) = town.wild.carry_out(Deed::Nothing).await {
        assert!(Instant::now() < until, "{error}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    town.close().await;
}

async fn call_on(wild: Ref<dyn Wild>, mut rng: Rng) -> (u32, u32) {
    let (mut answered, mut failed) = (0, 0);
    for _ in 0..60 {
        match timeout(LIMIT, call(&wild, &mut rng)).await.expect("it is answered") {
            Ok(()) => answered += 1,
            Err(error) => {
                let is_one = matches!(
                    error.kind(),
                    CallErrorKind::OutcomeUnknown { .. }
                        | CallErrorKind::Panicked { .. }
                        | CallErrorKind::Trapped { .. }
                        | CallErrorKind::InitFailed { .. }
                );
                assert!(is_one, "{error}");
                assert!(error.to_string().len() > 45, "{error}");
                failed += 1;
                // It may be in a pause.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
    (answered, failed)
}

async fn call(wild: &Ref<dyn Wild>, rng: &mut Rng) -> Result<(), CallError> {
    let deed = match rng.u32(..100) {
        0 => Deed::Abort,
        1 => Deed::Panic("one of many".to_owned()),
        2 => Deed::Exit(1),
        3..18 => Deed::CallOutside(20, Duration::from_millis(20)),
        18..33 => {
            let mut poured = wild.pour(rng.u32(..100_000)).await?;
            for _ in 0..rng.u32(..50) {
                let Some(item) = poured.next().await else { break };
                item.map_err(|error| error.call_error().expect("it is one").clone())?;
            }
            return Ok(());
        }
        33..48 => {
            let items = Stream::of_values((0..100).map(|_| vec![7; 50_000]));
            return wild.hold(items, Duration::from_millis(rng.u64(..20))).await;
        }
        48..55 => {
            // Given up, as likely as not while it runs.
            let time = Duration::from_micros(rng.u64(..5000));
            let _ = timeout(time, wild.carry_out(Deed::Answer(1000))).await;
            return Ok(());
        }
        _ => Deed::Nothing,
    };
    // What a deed itself says of a failure is an answer, too.
    wild.carry_out(deed).await.map(drop)
}
