//! The host as a part of the program itself: `weaver`'s feature `sandbox`.

use std::path::PathBuf;

use weaver_runtime::{
    BoxFuture, Result,
    sandbox::{self, Grants, InSandbox, LinkedHost, Loaded},
};

use crate::{Engine, Guest};

inventory::submit! { LinkedHost { load } }

fn load(wasm: PathBuf, groups: Vec<(String, Grants)>) -> BoxFuture<'static, Result<Loaded>> {
    Box::pin(async move {
        let engine = Engine::new()?;
        let component = engine.load(&wasm, &sandbox::cache())?;
        let graph = Guest::new(&engine, &component, Grants::default())?.graph().await?;
        let groups = groups.into_iter().map(|(name, grants)| {
            Ok(InSandbox::new(name, Guest::new(&engine, &component, grants)?))
        });
        Ok(Loaded { graph, groups: groups.collect::<Result<_>>()? })
    })
}
