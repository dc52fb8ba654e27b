const _: () = {
    fn _is_marked(_: ::weaver::__private::Marked<impl Cart + ?::core::marker::Sized>) {}
};
impl Cart for FakeCart
where
    [(); ::weaver::__private::shareable::<Self>()]:,
{
    fn clear<'call>(&'call self) -> ::weaver::__private::BoxFuture<'call, Result<()>> {
        use ::weaver::__private::Unframed as _;
        ::weaver::__private::Framed::<
            dyn Cart,
            (),
            Result<()>,
        >::new(
            const {
                ::weaver::__private::MethodSpec::of(
                    <dyn Cart as ::weaver::__private::Component>::SPEC,
                    "clear",
                )
            },
            async move {
                if let ::core::option::Option::Some(never) = ::core::option::Option::None::<
                    Result<()>,
                > {
                    return never;
                }
                Ok(())
            },
        )
    }
}
const _: () = {
    use ::weaver::__private as __weaver;
    const _: &__weaver::ComponentSpec = <dyn Cart as __weaver::Component>::SPEC;
};
