//! What ends an instance, and what only costs its own time.

use std::time::{Duration, Instant};

use weaver_guests::wild::{Deaf, Deed};
use weaver_runtime::{Stream, sandbox::Grants};

use super::{
    alone::{is_alone, say_peak},
    town::{Town, is_panic, is_trapped, is_unknown},
};

#[tokio::test]
async fn a_loop_ends_at_its_share_of_the_processor() {
    let grants =
        Grants { cpu: Some(Duration::from_millis(100)), concurrency: 1, ..Grants::default() };
    let town = Town::new(grants).await;
    let began = Instant::now();
    is_trapped(&town.ends(Deed::Spin).await, "`cpu = \"100ms\"`");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    town.close().await;
}

#[tokio::test]
async fn waiting_is_no_use_of_the_processor() {
    let grants =
        Grants { cpu: Some(Duration::from_millis(100)), concurrency: 1, ..Grants::default() };
    let town = Town::new(grants).await;
    town.asked(Deed::Doze(100)).await.unwrap();
    // What was given up is not on the next one's account.
    for _ in 0..4 {
        let spin = town.wild.carry_out(Deed::SpinFor(Duration::from_millis(40)));
        let _ = tokio::time::timeout(Duration::from_millis(20), spin).await;
        town.asked(Deed::SpinFor(Duration::from_millis(40))).await.unwrap();
    }
    is_trapped(&town.ends(Deed::Spin).await, "`cpu = \"100ms\"`");
    town.close().await;
}

#[tokio::test]
async fn what_blocks_its_thread_for_too_long_ends() {
    let town = Town::new(Grants::default()).await;
    town.asked(Deed::Block(Duration::from_secs(1))).await.unwrap();
    let hour = Deed::Block(Duration::from_secs(3600));
    is_trapped(&town.ends(hour).await, "blocked its only thread for 10s");
    town.close().await;
}

#[tokio::test]
async fn a_loop_without_a_limit_ends_with_its_turn() {
    let town = Town::new(Grants::default()).await;
    is_trapped(&town.ends(Deed::Spin).await, "blocked its only thread for 10s");
    town.close().await;
}

#[tokio::test]
async fn memory_ends_at_the_grant() {
    let test = "hostile::deeds::memory_ends_at_the_grant";
    if !is_alone(test, 400) {
        return;
    }
    let town = Town::new(Grants { memory_bytes: 64 << 20, ..Grants::default() }).await;
    for _ in 0..5 {
        is_trapped(&town.ends(Deed::Allocate).await, "`memory = \"64MiB\"`");
    }
    // It has lived with that: it is not what ended it.
    is_panic(&town.ends(Deed::AllocateAndPanic).await, "another reason: true");
    let error = town.ends(Deed::PanicInTask).await;
    is_unknown(&error, "in a task");
    town.close().await;
    say_peak();
}

#[tokio::test]
async fn recursion_ends_at_the_stack() {
    let town = Town::new(Grants::default()).await;
    is_trapped(&town.ends(Deed::Recurse).await, "it recursed too deeply");
    town.close().await;
}

#[tokio::test]
async fn panics_end_the_instance_wherever_they_are() {
    let town = Town::new(Grants::default()).await;
    is_panic(&town.ends(Deed::Panic("on purpose".to_owned())).await, "on purpose");
    is_panic(&town.ends(Deed::PanicInDrop).await, "in a drop");
    is_unknown(&town.ends(Deed::PanicInTask).await, "in a task");
    town.close().await;
}

#[tokio::test]
async fn last_words_are_short() {
    let town = Town::new(Grants::default()).await;
    let error = town.ends(Deed::PanicAtLength(1 << 20)).await;
    is_panic(&error, "xxx");
    assert!(error.to_string().len() < 10_000, "{} bytes", error.to_string().len());
    town.close().await;
}

#[tokio::test]
async fn exits_and_aborts_say_what_they_are() {
    let town = Town::new(Grants::default()).await;
    is_trapped(&town.ends(Deed::Exit(0)).await, "it ended its process with exit code 0");
    is_trapped(&town.ends(Deed::Exit(3)).await, "it ended its process with exit code 1");
    is_trapped(&town.ends(Deed::Abort).await, "it aborted");
    town.close().await;
}

#[tokio::test]
async fn threads_do_not_start() {
    let town = Town::new(Grants::default()).await;
    let error = town.asked(Deed::Thread).await.unwrap_err();
    assert!(error.contains("Not supported"), "{error}");
    town.close().await;
}

#[tokio::test]
async fn a_flood_of_words_is_passed_on_and_not_kept() {
    if !is_alone("hostile::deeds::a_flood_of_words_is_passed_on_and_not_kept", 400) {
        return;
    }
    let town = Town::new(Grants::default()).await;
    // All of them are a million lines; each batch is less than the longest turn on a slow machine.
    for _ in 0..20 {
        town.asked(Deed::Log(25_000)).await.unwrap();
    }
    town.close().await;
    say_peak();
}

#[tokio::test]
async fn calls_outside_are_refused_above_the_limit() {
    let town = Town::new(Grants::default()).await;
    // Longer than it takes to make them all.
    let deed = Deed::CallOutside(100_000, Duration::from_secs(10));
    let said = town.asked(deed).await.unwrap();
    let (answered, _) = said.split_once(" answered").unwrap();
    let answered: u32 = answered.parse().unwrap();
    assert!((1..=65_536).contains(&answered), "{said}");
    assert!(said.ends_with(&format!("{} refused", 100_000 - answered)), "{said}");
    town.close().await;
}

#[tokio::test]
async fn a_stream_that_nobody_reads_is_not_read_ahead() {
    if !is_alone("hostile::deeds::a_stream_that_nobody_reads_is_not_read_ahead", 400) {
        return;
    }
    let town = Town::new(Grants::default()).await;
    // A gibibyte, of which a window is taken.
    let (taken, count) = std::sync::mpsc::channel();
    let items = Stream::of_values((0..16_384_u32).map(move |number| {
        let _ = taken.send(number);
        vec![7; 64 << 10]
    }));
    town.wild.hold(items, Duration::from_secs(1)).await.unwrap();
    let taken = count.iter().count();
    println!("| {taken} items of 64 KiB were taken");
    assert!(taken < 100, "{taken}");
    // And the other way.
    let mut poured = town.wild.pour(64 << 10).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(poured.next().await.unwrap().unwrap().len(), 64 << 10);
    drop(poured);
    town.is_replaced(Instant::now()).await;
    town.close().await;
    say_peak();
}

#[tokio::test]
async fn a_listener_that_accepts_nobody_harms_nobody() {
    let town = Town::new(Grants::default()).await;
    let deaf = town.app.get::<dyn Deaf>().await.unwrap();
    let address = deaf.ask().await.unwrap();
    let mut connections = Vec::new();
    for _ in 0..200 {
        let connecting = tokio::net::TcpStream::connect(&address);
        if let Ok(connection) = tokio::time::timeout(Duration::from_millis(200), connecting).await {
            connections.push(connection.unwrap());
        }
    }
    println!("{} connections were made", connections.len());
    assert_eq!(deaf.ask().await.unwrap(), address);
    is_panic(&town.ends(Deed::Panic("done".to_owned())).await, "done");
    // It is where it was.
    assert_eq!(deaf.ask().await.unwrap(), address);
    town.close().await;
}

#[tokio::test]
async fn a_stream_of_an_instance_that_ends_ends_with_an_error() {
    let town = Town::new(Grants::default()).await;
    let mut poured = town.wild.pour(1000).await.unwrap();
    poured.next().await.unwrap().unwrap();
    town.ends(Deed::Abort).await;
    let mut last = None;
    while let Some(item) = poured.next().await {
        last = Some(item);
    }
    let error = last.unwrap().unwrap_err().to_string();
    assert!(error.contains("it aborted"), "{error}");
    town.close().await;
}

#[tokio::test]
async fn long_answers_at_once_are_nothing_bad() {
    let town = Town::new(Grants { memory_bytes: 1 << 30, ..Grants::default() }).await;
    let bytes = 45 << 20;
    let ask = || town.wild.carry_out(Deed::Answer(bytes));
    let (first, second, third) = tokio::join!(ask(), ask(), ask());
    for answer in [first, second, third] {
        assert_eq!(answer.unwrap().unwrap().len(), bytes as usize);
    }
    town.close().await;
}

#[tokio::test]
async fn what_is_unread_in_all_streams_has_a_limit() {
    let town = Town::with(Grants::default(), "[limits]\nqueued_bytes = \"2MiB\"").await;
    let mut streams = Vec::new();
    for _ in 0..4 {
        streams.push(town.wild.pour(64 << 10).await.unwrap());
    }
    let mut refused = 0;
    // Each is read until its error, or for longer than what had come of it.
    for stream in &mut streams {
        for _ in 0..32 {
            match stream.next().await {
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    assert!(error.to_string().contains("refused: overloaded"), "{error}");
                    refused += 1;
                }
                None => break,
            }
        }
    }
    assert!((1..4).contains(&refused), "{refused} of 4");
    drop(streams);
    town.is_replaced(Instant::now()).await;
    town.close().await;
}

#[tokio::test]
async fn tasks_that_never_rest_leave_the_thread_to_others() {
    let town = Town::new(Grants::default()).await;
    town.asked(Deed::Nap).await.unwrap();
    // It goes on, and so does everybody else.
    for _ in 0..20 {
        town.asked(Deed::Nothing).await.unwrap();
    }
    // Its turn never ends.
    is_trapped(&town.ends(Deed::Yield).await, "blocked its only thread for 10s");
    town.close().await;
}
