pub trait Cart: ::core::marker::Send + ::core::marker::Sync + 'static {
    fn add<'call>(
        &'call self,
        item: u64,
    ) -> ::weaver::__private::BoxFuture<'call, Result<()>> {
        let _ = (item,);
        ::core::unreachable!()
    }
    fn first<'call>(
        self,
        check: impl Fn(u64) -> bool,
    ) -> ::weaver::__private::BoxFuture<'call, Option<&str>>
    where
        Self: Sized,
    {
        let _ = (check,);
        ::core::unreachable!()
    }
}
::core::compile_error! {
    "a component method is async, because a call may leave the process: write `async fn add`"
}
::core::compile_error! {
    "write the type itself: both sides of a call must know what is encoded"
}
::core::compile_error! {
    "a component method returns a `Result`, because any call can fail: write `weaver::Result<Option<&str>>`"
}
::core::compile_error! {
    "write `&self`: a component serves many callers at once, so that none can take it"
}
const _: () = {
    use ::weaver::__private as __weaver;
    #[automatically_derived]
    impl __weaver::Component for dyn Cart {
        const SPEC: &'static __weaver::ComponentSpec = &__weaver::ComponentSpec {
            name: "Cart",
            module: ::core::module_path!(),
            location: ::core::concat!(::core::file!(), ":", ::core::line!()),
            methods: &[],
        };
        fn from_client(_: __weaver::Client<Self>) -> __weaver::Arc<Self> {
            ::core::unreachable!()
        }
        fn dispatch(&self, method: u16, _: __weaver::Message) -> __weaver::Reply<'_> {
            __weaver::no_such_method::<Self>(method)
        }
    }
};
