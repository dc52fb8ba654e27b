//! `weaver dev`.

use std::{
    collections::BTreeSet,
    error::Error,
    fs,
    hash::Hasher,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use clap::Args;
use rustc_hash::FxHasher;
use tokio::sync::mpsc;
use toml_edit::DocumentMut;
use weaver_runtime::{
    config::{CONFIG_FILE, ConfigFile},
    placement::MAIN,
};

use super::{Planned, runtime};
use crate::{
    deployer::{self, Affected, Change, Deployment},
    logs,
    plan::{Plan, Sandboxes},
    project::config_in,
    sandbox::Sandbox,
    watch::{self, Watch},
};

/// Deploy a program, and again whenever its sources or its `weaver.toml` change.
///
/// Like `weaver deploy`, for those who write the program. After a change it is built again; if that fails, what runs
/// goes on, and the compiler says why. Else the processes are started anew: all of them, or those of the groups whose
/// `[config.…]` changed, if nothing else did. Listeners stay open meanwhile: a connection waits until the program is back
/// (one that is under way with a process that ends may be cut, and so is one that waits at an `address` that changes).
/// An address that something else has is waited for.
/// It ends on Ctrl-C or SIGTERM, and not when `main` returns.
#[derive(Debug, Args)]
pub(super) struct Dev {
    /// The package's directory.
    #[arg(default_value = ".")]
    directory: PathBuf,

    /// Build with optimizations.
    #[arg(long)]
    release: bool,

    /// Run all components in the process of `main`, whatever `weaver.toml` says of groups.
    #[arg(long)]
    one_process: bool,
}

/// How often files are looked at.
const LOOK_MILLISECONDS: u64 = 200;

/// Changes, of which only the last matters, that may wait for the deployer.
const CHANGES_MAX: usize = 1;

/// A deployment, and what tells whether the next one differs.
struct Built {
    deployment: Deployment,
    version: Version,
    /// What the program was built from.
    files: Vec<PathBuf>,
}

impl Dev {
    pub(super) fn run(self) -> Result<u8, Box<dyn Error>> {
        let mut watch = Watch::new(&self.directory, []);
        let built = loop {
            // What is no package will not become one.
            match self.build() {
                Ok(built) => break built,
                Err(error) if self.directory.join("Cargo.toml").is_file() => logs::error(&*error),
                Err(error) => return Err(error),
            }
            logs::note("waiting for a change");
            wait(&mut watch);
        };
        logs::say(&built.deployment.plan.to_string());
        let Built { deployment, version: mut last, files } = built;
        watch.also(files);
        let (changes, inbox) = mpsc::channel(CHANGES_MAX);
        // Not joined: it ends with this process.
        thread::Builder::new().name("builder".to_owned()).spawn(move || {
            // Until the deployment ends.
            while changes.blocking_send(self.next(&mut watch, &mut last)).is_ok() {}
        })?;
        Ok(runtime()?.block_on(deployer::run_changing(deployment, inbox))?)
    }

    fn build(&self) -> Result<Built, Box<dyn Error>> {
        let config = match self.one_process {
            true => Some(in_one_process(&config_in(&self.directory)?)?),
            false => None,
        };
        let planned =
            Planned::with_config(&self.directory, self.release, &Sandboxes::AS_CONFIGURED, config)?;
        let Planned { project, binary, graph, plan, .. } = planned.fitting()?;
        plan.problems(&graph).iter().for_each(|problem| logs::note(problem));
        let sandbox = Sandbox::build(&project, &graph, &plan, self.release)?;
        let wasm = sandbox.as_ref().map(|sandbox| sandbox.wasm.as_path());
        let code = (hash(&binary)?, wasm.map(hash).transpose()?);
        let version = Version { code, plan: plan.clone(), config: project.config.clone() };
        let mut files = watch::built_from(&binary);
        if project.config.binary().is_some() {
            files.extend([binary.clone()].into_iter().chain(wasm.map(Path::to_owned)));
        }
        let app = project.app_name(&graph);
        let deployment = Deployment { app, binary, graph, plan, config: project.config, sandbox };
        Ok(Built { deployment, version, files })
    }

    /// The next deployment that differs from the last one.
    fn next(&self, watch: &mut Watch, last: &mut Version) -> Change {
        loop {
            wait(watch);
            let built = match self.build() {
                Ok(built) => built,
                Err(error) => {
                    logs::error(&*error);
                    logs::note("what runs goes on; waiting for a change");
                    continue;
                }
            };
            let Built { deployment, version, files } = built;
            watch.also(files);
            let affected = version.affected(last);
            if version.plan != last.plan {
                logs::announce(version.plan.to_string());
            }
            *last = version;
            match &affected {
                Affected::All => logs::note("starting all processes anew"),
                Affected::Groups(groups) if groups.is_empty() => {
                    logs::note("nothing of the program has changed");
                    continue;
                }
                Affected::Groups(groups) => {
                    let groups: Vec<_> = groups.iter().map(String::as_str).collect();
                    logs::note(&format!("starting anew: {}", groups.join(", ")));
                }
            }
            return Change { deployment, affected };
        }
    }
}

/// What a change is compared with.
struct Version {
    /// Hashes of the program, and of the same as WebAssembly.
    code: (u64, Option<u64>),
    plan: Plan,
    config: ConfigFile,
}

impl Version {
    /// The groups of this that differ from those of the one before.
    fn affected(&self, before: &Self) -> Affected {
        if self.code != before.code || self.plan != before.plan {
            return Affected::All;
        }
        let (Some((now, rest)), Some((then, rest_then))) =
            (sections(&self.config), sections(&before.config))
        else {
            return Affected::All;
        };
        if rest != rest_then {
            return Affected::All;
        }
        let names = now.keys().chain(then.keys()).collect::<BTreeSet<_>>();
        let changed = names.into_iter().filter(|name| now.get(*name) != then.get(*name));
        let groups =
            changed.map(|name| self.plan.placement.group_of(name).unwrap_or(MAIN).to_owned());
        Affected::Groups(groups.collect())
    }
}

/// The sections of components, and what else the file says.
fn sections(config: &ConfigFile) -> Option<(toml::Table, toml::Table)> {
    let mut rest: toml::Table = config.text().parse().ok()?;
    match rest.remove("config") {
        Some(toml::Value::Table(sections)) => Some((sections, rest)),
        None => Some((toml::Table::new(), rest)),
        Some(_) => None,
    }
}

/// The same configuration with all components in the process of `main`.
fn in_one_process(config: &ConfigFile) -> Result<ConfigFile, Box<dyn Error>> {
    let mut text: DocumentMut = config.text().parse()?;
    text.remove("groups");
    text.remove("placement");
    let text = format!("{text}\n[placement]\ndefault = \"together\"\n");
    let path = config.path().unwrap_or_else(|| Path::new(CONFIG_FILE));
    Ok(ConfigFile::parse(path, &text)?)
}

/// Waits until files change, and then until they do no longer: an editor may write several.
fn wait(watch: &mut Watch) {
    let look = || thread::sleep(Duration::from_millis(LOOK_MILLISECONDS));
    while !watch.has_changed() {
        look();
    }
    look();
    while watch.has_changed() {
        look();
    }
}

fn hash(file: &Path) -> std::io::Result<u64> {
    let mut hasher = FxHasher::default();
    hasher.write(&fs::read(file)?);
    Ok(hasher.finish())
}

#[cfg(test)]
mod tests {
    use weaver_runtime::graph::{ComponentNode, Graph, Requests};

    use super::*;

    fn version(code: u64, config: &str) -> Version {
        let config = ConfigFile::parse(Path::new("weaver.toml"), config).unwrap();
        let node = || ComponentNode { requests: Requests::default(), ..ComponentNode::default() };
        let graph = Graph {
            package: "shop".to_owned(),
            components: ["Cart", "Store"].map(|name| (name.to_owned(), node())).into(),
            main: Some(Requests::default()),
        };
        let plan = Plan::new(&graph, &config, &Sandboxes::AS_CONFIGURED);
        Version { code: (code, None), plan, config }
    }

    fn affected(before: &str, now: &str) -> Affected {
        version(1, now).affected(&version(1, before))
    }

    fn groups(names: &[&str]) -> Affected {
        Affected::Groups(names.iter().map(|&name| name.to_owned()).collect())
    }

    #[test]
    fn a_section_concerns_its_group_and_what_else_there_is_all() {
        let base = "[config.Cart]\nlimit = 1\n";
        assert_eq!(affected(base, base), groups(&[]));
        assert_eq!(affected(base, "# a remark\n[config.Cart]\nlimit = 1"), groups(&[]));
        assert_eq!(affected(base, "[config.Cart]\nlimit = 2"), groups(&["cart"]));
        assert_eq!(affected(base, ""), groups(&["cart"]));
        let both = "[config.Cart]\nlimit = 2\n[config.Store]\npath = \"x\"\n[config.main]\nx = 1";
        assert_eq!(affected(base, both), groups(&["cart", "store", "main"]));
        assert_eq!(
            affected(base, "[config.Cart]\nlimit = 1\n[app]\nargs = [\"x\"]"),
            Affected::All
        );
        let placed = "[config.Cart]\nlimit = 1\n[groups.x]\ncomponents = [\"Cart\"]";
        assert_eq!(affected(base, placed), Affected::All);
        assert_eq!(version(2, base).affected(&version(1, base)), Affected::All);
    }

    #[test]
    fn one_process_has_everything_and_keeps_the_rest() {
        let config = "[listeners.web]\naddress = \"127.0.0.1:1\"\n[groups.x]\ncomponents = [\"Cart\"]\n\
                      replicas = 3\n[placement]\ndefault = \"each\"\n[config.Cart]\nlimit = 1\n";
        let config = ConfigFile::parse(Path::new("weaver.toml"), config).unwrap();
        let together = in_one_process(&config).unwrap();
        assert!(together.groups().is_empty() && together.has_section("Cart"));
        let one = version(1, together.text());
        assert_eq!(one.plan.groups.len(), 1, "{}", one.plan);
        assert!(in_one_process(&ConfigFile::default()).is_ok());
    }
}
