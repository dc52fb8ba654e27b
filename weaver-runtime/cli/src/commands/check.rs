//! `weaver check`.

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    thread,
};

use clap::Args;
use serde_json::json;

use super::Planned;
use crate::{
    check::Findings, logs, plan::Sandboxes, sources::Sources, watch::built_from, wrap::counted,
};

/// Look at a program and its `weaver.toml` together, without starting anything.
///
/// Builds the program as `weaver deploy` does and asks it. What would be refused at the start, or fail when it is
/// called, is an error; what works, and may not be meant, a warning. Exit code 0 without errors, else 1.
///
/// Calls to another process in a loop, and fields with `#[serde(skip)]` of what is sent to one, are found in the sources
/// as they stand, without types and macros. A comment with `weaver: meant`, on the line or above it, says that one is.
///
/// No `main` is run, no `init`, and nothing built for a sandbox: whether addresses are free, what `init` says, and
/// whether the code compiles to WebAssembly, only a start can tell.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// The package's directory.
    #[arg(default_value = ".")]
    directory: PathBuf,

    /// Build with optimizations.
    #[arg(long)]
    release: bool,

    /// Take warnings for errors.
    #[arg(long)]
    strict: bool,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(super) fn run(self) -> Result<u8, Box<dyn Error>> {
        let planned = Planned::new(&self.directory, self.release, &Sandboxes::AS_CONFIGURED);
        let found = planned.and_then(|planned| {
            let found = planned.findings()?;
            if !self.json {
                logs::say(&format!("{found}{}", planned.summary(&found)));
            }
            Ok(found)
        });
        let found = match found {
            Err(error) if self.json => {
                Findings { errors: vec![logs::chain(&*error)], ..Findings::default() }
            }
            found => found?,
        };
        let Findings { errors, warnings } = &found;
        if self.json {
            let found = json!({ "errors": errors, "warnings": warnings });
            logs::say(&serde_json::to_string_pretty(&found)?);
        }
        let fails = !errors.is_empty() || (self.strict && !warnings.is_empty());
        Ok(u8::from(fails))
    }
}

/// As much as rustc gives itself, eight times: without optimization more is needed.
const PARSING_STACK_BYTES: usize = 64 << 20;

/// What is longer was written by a machine.
const SOURCE_BYTES_MAX: u64 = 1 << 20;

impl Planned {
    fn findings(&self) -> Result<Findings, Box<dyn Error>> {
        let Self { project, graph, plan, misfits, panic_aborts, .. } = self;
        let mut aborting = project.aborting_profiles()?;
        if *panic_aborts && aborting.is_empty() {
            aborting.push("the build, by cargo's configuration or its environment,".to_owned());
        }
        let mut found = thread::scope(|scope| -> Result<_, Box<dyn Error>> {
            // Sources may be nested as deeply as their author's compiler, which has room, allows.
            let builder = thread::Builder::new().stack_size(PARSING_STACK_BYTES);
            let look = || Findings::new(graph, plan, &self.sources(), &aborting);
            let found = builder.spawn_scoped(scope, look)?.join();
            found.map_err(|_| "the sources could not be looked at".into())
        })?;
        found.errors.splice(0..0, misfits.iter().cloned());
        if plan.sandboxed().next().is_some() {
            found.errors.extend(project.named_guest().err().map(|error| error.to_string()));
        }
        Ok(found)
    }

    /// The files that the program was built from.
    fn sources(&self) -> Sources {
        let here = self.project.directory();
        let whole = here.canonicalize().unwrap_or_default();
        // Where weaver is a checkout, it is among them.
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("src");
        let is_read = |path: &PathBuf| {
            let is_rust = path.extension().is_some_and(|it| it == "rs");
            is_rust
                && !path.starts_with(&ours)
                && fs::metadata(path).is_ok_and(|it| it.len() <= SOURCE_BYTES_MAX)
        };
        let files = built_from(&self.binary).into_iter().filter(is_read).filter_map(|path| {
            let text = fs::read_to_string(&path).ok()?;
            let name = match path.strip_prefix(&whole) {
                Ok(inside) if here == Path::new(".") => inside.to_owned(),
                Ok(inside) => here.join(inside),
                Err(_) => path,
            };
            Some((name.display().to_string(), text))
        });
        Sources::parse(files)
    }

    fn summary(&self, found: &Findings) -> String {
        format!(
            "{}: {} in {}, {}, {}",
            self.project.app_name(&self.graph),
            counted(self.graph.components.len(), "component"),
            counted(self.plan.groups.len(), "group"),
            counted(found.errors.len(), "error"),
            counted(found.warnings.len(), "warning"),
        )
    }
}
