//! `[groups.NAME]`.

use super::{MistakeKind, parsed, refuses, refuses_as};

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
         [groups.b]\ncomponents = [\"B\"]\n[groups.b.sandbox]\nmemory = \"1MiB\"\n",
        &[
            "weaver.toml:3:1: a range for `replicas` in [groups.a] is not available yet; write a \
             number",
            "weaver.toml:6:11: `sandbox` in [groups.b] is not available yet",
        ],
    );
}
