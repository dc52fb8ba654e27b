//! Programs that are written in other ways than most, and are right.
#![deny(deprecated)]

use weaver::{App, Ref, Result, component};

type Answer = Result<u64>;

#[component]
trait Cart {
    //! What stands inside is of the trait.

    /// Attributes may be named by their crate.
    #[weaver::timeout("2s")]
    #[weaver::idempotent]
    #[weaver::route(item)]
    async fn add(&self, item: &str) -> Result<u64>;

    async fn merge(&self, other: Basket) -> Result<u64>;

    async fn all(&self) -> Answer;

    #[deprecated = "for the test"]
    async fn old(&self) -> Result<u64>;
}

#[derive(Default, serde::Serialize, serde::Deserialize)]
struct Basket(u64);

/// Its methods have the types of the trait's, by other names.
#[component]
impl Cart for Basket {
    async fn add(&'_ self, item: &'_ str) -> Answer {
        Ok(item.len() as u64 + self.0)
    }

    async fn merge(&self, other: Self) -> Answer {
        #![allow(unused_mut, reason = "an attribute inside of a body")]
        let mut sum = self.0 + other.0;
        Ok(sum)
    }

    async fn all(&self) -> Result<u64> {
        Ok(self.0)
    }

    async fn old(&self) -> Result<u64> {
        Ok(0)
    }
}

macro_rules! a_component {
    ($name:ident { $($body:tt)* }) => {
        #[component]
        trait $name {
            $($body)*
        }
    };
}

a_component!(Clock {
    async fn hour(&self) -> Result<u8>;
});

#[derive(Default)]
struct Noon;

#[component]
impl Clock for Noon {
    async fn hour(&self) -> Result<u8> {
        Ok(12)
    }
}

#[tokio::test]
async fn other_spellings_mean_the_same() -> Result<()> {
    let app = App::builder().local_calls(weaver::LocalCalls::Encoded).start().await?;
    let cart: Ref<dyn Cart> = app.get().await?;
    assert_eq!(cart.add("tea").await?, 3);
    assert_eq!(cart.merge(Basket(4)).await?, 4);
    assert_eq!(cart.all().await?, 0);
    assert_eq!(app.get::<dyn Clock>().await?.hour().await?, 12);
    Ok(())
}

/// A component may have the name of another trait, and its types those of ours.
mod names {
    use weaver::{Result, component};

    #[derive(serde::Serialize, serde::Deserialize)]
    pub(crate) struct Path(u64);

    pub(crate) mod video {
        #[derive(serde::Serialize, serde::Deserialize)]
        pub(crate) struct Stream<T>(T);
    }

    #[component]
    pub(crate) trait Display {
        async fn show(&self, path: Path) -> Result<Path>;
        async fn all(&self, all: Vec<video::Stream<u64>>) -> Result<()>;
    }

    #[derive(Default)]
    struct Lcd;

    #[component]
    impl Display for Lcd {
        async fn show(&self, path: Path) -> Result<Path> {
            Ok(path)
        }

        async fn all(&self, _: Vec<video::Stream<u64>>) -> Result<()> {
            Ok(())
        }
    }
}

/// What `main` may return, too.
mod program {
    #[weaver::main]
    async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Err("no more".into())
    }
}
