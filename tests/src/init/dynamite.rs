//! The component that cannot be built. Its panics are expected, and not printed: see `hush`.

use weaver::{Lifecycle, Result, component};

/// Panics in `init`, always.
#[component]
pub(super) trait Explosive {
    async fn call(&self) -> Result<()>;
}

#[derive(Default)]
struct Dynamite;

impl Lifecycle for Dynamite {
    async fn init(&mut self) -> Result<()> {
        tokio::task::yield_now().await;
        panic!("the fuse was lit")
    }
}

#[component]
impl Explosive for Dynamite {
    async fn call(&self) -> Result<()> {
        Ok(())
    }
}
