//! Every mistake has one error, at the author's own token, that says what to write instead.
//!
//! (Where a trait lacks `#[component]`, rustc adds that `dyn Trait` is none to it, in words of its own.)
//!
//! Each file in `ui/` makes one mistake. `TRYBUILD=overwrite cargo test -p weaver --test ui` writes
//! what the compiler says now; read it before committing it.

#[test]
fn each_mistake_has_one_error() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}

/// Mistakes of which rustc says something as well.
const WITH_A_SECOND: [&str; 3] = [
    "derive_field_unknown_type.stderr",
    "impl_of_boxed_trait.stderr",
    "impl_of_no_component.stderr",
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
            let has_second = WITH_A_SECOND.iter().any(|case| path.ends_with(case));
            assert_eq!(errors, 1 + usize::from(has_second), "{}:\n{text}", path.display());
            count += 1;
        }
    }
    assert!(count > 0, "no cases in {cases}");
}
