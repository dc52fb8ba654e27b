//! [`App`]: a running program, as its `main` sees it.

mod builder;
pub(crate) mod main;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod process;
#[cfg(not(target_family = "wasm"))]
mod role;

use std::sync::Arc;

pub use builder::{AppBuilder, LocalCalls, StartError};

use crate::{component::Component, error::Result, node::Node, reference::Ref};

/// A running program: where `main` gets its components from.
#[derive(Clone, Debug)]
pub struct App {
    node: Arc<Node>,
}

impl App {
    pub(crate) fn new(node: Arc<Node>) -> Self {
        Self { node }
    }

    /// For a program that keeps its own `main`. It belongs first there: a tool that asks the program
    /// for its components is answered when it is reached, and in a replica that a deployer started
    /// for a group other than `main`, [`start`](AppBuilder::start) never returns.
    #[must_use]
    pub fn builder() -> AppBuilder {
        AppBuilder::default()
    }

    /// A reference to the component `C`, once it can be called.
    ///
    /// # Errors
    /// A [`CallError`](crate::CallError) in the error's chain says why it cannot: its `init` failed,
    /// or no replica could be reached in time: until the deadline, or for `replica_wait` in `[limits]`
    /// (10 s). A component that nothing in the program implements is an error that says how to cure it.
    ///
    /// Cancel safe.
    pub async fn get<C: Component + ?Sized>(&self) -> Result<Ref<C>> {
        self.node.get().await
    }

    /// Runs every component's `shutdown`, dependents before what they depend on. With
    /// `#[weaver::main]` this happens when `main` returns.
    pub async fn shutdown(&self) {
        self.node.shutdown().await;
    }
}
