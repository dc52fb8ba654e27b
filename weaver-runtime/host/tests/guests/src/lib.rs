//! The program that the tests and measurements of sandboxes run as a guest: [`Inner`] in it, [`Outer`] not.

pub mod wild;

use std::time::Duration;

use weaver::{CallError, Ref, Result, Stream, component};

/// Runs in the sandbox.
#[component]
pub trait Inner {
    /// The same again.
    async fn echo(&self, bytes: Vec<u8>) -> Result<Vec<u8>, CallError>;

    /// The same again, from outside of the sandbox.
    async fn nested(&self, bytes: Vec<u8>) -> Result<Vec<u8>, CallError>;

    /// Waits.
    async fn sleep(&self, time: Duration) -> Result<(), CallError>;

    /// Works with integers: the sum of the first `numbers` of a pseudo-random sequence.
    async fn work(&self, numbers: u64) -> Result<u64, CallError>;

    /// Panics.
    async fn panic(&self, message: String) -> Result<(), CallError>;
}

/// Runs outside of it.
#[component]
pub trait Outer {
    /// The same again.
    async fn echo(&self, bytes: Vec<u8>) -> Result<Vec<u8>, CallError>;

    /// Waits.
    async fn sleep(&self, time: Duration) -> Result<(), CallError>;

    /// A stream of so many items of so many bytes.
    async fn pour(&self, items: u32, bytes: u32) -> Result<Stream<Vec<u8>>, CallError>;
}

#[derive(weaver::Component)]
struct Guest {
    outer: Ref<dyn Outer>,
}

#[component]
impl Inner for Guest {
    async fn echo(&self, bytes: Vec<u8>) -> Result<Vec<u8>, CallError> {
        Ok(bytes)
    }

    async fn nested(&self, bytes: Vec<u8>) -> Result<Vec<u8>, CallError> {
        self.outer.echo(bytes).await
    }

    async fn sleep(&self, time: Duration) -> Result<(), CallError> {
        tokio::time::sleep(time).await;
        Ok(())
    }

    async fn work(&self, numbers: u64) -> Result<u64, CallError> {
        Ok(work(numbers))
    }

    async fn panic(&self, message: String) -> Result<(), CallError> {
        panic!("{message}");
    }
}

/// The sum of the first `numbers` of a pseudo-random sequence (xorshift, Marsaglia 2003).
#[must_use]
pub fn work(numbers: u64) -> u64 {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut sum = 0_u64;
    for _ in 0..numbers {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        sum = sum.wrapping_add(state);
    }
    sum
}

#[derive(Default)]
struct Host;

#[component]
impl Outer for Host {
    async fn echo(&self, bytes: Vec<u8>) -> Result<Vec<u8>, CallError> {
        Ok(bytes)
    }

    async fn sleep(&self, time: Duration) -> Result<(), CallError> {
        tokio::time::sleep(time).await;
        Ok(())
    }

    async fn pour(&self, items: u32, bytes: u32) -> Result<Stream<Vec<u8>>, CallError> {
        let items = (0..items).map(move |_| vec![7; bytes as usize]);
        Ok(Stream::of_values(items))
    }
}
