//! Components that write down when they are made and when they are shut down. Whoever ended the
//! program reads it: [`SHUTDOWN_LOG`].

use std::{fs::OpenOptions, io::Write, path::PathBuf};

use serde::Deserialize;
use weaver::{Config, Lifecycle, Ref, Result, component};

use crate::Stage;

/// The file that each of these components adds a line to: `init NAME`, `shutdown NAME`.
pub(crate) const SHUTDOWN_LOG: &str = "lifecycle";

#[derive(Deserialize)]
struct Directory {
    directory: PathBuf,
}

impl Directory {
    fn note(&self, line: &str) -> Result<()> {
        let path = self.directory.join(SHUTDOWN_LOG);
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        // One write: several processes add to the file.
        file.write_all(format!("{line}\n").as_bytes())?;
        Ok(())
    }
}

macro_rules! noting {
    ($component:ident for $implementation:ident { $($field:ident: $reference:ty)? }) => {
        #[component]
        trait $component {
            /// Its name, and those of what is below.
            async fn names(&self) -> Result<String>;
        }

        #[derive(weaver::Component)]
        struct $implementation {
            config: Config<Directory>,
            $($field: $reference,)?
        }

        impl Lifecycle for $implementation {
            async fn init(&mut self) -> Result<()> {
                self.config.note(concat!("init ", stringify!($component)))?;
                $(self.$field.names().await?;)?
                Ok(())
            }

            async fn shutdown(&self) -> Result<()> {
                self.config.note(concat!("shutdown ", stringify!($component)))?;
                // An error is logged, and keeps nothing from stopping.
                Err(weaver::Error::msg("nothing to worry about"))
            }
        }

        #[component]
        impl $component for $implementation {
            async fn names(&self) -> Result<String> {
                let below: [String; _] = [$(self.$field.names().await?)?];
                Ok(format!("{} {}", stringify!($component), below.concat()))
            }
        }
    };
}

// Their names are in no order that could come about by chance.
noting!(Top for Roof { middle: Ref<dyn Middle> });
noting!(Bottom for Cellar {});
noting!(Middle for Floor { bottom: Ref<dyn Bottom> });

pub(crate) async fn components_work_before_it(stage: &Stage) -> Result<()> {
    assert_eq!(stage.app.get::<dyn Top>().await?.names().await?, "Top Middle Bottom ");
    let log = std::fs::read_to_string(stage.directory.join(SHUTDOWN_LOG))?;
    assert!(!log.contains("shutdown"), "nobody asked for it: {log}");
    for name in ["Top", "Middle", "Bottom"] {
        assert!(log.contains(&format!("init {name}\n")), "{log}");
    }
    Ok(())
}
