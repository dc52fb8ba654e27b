//! What the tests of shapes share. The codec's truth is bincode, with the configuration that the codec uses.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Problem, ProblemKind, Shape};

mod arbitrary;
mod carried;
mod notes;
mod refused;
mod text;

/// Whether a value survives the codec: decodes, to the last byte, to what encodes the same.
fn survives<T: Serialize + DeserializeOwned>(value: &T) -> bool {
    let config = bincode::config::standard().with_fixed_int_encoding();
    let Ok(bytes) = bincode::serde::encode_to_vec(value, config) else {
        return false;
    };
    let Ok((again, read)) = bincode::serde::decode_from_slice::<T, _>(&bytes, config) else {
        return false;
    };
    read == bytes.len()
        && bincode::serde::encode_to_vec(&again, config).is_ok_and(|again| again == bytes)
}

fn errors<T: Serialize + DeserializeOwned>() -> Vec<Problem> {
    let shape = Shape::of::<T>();
    shape.problems().iter().filter(|problem| problem.is_error()).cloned().collect()
}

fn notes<T: Serialize + DeserializeOwned>() -> Vec<(String, &'static str)> {
    let shape = Shape::of::<T>();
    let notes = shape.problems().iter().filter_map(|problem| match problem.kind {
        ProblemKind::NotTraced { type_name, .. } => Some((problem.path.clone(), type_name)),
        _ => None,
    });
    notes.collect()
}

fn text<T: Serialize + DeserializeOwned>() -> String {
    Shape::of::<T>().text().to_owned()
}
