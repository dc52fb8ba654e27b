//! [`GuestInstance`]: one instance of a guest, and the turns that it is given.

use std::{sync::Arc, time::Duration};

use wasmtime::{
    ResourceLimiter, Store, Trap, UpdateDeadline,
    component::{InstancePre, ResourceTable, TypedFunc},
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use weaver_runtime::sandbox::{Ended, Grants, Instance, Listen, Turn};

use crate::{Engine, engine::EPOCH_MILLISECONDS, wasi};

/// The interface that guests export.
const GUEST: &str = "weaver:guest/guest@0.1.0";

/// One instance of a guest.
pub struct GuestInstance {
    store: Store<State>,
    describe: TypedFunc<(), (Answer,)>,
    start: TypedFunc<(Vec<u8>,), (Answer,)>,
    turn: TypedFunc<(Vec<u8>,), (Vec<u8>,)>,
}

/// Bytes, or why there are none.
type Answer = Result<Vec<u8>, String>;

impl std::fmt::Debug for GuestInstance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GuestInstance")
    }
}

/// What the host keeps for an instance.
pub(crate) struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    grants: Arc<Grants>,
    pub(crate) listen: Listen,
    /// Whether the guest's runtime is about to wait.
    pub(crate) is_parked: bool,
    /// For how long it would sleep.
    pub(crate) sleep: Option<Duration>,
    /// Its last words.
    pub(crate) panic: Option<Panic>,
    /// Epochs in which it has worked since a call began or ended.
    epochs: u64,
    /// Calls that it works on.
    calls: usize,
    /// The memory that it was refused.
    refused_bytes: Option<usize>,
}

/// The last words of a guest.
pub(crate) struct Panic {
    /// What it worked on; 0 for no call.
    pub(crate) call: u64,
    pub(crate) message: String,
    pub(crate) place: String,
}

impl Panic {
    fn reason(&self) -> String {
        let Self { message, place, .. } = self;
        // The standard library's word for what a target does not have, from a file of that name.
        if message == "unsupported" && place.contains("/sys/") {
            let what = "it used a part of the standard library that WebAssembly does not have";
            return format!("{what} (such as `std::process::id` or threads), at {place}");
        }
        format!("it panicked at {place}: {message}")
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl State {
    pub(crate) fn new(grants: Arc<Grants>, listen: Listen) -> Result<Self, String> {
        Ok(Self {
            wasi: wasi::context(&grants)?,
            table: ResourceTable::new(),
            grants,
            listen,
            is_parked: false,
            sleep: None,
            panic: None,
            epochs: 0,
            calls: 0,
            refused_bytes: None,
        })
    }

    pub(crate) fn grants(&self) -> &Grants {
        &self.grants
    }

    pub(crate) fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }

    fn cpu_epochs_max(&self) -> Option<u64> {
        let milliseconds = u64::try_from(self.grants.cpu?.as_millis()).unwrap_or(u64::MAX);
        // Of several calls it is not known which it works on.
        let calls = u64::try_from(self.calls.max(1)).unwrap_or(u64::MAX);
        Some(milliseconds.saturating_mul(calls).div_ceil(EPOCH_MILLISECONDS))
    }

    /// At each epoch in which it works: on, after others, or no further.
    fn next_epoch(&mut self) -> wasmtime::Result<UpdateDeadline> {
        self.epochs += 1;
        match self.cpu_epochs_max() {
            Some(max) if self.epochs > max => {
                let cpu = self.grants.cpu.unwrap_or_default();
                Err(wasmtime::Error::msg(format!(
                    "it has worked on one call for longer than the `cpu = \"{cpu:?}\"` of its sandbox"
                )))
            }
            _ => Ok(UpdateDeadline::Yield(1)),
        }
    }
}

/// Only memory is limited here: what grows beside it is bounded by wasmtime's own defaults.
impl ResourceLimiter for State {
    fn memory_growing(
        &mut self,
        _: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let allowed = u64::try_from(desired).is_ok_and(|bytes| bytes <= self.grants.memory_bytes);
        if !allowed {
            self.refused_bytes = Some(desired);
        }
        Ok(allowed)
    }

    fn table_growing(
        &mut self,
        _: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS_MAX)
    }
}

/// Far above what a program has of functions.
const TABLE_ELEMENTS_MAX: usize = 1 << 20;

impl GuestInstance {
    pub(crate) async fn new(
        engine: &Engine,
        instance: &InstancePre<State>,
        state: State,
    ) -> Result<Self, String> {
        let mut store = Store::new(&engine.engine, state);
        store.limiter(|state| state);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|mut store| store.data_mut().next_epoch());
        let failed = |error: wasmtime::Error| format!("{error:#}");
        let instance = instance.instantiate_async(&mut store).await.map_err(failed)?;
        let exports = instance.get_export_index(&mut store, None, GUEST);
        let mut function = |name: &str| {
            instance
                .get_export_index(&mut store, exports.as_ref(), name)
                .ok_or_else(|| format!("it exports no `{name}` of {GUEST}"))
        };
        let (describe, start, turn) =
            (function("describe")?, function("start")?, function("turn")?);
        let describe = instance.get_typed_func(&mut store, describe).map_err(failed)?;
        let start = instance.get_typed_func(&mut store, start).map_err(failed)?;
        let turn = instance.get_typed_func(&mut store, turn).map_err(failed)?;
        Ok(Self { store, describe, start, turn })
    }

    pub(crate) async fn describe(mut self) -> Result<Vec<u8>, String> {
        let (describe, store) = (self.describe, &mut self.store);
        match describe.call_async(store, ()).await {
            Ok((described,)) => described,
            Err(error) => Err(self.ended(&error).reason),
        }
    }

    fn begin(&mut self) {
        self.store.data_mut().sleep = None;
    }

    fn end(&mut self, frames: Vec<u8>) -> Turn {
        Turn { frames, sleep: self.store.data_mut().sleep.take() }
    }

    /// Why it has ended, in words that say what to do about it.
    fn ended(&mut self, error: &wasmtime::Error) -> Ended {
        let state = self.store.data_mut();
        let panic = state.panic.take();
        let reason = match (&panic, state.refused_bytes) {
            (_, Some(bytes)) => out_of_memory(bytes, &state.grants),
            (Some(panic), None) => panic.reason(),
            (None, None) => match error.downcast_ref::<Trap>() {
                Some(Trap::StackOverflow) => "it recursed too deeply".to_owned(),
                Some(trap) => trap.to_string(),
                None => error.root_cause().to_string(),
            },
        };
        Ended { reason, panic: panic.map(|Panic { call, message, .. }| (call, message)) }
    }
}

fn out_of_memory(bytes: usize, grants: &Grants) -> String {
    format!(
        "it asked for {} MiB of memory, and has `memory = \"{}MiB\"` in its sandbox",
        bytes.div_ceil(1 << 20),
        grants.memory_bytes >> 20,
    )
}

impl Instance for GuestInstance {
    async fn start(&mut self, bootstrap: Vec<u8>) -> Result<Turn, Ended> {
        self.begin();
        match self.start.call_async(&mut self.store, (bootstrap,)).await {
            Ok((Ok(frames),)) => Ok(self.end(frames)),
            Ok((Err(reason),)) => Err(Ended { reason, panic: None }),
            Err(error) => Err(self.ended(&error)),
        }
    }

    async fn turn(&mut self, frames: Vec<u8>) -> Result<Turn, Ended> {
        self.begin();
        match self.turn.call_async(&mut self.store, (frames,)).await {
            Ok((frames,)) => Ok(self.end(frames)),
            Err(error) => Err(self.ended(&error)),
        }
    }

    fn works_on(&mut self, calls: usize) {
        let state = self.store.data_mut();
        (state.epochs, state.calls) = (0, calls);
    }
}
