//! What a guest sees of the world: the interface of its host, and WASI with nothing in it that was not
//! granted.

use std::time::Duration;

use wasmtime::component::{HasData, Linker, Resource};
use wasmtime_wasi::{
    WasiCtx, WasiCtxBuilder,
    clocks::WasiClocksView,
    p2::{
        DynPollable, Pollable,
        bindings::clocks::monotonic_clock::{self, Host as _},
        subscribe,
    },
};

use weaver_runtime::sandbox::Grants;

use crate::instance::State;

/// The interface that guests import.
const HOST: &str = "weaver:guest/host@0.1.0";

/// A guest's WASI.
pub(crate) fn context(grants: &Grants) -> WasiCtx {
    let mut context = WasiCtxBuilder::new();
    context.inherit_stdout().inherit_stderr();
    for name in &grants.env {
        if let Ok(value) = std::env::var(name) {
            context.env(name, value);
        }
    }
    context.build()
}

pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    linker.allow_shadowing(true);
    monotonic_clock::add_to_linker::<State, Clock>(linker, |state| ClockOf(state))?;
    linker.allow_shadowing(false);
    let mut host = linker.instance(HOST)?;
    host.func_wrap("park", |mut store, (is_about_to,): (bool,)| {
        Ok((store.data_mut().park(is_about_to),))
    })?;
    host.func_wrap("listen", |store, (name,): (String,)| {
        let address = (store.data().listen)(&name);
        Ok((address.map(|address| address.to_string()),))
    })?;
    host.func_wrap("panicked", |mut store, (call, message): (u64, String)| {
        store.data_mut().panic = Some((call, message));
        Ok(())
    })
}

impl State {
    /// Whether the guest was asked to sleep since it was about to wait.
    fn park(&mut self, is_about_to: bool) -> bool {
        self.is_parked = is_about_to;
        !is_about_to && self.sleep.is_some()
    }
}

/// The guest's clock. A guest that waits has nothing to do until then: its sleep ends its turn, and lasts no time.
struct Clock;

impl HasData for Clock {
    type Data<'a> = ClockOf<'a>;
}

struct ClockOf<'a>(&'a mut State);

impl ClockOf<'_> {
    fn sleep(&mut self, duration: Duration) -> wasmtime::Result<Resource<DynPollable>> {
        self.0.sleep = Some(duration);
        let now = self.0.table().push(Now)?;
        subscribe(self.0.table(), now)
    }
}

impl monotonic_clock::Host for ClockOf<'_> {
    fn now(&mut self) -> wasmtime::Result<monotonic_clock::Instant> {
        self.0.clocks().now()
    }

    fn resolution(&mut self) -> wasmtime::Result<monotonic_clock::Duration> {
        self.0.clocks().resolution()
    }

    fn subscribe_instant(
        &mut self,
        when: monotonic_clock::Instant,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        if self.0.is_parked {
            let now = self.0.clocks().now()?;
            return self.sleep(Duration::from_nanos(when.saturating_sub(now)));
        }
        self.0.clocks().subscribe_instant(when)
    }

    fn subscribe_duration(
        &mut self,
        duration: monotonic_clock::Duration,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        if self.0.is_parked {
            return self.sleep(Duration::from_nanos(duration));
        }
        self.0.clocks().subscribe_duration(duration)
    }
}

/// What need not be waited for.
struct Now;

#[wasmtime_wasi::async_trait]
impl Pollable for Now {
    async fn ready(&mut self) {}
}
