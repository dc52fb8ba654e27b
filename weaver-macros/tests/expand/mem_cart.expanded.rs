const _: () = {
    fn _is_marked(
        _: ::weaver::__private::Marked<impl shop::Cart + ?::core::marker::Sized>,
    ) {}
};
impl shop::Cart for MemCart
where
    [(); ::weaver::__private::shareable::<Self>()]:,
{
    fn add<'call>(
        &'call self,
        user: u64,
        item: &'call Item,
    ) -> ::weaver::__private::BoxFuture<'call, Result<()>> {
        use ::weaver::__private::Unframed as _;
        ::weaver::__private::Framed::<
            dyn shop::Cart,
            (u64, &'call Item),
            Result<()>,
        >::new(
            const {
                ::weaver::__private::MethodSpec::of(
                    <dyn shop::Cart as ::weaver::__private::Component>::SPEC,
                    "add",
                )
            },
            async move {
                if let ::core::option::Option::Some(never) = ::core::option::Option::None::<
                    Result<()>,
                > {
                    return never;
                }
                let mut user = user;
                let item = item;
                user += 1;
                self.items.lock().await.push((user, item.clone()));
                Ok(())
            },
        )
    }
    fn merge<'call>(
        &'call self,
        __argument0: (u64, u64),
        __argument1: bool,
    ) -> ::weaver::__private::BoxFuture<'call, Result<()>> {
        use ::weaver::__private::Unframed as _;
        ::weaver::__private::Framed::<
            dyn shop::Cart,
            ((u64, u64), bool),
            Result<()>,
        >::new(
            const {
                ::weaver::__private::MethodSpec::of(
                    <dyn shop::Cart as ::weaver::__private::Component>::SPEC,
                    "merge",
                )
            },
            async move {
                if let ::core::option::Option::Some(never) = ::core::option::Option::None::<
                    Result<()>,
                > {
                    return never;
                }
                let __argument0 = __argument0;
                let (from, to) = __argument0;
                let __argument1 = __argument1;
                let _ = (from, to);
                Ok(())
            },
        )
    }
}
const _: () = {
    use ::weaver::__private as __weaver;
    use __weaver::{NoLifecycle as _, NoInstance as _};
    __weaver::inventory::submit! {
        __weaver::Implementation { component : < dyn shop::Cart as __weaver::Component >
        ::SPEC, type_name : "MemCart", module : ::core::module_path!(), location :
        ::core::concat!(::core::file!(), ":", ::core::line!()), fields : < MemCart as
        __weaver::Construct > ::fields, build : | fields | __weaver::InstanceOf:: < dyn
        shop::Cart, MemCart > ::build(fields, __weaver::HooksOf:: < MemCart > ::hooks(),
        | it | it,), }
    }
    #[cfg(target_family = "wasm")]
    #[unsafe(
        export_name = ::core::concat!(
            "weaver-link:",
            ::core::module_path!(),
            "::",
            "MemCart as dyn shop :: Cart"
        )
    )]
    extern "C" fn link() {}
};
