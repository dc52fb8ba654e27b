//! `[listeners.NAME]`.

use super::{MistakeKind, parsed, refuses, refuses_as};

#[test]
fn addresses_of_both_families_and_free_ports_are_read() {
    let config = parsed("[listeners.a]\naddress = \"[::1]:80\"\n[listeners]\n");
    assert_eq!(config.listener("a"), Some("[::1]:80".parse().unwrap()));
    let config = parsed("listeners.a.address = \"0.0.0.0:0\"");
    assert_eq!(config.listener("a"), Some("0.0.0.0:0".parse().unwrap()));
}

#[test]
fn other_addresses_are_refused_with_the_port_kept() {
    let refused = |address: &str, port: u16| {
        refuses_as(
            MistakeKind::BadValue,
            &format!("[listeners.shop]\naddress = \"{address}\""),
            &format!(
                "weaver.toml:2:11: `address` in [listeners.shop]: `{address}` is not a socket \
                 address; write an IP address and a port, such as `127.0.0.1:{port}`"
            ),
        );
    };
    refused("localhost:3000", 3000);
    refused(":3000", 3000);
    refused("3000", 3000);
    refused("127.0.0.1", 8080);
    refused("127.0.0.1:99999", 8080);
    refused("", 8080);
}

#[test]
fn two_listeners_do_not_have_one_address() {
    let both = |a: &str, b: &str| {
        format!("[listeners.shop]\naddress = \"{a}\"\n[listeners.admin]\naddress = \"{b}\"\n")
    };
    refuses_as(
        MistakeKind::Conflict,
        &both("127.0.0.1:80", "127.0.0.1:80"),
        "weaver.toml:4:11: `127.0.0.1:80` is the address of [listeners.shop] and of \
         [listeners.admin] (line 2)",
    );
    parsed(&both("127.0.0.1:80", "127.0.0.2:80"));
    parsed(&both("127.0.0.1:0", "127.0.0.1:0"));
}

#[test]
fn a_listener_needs_an_address() {
    refuses(
        "[listeners.shop]\n[listeners.admin]\nadress = \"127.0.0.1:1\"\n[listeners.other]\naddress = 80\n",
        &[
            "weaver.toml:1:1: missing key `address` in [listeners.shop]",
            "weaver.toml:2:1: missing key `address` in [listeners.admin]",
            "weaver.toml:3:1: unknown key `adress` in [listeners.admin]; did you mean `address`?",
            "weaver.toml:5:11: `address` in [listeners.other]: expected a string, found an integer",
        ],
    );
    refuses_as(
        MistakeKind::UnknownKey,
        "[listeners.shop]\naddress = \"127.0.0.1:1\"\ntls = true",
        "weaver.toml:3:1: unknown key `tls` in [listeners.shop]; only `address` is known",
    );
}

#[test]
fn names_are_bounded() {
    let line = |at: &str, name: &str| {
        format!(
            "weaver.toml:{at}: `{name}` cannot name a listener; use at most 64 of \
             `A-Z a-z 0-9 _ . -`, and begin with a letter or `_`"
        )
    };
    let refused = |name: &str| {
        let text = format!("[listeners.\"{name}\"]\naddress = \"127.0.0.1:1\"");
        refuses_as(MistakeKind::BadValue, &text, &line("1:12", name));
    };
    refused("");
    refused("my shop");
    refused("1st");
    refused("grün");
    let longest = "x".repeat(64);
    parsed(&format!("[listeners.{longest}]\naddress = \"127.0.0.1:1\""));
    let text = format!("[listeners.{longest}y]\naddress = \"127.0.0.1:1\"");
    refuses_as(MistakeKind::BadValue, &text, &line("1:12", &format!("{longest}…")));
}
