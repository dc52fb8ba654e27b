//! `[limits]`, and the quantities that are written there.

use std::time::Duration;

use super::{MistakeKind, parsed, refuses, refuses_as};
use crate::limits::Limits;

fn limits(line: &str) -> Limits {
    parsed(&format!("[limits]\n{line}\n")).limits()
}

/// Checks that a line of the table is refused with this end of the message.
#[track_caller]
fn refuses_line(kind: MistakeKind, line: &str, what: &str) {
    let (key, value) = line.split_once(" = ").unwrap();
    let column = key.len() + " = ".len() + 1;
    assert!(!value.is_empty());
    let message = format!("weaver.toml:2:{column}: `{key}` in [limits]: {what}");
    refuses_as(kind, &format!("[limits]\n{line}"), &message);
}

#[test]
fn what_is_not_said_keeps_its_default() {
    let default = Limits::default();
    assert_eq!(limits(""), default);
    assert_eq!(limits("streams = 7"), Limits { streams: 7, ..default.clone() });
    let replica_wait = Duration::from_secs(120);
    assert_eq!(limits("replica_wait = \"2m\""), Limits { replica_wait, ..default });
}

#[test]
fn sizes_are_bytes_or_have_a_unit() {
    let bytes = |value: &str| limits(&format!("queued_bytes = {value}")).queued_bytes;
    assert_eq!(bytes("65536"), 64 << 10);
    assert_eq!(bytes("100_000"), 100_000);
    assert_eq!(bytes("0x10000"), 64 << 10);
    assert_eq!(bytes("\"64KiB\""), 64 << 10);
    assert_eq!(bytes("\"3MiB\""), 3 << 20);
    assert_eq!(bytes("\"1024GiB\""), 1 << 40);
}

#[test]
fn times_have_a_unit() {
    let wait = |value: &str| limits(&format!("replica_wait = \"{value}\"")).replica_wait;
    assert_eq!(wait("10ms"), Duration::from_millis(10));
    assert_eq!(wait("007s"), Duration::from_secs(7));
    assert_eq!(wait("10m"), Duration::from_secs(600));
}

#[test]
fn counts_are_bounded() {
    assert_eq!(limits("calls_in_flight = 1").calls_in_flight, 1);
    assert_eq!(limits("calls_in_flight = 1_000_000").calls_in_flight, 1_000_000);
    assert_eq!(limits("streams = 65_536").streams, 65_536);
    for refused in ["0", "-1", "1000001", "18446744073709551616"] {
        let what = format!("must be between 1 and 1000000, found {refused}");
        let line = format!("calls_in_flight = {refused}");
        refuses_line(MistakeKind::BadValue, &line, &what);
    }
    for refused in ["0", "65537", "4294967297"] {
        let what = format!("must be between 1 and 65536, found {refused}");
        refuses_line(MistakeKind::BadValue, &format!("streams = {refused}"), &what);
    }
    let what = "expected an integer, found a string";
    refuses_line(MistakeKind::WrongType, "streams = \"1\"", what);
    let what = "expected an integer, found a float";
    refuses_line(MistakeKind::WrongType, "calls_in_flight = 1e3", what);
}

#[test]
fn sizes_are_bounded_in_their_units() {
    for refused in ["0", "65535", "1099511627777", "-1", "99999999999999999999"] {
        let what = format!("must be between 64KiB and 1024GiB, found {refused}");
        refuses_line(MistakeKind::BadValue, &format!("queued_bytes = {refused}"), &what);
    }
    for refused in ["0MiB", "63KiB", "1025GiB", "99999999999999999999KiB"] {
        let what = format!("must be between 64KiB and 1024GiB, found `{refused}`");
        refuses_line(MistakeKind::BadValue, &format!("queued_bytes = \"{refused}\""), &what);
    }
}

#[test]
fn times_are_bounded_in_their_units() {
    for refused in ["0s", "9ms", "11m", "601s", "99999999999999999999m"] {
        let what = format!("must be between 10ms and 10m, found `{refused}`");
        refuses_line(MistakeKind::BadValue, &format!("replica_wait = \"{refused}\""), &what);
    }
}

#[test]
fn what_is_no_quantity_is_answered_with_an_example() {
    for refused in ["", "256", "MiB", "256MB", "256 MiB", "1.5GiB", "-1MiB", "1mib", "1_0MiB", "ü"]
    {
        let what = format!(
            "`{refused}` is not a size; write a whole number and a unit (`KiB`, `MiB`, `GiB`), such \
             as \"64MiB\""
        );
        refuses_line(MistakeKind::BadValue, &format!("queued_bytes = \"{refused}\""), &what);
    }
    for refused in ["", "10", "s", "10 s", "1h", "1.5s", "10S", "+1s", "1s1s"] {
        let what = format!(
            "`{refused}` is not a time; write a whole number and a unit (`ms`, `s`, `m`), such as \
             \"500ms\""
        );
        refuses_line(MistakeKind::BadValue, &format!("replica_wait = \"{refused}\""), &what);
    }
    let what = "expected a size such as \"64MiB\", found a boolean";
    refuses_line(MistakeKind::WrongType, "queued_bytes = true", what);
    let what = "expected a time such as \"500ms\", found an integer";
    refuses_line(MistakeKind::WrongType, "replica_wait = 10", what);
}

#[test]
fn unknown_keys_are_refused_with_the_nearest() {
    refuses(
        "[limits]\ncalls_in_fligt = 1\nqueue_bytes = 2\nmemory = 3\n[limit]\n",
        &[
            "weaver.toml:2:1: unknown key `calls_in_fligt` in [limits]; did you mean \
             `calls_in_flight`?",
            "weaver.toml:3:1: unknown key `queue_bytes` in [limits]; did you mean `queued_bytes`?",
            "weaver.toml:4:1: unknown key `memory` in [limits]; known are `calls_in_flight`, \
             `queued_bytes`, `streams`, `replica_wait`",
            "weaver.toml:5:2: unknown key `limit`; did you mean `limits`?",
        ],
    );
    refuses_as(
        MistakeKind::WrongType,
        "limits = 5",
        "weaver.toml:1:10: `limits`: expected a table, found an integer",
    );
    refuses_as(
        MistakeKind::Syntax,
        "[limits]\nreplica_wait = 10s\n",
        "weaver.toml:2:16: not valid TOML: string values must be quoted; the line is: replica_wait \
         = 10s",
    );
}
