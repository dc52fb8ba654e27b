//! `[app]`, and the file as a whole.

use std::path::{Path, PathBuf};

use super::super::{Limits, PlacementDefault};
use super::{ConfigFile, EXAMPLE, MistakeKind, parse, parsed, refuses, refuses_as};

#[test]
fn the_example_says_what_it_says() {
    let config = parsed(EXAMPLE);
    assert_eq!(config.path(), Some(Path::new("weaver.toml")));
    assert_eq!(config.text(), EXAMPLE);
    assert_eq!(config.app_name(), Some("boutique"));
    assert_eq!(config.package(), Some("boutique"));
    assert_eq!(config.binary(), None);
    assert_eq!(config.env()["LANG"], "C");
    assert_eq!(config.args(), ["--fast"]);
    assert_eq!(config.listener("shop"), Some("127.0.0.1:8080".parse().unwrap()));
    assert_eq!(config.listener("other"), None);
    assert_eq!(config.placement_default(), PlacementDefault::Together);
    let groups = config.groups();
    assert_eq!(groups["cart"].components, ["Cart", "CartStore"]);
    assert_eq!(groups["cart"].replicas, Some(3));
    assert_eq!(groups["images"].components, ["Resizer"]);
    assert_eq!(groups["images"].replicas, None);
    let limits = config.limits();
    assert_eq!((limits.calls_in_flight, limits.queued_bytes), (1_000, 64 << 20));
    assert_eq!((limits.streams, limits.replica_wait.as_millis()), (16, 500));
}

#[test]
fn the_example_as_designed_is_refused_for_what_is_not_built() {
    let text = r#"[app]
name = "boutique"            # default: the package's name
package = "boutique"         # or: binary = "path"; env = {…}; args = […]

[listeners.shop]
address = "127.0.0.1:8080"

[placement]
default = "each"             # "together": one process · "each": one group for each component · "auto": measured (later)
[groups.cart]
components = ["Cart", "CartStore"]
replicas = { min = 2, max = 8, cpu = 0.7 }     # or a number
[groups.images]
components = ["Resizer"]
sandbox = { memory = "64MiB", cpu = "500ms", concurrency = 1, env = ["LANG"], dirs = { "/data" = "ro" }, connect = ["api.example.com:443"] }

[config.Payment]             # filled into Config<PaymentConfig>
currency = "CHF"
"#;
    refuses(
        text,
        &["weaver.toml:12:1: a range for `replicas` in [groups.cart] is not available yet; write \
             a number"],
    );
    let error = parse(text).unwrap_err();
    assert!(error.mistakes().iter().all(|mistake| mistake.kind == MistakeKind::NotAvailable));
}

#[test]
fn no_file_and_an_empty_file_say_the_same() {
    for config in [ConfigFile::default(), parsed("")] {
        assert_eq!(config.text(), "");
        assert_eq!(config.app_name(), None);
        assert_eq!(config.placement_default(), PlacementDefault::Each);
        assert!(config.groups().is_empty());
        assert!(config.env().is_empty());
        assert_eq!(config.limits(), Limits::default());
    }
    assert_eq!(ConfigFile::default().path(), None);
}

#[test]
fn a_replica_reads_the_same_from_the_text_it_is_handed() {
    let config = parsed(EXAMPLE);
    let again = ConfigFile::parse(config.path().unwrap(), config.text()).unwrap();
    assert_eq!(format!("{config:?}"), format!("{again:?}"));
}

#[test]
fn a_relative_binary_starts_at_the_file() {
    let binary = |path, binary| {
        let text = format!("[app]\nbinary = \"{binary}\"\n");
        ConfigFile::parse(Path::new(path), &text).unwrap().binary()
    };
    assert_eq!(binary("conf/weaver.toml", "bin/shop"), Some(PathBuf::from("conf/bin/shop")));
    assert_eq!(binary("weaver.toml", "bin/shop"), Some(PathBuf::from("bin/shop")));
    assert_eq!(binary("conf/weaver.toml", "/bin/shop"), Some(PathBuf::from("/bin/shop")));
}

#[test]
fn unknown_keys_are_refused_with_the_nearest_one() {
    refuses(
        "[group.cart]\ncomponents = [\"Cart\"]\n[app]\nnaem = 1\nwibble = 2\n\"\\u001b[31m\" = 3\n",
        &[
            "weaver.toml:1:2: unknown key `group`; did you mean `groups`?",
            "weaver.toml:4:1: unknown key `naem` in [app]; did you mean `name`?",
            "weaver.toml:5:1: unknown key `wibble` in [app]; known are `name`, `package`, `binary`, \
             `wasm`, `env`, `args`",
            "weaver.toml:6:1: unknown key `\\u{1b}[31m` in [app]; known are `name`, `package`, \
             `binary`, `wasm`, `env`, `args`",
        ],
    );
    refuses_as(
        MistakeKind::UnknownKey,
        "name = \"shop\"",
        "weaver.toml:1:1: unknown key `name`; known are `app`, `listeners`, `placement`, `groups`, \
         `limits`, `config`",
    );
}

#[test]
fn a_long_name_is_cut_in_messages() {
    let long = "x".repeat(100);
    let line = format!(
        "weaver.toml:2:1: unknown key `{}…` in [app]; known are `name`, `package`, `binary`, \
         `wasm`, `env`, `args`",
        "x".repeat(64)
    );
    refuses_as(MistakeKind::UnknownKey, &format!("[app]\n{long} = 1"), &line);
}

#[test]
fn wrong_types_name_types_and_not_values() {
    refuses(
        "[app]\nname = 1\npackage = [\"hunter2\"]\nenv = \"hunter2\"\nargs = [\"a\", 5, true]\n",
        &[
            "weaver.toml:2:8: `name` in [app]: expected a string, found an integer",
            "weaver.toml:3:11: `package` in [app]: expected a string, found an array",
            "weaver.toml:4:7: `env` in [app]: expected a table, found a string",
            "weaver.toml:5:14: `args` in [app]: expected a string, found an integer",
            "weaver.toml:5:17: `args` in [app]: expected a string, found a boolean",
        ],
    );
    refuses(
        "[app.env]\nPORT = 8080\nRATE = 0.5\nDAY = 2024-01-01\n",
        &[
            "weaver.toml:2:8: `PORT` in [app.env]: expected a string, found an integer",
            "weaver.toml:3:8: `RATE` in [app.env]: expected a string, found a float",
            "weaver.toml:4:7: `DAY` in [app.env]: expected a string, found a date or time",
        ],
    );
    refuses_as(
        MistakeKind::WrongType,
        "app = 1",
        "weaver.toml:1:7: `app`: expected a table, found an integer",
    );
    refuses_as(
        MistakeKind::WrongType,
        "[[app]]",
        "weaver.toml:1:1: `app`: expected a table, found an array",
    );
    refuses_as(
        MistakeKind::WrongType,
        "[config]\nPayment = \"hunter2\"",
        "weaver.toml:2:11: `Payment` in [config]: expected a table, found a string",
    );
}

#[test]
fn bad_values_are_refused() {
    refuses_as(
        MistakeKind::BadValue,
        "app.name = \"my shop\"",
        "weaver.toml:1:12: `name` in [app]: `my shop` is not allowed; use at most 64 of \
         `A-Z a-z 0-9 _ . -`, and begin with a letter or `_`",
    );
    refuses_as(
        MistakeKind::BadValue,
        "app.binary = \"\"",
        "weaver.toml:1:14: `binary` in [app]: must not be empty",
    );
    refuses(
        "[app.env]\n\"\" = \"hunter2\"\n\"A=B\" = \"hunter2\"\nC = \"hunter2\\u0000\"",
        &[
            "weaver.toml:2:1: `` in [app.env]: not the name of an environment variable",
            "weaver.toml:3:1: `A=B` in [app.env]: not the name of an environment variable",
            "weaver.toml:4:5: `C` in [app.env]: must not contain a NUL character",
        ],
    );
}

#[test]
fn wasm_is_the_binarys_companion() {
    let both = parsed("[app]\nbinary = \"shop\"\nwasm = \"shop.wasm\"");
    assert_eq!(both.wasm(), Some(PathBuf::from("shop.wasm")));
    refuses_as(
        MistakeKind::Conflict,
        "[app]\nwasm = \"shop.wasm\"",
        "weaver.toml:2:1: `wasm` in [app] without `binary`: it is the same program as that, for \
         groups in a sandbox; of a `package`, cargo builds both",
    );
}

#[test]
fn package_and_binary_exclude_each_other() {
    refuses_as(
        MistakeKind::Conflict,
        "[app]\nbinary = \"shop\"\npackage = \"shop\"\n",
        "weaver.toml:3:1: both `package` and `binary` in [app]; keep `package` to build it with \
         cargo, or `binary` to run it as it is",
    );
}

#[test]
fn debug_output_shows_no_secrets() {
    let text = "[app]\nenv = { PASSWORD = \"hunter2\" }\nargs = [\"hunter2\"]\n\
                [config.Payment]\nkey = \"hunter2\"\n";
    let debug = format!("{:?}", parsed(text));
    assert!(debug.contains("PASSWORD"), "{debug}");
    assert!(!debug.contains("hunter2"), "{debug}");
}
