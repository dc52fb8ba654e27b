//! The names in the file against those of the program.

use super::{EXAMPLE, Known, MistakeKind, parsed, shows};

const BOUTIQUE: Known<'_> = Known {
    components: &["Cart", "CartStore", "Resizer", "Payment"],
    listeners: &["shop"],
    sections: &["Payment"],
};

#[test]
fn names_that_the_program_has_pass() {
    parsed(EXAMPLE).check(&BOUTIQUE).unwrap();
    parsed("").check(&Known::default()).unwrap();
}

#[test]
fn all_unknown_names_are_refused_in_the_order_of_lines() {
    let config = parsed(
        "[config.Payments]\n[config.Cart]\n[config.Zebra]\n[groups.a]\ncomponents = [\"Crat\", \"Zebra\", \"cart\"]\n\
         [listeners.shpo]\naddress = \"127.0.0.1:0\"\n",
    );
    let error = config.check(&BOUTIQUE).unwrap_err();
    shows(
        &error,
        &[
            "weaver.toml:1:9: unknown section `Payments`; did you mean `Payment`?",
            "weaver.toml:2:9: component `Cart` takes no configuration; remove its section, or give \
             its implementation a field of type `weaver::Config`",
            "weaver.toml:3:9: unknown section `Zebra`; only `Payment` is known",
            "weaver.toml:5:15: unknown component `Crat`; did you mean `Cart`?",
            "weaver.toml:5:23: unknown component `Zebra`; known are `Cart`, `CartStore`, `Resizer`, \
             `Payment`",
            "weaver.toml:5:32: unknown component `cart`; did you mean `Cart`?",
            "weaver.toml:6:12: unknown listener `shpo`; did you mean `shop`?",
        ],
    );
    assert!(error.mistakes().iter().all(|mistake| mistake.kind == MistakeKind::UnknownName));
}

#[test]
fn a_program_without_such_things_is_named_as_that() {
    let config = parsed("[config.A]\n[listeners.b]\naddress = \"127.0.0.1:0\"\n");
    shows(
        &config.check(&Known::default()).unwrap_err(),
        &[
            "weaver.toml:1:9: unknown section `A`; the program has none",
            "weaver.toml:2:12: unknown listener `b`; the program has none",
        ],
    );
}

#[test]
fn many_known_names_are_cut() {
    let names: Vec<_> = (10..40).map(|number| format!("Component{number}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let known = Known { components: &names, ..Known::default() };
    let config = parsed("[groups.a]\ncomponents = [\"Zebra\"]");
    let error = config.check(&known).unwrap_err().to_string();
    assert!(error.ends_with("`Component20`, `Component21` and 18 more"), "{error}");
}
