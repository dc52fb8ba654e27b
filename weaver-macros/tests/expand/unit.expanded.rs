struct Unit;
const _: () = {
    use ::weaver::__private as __weaver;
    use __weaver::DefaultField as _;
    #[automatically_derived]
    impl __weaver::Construct for Unit {
        fn fields() -> __weaver::Vec<__weaver::FieldSpec> {
            let fields: [::core::option::Option<__weaver::FieldSpec>; _] = [];
            fields.into_iter().flatten().collect()
        }
        fn construct(
            fields: &__weaver::Fields<'_>,
        ) -> __weaver::Result<Self, __weaver::Error> {
            let _ = fields;
            __weaver::Result::Ok(Self {})
        }
    }
};
