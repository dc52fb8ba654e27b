pub trait Orders: ::core::marker::Send + ::core::marker::Sync + 'static {
    fn place<'call>(
        &'call self,
        order: Order,
        note: &'call str,
    ) -> ::weaver::__private::BoxFuture<'call, Result<Receipt>>;
    fn find<'call>(
        &'call self,
        tenant: &'call str,
        order: &'call (u64, u32),
        customer: u64,
    ) -> ::weaver::__private::BoxFuture<'call, Result<Order>>;
    fn count<'call>(
        &'call self,
        tenant: &'call str,
    ) -> ::weaver::__private::BoxFuture<'call, Result<u64>>;
    fn prices<'call>(
        &'call self,
        r#type: String,
    ) -> ::weaver::__private::BoxFuture<'call, Result<Stream<Price>>>;
}
const _: () = {
    use ::weaver::__private as __weaver;
    use __weaver::{Unkeyed as _, Untravelled as _};
    #[automatically_derived]
    impl Orders for __weaver::Client<dyn Orders> {
        fn place<'call>(
            &'call self,
            order: Order,
            note: &'call str,
        ) -> ::weaver::__private::BoxFuture<'call, Result<Receipt>> {
            __weaver::Method::<
                (Order, &'call str),
                Result<Receipt>,
            >::call_routed(
                self,
                0,
                __weaver::RouteKey(__weaver::key_field(&order.customer.id)).hash(),
                (order, note),
            )
        }
        fn find<'call>(
            &'call self,
            tenant: &'call str,
            order: &'call (u64, u32),
            customer: u64,
        ) -> ::weaver::__private::BoxFuture<'call, Result<Order>> {
            __weaver::Method::<
                (&'call str, &'call (u64, u32), u64),
                Result<Order>,
            >::call_routed(
                self,
                1,
                __weaver::RouteKey(&(tenant, __weaver::key_field(&order.0), &customer))
                    .hash(),
                (tenant, order, customer),
            )
        }
        fn count<'call>(
            &'call self,
            tenant: &'call str,
        ) -> ::weaver::__private::BoxFuture<'call, Result<u64>> {
            __weaver::Method::<
                (&'call str,),
                Result<u64>,
            >::call_routed(self, 2, __weaver::RouteKey(tenant).hash(), (tenant,))
        }
        fn prices<'call>(
            &'call self,
            r#type: String,
        ) -> ::weaver::__private::BoxFuture<'call, Result<Stream<Price>>> {
            __weaver::Method::<
                (String,),
                Result<Stream<Price>>,
            >::call_routed(self, 3, __weaver::RouteKey(&r#type).hash(), (r#type,))
        }
    }
    #[automatically_derived]
    impl __weaver::Component for dyn Orders {
        const SPEC: &'static __weaver::ComponentSpec = &__weaver::ComponentSpec {
            name: "Orders",
            module: ::core::module_path!(),
            location: ::core::concat!(::core::file!(), ":", ::core::line!()),
            methods: &[
                __weaver::MethodSpec::new(
                        __weaver::method::<Result<Receipt>>("place"),
                        &[
                            __weaver::argument::<Order>("order"),
                            __weaver::borrowed::<str>("note"),
                        ],
                        __weaver::Method::<
                            (Order, <str as __weaver::Borrowed>::Owned),
                            Result<Receipt>,
                        >::shape,
                    )
                    .timeout_milliseconds(2000)
                    .routed_by(&["order.customer.id"]),
                __weaver::MethodSpec::new(
                        __weaver::method::<Result<Order>>("find"),
                        &[
                            __weaver::borrowed::<str>("tenant"),
                            __weaver::borrowed::<(u64, u32)>("order"),
                            __weaver::argument::<u64>("customer"),
                        ],
                        __weaver::Method::<
                            (
                                <str as __weaver::Borrowed>::Owned,
                                <(u64, u32) as __weaver::Borrowed>::Owned,
                                u64,
                            ),
                            Result<Order>,
                        >::shape,
                    )
                    .hedged_after_milliseconds(50)
                    .timeout_milliseconds(60000)
                    .routed_by(&["tenant", "order.0", "customer"]),
                __weaver::MethodSpec::new(
                        __weaver::method::<Result<u64>>("count"),
                        &[__weaver::borrowed::<str>("tenant")],
                        __weaver::Method::<
                            (<str as __weaver::Borrowed>::Owned,),
                            Result<u64>,
                        >::shape,
                    )
                    .idempotent()
                    .routed_by(&["tenant"]),
                __weaver::MethodSpec::new(
                        __weaver::method::<Result<Stream<Price>>>("prices"),
                        &[__weaver::argument::<String>("type")],
                        __weaver::Method::<(String,), Result<Stream<Price>>>::shape,
                    )
                    .routed_by(&["type"]),
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
                        (Order, <str as __weaver::Borrowed>::Owned),
                        Result<Receipt>,
                    >::serve(
                        arguments,
                        move |(order, note)| async move {
                            Orders::place(self, order, __weaver::Borrow::borrow(&note))
                                .await
                        },
                    )
                }
                1 => {
                    __weaver::Method::<
                        (
                            <str as __weaver::Borrowed>::Owned,
                            <(u64, u32) as __weaver::Borrowed>::Owned,
                            u64,
                        ),
                        Result<Order>,
                    >::serve(
                        arguments,
                        move |(tenant, order, customer)| async move {
                            Orders::find(
                                    self,
                                    __weaver::Borrow::borrow(&tenant),
                                    __weaver::Borrow::borrow(&order),
                                    customer,
                                )
                                .await
                        },
                    )
                }
                2 => {
                    __weaver::Method::<
                        (<str as __weaver::Borrowed>::Owned,),
                        Result<u64>,
                    >::serve(
                        arguments,
                        move |(tenant,)| async move {
                            Orders::count(self, __weaver::Borrow::borrow(&tenant)).await
                        },
                    )
                }
                3 => {
                    __weaver::Method::<
                        (String,),
                        Result<Stream<Price>>,
                    >::serve(
                        arguments,
                        move |(r#type,)| async move {
                            Orders::prices(self, r#type).await
                        },
                    )
                }
                _ => __weaver::no_such_method::<Self>(method),
            }
        }
    }
};
