//! A call of a component whose arguments have everything that a value is made of.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = weaver_runtime::fuzzing::arguments(bytes);
});
