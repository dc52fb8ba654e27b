/// Carts by user.
pub trait Cart: Debug + ::core::marker::Send + ::core::marker::Sync + 'static {
    /// Puts an item into the user's cart.
    fn add<'call>(
        &'call self,
        user: u64,
        item: &'call Item,
    ) -> ::weaver::__private::BoxFuture<'call, Result<()>>;
    /// What is in the user's cart.
    fn items<'call>(
        &'call self,
        user: u64,
    ) -> ::weaver::__private::BoxFuture<'call, Result<Page<Item>, CartError>>;
    fn clear<'call>(&'call self) -> ::weaver::__private::BoxFuture<'call, Result<()>>;
}
const _: () = {
    use ::weaver::__private as __weaver;
    use __weaver::{Unkeyed as _, Untravelled as _};
    #[automatically_derived]
    impl Cart for __weaver::Client<dyn Cart> {
        fn add<'call>(
            &'call self,
            user: u64,
            item: &'call Item,
        ) -> ::weaver::__private::BoxFuture<'call, Result<()>> {
            __weaver::Method::<
                (u64, &'call Item),
                Result<()>,
            >::call(self, 0, (user, item))
        }
        fn items<'call>(
            &'call self,
            user: u64,
        ) -> ::weaver::__private::BoxFuture<'call, Result<Page<Item>, CartError>> {
            __weaver::Method::<
                (u64,),
                Result<Page<Item>, CartError>,
            >::call(self, 1, (user,))
        }
        fn clear<'call>(
            &'call self,
        ) -> ::weaver::__private::BoxFuture<'call, Result<()>> {
            __weaver::Method::<(), Result<()>>::call(self, 2, ())
        }
    }
    #[automatically_derived]
    impl __weaver::Component for dyn Cart {
        const SPEC: &'static __weaver::ComponentSpec = &__weaver::ComponentSpec {
            name: "shop.Cart",
            module: ::core::module_path!(),
            location: ::core::concat!(::core::file!(), ":", ::core::line!()),
            methods: &[
                __weaver::MethodSpec::new(
                    __weaver::method::<Result<()>>("add"),
                    &[
                        __weaver::argument::<u64>("user"),
                        __weaver::borrowed::<Item>("item"),
                    ],
                    __weaver::Method::<
                        (u64, <Item as __weaver::Borrowed>::Owned),
                        Result<()>,
                    >::shape,
                ),
                __weaver::MethodSpec::new(
                        __weaver::method::<Result<Page<Item>, CartError>>("items"),
                        &[__weaver::argument::<u64>("user")],
                        __weaver::Method::<(u64,), Result<Page<Item>, CartError>>::shape,
                    )
                    .idempotent(),
                __weaver::MethodSpec::new(
                    __weaver::method::<Result<()>>("clear"),
                    &[],
                    __weaver::Method::<(), Result<()>>::shape,
                ),
            ],
        };
        fn from_client(client: __weaver::Client<Self>) -> __weaver::Arc<Self> {
            __weaver::Arc::new(client)
        }
        fn dispatch(
            &self,
            method: u16,
            arguments: __weaver::Message,
        ) -> __weaver::Reply<'_> {
            match method {
                0 => {
                    __weaver::Method::<
                        (u64, <Item as __weaver::Borrowed>::Owned),
                        Result<()>,
                    >::serve(
                        arguments,
                        move |(user, item)| async move {
                            Cart::add(self, user, __weaver::Borrow::borrow(&item)).await
                        },
                    )
                }
                1 => {
                    __weaver::Method::<
                        (u64,),
                        Result<Page<Item>, CartError>,
                    >::serve(
                        arguments,
                        move |(user,)| async move { Cart::items(self, user).await },
                    )
                }
                2 => {
                    __weaver::Method::<
                        (),
                        Result<()>,
                    >::serve(arguments, move |()| async move { Cart::clear(self).await })
                }
                _ => __weaver::no_such_method::<Self>(method),
            }
        }
    }
};
