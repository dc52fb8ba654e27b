//! The corpora of the fuzz targets in `fuzz/`: on every toolchain, each input goes through the function
//! that its target runs.
//!
//! The seeds are made here, so that they say what they are and follow the format. After a change of the
//! format, `WEAVER_WRITE_SEEDS=1` writes them anew. Inputs that a fuzzer found and that were a fault
//! stay beside them, under any other name.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use crate::{
    codec,
    fingerprint::{Fingerprint, Signature},
    fuzzing,
    net::Hello,
};
use serde::Serialize;

/// A fuzz target: its name, and what it runs.
type Target = (&'static str, fn(&[u8]) -> bool);

const TARGETS: [Target; 5] = [
    ("frames", fuzzing::frames),
    ("handshake", fuzzing::handshake),
    ("arguments", fuzzing::arguments),
    ("config", fuzzing::config),
    ("metadata", fuzzing::metadata),
];

/// What the names of seeds begin with.
const SEED: &str = "seed-";

/// The name and the bytes of each seed of a target.
type Seeds = BTreeMap<String, Vec<u8>>;

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target)
}

fn inputs(target: &str) -> Seeds {
    let files = fs::read_dir(corpus(target)).into_iter().flatten().map(|file| file.unwrap());
    files
        .map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap()))
        .collect()
}

#[test]
fn no_input_does_harm() {
    for (target, run) in TARGETS {
        for (name, bytes) in inputs(target) {
            // The name of the input, should it panic.
            let _named = Named(format!("{target}/{name}"));
            // Most of them are not understood, which is right.
            let _ = run(&bytes);
        }
    }
}

/// A fuzzer that starts from nothing that is understood does not get far.
#[test]
fn the_good_seeds_are_understood() {
    let good = [
        "one-of-each-kind one-of-each-kind-byte-by-byte with-metadata a-good-one-then-a-bad",
        "hello hello-in-a-frame come stranger stranger-in-a-frame",
        "plain nested-none nested-two tree-leaf tree-pair tree-many bytes units-3 maps \
         maps-a-key-twice",
        "empty whole dates-and-floats",
        "empty no-entries two one-name-twice no-name-no-value",
    ];
    for ((target, run), good) in TARGETS.into_iter().zip(good) {
        let good: BTreeSet<_> =
            good.split_whitespace().map(|name| format!("{SEED}{name}")).collect();
        let mut understood = seeds(target);
        understood.retain(|_, bytes| run(bytes));
        let understood: BTreeSet<_> = understood.into_keys().collect();
        assert_eq!(understood, good, "{target}");
    }
}

#[test]
fn the_seeds_are_those_of_this_format() {
    for (target, _) in TARGETS {
        let seeds = seeds(target);
        if std::env::var_os("WEAVER_WRITE_SEEDS").is_some() {
            write(target, &seeds);
        }
        let mut found = inputs(target);
        found.retain(|name, _| name.starts_with(SEED));
        assert!(found == seeds, "{target}: WEAVER_WRITE_SEEDS=1 writes the seeds anew");
    }
}

fn write(target: &str, seeds: &Seeds) {
    let corpus = corpus(target);
    fs::create_dir_all(&corpus).unwrap();
    for old in inputs(target).keys().filter(|name| name.starts_with(SEED)) {
        fs::remove_file(corpus.join(old)).unwrap();
    }
    for (name, bytes) in seeds {
        fs::write(corpus.join(name), bytes).unwrap();
    }
}

/// Says which input it was when a panic passes by.
struct Named(String);

impl Drop for Named {
    #[expect(clippy::print_stderr, reason = "a test's output, shown when it fails")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the input was fuzz/corpus/{}", self.0);
        }
    }
}

fn seeds(target: &str) -> Seeds {
    let seeds = match target {
        "frames" => frames(),
        "handshake" => handshakes(),
        "arguments" => arguments(),
        "config" => configs(),
        "metadata" => metadata(),
        _ => unreachable!("no such target"),
    };
    seeds.into_iter().map(|(name, bytes)| (format!("{SEED}{name}"), bytes)).collect()
}

fn encode<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    codec::encode(value, &mut bytes).unwrap();
    bytes
}

/// A header that announces `bytes`, of a frame of `kind`.
fn header(bytes: u32, kind: u8) -> Vec<u8> {
    let mut header = vec![0; 24];
    header[..4].copy_from_slice(&bytes.to_le_bytes());
    header[4] = kind;
    header[8] = 7;
    header
}

fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
    [header(u32::try_from(24 + body.len()).unwrap(), kind), body.to_vec()].concat()
}

fn frames() -> Vec<(&'static str, Vec<u8>)> {
    // The first byte is the size of the pieces, less one.
    let cut = |piece: u8, stream: &[u8]| [&[piece][..], stream].concat();
    let kinds: Vec<u8> = (1..=11).flat_map(|kind| frame(kind, b"body")).collect();
    let mut with_metadata = frame(3, b"arguments and metadata");
    with_metadata[5] = 255;
    with_metadata[6] = 8;
    with_metadata[20..24].fill(0xff);
    let mut metadata_too_long = frame(3, b"");
    metadata_too_long[6] = 1;
    let mut metadata_far_too_long = frame(3, b"body");
    metadata_far_too_long[6..8].fill(0xff);
    vec![
        ("empty", cut(0, &[])),
        ("one-of-each-kind", cut(255, &kinds)),
        ("one-of-each-kind-byte-by-byte", cut(0, &kinds)),
        ("with-metadata", cut(4, &with_metadata)),
        ("metadata-too-long", cut(100, &metadata_too_long)),
        ("metadata-far-too-long", cut(23, &metadata_far_too_long)),
        ("half-a-length", cut(0, &[32, 0])),
        ("half-a-frame", cut(7, &frame(3, b"body")[..26])),
        ("length-0", cut(9, &header(0, 3))),
        ("length-23", cut(9, &header(23, 3))),
        ("length-64-mib", cut(9, &header(64 << 20, 3))),
        ("length-max", cut(9, &header(u32::MAX, 3))),
        ("length-2-62", cut(9, &(1_u64 << 62).to_le_bytes())),
        ("kind-0", cut(9, &frame(0, b""))),
        ("kind-99", cut(9, &frame(99, b""))),
        ("a-good-one-then-a-bad", cut(30, &[frame(6, b""), header(3, 3)].concat())),
        ("text", cut(3, b"GET / HTTP/1.1\r\n\r\n")),
    ]
}

/// As it is encoded.
#[derive(Serialize)]
enum Welcome {
    Come,
    Stranger { crate_version: String, methods: Vec<Signature> },
}

fn handshakes() -> Vec<(&'static str, Vec<u8>)> {
    let methods = vec![
        Signature::new("Cart.add".to_owned(), "2"),
        Signature::new("Cart.list".to_owned(), "1"),
    ];
    let mut hello = Hello::new(Fingerprint::of(&methods));
    // The seeds are of no one version of this crate.
    hello.crate_version = "0.0.0".to_owned();
    let good = encode(&hello);
    let stranger =
        |methods| encode(&Welcome::Stranger { crate_version: "0.0.0".to_owned(), methods });
    vec![
        ("empty", Vec::new()),
        ("hello", good.clone()),
        ("hello-cut", good[..good.len() - 1].to_vec()),
        ("hello-and-more", [&good[..], &[0]].concat()),
        ("hello-in-a-frame", frame(1, &good)),
        ("come", encode(&Welcome::Come)),
        ("stranger", stranger(methods)),
        ("stranger-in-a-frame", frame(2, &stranger(Vec::new()))),
        ("another-kind", frame(3, &good)),
        ("version-of-2-62-bytes", (1_u64 << 62).to_le_bytes().to_vec()),
        ("methods-2-31", [&encode(&1_u32)[..], &encode("x"), &encode(&(1_u64 << 31))].concat()),
        ("version-not-utf8", [&encode(&1_u64)[..], &[0xff], &[0; 16]].concat()),
    ]
}

fn arguments() -> Vec<(&'static str, Vec<u8>)> {
    // The first byte is the method's index.
    let call = |method: u8, arguments: &[u8]| [&[method][..], arguments].concat();
    let length = |length: u64| length.to_le_bytes();
    let plain = encode(&(
        (true, (-1_i8, 2_u8, -3_i16, 4_u16), (-5_i64, 6_u64, -7_i128, 8_u128)),
        (1.5_f32, f64::NAN),
        [1_u16, 2, 3, 4],
        Some(None::<u8>),
        Err::<(), _>("no"),
        ("text", '✓'),
    ));
    let leaf = 0_u32.to_le_bytes();
    let pair = 2_u32.to_le_bytes();
    let many = 3_u32.to_le_bytes();
    let text = |text: &str| Some(text.to_owned());
    let two = encode(&Some((vec![text("a"), None], Some((vec![text("b")], None::<()>)))));
    let maps = (
        BTreeMap::from([("a", vec![1_u8, 2]), ("b", vec![])]),
        BTreeMap::from([(1_u8, BTreeMap::from([(2_u16, Some('x')), (3, None)]))]),
        BTreeMap::from([((), ())]),
        vec![(1_u8, "one")],
    );
    let twice = [&length(2)[..], &encode("a"), &length(0), &encode("a"), &length(0)].concat();
    vec![
        ("plain", call(0, &plain)),
        ("plain-bool-2", call(0, &[2])),
        ("nested-none", call(1, &[0])),
        ("nested-two", call(1, &two)),
        ("nested-400", call(1, &[&[1][..], &[0; 8]].concat().repeat(400))),
        ("tree-leaf", call(2, &leaf)),
        ("tree-pair", call(2, &[pair, leaf, leaf].concat())),
        ("tree-1000-pairs", call(2, &pair.repeat(1000))),
        ("tree-many", call(2, &[&many[..], &length(1), &leaf, &length(0)].concat())),
        ("tree-2-31-children", call(2, &[&many[..], &length(1 << 31)].concat())),
        ("tree-no-such-variant", call(2, &9_u32.to_le_bytes())),
        ("bytes", call(3, &encode(&(b"bytes".to_vec(), vec![b"more".to_vec(), vec![]])))),
        ("bytes-2-62", call(3, &length(1 << 62))),
        ("bytes-max", call(3, &length(u64::MAX))),
        ("bytes-2-31-lists", call(3, &[length(0), length(1 << 31)].concat())),
        ("units-3", call(4, &[length(3), length(2)].concat())),
        ("units-2-31", call(4, &[length(1 << 31), length(0)].concat())),
        ("empty-structs-2-62", call(4, &[length(0), length(1 << 62)].concat())),
        ("maps", call(5, &encode(&maps))),
        ("maps-a-key-twice", call(5, &[&twice[..], &[0; 24]].concat())),
        ("maps-2-31-units", call(5, &[length(0), length(0), length(1 << 31)].concat())),
        ("no-such-method", call(6, b"")),
        ("text-not-utf8", call(3, &[&length(2)[..], &[0xc3, 0x28]].concat())),
    ]
}

fn configs() -> Vec<(&'static str, Vec<u8>)> {
    let text = |text: &str| text.as_bytes().to_vec();
    vec![
        ("empty", Vec::new()),
        (
            "whole",
            text(
                r#"[app]
name = "boutique"
package = "boutique"
env = { LANG = "C" }
args = ["--fast"]

[listeners.shop]
address = "127.0.0.1:8080"

[placement]
default = "together"
[groups.cart]
components = ["Cart"]
replicas = 3

[config.Cart]
currency = "CHF"
limits = [1, 2]
inner = { currency = "EUR" }
"#,
            ),
        ),
        ("binary-and-package", text("[app]\nbinary = \"target/x\"\npackage = \"y\"\n")),
        ("replicas-table", text("[groups.a]\nreplicas = { min = 2, max = 8, cpu = 0.7 }\n")),
        ("replicas-huge", text("[groups.a]\ncomponents = []\nreplicas = 9223372036854775807\n")),
        ("sandbox", text("[groups.a]\nsandbox = { memory = \"64MiB\" }\n")),
        ("unknown-keys", text("[ap]\n[app]\nnam = 1\n[listeners.x]\nadress = \"\"\n")),
        ("wrong-types", text("app = 1\nlisteners = []\n[groups]\na = \"b\"\n")),
        ("section-of-another-type", text("[config]\nCart = 5\n[config.Cart.currency]\n")),
        ("duplicate", text("[app]\nname = \"a\"\nname = \"b\"\n")),
        ("unclosed", text("[config.Cart]\npassword = \"hunter2")),
        ("byte-order-mark", text("\u{feff}[app]\nname = \"\u{2713}\"\nx\n")),
        ("nul-and-controls", text("[app]\nname = \"\0\"\r\n\u{7f}")),
        ("not-utf8", b"[app]\nname = \"\xff\xfe\"\n".to_vec()),
        ("deep-arrays", text(&format!("a = {}", "[".repeat(2000)))),
        ("deep-tables", text(&format!("[{}a]", "a.".repeat(2000)))),
        ("deep-inline-tables", text(&format!("a = {}", "{a=".repeat(2000)))),
        ("long-name", text(&format!("[groups.{}]", "x".repeat(5000)))),
        ("dates-and-floats", text("[config.Cart]\na = 1979-05-27T07:32:00Z\nb = nan\nc = -inf\n")),
    ]
}

fn metadata() -> Vec<(&'static str, Vec<u8>)> {
    type Entries = Vec<(String, Vec<u8>)>;
    let of = |entries: &[(&str, &[u8])]| -> Vec<u8> {
        let entries = entries.iter().map(|&(name, value)| (name.to_owned(), value.to_vec()));
        encode(&entries.collect::<Entries>())
    };
    vec![
        ("empty", Vec::new()),
        ("no-entries", of(&[])),
        ("two", of(&[("user", &encode("ann")), ("tenant", &[7])])),
        ("one-name-twice", of(&[("user", b"a"), ("user", b"b")])),
        ("no-name-no-value", of(&[("", b"")])),
        ("too-much", of(&[("user", &[0; 8200])])),
        ("trailing", [&of(&[])[..], &[0]].concat()),
        ("cut", of(&[("user", b"ann")])[..20].to_vec()),
        ("entries-2-31", encode(&(1_u64 << 31))),
        ("entries-2-62", encode(&(1_u64 << 62))),
        ("value-2-62", [&encode(&1_u64)[..], &encode("user"), &encode(&(1_u64 << 62))].concat()),
        ("name-not-utf8", [&encode(&1_u64)[..], &encode(&1_u64), &[0xff], &[0; 8]].concat()),
    ]
}
