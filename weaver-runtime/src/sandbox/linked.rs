//! [`LinkedHost`]: what runs guests in the program's own process, if the program has it linked in.

use std::{
    env,
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::{GUEST_TARGET, Grants, InSandbox, same};
use crate::{
    component::BoxFuture,
    config::ConfigFile,
    error::{Context, Error, Result},
    graph::Graph,
    placement::MAIN,
    report,
};

/// What runs guests in the program's own process: `weaver` with its feature `sandbox` links one in.
#[derive(Debug)]
pub struct LinkedHost {
    /// Loads the program, and gives the groups as guests of it.
    pub load: Load,
}

/// Loads a program for these groups.
pub type Load = fn(PathBuf, Vec<(String, Grants)>) -> BoxFuture<'static, Result<Loaded>>;

inventory::collect!(LinkedHost);

/// A program as WebAssembly.
#[derive(Debug)]
pub struct Loaded {
    /// What it consists of.
    pub graph: Graph,
    /// The groups that were asked for.
    pub groups: Vec<InSandbox>,
}

/// The groups that are to run in a sandbox by the configuration, as guests in this process.
///
/// # Errors
/// The program is not there as WebAssembly, or is another one.
pub(crate) async fn configured(native: &Graph, config: &ConfigFile) -> Result<Vec<InSandbox>> {
    let sandboxed = config.groups().iter().filter_map(|(name, group)| {
        let grants = group.sandbox.clone()?;
        Some((name.clone(), grants))
    });
    let (main, groups): (Vec<_>, Vec<_>) = sandboxed.partition(|(name, _)| name == MAIN);
    let Some(host) = inventory::iter::<LinkedHost>().next() else {
        note_native(main.iter().chain(&groups));
        return Ok(Vec::new());
    };
    // What is around the guests runs in this process.
    note_native(&main);
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let wasm = find(config)?;
    let Loaded { graph, groups } = (host.load)(wasm, groups).await?;
    same(native, &graph).map_err(|differs| Error::from_std(&differs))?;
    Ok(groups)
}

fn note_native<'a>(groups: impl IntoIterator<Item = &'a (String, Grants)>) {
    let names: Vec<_> = groups.into_iter().map(|(name, _)| name.as_str()).collect();
    if !names.is_empty() {
        report::to_stderr(&format!(
            "note: native here, and without the limits of `sandbox`: {}; `weaver deploy` runs it in its sandbox",
            names.join(", ")
        ));
    }
}

/// The program as WebAssembly: what the configuration names, or where cargo puts it.
fn find(config: &ConfigFile) -> Result<PathBuf> {
    let program = env::current_exe().context("cannot tell where this program is")?;
    let candidates = match config.wasm() {
        Some(wasm) => vec![wasm],
        None => candidates(&program),
    };
    let Some(wasm) = candidates.iter().find(|wasm| wasm.is_file()) else {
        let places: Vec<_> = candidates.iter().map(|it| it.display().to_string()).collect();
        return Err(Error::msg(format!(
            "groups of it have a `sandbox`, and the program is not there as WebAssembly: neither at {}; \
             {} builds it",
            places.join(" nor at "),
            command(&program)
        )));
    };
    if let (Ok(ours), Ok(its)) = (modified(&program), modified(wasm))
        && its < ours
    {
        report::warn(&format!(
            "{} is older than this program; if what it runs has changed since, {} builds it anew",
            wasm.display(),
            command(&program)
        ));
    }
    Ok(wasm.clone())
}

/// Beside the program, or where cargo puts it: `target/wasm32-wasip2/PROFILE`.
fn candidates(program: &Path) -> Vec<PathBuf> {
    // Those of tests and examples are one folder deeper.
    let is_own = |folder: &&Path| !(folder.ends_with("deps") || folder.ends_with("examples"));
    let Some(folder) = program.ancestors().skip(1).find(is_own) else { return Vec::new() };
    let mut file = program.file_name().unwrap_or_default().to_owned();
    file.push(".wasm");
    let profile = folder.file_name().unwrap_or_default();
    let of_target = |target: &Path| target.join(GUEST_TARGET).join(profile).join(&file);
    // A program that was built for a target of its own is one folder deeper.
    let targets = folder.ancestors().skip(1).take(2);
    [folder.join(&file)].into_iter().chain(targets.map(of_target)).collect()
}

/// What builds it for this profile.
fn command(program: &Path) -> &'static str {
    match program.parent().and_then(Path::file_name).is_some_and(|folder| folder == "release") {
        true => "`weaver build --release`",
        false => "`weaver build`",
    }
}

fn modified(path: &Path) -> std::io::Result<SystemTime> {
    path.metadata()?.modified()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_where_cargo_puts_it() {
        let found = candidates(Path::new("/shop/target/debug/shop"));
        let expected = [
            "/shop/target/debug/shop.wasm",
            "/shop/target/wasm32-wasip2/debug/shop.wasm",
            "/shop/wasm32-wasip2/debug/shop.wasm",
        ];
        assert_eq!(found, expected.map(PathBuf::from));
        let found = candidates(Path::new("/shop/target/x86_64-unknown-linux-gnu/release/shop"));
        let expected = PathBuf::from("/shop/target/wasm32-wasip2/release/shop.wasm");
        assert_eq!(found[2], expected);
    }
}
