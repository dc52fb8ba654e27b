//! Sections of `weaver.toml`, each for one component.

use serde::{Deserialize, Serialize};
use weaver::{Config, Result, component};

use crate::Stage;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Tuning {
    greeting: String,
    times: u8,
    nested: Nested,
    absent: Option<u8>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Nested {
    on: bool,
}

#[component]
trait Tuned {
    async fn tuning(&self) -> Result<Tuning>;
}

/// Has the same fields and no section.
#[component]
trait Untuned {
    async fn tuning(&self) -> Result<Tuning>;
}

#[derive(weaver::Component)]
struct Strings {
    config: Config<Tuning>,
    /// Neither a reference nor a section: `Default`.
    other: Option<u8>,
}

#[component]
impl Tuned for Strings {
    async fn tuning(&self) -> Result<Tuning> {
        assert_eq!(self.other, None);
        Ok(Tuning::clone(&self.config))
    }
}

#[derive(weaver::Component)]
struct Drum {
    config: Config<Tuning>,
}

#[component]
impl Untuned for Drum {
    async fn tuning(&self) -> Result<Tuning> {
        Ok(Tuning::clone(&self.config))
    }
}

pub(crate) async fn sections_are_each_components_own(stage: &Stage) -> Result<()> {
    let tuned = stage.app.get::<dyn Tuned>().await?.tuning().await?;
    let greeting = "Grüezi".to_owned();
    assert_eq!(tuned, Tuning { greeting, times: 3, nested: Nested { on: true }, absent: None });
    let untuned = stage.app.get::<dyn Untuned>().await?.tuning().await?;
    assert_eq!(untuned, Tuning::default(), "a missing section is an empty table");
    Ok(())
}
