//! [`Guest`]: a compiled program with what it is granted; it makes instances.

use std::{sync::Arc, time::Duration};

use wasmtime::component::{Component, InstancePre, Linker};
use weaver_runtime::{
    Context as _, Error, Result, codec,
    graph::Graph,
    limits::GUEST_ANSWER_SECONDS_MAX,
    sandbox::{Callbacks, Grants, Instances},
};

use crate::{
    Engine,
    instance::{GuestInstance, State},
    wasi,
};

/// A compiled program with what it is granted.
pub struct Guest {
    engine: Engine,
    instance: InstancePre<State>,
    grants: Arc<Grants>,
}

impl std::fmt::Debug for Guest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guest").field("grants", &self.grants).finish_non_exhaustive()
    }
}

impl Guest {
    /// A guest from a compiled component.
    ///
    /// # Errors
    /// It asks for something that no host of this version has.
    pub fn new(engine: &Engine, component: &Component, grants: Grants) -> Result<Self> {
        let failed = |error: wasmtime::Error| Error::msg(format!("no guest of weaver: {error:#}"));
        let mut linker = Linker::new(&engine.engine);
        wasi::add_to_linker(&mut linker).map_err(failed)?;
        let instance = linker.instantiate_pre(component).map_err(failed)?;
        Ok(Self { engine: engine.clone(), instance, grants: Arc::new(grants) })
    }
}

impl Guest {
    /// The program's graph, encoded.
    ///
    /// # Errors
    /// It has none: its components do not fit together.
    pub async fn describe(&self) -> Result<Vec<u8>> {
        let described = async { self.instantiate(Callbacks::none()).await?.describe().await };
        let limit = Duration::from_secs(GUEST_ANSWER_SECONDS_MAX);
        let described = tokio::time::timeout(limit, described).await;
        let late = |_| Err(format!("it does not say within {limit:?} what it consists of"));
        described.unwrap_or_else(late).map_err(Error::msg)
    }

    /// The program's graph.
    ///
    /// # Errors
    /// It has none, or it is another version's.
    pub async fn graph(&self) -> Result<Graph> {
        codec::decode(&self.describe().await?).context("its graph cannot be read")
    }
}

impl Instances for Guest {
    type Instance = GuestInstance;

    async fn instantiate(&self, callbacks: Callbacks) -> Result<GuestInstance, String> {
        let state = State::new(Arc::clone(&self.grants), callbacks)?;
        GuestInstance::new(&self.engine, &self.instance, state).await
    }

    fn concurrency(&self) -> usize {
        self.grants.concurrency
    }
}
