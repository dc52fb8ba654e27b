//! A whole program as one guest.

use std::sync::Arc;

use super::{
    GuestBootstrap,
    group::{GuestGroup, Instances, Life},
    listeners::Listeners,
    outward::Outward,
};
use crate::{
    client::{Request, Transport},
    component::BoxFuture,
    config::ConfigFile,
    error::{CallErrorKind, Context, Error, Failure, Result},
    graph::Graph,
    message::Message,
    placement::{MAIN, Placement},
};

/// Runs a program, `main` and all its components, as one guest, until its `main` returns; gives the exit
/// code. To be called inside of a tokio runtime.
///
/// # Errors
/// The configuration does not fit the program, or the instance in which `main` ran has ended.
pub async fn run_sandboxed_program<I: Instances>(
    graph: &Graph,
    config: &ConfigFile,
    instances: I,
) -> Result<u8> {
    if graph.main.is_none() {
        return Err(Error::msg(
            "the program has a `main` of its own, which only a process can run: `#[weaver::main]` can be a guest",
        ));
    }
    if config.path().is_some() {
        graph.check_names(config).context("the configuration does not fit the program")?;
    }
    let placement = Placement::one_process(graph);
    let bootstrap = GuestBootstrap::new(MAIN, graph, &placement, config);
    let outward = Arc::new(Outward::new(MAIN, graph, &placement, |_, _| Arc::new(Nowhere)));
    let listeners = Arc::new(Listeners::of_program(MAIN, graph, &placement, config));
    let limits = config.limits();
    let (group, _living) =
        GuestGroup::start(Life { instances, bootstrap, outward, listeners, limits });
    let ended = group.guest().run_main().await?;
    group.shut_down(MAIN).await;
    // Why its arguments could not be filled is printed.
    Ok(ended.unwrap_or(1))
}

/// Everything is in the guest.
struct Nowhere;

impl Transport for Nowhere {
    fn call(&self, _: Request) -> BoxFuture<'_, Result<Message, Failure>> {
        let reason = "all components of the program are in its guest".to_owned();
        Box::pin(std::future::ready(Err(CallErrorKind::NotSent { reason }.into())))
    }
}
