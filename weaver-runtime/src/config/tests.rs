//! What the configuration accepts, and the exact words in which it refuses.

mod app;
mod check;
mod files;
mod groups;
mod limits;
mod listeners;
mod mutations;
mod placement;
mod section;
mod syntax;

use std::path::Path;

use super::{ConfigError, ConfigFile, Known, MistakeKind};

/// The example of the documentation, without what is not available yet.
const EXAMPLE: &str = r#"[app]
name = "boutique"
package = "boutique"
env = { LANG = "C" }
args = ["--fast"]

[listeners.shop]
address = "127.0.0.1:8080"

[placement]
default = "together"
[groups.cart]
components = ["Cart", "CartStore"]
replicas = 3
[groups.images]
components = ["Resizer"]

[limits]
calls_in_flight = 1_000
queued_bytes = "64MiB"
streams = 16
replica_wait = "500ms"

[config.Payment]             # filled into Config<PaymentConfig>
currency = "CHF"
"#;

fn parse(text: &str) -> Result<ConfigFile, ConfigError> {
    ConfigFile::parse(Path::new("weaver.toml"), text)
}

fn parsed(text: &str) -> ConfigFile {
    parse(text).unwrap_or_else(|error| panic!("{error}"))
}

/// Checks that `text` is refused with these lines and no others.
#[track_caller]
fn refuses(text: &str, lines: &[&str]) {
    shows(&parse(text).expect_err("the text should be refused"), lines);
}

/// Checks that `text` is refused with this kind and line.
#[track_caller]
fn refuses_as(kind: MistakeKind, text: &str, line: &str) {
    let error = parse(text).expect_err("the text should be refused");
    shows(&error, &[line]);
    assert_eq!(error.mistakes()[0].kind, kind);
}

#[track_caller]
fn shows(error: &ConfigError, lines: &[&str]) {
    let shown = error.to_string();
    assert_eq!(shown.lines().collect::<Vec<_>>(), lines, "\n{shown}");
    assert_eq!(error.mistakes().len(), lines.len());
}
