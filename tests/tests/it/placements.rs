//! The bodies in this process: with direct calls, and with encoded ones.

use std::path::Path;

use weaver::App;
use weaver_runtime::{LocalCalls, config::ConfigFile};
use weaver_tests::{BODIES, Body, Stage};

use crate::support::fresh_directory;

/// Runs the bodies of one module of the library in a program of their own.
#[tokio::main]
async fn run(calls: LocalCalls, module: &str) {
    let belongs = |body: &&Body| body.name.split("::").next() == Some(module);
    let bodies: Vec<_> = BODIES.iter().filter(belongs).collect();
    assert!(!bodies.is_empty(), "the library has no bodies in `{module}`");
    let directory = fresh_directory();
    let stage = Stage::in_this_process(calls, directory.path()).await.expect("it starts");
    let mut failures = Vec::new();
    for body in bodies {
        if let Err(why) = body.run(stage.clone()).await {
            failures.push(format!("{}: {why}", body.name));
        }
    }
    stage.app.shutdown().await;
    assert!(failures.is_empty(), "{calls:?} calls:\n{}", failures.join("\n"));
}

/// Here `main` is that of the tests, which may do without sections of components that they do not call. One that is
/// there has to fit.
#[tokio::test]
async fn a_section_that_is_there_and_does_not_fit_ends_the_start() {
    let text = "[config.Tuned]\ntimes = \"often\"\n";
    let config = ConfigFile::parse(Path::new("weaver.toml"), text).expect("it is TOML");
    let error = App::builder().config(config).start().await.expect_err("it does not fit");
    let told = error.to_string();
    assert!(told.starts_with("weaver.toml:2:9: `times` in [config.Tuned]: expected u8"), "{told}");
}

macro_rules! modules {
    ($($module:ident)*) => {
        mod direct {
            $(#[test]
            fn $module() {
                super::run(super::LocalCalls::Direct, stringify!($module));
            })*
        }

        mod encoded {
            $(#[test]
            fn $module() {
                super::run(super::LocalCalls::Encoded, stringify!($module));
            })*
        }

        /// A new module of bodies is run, too.
        #[test]
        fn every_module_is_listed() {
            let listed = [$(stringify!($module)),*];
            for body in BODIES {
                let module = body.name.split("::").next().unwrap_or_default();
                assert!(listed.contains(&module), "`{module}` is not listed");
            }
        }
    };
}

modules! {
    borrowed bytes cancellation concurrent config crates deadlines errors init metadata missing panics
    refused runtime shutdown streams too_large traces values
}
