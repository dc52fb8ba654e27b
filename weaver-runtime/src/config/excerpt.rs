//! The line of a syntax error, as far as it can be shown without showing a secret.
//!
//! Where the text is not TOML, nobody can say for sure what is a value. So a line is shown whole
//! only below the header of a table that holds no secrets; elsewhere only a header or a key is.

use super::names::shown;

/// Headers of tables without secrets. `[app]` is not among them for its `env` and `args`.
const PUBLIC: [&str; 4] = ["[listeners", "[placement", "[groups", "[limits"];

/// What some editors begin a file with; the parser skips it.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Headers of the other tables.
const PRIVATE: [&str; 2] = ["[app", "[config"];

/// The line of `text` that `offset` is in, if something of it can be shown.
pub(super) fn excerpt(text: &str, offset: usize) -> Option<String> {
    let (text, offset) = match text.strip_prefix(BYTE_ORDER_MARK) {
        Some(rest) => (rest, offset.saturating_sub(BYTE_ORDER_MARK.len_utf8())),
        None => (text, offset),
    };
    let offset = text.floor_char_boundary(offset);
    let start = text[..offset].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[offset..].find('\n').map_or(text.len(), |newline| offset + newline);
    let line = text[start..end].trim();
    let visible = if is_public(&text[..end]) {
        Some(line.to_owned())
    } else {
        header(line).or_else(|| key(line))
    };
    visible.filter(|line| !line.is_empty()).map(|line| shown(&line))
}

/// Whether the last header of `text` is a public one.
fn is_public(text: &str) -> bool {
    let mut lines = text.rsplit('\n').map(str::trim_start);
    let header = lines.find(|line| line.starts_with('['));
    header.is_some_and(|header| starts_with_table(header, &PUBLIC))
}

/// The header in a line that begins one, up to the first character that a header does not have.
fn header(line: &str) -> Option<String> {
    let is_header = |c: char| c.is_ascii_alphanumeric() || "[]_-. ".contains(c);
    let end = line.find(|c| !is_header(c)).unwrap_or(line.len());
    starts_with_table(line, &PRIVATE).then(|| with_ellipsis(&line[..end], &line[end..]))
}

/// The key in a line that gives one a value. A space before the `=` is asked for because the last
/// line of an encoded key or certificate can end in `=`.
fn key(line: &str) -> Option<String> {
    let (key, value) = line.split_once(" =")?;
    let is_key = |c: char| c.is_ascii_alphanumeric() || "_-. ".contains(c);
    let key_and_sign = format!("{key} = ");
    key.chars().all(is_key).then(|| with_ellipsis(&key_and_sign, value.trim()))
}

fn with_ellipsis(visible: &str, hidden: &str) -> String {
    let ellipsis = if hidden.is_empty() { "" } else { "…" };
    format!("{visible}{ellipsis}").trim_end().to_owned()
}

fn starts_with_table(line: &str, tables: &[&str]) -> bool {
    tables.iter().any(|table| {
        let rest = line.strip_prefix(table);
        rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
    })
}
