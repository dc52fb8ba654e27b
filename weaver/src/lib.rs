//! Write one Rust program; run its components in one process or in several.
//!
//! A *component* is a trait marked [`#[component]`](macro@component), with one implementation in the
//! program. A caller holds a [`Ref<dyn Trait>`](Ref) and calls its methods; where the component runs
//! is decided when the program starts:
//!
//! - With `cargo run` everything is one process, and a call is a method call.
//! - With `weaver deploy` groups of components are processes of their own, and a call that crosses a
//!   boundary is an RPC: bincode over QUIC, with mutual TLS; between processes of one Linux host, over a Unix
//!   socket that QUIC introduces.
//!
//! ```
//! use weaver::{Ref, Result, component};
//!
//! #[component]
//! pub trait Greeter {
//!     /// Returns a greeting for `name`.
//!     async fn greet(&self, name: String) -> Result<String>;
//! }
//!
//! #[derive(Default)]
//! struct Hello;
//!
//! #[component]
//! impl Greeter for Hello {
//!     async fn greet(&self, name: String) -> Result<String> {
//!         Ok(format!("Hello, {name}!"))
//!     }
//! }
//!
//! #[weaver::main]
//! async fn main(app: weaver::App) -> Result<()> {
//!     let greeter: Ref<dyn Greeter> = app.get().await?;
//!     println!("{}", greeter.greet("world".into()).await?);
//!     Ok(())
//! }
//! ```
//!
//! # Implementations
//!
//! A type that is [`Default`] is made by `default()`. With
//! [`#[derive(Component)]`](derive@Component) its fields are filled: [`Ref`], [`Listener`] (named by
//! the field), [`Config`] (the component's own section of `weaver.toml`); other fields are
//! `Default`. A type is the one or the other; deriving both is a compile error. What should happen
//! before the first call and after the last goes into [`Lifecycle`].
//!
//! ```
//! use weaver::{Config, Lifecycle, Ref, Result, component};
//!
//! # #[component]
//! # pub trait Store {
//! #     async fn put(&self, key: &str, value: &[u8]) -> Result<()>;
//! # }
//! # #[derive(Default)]
//! # struct Memory;
//! # #[component]
//! # impl Store for Memory {
//! #     async fn put(&self, key: &str, value: &[u8]) -> Result<()> { Ok(()) }
//! # }
//! #[component]
//! pub trait Cart {
//!     async fn add(&self, user: u64, item: &str) -> Result<()>;
//! }
//!
//! #[derive(weaver::Component)]
//! struct StoredCart {
//!     store: Ref<dyn Store>,
//!     config: Config<CartConfig>,
//! }
//!
//! #[derive(Default, serde::Deserialize)]
//! #[serde(default)]
//! struct CartConfig {
//!     prefix: String,
//! }
//!
//! impl Lifecycle for StoredCart {
//!     async fn init(&mut self) -> Result<()> {
//!         self.store.put("started", b"").await
//!     }
//! }
//!
//! #[component]
//! impl Cart for StoredCart {
//!     async fn add(&self, user: u64, item: &str) -> Result<()> {
//!         self.store.put(&format!("{}/{user}", self.config.prefix), item.as_bytes()).await
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! Dependencies are built first. A failed `init` makes [`App::get`] fail, answers callers
//! [`InitFailed`](CallErrorKind::InitFailed), and is tried again after a pause that grows.
//!
//! # Attributes of a method
//!
//! On a method of the trait, because callers rely on them:
//!
//! ```
//! use weaver::{Result, component};
//!
//! #[derive(serde::Serialize, serde::Deserialize)]
//! pub struct Order {
//!     pub customer: u64,
//!     pub items: Vec<String>,
//! }
//!
//! #[component]
//! pub trait Orders {
//!     /// Places an order once, or fails within two seconds.
//!     #[timeout("2s")]
//!     #[route(order.customer)]
//!     async fn place(&self, order: Order) -> Result<u64>;
//!
//!     /// A customer's orders, asked of a second replica when the first is slow.
//!     #[route(customer)]
//!     #[idempotent(hedge = "50ms")]
//!     async fn of(&self, customer: u64) -> Result<Vec<Order>>;
//!
//!     /// Forgets what is cached for a user of a tenant.
//!     #[route(tenant, user)]
//!     #[idempotent]
//!     async fn forget(&self, tenant: &str, user: u64) -> Result<()>;
//! }
//! # fn main() {}
//! ```
//!
//! - `#[timeout("2s")]` is the method's default deadline. A caller's own, by [`timeout`], counts where
//!   it is earlier. A duration is a whole number and `ms`, `s`, `m` or `h`.
//! - `#[idempotent]` says that the method may safely run more than once for one call. Such a call is
//!   sent again when its outcome is unknown, within a budget that keeps retries a small part of all
//!   calls. Every other method is sent again only when it certainly did not run.
//! - `#[idempotent(hedge = "50ms")]`: also, a call without an answer after that long goes to a second
//!   replica, and the first answer counts. Choose what 19 of 20 calls stay below.
//! - `#[route(…)]` makes a key of arguments and of fields of them. While the set of replicas stays as
//!   it is, calls with equal keys meet the same replica, so that it can cache what belongs to a key;
//!   when one leaves, only its keys move. Equal means equal when encoded: the replica is chosen by
//!   rendezvous hashing of the encoded key, and a `HashMap`, which has no order, makes no good one. It
//!   is where calls go, not a lock: while replicas come and go two may serve one key.
//!
//! A direct call has its deadline as well; it is never sent again, and in one process there is but
//! one to route to.
//!
//! A method must not block its thread: not for long, and never until another call is answered
//! (`futures::executor::block_on`, a lock whose holder awaits one), since that answer may need the same
//! thread. `tokio::task::spawn_blocking` and `block_in_place` are for work that blocks.
//!
//! # What may cross a boundary
//!
//! Arguments and results are any types that implement serde's traits and survive a format which does
//! not describe itself; they are moved, or borrowed as `&str`, `&[T]`, `&Path` and `&T`. What cannot
//! be carried (`#[serde(flatten)]`, `untagged`, `tag`, `skip_serializing_if`, `serde_json::Value`) is
//! named at start in debug builds, and a call with it fails with
//! [`Malformed`](CallErrorKind::Malformed) rather than with wrong data.
//!
//! A message is at most 64 MiB; what is larger, or not known beforehand, is a [`Stream`].
//!
//! # Errors
//!
//! A method returns `Result<T, E>` where `E` has room for a [`CallError`]: any call can fail, because
//! any component may be remote. `E` travels as it is, so a caller matches the same value in every
//! placement. [`Error`] is ready-made; [`Context::context`] adds to it what was being done.
//! [`CallError::ran`] says whether the method ran.
//!
//! A panic in a method is an error at its caller, with a line in the log; the process lives.
//!
//! # Time, and what travels with a call
//!
//! There is no deadline unless you set one, with [`timeout`] or `#[timeout("2s")]`. It bounds the calls
//! that are made inside and all that these call, in whichever process: each sees the [`time_left`].
//! Dropping a call's future drops the method's future, and all that it called. What [`spawn`] starts
//! belongs to the call and ends with it; `tokio::spawn` carries nothing. Small values travel along with
//! [`with_metadata`].
//!
//! ```
//! use std::time::Duration;
//! use weaver::{Ref, Result, Stream, component, timeout};
//!
//! #[component]
//! pub trait Archive {
//!     /// The lines that contain `word`, as they are found.
//!     async fn search(&self, word: &str) -> Result<Stream<String>>;
//!
//!     /// Adds lines as they come; how many there were.
//!     async fn append(&self, lines: Stream<String>) -> Result<u64>;
//! }
//!
//! async fn first_line(archive: &Ref<dyn Archive>) -> Result<Option<String>> {
//!     // The deadline is for the search to begin; the stream goes on after it.
//!     let mut lines = timeout(Duration::from_secs(2), archive.search("weaver")).await?;
//!     // Dropping the stream stops the search.
//!     lines.next().await.transpose()
//! }
//! # fn main() {}
//! ```
//!
//! A [`Stream`] is an argument, the result, or part of a tuple that is one of these. Its items flow as
//! they are produced, and a slow reader holds its producer up.
//!
//! # Traces and logs
//!
//! Log with [`tracing`](https://docs.rs/tracing) (or `log`). A call may belong to a trace, which has an id as W3C's Trace Context
//! has it: [`with_trace`] says which, and all that the call makes is of the same, in every process and sandbox.
//! With the feature `axum`, the layer `trace_requests` does that for each HTTP request. A call that is of none begins
//! one where a subscriber wants spans (see below). [`TraceContext::current`] tells which one we are in.
//!
//! [`init_logs`] writes what is logged to standard error; what was logged in a trace ends with its id. A process of a deployment in
//! which `main` does not run does so unless a subscriber was set. To set one everywhere, name a function that does:
//!
//! ```
//! #[weaver::main(init = weaver::init_logs)]
//! async fn main() {}
//! ```
//!
//! A subscriber of your own finds each call in a span `call` (target `weaver::call`, level `INFO`): `component`,
//! `method` and `span_id`. The outermost of a process has `trace_id` and `parent_id` as well, the `span_id` of its
//! caller in another process; inside of [`with_trace`] that is its span `trace`. Without a subscriber a direct call pays a nanosecond for it; a span takes 0.4 µs, so that
//! `init_logs` leaves them out unless `RUST_LOG` has `weaver::call=info`.
//!
//! # Programs with a `main` of their own
//!
//! [`App::builder`] starts the components inside an existing tokio program.
//!
//! # In a sandbox
//!
//! `sandbox = true` for a group in `weaver.toml`, or `weaver deploy --sandbox all`, runs the same program, unchanged,
//! as WebAssembly with nothing that was not granted: no files, no network, no environment, a bounded memory, and as
//! much of a processor for each call as `cpu` says. A call means the same there. What differs is Rust for
//! WebAssembly, not weaver:
//!
//! - A panic ends the guest's instance. Its own call fails with [`Panicked`](CallErrorKind::Panicked) as anywhere;
//!   calls beside it in the same instance with [`OutcomeUnknown`](CallErrorKind::OutcomeUnknown). A call that takes
//!   more than is granted fails with [`Trapped`](CallErrorKind::Trapped), with the grant in the reason, if it is the
//!   only one in its instance. The next instance is there in milliseconds.
//! - There is one thread. `tokio::spawn`, `tokio::time` and `tokio::sync` work; what blocks the thread
//!   (`std::thread::sleep`, a lock held across another call) blocks all calls of the instance, which is ended after 10 s.
//! - `tokio::net`, `tokio::fs`, `std::process` and threads are not there. [`process_id`] is, and a [`Listener`] is: the host
//!   accepts for it.
//! - `usize` has 32 bits; one that does not fit is [`Malformed`](CallErrorKind::Malformed), and did not run.
//!
//! # Crates
//!
//! A crate that only declares components depends on `weaver` with `default-features = false`, and
//! then compiles no I/O. If implementations are in a crate that `main.rs` does not name, the linker
//! drops it: write `use that_crate as _;`.
//!
//! | feature | default | what it adds |
//! | --- | --- | --- |
//! | `node` | yes | implementations and programs; without it, declarations only |
//! | `axum` | no | a [`Listener`] can be handed to `axum::serve`; `trace_requests` |
//! | `sandbox` | no | the program itself runs groups with a `sandbox` in one, in its own process: as many instances as `replicas` says |

// It registers itself.
#[cfg(all(feature = "sandbox", not(target_family = "wasm")))]
use weaver_host as _;

pub use weaver_macros::component;
#[doc(hidden)]
pub use weaver_runtime::__private;
#[cfg(feature = "axum")]
pub use weaver_runtime::trace_requests;
pub use weaver_runtime::{
    CallError, CallErrorKind, Context, Error, Failure, Load, Ran, Ref, Refusal, Result, Stream,
};
#[cfg(feature = "node")]
pub use {
    weaver_macros::{Component, main},
    weaver_runtime::{
        App, AppBuilder, Config, Lifecycle, Listener, LocalCalls, Metadata, ReaderGone, StartError,
        StreamSender, Task, TraceContext, TraceId, TraceParentError,
        config::{ConfigError, ConfigFile},
        init_logs, metadata, process_id, spawn, spawn_detached, time_left, timeout, with_metadata,
        with_trace,
    },
};

/// The programs in `docs/` are compiled, and what can end is run.
#[cfg(doctest)]
mod book {
    macro_rules! chapters {
        ($($name:ident: $file:literal,)*) => {
            $(#[doc = include_str!(concat!("../../docs/", $file))] struct $name;)*
        };
    }

    chapters! {
        TwoProcesses: "two-processes.md",
        Configuration: "configuration.md",
        Errors: "errors.md",
        Boundaries: "boundaries.md",
        Testing: "testing.md",
        Deploying: "deploying.md",
        HowItWorks: "how-it-works.md",
    }

    // Its program hands a listener to axum.
    #[cfg(feature = "axum")]
    chapters! {
        FirstProgram: "first-program.md",
    }
}
