//! A component that nothing in the program implements.

use weaver::{Result, component};

use crate::Stage;

#[component]
trait Unmade {
    async fn call(&self) -> Result<()>;
}

pub(crate) async fn the_error_says_the_cure(stage: &Stage) -> Result<()> {
    let error = stage.app.get::<dyn Unmade>().await.expect_err("nothing implements it");
    let text = format!("{error:#}");
    for part in ["`Unmade`", "no implementation", "missing.rs:", "`use that_crate as _;`"] {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
    Ok(())
}
