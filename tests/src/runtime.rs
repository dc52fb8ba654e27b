//! Handlers run on the program's runtime, wherever their frame was decoded.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::runtime::{Handle, RuntimeFlavor};
use weaver::{Context, Result, component};

use crate::Stage;

/// What a handler does with the runtime that it is on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Use {
    Nothing,
    Spawn,
    Sleep,
    Block,
}

#[component]
trait Busybody {
    /// Uses it, and says which process and which runtime it was.
    async fn use_runtime(&self, how: Use) -> Result<(u32, String)>;
}

#[derive(Default)]
struct Nosy;

#[component]
impl Busybody for Nosy {
    async fn use_runtime(&self, how: Use) -> Result<(u32, String)> {
        let before = runtime();
        match how {
            Use::Nothing => {}
            Use::Spawn => {
                let inside = tokio::spawn(async { runtime() }).await.context("it panicked")?;
                assert_eq!(inside, before);
            }
            Use::Sleep => tokio::time::sleep(Duration::from_millis(1)).await,
            // On a current-thread runtime that is a mistake, whoever calls.
            Use::Block if Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread => {}
            Use::Block => {
                tokio::task::block_in_place(|| std::thread::sleep(Duration::from_millis(2)));
            }
        }
        assert_eq!(runtime(), before);
        Ok((weaver::process_id(), before))
    }
}

fn runtime() -> String {
    Handle::current().id().to_string()
}

/// A method that has always been quick may be polled elsewhere than on a worker, and then is not quick.
pub(crate) async fn is_the_programs_own_for_every_call(stage: &Stage) -> Result<()> {
    const ROUNDS: usize = 5;
    const QUICK_CALLS: usize = 200;
    let busybody = stage.app.get::<dyn Busybody>().await?;
    let mut seen = std::collections::HashMap::new();
    for _ in 0..ROUNDS {
        for how in [Use::Spawn, Use::Sleep, Use::Block] {
            let quick = std::iter::repeat_n(Use::Nothing, QUICK_CALLS);
            for how in quick.chain([how]) {
                let (process, runtime) = busybody.use_runtime(how).await?;
                assert_eq!(*seen.entry(process).or_insert_with(|| runtime.clone()), runtime);
            }
        }
    }
    assert!(!seen.is_empty());
    Ok(())
}
