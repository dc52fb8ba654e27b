//! How cargo builds a guest.

use std::path::Path;

/// A flag of rustc for guests. Without it, tokio with its feature `full`, as most programs ask for it, does not
/// compile.
const RUST_FLAG: [&str; 2] = ["--cfg", "tokio_unstable"];

/// Where cargo takes flags of rustc from, and what stands between two: from the first of these that is set.
const RUST_FLAGS: [(&str, &str); 3] = [
    ("CARGO_ENCODED_RUSTFLAGS", "\x1f"),
    ("RUSTFLAGS", " "),
    ("CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS", " "),
];

/// Flags of the compiler of C code, where a crate has some.
const C_FLAGS: &str = "CFLAGS_wasm32_wasip2";

/// Variables by which somebody has said how C code is compiled.
const C_CHOICES: [&str; 4] = [C_FLAGS, "CC_wasm32_wasip2", "WASI_SDK_PATH", "WASI_SYSROOT"];

/// Where Debian's package `wasi-libc` puts its headers, which clang does not find by itself.
const WASI_HEADERS: &str = "/usr/include/wasm32-wasi";

/// By what C code is compiled for guests, as far as that is known without trying: the author's choice, or clang.
#[must_use]
pub fn chosen_c_compiler() -> Option<String> {
    let chosen =
        C_CHOICES.iter().find_map(|name| Some(format!("{name}={}", std::env::var(name).ok()?)));
    chosen.or_else(|| Path::new(WASI_HEADERS).is_dir().then(|| "clang".to_owned()))
}

/// What the environment of a cargo is to have that builds a guest.
#[must_use]
pub fn guest_build_variables() -> Vec<(&'static str, String)> {
    variables(|name| std::env::var(name).ok(), Path::new(WASI_HEADERS).is_dir())
}

fn variables(
    theirs: impl Fn(&str) -> Option<String>,
    are_headers_there: bool,
) -> Vec<(&'static str, String)> {
    let set = |(name, _): &&(&'static str, &str)| theirs(name).is_some_and(|it| !it.is_empty());
    let [.., last] = &RUST_FLAGS;
    let (name, between) = RUST_FLAGS.iter().find(set).unwrap_or(last);
    let flags = theirs(name).filter(|flags| !flags.is_empty());
    let flags: Vec<_> = flags.iter().map(String::as_str).chain(RUST_FLAG).collect();
    let rust = (*name, flags.join(between));
    let c = are_headers_there && C_CHOICES.iter().all(|name| theirs(name).is_none());
    let c = c.then(|| (C_FLAGS, format!("-isystem {WASI_HEADERS}")));
    [rust].into_iter().chain(c).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_already_stays() {
        let none = variables(|_| None, false);
        let [.., (target, _)] = RUST_FLAGS;
        assert_eq!(none, [(target, "--cfg tokio_unstable".to_owned())]);
        let with_headers = variables(|_| None, true);
        assert_eq!(with_headers[1], (C_FLAGS, "-isystem /usr/include/wasm32-wasi".to_owned()));
        // Cargo looks at the first alone.
        for (set, flags) in [
            (&["CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS"][..], "mine --cfg tokio_unstable"),
            (&["RUSTFLAGS", "CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS"], "mine --cfg tokio_unstable"),
            (&["CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS"], "mine\x1f--cfg\x1ftokio_unstable"),
        ] {
            let variables = variables(|it| set.contains(&it).then(|| "mine".to_owned()), false);
            assert_eq!(variables, [(set[0], flags.to_owned())]);
        }
        for choice in C_CHOICES {
            let chosen = variables(|name| (name == choice).then(|| "mine".to_owned()), true);
            assert_eq!(chosen.len(), 1, "{choice}");
        }
    }
}
