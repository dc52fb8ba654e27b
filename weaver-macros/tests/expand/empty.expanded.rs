trait Nothing: ::core::marker::Send + ::core::marker::Sync + 'static {}
const _: () = {
    use ::weaver::__private as __weaver;
    use __weaver::{Unkeyed as _, Untravelled as _};
    #[automatically_derived]
    impl Nothing for __weaver::Client<dyn Nothing> {}
    #[automatically_derived]
    impl __weaver::Component for dyn Nothing {
        const SPEC: &'static __weaver::ComponentSpec = &__weaver::ComponentSpec {
            name: "Nothing",
            module: ::core::module_path!(),
            location: ::core::concat!(::core::file!(), ":", ::core::line!()),
            methods: &[],
        };
        fn from_client(client: __weaver::Client<Self>) -> __weaver::Arc<Self> {
            __weaver::Arc::new(client)
        }
        fn dispatch(&self, method: u16, _: __weaver::Message) -> __weaver::Reply<'_> {
            __weaver::no_such_method::<Self>(method)
        }
    }
};
