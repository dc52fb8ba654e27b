//! Every mistake has one error, at the author's own token, that says what to write instead.
//!
//! (Where a trait lacks `#[component]`, rustc adds, in words of its own, that it is not what its implementation fits.)
//!
//! Each file in `ui/` makes one mistake. `TRYBUILD=overwrite cargo test -p weaver --test ui` writes
//! what the compiler says now; read it before committing it.

#[test]
fn each_mistake_has_one_error() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}

/// Mistakes of which rustc says something as well, with how many errors there are.
const WITH_MORE: [(&str, usize); 3] = [
    ("derive_field_unknown_type.stderr", 2),
    ("impl_of_boxed_trait.stderr", 2),
    ("impl_of_no_component.stderr", 3),
];

/// rustc prints a summary of its own when there is more than one error.
#[test]
fn each_case_expects_one_error() {
    let cases = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ui");
    let mut count = 0;
    for case in std::fs::read_dir(cases).unwrap() {
        let path = case.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "stderr") {
            let text = std::fs::read_to_string(&path).unwrap();
            let errors = text.lines().filter(|line| line.starts_with("error")).count();
            let more = WITH_MORE.iter().find(|(case, _)| path.ends_with(case));
            let expected = more.map_or(1, |(_, errors)| *errors);
            assert_eq!(errors, expected, "{}:\n{text}", path.display());
            count += 1;
        }
    }
    assert!(count > 0, "no cases in {cases}");
}
