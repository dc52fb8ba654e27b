fn main() -> ::std::process::ExitCode {
    async fn main(app: App, shop: Listener, cart: Ref<dyn Cart>) -> Result<()> {
        serve(app, shop, cart).await
    }
    #[cfg(target_family = "wasm")]
    ::weaver::__private::inventory::submit! {
        ::weaver::__private::MainEntry { spec : || ::weaver::__private::MainSpec {
        package : ::core::env!("CARGO_PKG_NAME"), init : || (), runtime :
        ::weaver::__private::RuntimeSpec::MultiThread { worker_threads :
        ::core::option::Option::Some(4) }, fields : || { let fields :
        [::core::option::Option < ::weaver::__private::FieldSpec >; _] = [< App as
        ::weaver::__private::Inject > ::spec("app"), < Listener as
        ::weaver::__private::Inject > ::spec("shop"), < Ref < dyn Cart > as
        ::weaver::__private::Inject > ::spec("cart")]; fields.into_iter().flatten()
        .collect() }, }, run : | fields | {
        ::weaver::__private::Result::Ok(::weaver::__private::main_future(main(< App as
        ::weaver::__private::Inject > ::inject(fields, "app") ?, < Listener as
        ::weaver::__private::Inject > ::inject(fields, "shop") ?, < Ref < dyn Cart > as
        ::weaver::__private::Inject > ::inject(fields, "cart") ?))) }, }
    }
    ::weaver::__private::main(
        ::weaver::__private::MainSpec {
            package: ::core::env!("CARGO_PKG_NAME"),
            init: || (),
            runtime: ::weaver::__private::RuntimeSpec::MultiThread {
                worker_threads: ::core::option::Option::Some(4),
            },
            fields: || {
                let fields: [::core::option::Option<
                    ::weaver::__private::FieldSpec,
                >; _] = [
                    <App as ::weaver::__private::Inject>::spec("app"),
                    <Listener as ::weaver::__private::Inject>::spec("shop"),
                    <Ref<dyn Cart> as ::weaver::__private::Inject>::spec("cart"),
                ];
                fields.into_iter().flatten().collect()
            },
        },
        |fields| ::weaver::__private::Result::Ok(
            main(
                <App as ::weaver::__private::Inject>::inject(fields, "app")?,
                <Listener as ::weaver::__private::Inject>::inject(fields, "shop")?,
                <Ref<dyn Cart> as ::weaver::__private::Inject>::inject(fields, "cart")?,
            ),
        ),
    )
}
