//! `[listeners.NAME]`: where the program accepts connections from outside.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::error::MistakeKind;
use super::fields::{Entry, Table};
use super::known::{Mention, MentionKind};
use super::mistakes::Mistakes;
use super::names::{NAME_RULE, is_name, quoted};

pub(super) fn read(
    table: &Table<'_>,
    mentions: &mut Vec<Mention>,
    mistakes: &mut Mistakes,
) -> BTreeMap<String, SocketAddr> {
    let mut listeners = BTreeMap::new();
    let mut holders: BTreeMap<SocketAddr, (usize, &str)> = BTreeMap::new();
    for entry in table.entries() {
        refuse_bad_name(&entry, mistakes);
        mentions.push(Mention {
            kind: MentionKind::Listener,
            name: entry.key.to_owned(),
            offset: entry.key_offset,
        });
        let listener = entry.table(mistakes);
        let read = listener.and_then(|table| read_listener(&table, mistakes));
        let Some((address, offset)) = read else { continue };
        listeners.insert(entry.key.to_owned(), address);
        // Each of several may have a free port.
        let holder = (offset, entry.key);
        if address.port() != 0
            && let Some(other) = holders.insert(address, holder)
        {
            let mut both = [other, holder];
            both.sort_unstable();
            let [(earlier, a), (later, b)] = both;
            let message =
                format!("`{address}` is the address of [listeners.{a}] and of [listeners.{b}]");
            mistakes.add_conflict(later, earlier, message);
        }
    }
    listeners
}

fn refuse_bad_name(entry: &Entry<'_>, mistakes: &mut Mistakes) {
    if !is_name(entry.key) {
        let message = format!("{} cannot name a listener; {NAME_RULE}", quoted(entry.key));
        mistakes.add(entry.key_offset, MistakeKind::BadValue, message);
    }
}

/// The address, and where it is written.
fn read_listener(table: &Table<'_>, mistakes: &mut Mistakes) -> Option<(SocketAddr, usize)> {
    table.refuse_unknown(&["address"], mistakes);
    let Some(entry) = table.get("address") else {
        table.refuse_missing("address", mistakes);
        return None;
    };
    let text = entry.string(mistakes)?.text;
    let address = text.parse();
    if address.is_err() {
        let what = format!("{} is not a socket address; {}", quoted(text), advice(text));
        entry.bad_value(&what, mistakes);
    }
    address.ok().map(|address| (address, entry.offset()))
}

/// Keeps the port that the user wrote: the usual slip is a host name, or no host.
fn advice(text: &str) -> String {
    let port = text.rsplit(':').next().and_then(|port| port.parse::<u16>().ok());
    let port = port.unwrap_or(8080);
    format!("write an IP address and a port, such as `127.0.0.1:{port}`")
}
