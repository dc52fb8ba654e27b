//! Text that is not TOML, and what its line may show.

use super::{MistakeKind, parsed, refuses_as};

fn refused(text: &str, line: &str) {
    refuses_as(MistakeKind::Syntax, text, line);
}

#[test]
fn the_line_is_shown_below_a_header_without_secrets() {
    refused(
        "# shop\n[groups.cart\ncomponents = []",
        "weaver.toml:2:13: not valid TOML: unclosed table, expected `]`; the line is: [groups.cart",
    );
    refused(
        "[groups.cart]\ncomponents = [\"Cart\"]\nreplicas 2\n",
        "weaver.toml:3:10: not valid TOML: key with no value, expected `=`; the line is: replicas 2",
    );
    refused(
        "[placement]\ndefault = each\n",
        "weaver.toml:2:11: not valid TOML: string values must be quoted; the line is: default = each",
    );
    refused(
        "[groups.a]\nreplicas = 1\nreplicas = 2\n",
        "weaver.toml:3:1: not valid TOML: duplicate key; the line is: replicas = 2",
    );
}

#[test]
fn a_value_that_may_be_secret_is_not_shown() {
    refused(
        "[config.Payment]\nkey = \"hunter2\nother = 1\n",
        "weaver.toml:2:15: not valid TOML: invalid basic string, expected `\"`; the line is: key = …",
    );
    refused(
        "[app]\nenv = { KEY = hunter2 }\n",
        "weaver.toml:2:15: not valid TOML: string values must be quoted; the line is: env = …",
    );
    refused(
        "[app]\nargs =\n",
        "weaver.toml:2:7: not valid TOML: string values must be quoted; the line is: args =",
    );
    refused(
        "[config.Payment\n",
        "weaver.toml:1:16: not valid TOML: unclosed table, expected `]`; the line is: [config.Payment",
    );
    refused(
        "[config.Payment] key = \"hunter2\"\n",
        "weaver.toml:1:18: not valid TOML: unexpected key or value, expected newline, `#`; the line \
         is: [config.Payment] key …",
    );
}

#[test]
fn nothing_is_shown_of_a_line_that_may_be_inside_a_string() {
    refused(
        "[config.Payment]\nkey = \"\"\"\nabc \"\"\"\nMIIEvQIBADANBg==\n\"\"\"\n",
        "weaver.toml:4:16: not valid TOML: extra `=`",
    );
    refused(
        "[config.Payment]\nlist = [\"a\",\n[\"hunter2\" 1]]\n",
        "weaver.toml:3:12: not valid TOML: missing comma between array elements, expected `,`",
    );
}

#[test]
fn columns_count_characters_and_lines_end_in_any_way() {
    refused(
        "\u{feff}[placement]\r\n\"grün\" = hunter2",
        "weaver.toml:2:10: not valid TOML: string values must be quoted; the line is: \"grün\" = \
         hunter2",
    );
    refused(
        "\u{feff}a = b",
        "weaver.toml:1:5: not valid TOML: string values must be quoted; the line is: a = …",
    );
}

#[test]
fn deep_nesting_is_refused_and_not_followed() {
    for text in [
        format!("{}a = 1", "a.".repeat(400_000)),
        format!("[{}a]", "a.".repeat(400_000)),
        format!("a = {}", "[".repeat(400_000)),
    ] {
        let error = super::parse(&text).unwrap_err();
        assert_eq!(error.mistakes()[0].kind, MistakeKind::Syntax);
    }
}

#[test]
fn a_text_of_the_largest_size_is_read_and_a_larger_one_refused() {
    let largest = "#".repeat(1024 * 1024);
    parsed(&largest);
    refuses_as(
        MistakeKind::TooLarge,
        &format!("{largest}#"),
        "weaver.toml: larger than 1048576 bytes, the most that is read",
    );
}
