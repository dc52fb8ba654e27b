pub struct Checkout {
    cart: Ref<dyn Cart>,
    shop: Listener,
    seen: Mutex<Vec<u64>>,
}
const _: () = {
    use ::weaver::__private as __weaver;
    use __weaver::DefaultField as _;
    #[automatically_derived]
    impl __weaver::Construct for Checkout {
        fn fields() -> __weaver::Vec<__weaver::FieldSpec> {
            let fields: [::core::option::Option<__weaver::FieldSpec>; _] = [
                __weaver::Field::<Ref<dyn Cart>>::spec("cart"),
                __weaver::Field::<Listener>::spec("shop"),
                __weaver::Field::<Mutex<Vec<u64>>>::spec("seen"),
            ];
            fields.into_iter().flatten().collect()
        }
        fn construct(
            fields: &__weaver::Fields<'_>,
        ) -> __weaver::Result<Self, __weaver::Error> {
            let _ = fields;
            __weaver::Result::Ok(Self {
                cart: __weaver::Field::<Ref<dyn Cart>>::fill(fields, "cart")?,
                shop: __weaver::Field::<Listener>::fill(fields, "shop")?,
                seen: __weaver::Field::<Mutex<Vec<u64>>>::fill(fields, "seen")?,
            })
        }
    }
};
