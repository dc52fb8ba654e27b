//! The benches of weaver: `cargo bench -p benches`.
