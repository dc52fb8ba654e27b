//! A guest in WebAssembly's own text, which says what it likes.

use std::{fmt::Write as _, io::Write as _};

use weaver_host::Guest;
use weaver_runtime::sandbox::Grants;

use crate::support::guest_of;

/// What a guest says, whatever it hears.
#[derive(Clone, Debug, Default)]
pub(super) struct Script {
    /// In answer to its start.
    pub(super) start: Vec<u8>,
    /// In answer to each turn; the last again and again.
    pub(super) turns: Vec<Vec<u8>>,
    /// So many times in one turn.
    pub(super) times: usize,
    /// And so many zeros behind it.
    pub(super) zeros: usize,
}

/// Loops in the start function of its module, before the host has an instance.
pub(super) const LOOPS_BEFORE_START: &str = r#"
(component
  (core module $m (func $spin (loop (br 0))) (start $spin))
  (core instance (instantiate $m)))
"#;

/// Has a memory that is granted, and many more of them.
pub(super) const HAS_MANY_MEMORIES: &str = r#"
(component
  (core module $m (memory 1600) (table 100000 funcref))
  (core instance (instantiate $m)) (core instance (instantiate $m)) (core instance (instantiate $m))
  (core instance (instantiate $m)) (core instance (instantiate $m)) (core instance (instantiate $m)))
"#;

/// Asks for six hundred listeners of different names when it starts.
pub(super) const LISTENS_EVERYWHERE: &str = r#"
(component
  (type $answer (result (list u8) (error string)))
  (import "weaver:guest/host@0.1.0" (instance $host
    (export "listen" (func (param "listener" string) (result (result string (error string)))))))
  (core module $memory
    (memory (export "memory") 2)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
  (core instance $own (instantiate $memory))
  (alias export $host "listen" (func $listen))
  (core func $listen (canon lower (func $listen) (memory $own "memory") (realloc (func $own "realloc"))))
  (core module $m
    (import "own" "memory" (memory 2))
    (import "host" "listen" (func $listen (param i32 i32 i32)))
    (func (export "describe") (result i32) unreachable)
    (func (export "start") (param i32 i32) (result i32)
      (local $number i32)
      (loop $again
        (i32.store8 (i32.const 64) (i32.add (i32.const 97) (i32.rem_u (local.get $number) (i32.const 26))))
        (i32.store8 (i32.const 65) (i32.add (i32.const 97) (i32.div_u (local.get $number) (i32.const 26))))
        (call $listen (i32.const 64) (i32.const 2) (i32.const 128))
        (local.set $number (i32.add (local.get $number) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $number) (i32.const 600))))
      (i32.store (i32.const 16) (i32.const 0))
      (i32.store (i32.const 20) (i32.const 0))
      (i32.store (i32.const 24) (i32.const 0))
      (i32.const 16))
    (func (export "turn") (param i32 i32) (result i32) unreachable))
  (core instance $i (instantiate $m (with "own" (instance $own))
    (with "host" (instance (export "listen" (func $listen))))))
  (func $describe (result $answer) (canon lift (core func $i "describe") (memory $own "memory")
    (realloc (func $own "realloc"))))
  (func $start (param "bootstrap" (list u8)) (result $answer) (canon lift (core func $i "start")
    (memory $own "memory") (realloc (func $own "realloc"))))
  (func $turn (param "frames" (list u8)) (result (list u8)) (canon lift (core func $i "turn")
    (memory $own "memory") (realloc (func $own "realloc"))))
  (instance $guest (export "describe" (func $describe)) (export "start" (func $start))
    (export "turn" (func $turn)))
  (export "weaver:guest/guest@0.1.0" (instance $guest)))
"#;

/// Says so many zeros within its first turn, its start.
pub(super) fn exchanges(zeros: usize) -> String {
    let pages = zeros / (1 << 16) + 2;
    format!(
        r#"
(component
  (type $answer (result (list u8) (error string)))
  (import "weaver:guest/host@0.1.0" (instance $host
    (export "exchange" (func (param "frames" (list u8)) (result (list u8))))))
  (core module $memory
    (memory (export "memory") {pages})
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
  (core instance $own (instantiate $memory))
  (alias export $host "exchange" (func $exchange))
  (core func $exchange
    (canon lower (func $exchange) (memory $own "memory") (realloc (func $own "realloc"))))
  (core module $m
    (import "own" "memory" (memory 2))
    (import "host" "exchange" (func $exchange (param i32 i32 i32)))
    (func (export "describe") (result i32) unreachable)
    (func (export "start") (param i32 i32) (result i32)
      (call $exchange (i32.const 65536) (i32.const {zeros}) (i32.const 128))
      unreachable)
    (func (export "turn") (param i32 i32) (result i32) unreachable))
  (core instance $i (instantiate $m (with "own" (instance $own))
    (with "host" (instance (export "exchange" (func $exchange))))))
  (func $describe (result $answer) (canon lift (core func $i "describe") (memory $own "memory")
    (realloc (func $own "realloc"))))
  (func $start (param "bootstrap" (list u8)) (result $answer) (canon lift (core func $i "start")
    (memory $own "memory") (realloc (func $own "realloc"))))
  (func $turn (param "frames" (list u8)) (result (list u8)) (canon lift (core func $i "turn")
    (memory $own "memory") (realloc (func $own "realloc"))))
  (instance $guest (export "describe" (func $describe)) (export "start" (func $start))
    (export "turn" (func $turn)))
  (export "weaver:guest/guest@0.1.0" (instance $guest)))
"#
    )
}

/// A guest of this text.
pub(super) fn raw(text: &str) -> Guest {
    raw_with(text, Grants::default())
}

pub(super) fn raw_with(text: &str, grants: Grants) -> Guest {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&wat::parse_str(text).unwrap()).unwrap();
    guest_of(file.path(), grants)
}

impl Script {
    /// Says the same in every turn.
    pub(super) fn each_turn(frames: Vec<u8>, times: usize) -> Self {
        Self { turns: vec![frames], times, ..Self::default() }
    }

    pub(super) fn guest(&self) -> Guest {
        self.guest_with(Grants::default())
    }

    pub(super) fn guest_with(&self, grants: Grants) -> Guest {
        raw_with(&self.text(), grants)
    }

    /// Its memory: 16 bytes for results, what it says, room in which that is repeated, and room for what it
    /// hears, of which it keeps nothing.
    fn text(&self) -> String {
        let (times, zeros) = (self.times.max(1), self.zeros);
        let said = [std::slice::from_ref(&self.start), &self.turns[..]].concat();
        let (mut data, mut arms, mut at) = (String::new(), String::new(), 64);
        for (number, bytes) in said.iter().enumerate() {
            writeln!(data, "(data (i32.const {at}) \"{}\")", escaped(bytes)).unwrap();
            let last = if number + 1 == said.len() { "i32.ge_u" } else { "i32.eq" };
            let length = bytes.len();
            writeln!(
                arms,
                "(if ({last} (local.get $turn) (i32.const {number}))
                   (then (local.set $from (i32.const {at})) (local.set $length (i32.const {length}))))"
            )
            .unwrap();
            at += length;
        }
        let room = at.next_multiple_of(16);
        let longest = said.iter().map(Vec::len).max().unwrap_or(0);
        let heard = (room + longest * times + zeros).next_multiple_of(16);
        let pages = heard.div_ceil(1 << 16) + 1;
        format!(
            r#"
(component
  (core module $m
    (memory (export "memory") {pages})
    (global $turn (mut i32) (i32.const 0))
    {data}
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $missing i32)
      (local.set $missing (i32.sub
        (i32.add (i32.shr_u (i32.add (i32.const {heard}) (local.get 3)) (i32.const 16)) (i32.const 1))
        (memory.size)))
      (if (i32.gt_s (local.get $missing) (i32.const 0))
        (then (drop (memory.grow (local.get $missing)))))
      (i32.const {heard}))
    (func $say (param $turn i32) (param $times i32) (param $result i32)
      (local $from i32) (local $length i32) (local $to i32)
      {arms}
      (local.set $to (i32.const {room}))
      (loop $again
        (memory.copy (local.get $to) (local.get $from) (local.get $length))
        (local.set $to (i32.add (local.get $to) (local.get $length)))
        (local.set $times (i32.sub (local.get $times) (i32.const 1)))
        (br_if $again (i32.gt_s (local.get $times) (i32.const 0))))
      (i32.store (local.get $result) (i32.const {room}))
      (i32.store offset=4 (local.get $result) (i32.sub (local.get $to) (i32.const {room}))))
    (func (export "describe") (result i32) unreachable)
    (func (export "start") (param i32 i32) (result i32)
      (i32.store (i32.const 16) (i32.const 0))
      (call $say (i32.const 0) (i32.const 1) (i32.const 20))
      (i32.const 16))
    (func (export "turn") (param i32 i32) (result i32)
      (global.set $turn (i32.add (global.get $turn) (i32.const 1)))
      (call $say (global.get $turn) (i32.const {times}) (i32.const 16))
      (i32.store (i32.const 20) (i32.add (i32.load (i32.const 20)) (i32.const {zeros})))
      (i32.const 16)))
  (core instance $i (instantiate $m))
  (type $answer (result (list u8) (error string)))
  (func $describe (result $answer) (canon lift (core func $i "describe") (memory $i "memory")
    (realloc (func $i "realloc"))))
  (func $start (param "bootstrap" (list u8)) (result $answer) (canon lift (core func $i "start")
    (memory $i "memory") (realloc (func $i "realloc"))))
  (func $turn (param "frames" (list u8)) (result (list u8)) (canon lift (core func $i "turn")
    (memory $i "memory") (realloc (func $i "realloc"))))
  (instance $guest (export "describe" (func $describe)) (export "start" (func $start))
    (export "turn" (func $turn)))
  (export "weaver:guest/guest@0.1.0" (instance $guest)))
"#
        )
    }
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "\\{byte:02x}").unwrap();
        text
    })
}

/// The kinds of frames, as they are written.
pub(super) mod kind {
    pub(crate) const HELLO: u8 = 1;
    pub(crate) const REQUEST: u8 = 3;
    pub(crate) const REPLY: u8 = 4;
    pub(crate) const FAILED: u8 = 5;
    pub(crate) const CANCEL: u8 = 6;
    pub(crate) const ACCEPT: u8 = 8;
    pub(crate) const ITEM: u8 = 10;
    pub(crate) const CONNECTED: u8 = 13;
    pub(crate) const ENDED: u8 = 14;
    pub(crate) const CREDIT: u8 = 15;
    pub(crate) const STOP: u8 = 16;
    pub(crate) const WAITS: u8 = 17;
}

/// What there is in a trailer, as it is written beside its length.
pub(super) mod has {
    pub(crate) const TRACE: u16 = 1 << 15;
    pub(crate) const KEY: u16 = 1 << 14;
}

/// One frame.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Raw<'a> {
    pub(super) kind: u8,
    pub(super) streams: u8,
    pub(super) call: u64,
    pub(super) component: u16,
    pub(super) method: u16,
    pub(super) number: u32,
    pub(super) payload: &'a [u8],
    pub(super) trailer: &'a [u8],
    pub(super) has: u16,
}

impl Raw<'_> {
    pub(super) fn frame(self) -> Vec<u8> {
        let bytes = 24 + self.payload.len() + self.trailer.len();
        self.lies(u32::try_from(bytes).unwrap())
    }

    /// The same with another length.
    pub(super) fn lies(self, bytes: u32) -> Vec<u8> {
        let Self { kind, streams, call, component, method, number, payload, trailer, has } = self;
        let field = has | u16::try_from(trailer.len()).unwrap();
        let mut frame = bytes.to_le_bytes().to_vec();
        frame.extend([kind, streams]);
        frame.extend(field.to_le_bytes());
        frame.extend(call.to_le_bytes());
        frame.extend(component.to_le_bytes());
        frame.extend(method.to_le_bytes());
        frame.extend(number.to_le_bytes());
        frame.extend(payload);
        frame.extend(trailer);
        frame
    }
}
