//! [`Body`]: one behaviour, and the list of all.

use std::{any::Any, future::Future, pin::Pin, time::Duration};

use weaver::Result;

use crate::{
    Stage, borrowed, bytes, cancellation, concurrent, config, crates, deadlines, errors, init,
    metadata, missing, panics, refused, runtime, shutdown, streams, too_large, traces, values,
};

/// One behaviour, which is the same under every placement.
#[derive(Clone, Copy, Debug)]
pub struct Body {
    /// Its module and function.
    pub name: &'static str,
    run: fn(Stage) -> Running,
}

type Running = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// The slowest body takes a few seconds in a debug build on two busy cores.
const BODY_SECONDS_MAX: u64 = 60;

impl Body {
    /// Runs it.
    ///
    /// # Errors
    /// What was other than expected, in words.
    pub async fn run(&self, stage: Stage) -> Result<(), String> {
        let mut running = tokio::spawn((self.run)(stage));
        let limit = Duration::from_secs(BODY_SECONDS_MAX);
        match tokio::time::timeout(limit, &mut running).await {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(error))) => Err(format!("{error:#}")),
            Ok(Err(ended)) => Err(ended
                .try_into_panic()
                .map_or_else(|ended| ended.to_string(), |panic| panic_message(&*panic))),
            Err(_) => {
                running.abort();
                Err(format!("it hangs: not done after {limit:?}"))
            }
        }
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a message").to_owned()
}

macro_rules! bodies {
    ($($module:ident::$function:ident,)*) => {
        /// All bodies, in an order in which they can run in one program.
        pub const BODIES: &[Body] = &[$(Body {
            name: concat!(stringify!($module), "::", stringify!($function)),
            run: |stage| Box::pin(async move { $module::$function(&stage).await }),
        },)*];
    };
}

bodies! {
    // First, because the pause before a component is built again grows while the others run.
    init::fails_until_it_succeeds,
    init::panics,
    values::numbers,
    values::integers_wider_than_a_guests,
    values::floats_keep_their_bits,
    values::texts,
    values::structs,
    values::enums,
    values::options,
    values::collections,
    values::hashed_collections,
    values::instantiated_generics,
    values::recursive_types,
    values::types_of_the_standard_library,
    values::shared_and_borrowed_types,
    values::sixteen_arguments,
    bytes::byte_strings_of_every_kind,
    bytes::sizes_around_a_shared_frame,
    bytes::ten_megabytes_both_ways,
    borrowed::lent_values_arrive,
    refused::shapes_that_cannot_be_carried,
    refused::the_error_names_the_argument,
    refused::shapes_in_results_and_errors,
    refused::values_that_nest_too_deep,
    too_large::arguments,
    too_large::results,
    errors::own_variants,
    errors::chains_keep_their_text,
    errors::call_errors_stay_typed_across_two_calls,
    panics::are_errors_at_the_caller,
    panics::while_an_argument_is_decoded,
    panics::while_a_result_is_encoded,
    panics::while_a_result_is_decoded,
    config::sections_are_each_components_own,
    missing::the_error_says_the_cure,
    crates::interface_and_implementation_apart,
    shutdown::components_work_before_it,
    cancellation::a_dropped_call_stops_its_callee,
    cancellation::and_all_that_it_called,
    deadlines::the_caller_learns_it_at_once_and_the_callee_stops,
    deadlines::it_ends_all_that_the_call_has_made,
    deadlines::the_callee_sees_the_time_left_and_so_do_its_calls,
    deadlines::without_one_a_longer_one_is_its_own,
    deadlines::one_that_has_passed_sends_nothing,
    deadlines::others_are_not_bounded_by_it,
    deadlines::a_methods_own_is_for_callers_without_one,
    metadata::travels_with_all_that_a_call_makes,
    metadata::never_leaks_into_another_call,
    metadata::is_bounded,
    traces::a_call_and_all_that_it_makes_are_of_one,
    traces::one_never_leaks_into_another_call,
    streams::results_flow,
    streams::arguments_flow,
    streams::both_ways_at_once_item_by_item,
    streams::several_in_tuples,
    streams::a_reader_that_drops_stops_the_producer,
    streams::a_callee_that_drops_stops_its_caller,
    streams::a_slow_reader_holds_its_producer_up,
    streams::a_panic_is_the_last_item,
    streams::outlives_the_deadline_of_its_call,
    streams::keeps_its_producers_metadata,
    streams::large_items_and_many_at_once,
    streams::through_a_component_between,
    streams::elsewhere_in_a_type_is_a_typed_error,
    concurrent::nobody_gets_anothers_answer,
    concurrent::a_slow_call_holds_up_nobody,
    runtime::is_the_programs_own_for_every_call,
}
