//! [`GuestInstance`]: one instance of a guest, and the turns that it is given.

use std::{sync::Arc, time::Duration};

use wasmtime::{
    ResourceLimiter, Store, Trap, UpdateDeadline,
    component::{InstancePre, ResourceTable, ResourceTableError, TypedFunc},
};
use wasmtime_wasi::{I32Exit, WasiCtx, WasiCtxView, WasiView};
use weaver_runtime::sandbox::{Callbacks, Ended, Grants, Instance, Turn};

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
    pub(crate) callbacks: Callbacks,
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
    /// Bytes of all its memories.
    memory_bytes: u64,
    /// Elements of all its tables.
    table_elements: usize,
    /// The memory that it was refused in this turn.
    refused_bytes: Option<u64>,
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
    pub(crate) fn new(grants: Arc<Grants>, callbacks: Callbacks) -> Result<Self, String> {
        Ok(Self {
            wasi: wasi::context(&grants, &callbacks)?,
            table: handles(),
            grants,
            callbacks,
            is_parked: false,
            sleep: None,
            panic: None,
            epochs: 0,
            calls: 0,
            memory_bytes: 0,
            table_elements: 0,
            refused_bytes: None,
        })
    }

    pub(crate) fn grants(&self) -> &Grants {
        &self.grants
    }

    /// More calls have come within its turn: it may use the processor for them, too.
    pub(crate) fn works_on_up_to(&mut self, calls: usize) {
        self.calls = self.calls.max(calls);
    }

    /// Something was refused to the guest.
    pub(crate) fn refused(&self, what: &str) {
        (self.callbacks.refused)(what);
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
            // Not wasmtime's own yield, after which it would go on before anybody looks for packets and timers.
            _ => Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now()))),
        }
    }
}

/// What it may hold of its host.
fn handles() -> ResourceTable {
    let mut table = ResourceTable::new();
    table.set_max_capacity(HANDLES_MAX);
    table
}

/// All memories count together, and so do all tables: a component may have many of each.
impl ResourceLimiter for State {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let more = u64::try_from(desired - current).unwrap_or(u64::MAX);
        let bytes = self.memory_bytes.saturating_add(more);
        let allowed = bytes <= self.grants.memory_bytes;
        match allowed {
            true => self.memory_bytes = bytes,
            false => self.refused_bytes = Some(bytes),
        }
        Ok(allowed)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let elements = self.table_elements.saturating_add(desired - current);
        let allowed = elements <= TABLE_ELEMENTS_MAX;
        if allowed {
            self.table_elements = elements;
        }
        Ok(allowed)
    }

    fn instances(&self) -> usize {
        INSTANCES_MAX
    }

    fn memories(&self) -> usize {
        INSTANCES_MAX
    }

    fn tables(&self) -> usize {
        INSTANCES_MAX
    }
}

/// Far above what a program has of functions.
const TABLE_ELEMENTS_MAX: usize = 1 << 20;

/// Modules of one component, and their memories and tables: the compiler's output has a handful. Each memory
/// takes 4 GiB of addresses, of which there are 128 TiB.
const INSTANCES_MAX: usize = 64;

/// Files, sockets and the like that one instance holds. A process has often no more than 1024 of them.
const HANDLES_MAX: usize = 1000;

/// What is kept of the words in which a guest ends.
const LAST_WORDS_BYTES_MAX: usize = 4 << 10;

impl GuestInstance {
    pub(crate) async fn new(
        engine: &Engine,
        instance: &InstancePre<State>,
        state: State,
    ) -> Result<Self, String> {
        let memory_bytes = state.grants.memory_bytes;
        let mut store = Store::new(&engine.engine, state);
        // What it says in one turn may be all that it has.
        store.set_hostcall_fuel(usize::try_from(memory_bytes).unwrap_or(usize::MAX));
        store.limiter(|state| state);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|mut store| store.data_mut().next_epoch());
        let failed = |error: wasmtime::Error| format!("{error:#}");
        let instance = match instance.instantiate_async(&mut store).await {
            Ok(instance) => instance,
            Err(error) => return Err(store.data_mut().ended(&error).reason),
        };
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
        // Epochs that went by since its last turn were others'.
        self.store.set_epoch_deadline(1);
        let state = self.store.data_mut();
        (state.sleep, state.refused_bytes) = (None, None);
    }

    fn end(&mut self, frames: Vec<u8>) -> Turn {
        Turn { frames, sleep: self.store.data_mut().sleep.take() }
    }

    fn ended(&mut self, error: &wasmtime::Error) -> Ended {
        self.store.data_mut().ended(error)
    }
}

impl State {
    /// Why it has ended, in words that say what to do about it.
    fn ended(&mut self, error: &wasmtime::Error) -> Ended {
        let panic = self.panic.take();
        let reason = match (&panic, self.refused_bytes) {
            (Some(panic), _) => panic.reason(),
            (None, Some(bytes)) => out_of_memory(bytes, &self.grants),
            (None, None) => reason(error),
        };
        Ended { reason, panic: panic.map(|Panic { call, message, .. }| (call, message)) }
    }
}

fn reason(error: &wasmtime::Error) -> String {
    if let Some(I32Exit(code)) = error.downcast_ref() {
        return format!("it ended its process with exit code {code}");
    }
    if error.is::<ResourceTableError>() {
        return format!("it holds more than {HANDLES_MAX} files, sockets and the like");
    }
    match error.downcast_ref() {
        Some(Trap::StackOverflow) => "it recursed too deeply".to_owned(),
        Some(Trap::UnreachableCodeReached) => "it aborted".to_owned(),
        Some(trap) => trap.to_string(),
        None => error.root_cause().to_string(),
    }
}

/// The first part of a guest's words, if there are too many.
pub(crate) fn short(mut words: String) -> String {
    if words.len() > LAST_WORDS_BYTES_MAX {
        let bytes = words.len();
        words.truncate(words.floor_char_boundary(LAST_WORDS_BYTES_MAX));
        words.shrink_to_fit();
        words += &format!("… ({bytes} bytes)");
    }
    words
}

fn out_of_memory(bytes: u64, grants: &Grants) -> String {
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
            Ok((Err(reason),)) => Err(Ended { reason: short(reason), panic: None }),
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
