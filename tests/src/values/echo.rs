//! The component that gives back what it is sent.

use std::{fmt::Debug, future::Future, pin::Pin};

use serde::{Deserialize, Serialize};
use weaver::{Result, component};

use super::{
    collections::{Collections, Hashed},
    numbers::Numbers,
    recursion::{Expression, List, Page, Tree},
    standard::{Shared, Standard},
    structs::{Options, Structs, Texts, Variant},
};

/// A value as its callee saw it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Seen<T> {
    pub(super) value: T,
    /// Taken where the value was received: what two mistakes undo on the way back shows here.
    pub(super) text: String,
}

macro_rules! echo {
    ($($method:ident: $type:ty,)*) => {
        /// Gives back what it is sent.
        #[component]
        pub(super) trait Echo {
            $(async fn $method(&self, value: $type) -> Result<Seen<$type>>;)*

            /// The bits of both.
            async fn bits(&self, single: f32, double: f64) -> Result<(u32, u64, f32, f64)>;

            /// No order is lost, because there is none.
            async fn hashed(&self, value: Hashed) -> Result<Hashed>;

            /// As many arguments as a method can have.
            #[expect(clippy::too_many_arguments, reason = "it is about their number")]
            async fn sixteen(
                &self, a: u8, b: String, c: u8, d: String, e: u8, f: String, g: u8, h: String,
                i: u8, j: String, k: u8, l: String, m: u8, n: String, o: u8, p: &str,
            ) -> Result<String>;

            /// Nothing in, nothing out.
            async fn nothing(&self) -> Result<()>;
        }

        #[component]
        impl Echo for Mirror {
            $(async fn $method(&self, value: $type) -> Result<Seen<$type>> {
                Ok(Seen { text: format!("{value:?}"), value })
            })*

            async fn bits(&self, single: f32, double: f64) -> Result<(u32, u64, f32, f64)> {
                Ok((single.to_bits(), double.to_bits(), single, double))
            }

            async fn hashed(&self, value: Hashed) -> Result<Hashed> {
                Ok(value)
            }

            async fn sixteen(
                &self, a: u8, b: String, c: u8, d: String, e: u8, f: String, g: u8, h: String,
                i: u8, j: String, k: u8, l: String, m: u8, n: String, o: u8, p: &str,
            ) -> Result<String> {
                Ok(format!("{a}{b}{c}{d}{e}{f}{g}{h}{i}{j}{k}{l}{m}{n}{o}{p}"))
            }

            async fn nothing(&self) -> Result<()> {
                Ok(())
            }
        }
    };
}

#[derive(Default)]
struct Mirror;

echo! {
    numbers: Numbers,
    texts: Texts,
    structs: Structs,
    variant: Variant,
    options: Options,
    collections: Collections,
    page_of_bytes: Page<u8>,
    page_of_texts: Page<String>,
    page_of_pages: Page<Page<Option<u8>>>,
    list: List,
    tree: Tree,
    expression: Expression,
    standard: Standard,
    shared: Shared,
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<Seen<T>>> + Send + 'a>>;

/// Sends each value through `call`.
pub(super) async fn assert_echoed<'a, T>(
    values: impl IntoIterator<Item = T, IntoIter: Send> + Send,
    call: impl Fn(T) -> Answer<'a, T> + Send,
) -> Result<()>
where
    T: Clone + Debug + PartialEq + Send,
{
    for value in values {
        let seen = call(value.clone()).await?;
        assert_eq!(seen.text, format!("{value:?}"), "as the callee saw it");
        assert_eq!(seen.value, value, "as it came back");
    }
    Ok(())
}
