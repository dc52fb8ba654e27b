//! The first frame in either direction.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = weaver_runtime::fuzzing::handshake(bytes);
});
