//! How cargo builds a guest.

use std::path::Path;

/// Flags of rustc for the target. Without this one, tokio with its feature `full`, as most programs ask for it,
/// does not compile.
const RUST_FLAGS: (&str, &str) = ("CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS", "--cfg tokio_unstable");

/// Flags of the compiler of C code, where a crate has some.
const C_FLAGS: &str = "CFLAGS_wasm32_wasip2";

/// Variables by which somebody has said how C code is compiled.
const C_CHOICES: [&str; 4] = [C_FLAGS, "CC_wasm32_wasip2", "WASI_SDK_PATH", "WASI_SYSROOT"];

/// Where Debian's package `wasi-libc` puts its headers, which clang does not find by itself.
pub const WASI_HEADERS: &str = "/usr/include/wasm32-wasi";

/// What the environment of a cargo is to have that builds a guest.
#[must_use]
pub fn guest_build_variables() -> Vec<(&'static str, String)> {
    variables(|name| std::env::var(name).ok(), Path::new(WASI_HEADERS).is_dir())
}

fn variables(
    theirs: impl Fn(&str) -> Option<String>,
    are_headers_there: bool,
) -> Vec<(&'static str, String)> {
    let (name, flags) = RUST_FLAGS;
    let rust = format!("{} {flags}", theirs(name).unwrap_or_default());
    let c = are_headers_there && C_CHOICES.iter().all(|name| theirs(name).is_none());
    let c = c.then(|| (C_FLAGS, format!("-isystem {WASI_HEADERS}")));
    [(name, rust.trim().to_owned())].into_iter().chain(c).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_already_stays() {
        let none = variables(|_| None, false);
        assert_eq!(none, [(RUST_FLAGS.0, RUST_FLAGS.1.to_owned())]);
        let with_headers = variables(|_| None, true);
        assert_eq!(with_headers[1], (C_FLAGS, "-isystem /usr/include/wasm32-wasi".to_owned()));
        let mine =
            variables(|name| (name == RUST_FLAGS.0).then(|| "-C debuginfo=2".to_owned()), false);
        assert_eq!(mine[0].1, "-C debuginfo=2 --cfg tokio_unstable");
        for choice in C_CHOICES {
            let chosen = variables(|name| (name == choice).then(|| "mine".to_owned()), true);
            assert_eq!(chosen.len(), 1, "{choice}");
        }
    }
}
