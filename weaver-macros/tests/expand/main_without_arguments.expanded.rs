fn main() -> ::std::process::ExitCode {
    async fn main() {}
    #[cfg(target_family = "wasm")]
    ::weaver::__private::inventory::submit! {
        ::weaver::__private::MainEntry { spec : || ::weaver::__private::MainSpec {
        package : ::core::env!("CARGO_PKG_NAME"), init : || (), runtime :
        ::weaver::__private::RuntimeSpec::CurrentThread, fields : || { let fields :
        [::core::option::Option < ::weaver::__private::FieldSpec >; _] = []; fields
        .into_iter().flatten().collect() }, }, run : | _ | {
        ::weaver::__private::Result::Ok(::weaver::__private::main_future(main())) }, }
    }
    ::weaver::__private::main(
        ::weaver::__private::MainSpec {
            package: ::core::env!("CARGO_PKG_NAME"),
            init: || (),
            runtime: ::weaver::__private::RuntimeSpec::CurrentThread,
            fields: || {
                let fields: [::core::option::Option<
                    ::weaver::__private::FieldSpec,
                >; _] = [];
                fields.into_iter().flatten().collect()
            },
        },
        |_| ::weaver::__private::Result::Ok(main()),
    )
}
