//! `[groups.NAME]`.

use std::time::Duration;

use super::{MistakeKind, parsed, refuses, refuses_as};
use crate::sandbox::{DirGrant, Grants};

#[test]
fn replicas_are_bounded() {
    let text = |replicas: &str| format!("[groups.a]\ncomponents = [\"A\"]\nreplicas = {replicas}");
    let replicas = |number| parsed(&text(number)).groups()["a"].replicas;
    assert_eq!(replicas("1"), Some(1));
    assert_eq!(replicas("1000"), Some(1000));
    assert_eq!(replicas("0x10"), Some(16));
    for refused in ["0", "-1", "1001", "4294967297", "99999999999999999999999999"] {
        let line = format!(
            "weaver.toml:3:12: `replicas` in [groups.a]: must be between 1 and 1000, found {refused}"
        );
        refuses_as(MistakeKind::BadValue, &text(refused), &line);
    }
    refuses_as(
        MistakeKind::WrongType,
        &text("2.0"),
        "weaver.toml:3:12: `replicas` in [groups.a]: expected an integer, found a float",
    );
}

#[test]
fn a_group_needs_components() {
    refuses(
        "[groups.a]\n[groups.b]\ncomponents = []\n[groups.c]\ncomponents = \"C\"\n\
         [groups.d]\ncomponents = [\"D\", 1]\n",
        &[
            "weaver.toml:1:1: missing key `components` in [groups.a]",
            "weaver.toml:3:14: `components` in [groups.b]: must name at least one component",
            "weaver.toml:5:14: `components` in [groups.c]: expected an array of strings, found a \
             string",
            "weaver.toml:7:20: `components` in [groups.d]: expected a string, found an integer",
        ],
    );
}

#[test]
fn unknown_keys_and_names_are_refused() {
    refuses_as(
        MistakeKind::UnknownKey,
        "[groups.cart]\ncomponents = [\"Cart\"]\nreplica = 2",
        "weaver.toml:3:1: unknown key `replica` in [groups.cart]; did you mean `replicas`?",
    );
    refuses(
        "[groups.\"a b\"]\ncomponents = [\"A\"]\n[groups.\"weaver.x\"]\ncomponents = [\"B\"]\n",
        &[
            "weaver.toml:1:9: `a b` cannot name a group; use at most 64 of `A-Z a-z 0-9 _ . -`, and \
             begin with a letter or `_`",
            "weaver.toml:3:9: `weaver.x` cannot name a group; names that begin with `weaver.` are \
             reserved",
        ],
    );
    parsed("[groups.weaver]\ncomponents = [\"A\"]");
}

#[test]
fn a_component_is_in_one_group_once() {
    refuses_as(
        MistakeKind::Conflict,
        "[groups.shop]\ncomponents = [\"Cart\"]\n[groups.cart]\ncomponents = [\"Store\", \"Cart\"]",
        "weaver.toml:4:24: component `Cart` is in [groups.cart] and in [groups.shop] (line 2)",
    );
    refuses(
        "[groups.cart]\ncomponents = [\n  \"Cart\",\n  \"Cart\",\n  \"Cart\",\n]",
        &[
            "weaver.toml:4:3: component `Cart` is already in [groups.cart] (line 3)",
            "weaver.toml:5:3: component `Cart` is already in [groups.cart] (line 3)",
        ],
    );
}

#[test]
fn main_runs_alone_and_once() {
    let main = |text| parsed(text).groups()["main"].clone();
    assert_eq!(main("[groups.main]").replicas, None);
    assert_eq!(main("[groups.main]\nreplicas = 1").replicas, Some(1));
    assert!(main("[groups.main]").components.is_empty());
    refuses(
        "[groups.main]\ncomponents = [\"Cart\"]\nreplicas = 2\n\
         [groups.cart]\ncomponents = [\"main\", \"Cart\"]\n",
        &[
            "weaver.toml:2:1: `components` in [groups.main] is not available yet: the group `main` \
             runs the program's `main` alone; list the components in a group of another name",
            "weaver.toml:3:1: a number above 1 for `replicas` in [groups.main] is not available \
             yet; leave it out or write 1, and put what should run more often into components",
            "weaver.toml:5:15: `main` among `components` in [groups.cart] is not available yet: it \
             always runs by itself",
        ],
    );
    refuses_as(
        MistakeKind::BadValue,
        "[groups.main]\nreplicas = 0",
        "weaver.toml:2:12: `replicas` in [groups.main]: must be between 1 and 1000, found 0",
    );
}

#[test]
fn what_is_planned_is_refused_in_any_spelling() {
    refuses(
        "[groups.a]\ncomponents = [\"A\"]\nreplicas.min = 2\n\
         [groups.b]\ncomponents = [\"B\"]\n",
        &[
            "weaver.toml:3:1: a range for `replicas` in [groups.a] is not available yet; write a number",
        ],
    );
}

#[test]
fn a_sandbox_is_granted_what_is_written_and_nothing_else() {
    let group = |sandbox: &str| {
        let text = format!("[groups.a]\ncomponents = [\"A\"]\nsandbox = {sandbox}");
        parsed(&text).groups()["a"].sandbox.clone()
    };
    assert_eq!(group("false"), None);
    assert_eq!(group("true"), Some(Grants::default()));
    assert_eq!(group("{}"), Some(Grants::default()));
    let all = "{ memory = \"64MiB\", cpu = \"500ms\", env = [\"LANG\"], dirs = { \"/data\" = \"ro\", \
               \"/tmp\" = \"rw\" }, connect = [\"api.example.com:443\", \"[::1]:80\"] }";
    let granted = Grants {
        memory_bytes: 64 << 20,
        cpu: Some(Duration::from_millis(500)),
        concurrency: 1,
        env: vec!["LANG".to_owned()],
        dirs: [("/data".into(), DirGrant::Read), ("/tmp".into(), DirGrant::Write)].into(),
        connect: vec![("api.example.com".to_owned(), 443), ("::1".to_owned(), 80)],
    };
    assert_eq!(group(all), Some(granted));
    assert_eq!(group("{ cpu = \"1s\", concurrency = 3 }").map(|it| it.concurrency), Some(3));
}

#[test]
fn a_grant_that_makes_no_sense_is_refused_with_its_place() {
    refuses(
        "[groups.a]\ncomponents = [\"A\"]\n[groups.a.sandbox]\nmemory = \"1MiB\"\ncpu = \"1ms\"\n\
         concurrency = 0\nconnect = [\"example.com\", \"x:0\"]\nfiles = true\n\
         dirs = { \"data\" = \"ro\", \"/data\" = \"r\" }\n",
        &[
            "weaver.toml:4:10: `memory` in [groups.a.sandbox]: must be between 4MiB and 4GiB, found `1MiB`",
            "weaver.toml:5:7: `cpu` in [groups.a.sandbox]: must be between 10ms and 10m, found `1ms`",
            "weaver.toml:6:15: `concurrency` in [groups.a.sandbox]: must be between 1 and 10000, found 0",
            "weaver.toml:7:12: `connect` in [groups.a.sandbox]: `example.com` is not a host and a port, such as \"api.example.com:443\"",
            "weaver.toml:7:27: `connect` in [groups.a.sandbox]: `x:0` is not a host and a port, such as \"api.example.com:443\"",
            "weaver.toml:8:1: unknown key `files` in [groups.a.sandbox]; known are `memory`, `cpu`, `concurrency`, `env`, `dirs`, `connect`",
            "weaver.toml:9:10: `data` must be an absolute path",
            "weaver.toml:9:35: `/data` in [groups.a.sandbox.dirs]: `r` is neither \"ro\" nor \"rw\"",
        ],
    );
}
