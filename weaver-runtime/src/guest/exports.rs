//! What a host calls.

use std::rc::Rc;

use super::{
    PROGRAM, Program, bindings, bindings::exports::weaver::guest::guest::Guest, registry,
    tell_host_of_panics, text,
};
use crate::{codec, graph::Graph};

struct Exports;

impl Guest for Exports {
    fn describe() -> Result<Vec<u8>, String> {
        let registry = registry()?;
        let mut bytes = Vec::new();
        codec::encode::<Graph>(registry.graph(), &mut bytes).map_err(text)?;
        Ok(bytes)
    }

    fn start(bootstrap: Vec<u8>) -> Result<Vec<u8>, String> {
        tell_host_of_panics();
        let program = Rc::new(Program::start(&bootstrap)?);
        program.turns.take(Vec::new(), &program);
        PROGRAM.set(Some(Rc::clone(&program)));
        Ok(program.link.take_outgoing())
    }

    fn turn(frames: Vec<u8>) -> Vec<u8> {
        let program = PROGRAM.with_borrow(Clone::clone);
        let Some(program) = program else { panic!("the host gives a turn before the start") };
        program.turns.take(frames, &program);
        program.link.take_outgoing()
    }
}

bindings::export!(Exports with_types_in bindings);
