//! `sandbox` of a group: what it is granted when it runs as WebAssembly.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use toml::de::DeValue;

use super::error::MistakeKind;
use super::fields::{Entry, Table};
use super::mistakes::Mistakes;
use super::names::quoted;
use crate::sandbox::{DirGrant, Grants};

/// A guest that does nothing has two to four; the most that 32 bits can address.
const MEMORY_BYTES: RangeInclusive<u64> = 4 << 20..=4 << 30;

/// A few of the steps in which it is counted, up to what nobody waits for.
const CPU_MILLISECONDS: RangeInclusive<u64> = 10..=600_000;

const CONCURRENCY: RangeInclusive<usize> = 1..=10_000;

/// `true`, for nothing but the defaults, or a table.
pub(super) fn read(entry: &Entry<'_>, mistakes: &mut Mistakes) -> Option<Grants> {
    match entry.value() {
        DeValue::Boolean(is_wanted) => is_wanted.then(Grants::default),
        DeValue::Table(_) => entry.table(mistakes).map(|table| read_table(&table, mistakes)),
        _ => {
            entry.wrong_type("`true`, or a table of what is granted", mistakes);
            None
        }
    }
}

fn read_table(table: &Table<'_>, mistakes: &mut Mistakes) -> Grants {
    let known = ["memory", "cpu", "concurrency", "env", "dirs", "connect"];
    table.refuse_unknown(&known, mistakes);
    let mut grants = Grants::default();
    let get = |key| table.get(key);
    if let Some(bytes) = get("memory").and_then(|entry| entry.bytes(&MEMORY_BYTES, mistakes)) {
        grants.memory_bytes = bytes;
    }
    if let Some(cpu) = get("cpu").and_then(|entry| entry.duration(&CPU_MILLISECONDS, mistakes)) {
        // A limit for one call is exact only if one runs at once.
        (grants.cpu, grants.concurrency) = (Some(cpu), 1);
    }
    if let Some(calls) = get("concurrency").and_then(|entry| entry.count(&CONCURRENCY, mistakes)) {
        grants.concurrency = calls;
    }
    if let Some(entry) = get("env") {
        grants.env = entry.strings(mistakes).into_iter().map(|name| name.text.to_owned()).collect();
    }
    if let Some(dirs) = table.table("dirs", mistakes) {
        grants.dirs = read_dirs(&dirs, mistakes);
    }
    if let Some(entry) = get("connect") {
        grants.connect = read_connect(&entry, mistakes);
    }
    grants
}

fn read_dirs(table: &Table<'_>, mistakes: &mut Mistakes) -> BTreeMap<PathBuf, DirGrant> {
    let mut dirs = BTreeMap::new();
    for entry in table.entries() {
        let Some(access) = entry.string(mistakes) else { continue };
        let access = match access.text {
            "ro" => DirGrant::Read,
            "rw" => DirGrant::Write,
            other => {
                let what = format!("{} is neither \"ro\" nor \"rw\"", quoted(other));
                entry.bad_value(&what, mistakes);
                continue;
            }
        };
        if !PathBuf::from(entry.key).is_absolute() {
            let message = format!("{} must be an absolute path", quoted(entry.key));
            mistakes.add(entry.key_offset, MistakeKind::BadValue, message);
            continue;
        }
        dirs.insert(PathBuf::from(entry.key), access);
    }
    dirs
}

fn read_connect(entry: &Entry<'_>, mistakes: &mut Mistakes) -> Vec<(String, u16)> {
    let mut connect = Vec::new();
    for text in entry.strings(mistakes) {
        let parts = text.text.rsplit_once(':').filter(|(host, _)| !host.is_empty());
        let port = parts.and_then(|(host, port)| Some((host, port.parse().ok()?)));
        match port.filter(|(_, port)| *port > 0) {
            Some((host, port)) => {
                let host = host.trim_start_matches('[').trim_end_matches(']');
                connect.push((host.to_owned(), port));
            }
            None => {
                let message = format!("{} is not a host and a port", quoted(text.text));
                let message = format!("{entry}: {message}, such as \"api.example.com:443\"");
                mistakes.add(text.offset, MistakeKind::BadValue, message);
            }
        }
    }
    connect
}
