//! Encodings of the message that `rpc` sends, in turns.

use std::{hint::black_box, time::Duration};

use bincode::config::{Configuration, Fixint, LittleEndian, legacy};
use prost::Message as _;
use serde::{Serialize, de::DeserializeOwned};
use weaver::{Context, Error, Result};
use weaver_runtime::codec;

use crate::{
    figures::{median, nanoseconds},
    rpc::message::{Marked, Message, Plain},
};

/// Those of `rpc`.
const PAYLOADS_BYTES: [usize; 4] = [64, 1024, 64 << 10, 1 << 20];

const ROUNDS: usize = 5;

/// For each direction of each encoding in each round.
const TIME: Duration = Duration::from_millis(20);

/// The same as our codec's.
const FORMAT: Configuration<LittleEndian, Fixint> = legacy();

/// One way to encode `M`. What is encoded is appended, as it is to a frame.
struct Encoding<M> {
    name: &'static str,
    encode: fn(&M, &mut Vec<u8>) -> Result<()>,
    decode: fn(&[u8]) -> Result<M>,
}

pub(crate) fn main() -> Result<()> {
    PAYLOADS_BYTES.into_iter().try_for_each(measure)
}

fn ours<M: Serialize + DeserializeOwned>(name: &'static str) -> Encoding<M> {
    Encoding {
        name,
        encode: |message, out| codec::encode(message, out).context("ours"),
        decode: |bytes| codec::decode(bytes).context("ours"),
    }
}

fn bincode<M: Serialize + DeserializeOwned>(name: &'static str) -> Encoding<M> {
    Encoding {
        name,
        encode: |message, out| {
            let written = bincode::serde::encode_into_std_write(message, out, FORMAT);
            written.map(drop).context("bincode")
        },
        decode: |bytes| {
            let read = bincode::serde::decode_from_slice(bytes, FORMAT);
            read.map(|(message, _)| message).context("bincode")
        },
    }
}

fn postcard<M: Serialize + DeserializeOwned>(name: &'static str) -> Encoding<M> {
    Encoding {
        name,
        encode: |message, out| {
            let written = postcard::to_extend(message, std::mem::take(out));
            written.map(|written| *out = written).context("postcard")
        },
        decode: |bytes| postcard::from_bytes(bytes).context("postcard"),
    }
}

fn prost() -> Encoding<Plain> {
    Encoding {
        name: "prost",
        encode: |message, out| message.encode(out).context("prost"),
        decode: |bytes| Plain::decode(bytes).context("prost"),
    }
}

/// One table.
fn measure(payload_bytes: usize) -> Result<()> {
    let plain = [ours("ours"), bincode("bincode"), postcard("postcard"), prost()];
    let marked = [
        ours::<Marked>("ours, serde_bytes"),
        bincode("bincode, serde_bytes"),
        postcard("postcard, serde_bytes"),
    ];
    let mut rows: Vec<Row> = Vec::new();
    for _ in 0..ROUNDS {
        for encoding in &plain {
            Row::of(&mut rows, encoding.name).add(encoding.run(payload_bytes)?);
        }
        for encoding in &marked {
            Row::of(&mut rows, encoding.name).add(encoding.run(payload_bytes)?);
        }
    }
    println!("| {payload_bytes} bytes | encoded | encode ns | decode ns |");
    println!("| --- | --: | --: | --: |");
    for Row { name, encoded_bytes, encode, decode } in rows {
        let (encode, decode) = (median(encode), median(decode));
        println!("| {name} | {encoded_bytes} | {encode:.0} | {decode:.0} |");
    }
    println!();
    Ok(())
}

#[derive(Default)]
struct Row {
    name: &'static str,
    encoded_bytes: usize,
    encode: Vec<f64>,
    decode: Vec<f64>,
}

/// One round: nanoseconds.
struct Run {
    encoded_bytes: usize,
    encode: f64,
    decode: f64,
}

impl Row {
    fn of<'a>(rows: &'a mut Vec<Self>, name: &'static str) -> &'a mut Self {
        let index = rows.iter().position(|row| row.name == name).unwrap_or_else(|| {
            rows.push(Self { name, ..Self::default() });
            rows.len() - 1
        });
        &mut rows[index]
    }

    fn add(&mut self, run: Run) {
        self.encoded_bytes = run.encoded_bytes;
        self.encode.push(run.encode);
        self.decode.push(run.decode);
    }
}

impl<M: Message> Encoding<M> {
    fn run(&self, payload_bytes: usize) -> Result<Run> {
        let message = M::new(payload_bytes);
        let mut bytes = Vec::new();
        let encode = nanoseconds(TIME, || {
            bytes.clear();
            (self.encode)(black_box(&message), &mut bytes)
        })?;
        let decode =
            nanoseconds(TIME, || (self.decode)(black_box(&bytes)).map(black_box).map(drop))?;
        if (self.decode)(&bytes)? != message {
            return Err(Error::msg(format!("{} gives something else back", self.name)));
        }
        Ok(Run { encoded_bytes: bytes.len(), encode, decode })
    }
}
