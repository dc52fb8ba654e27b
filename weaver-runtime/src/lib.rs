//! The vocabulary of weaver and the node that runs a program. Authors depend on the crate `weaver`,
//! which re-exports what they need; its documentation is the one to read.
//!
//! Without the feature `node` this crate does no I/O: it is what a crate needs that only declares
//! components.

#![cfg_attr(
    target_family = "wasm",
    allow(dead_code, unused_imports, reason = "a guest uses a part of what nodes share")
)]

// Generated code names `weaver::__private`; the control plane is made of components, too.
extern crate self as weaver;

mod borrowed;
mod carried;
mod catch_panic;
mod client;
pub mod codec;
mod component;
mod error;
#[cfg(feature = "node")]
mod frame;
mod message;
mod pool;
mod reference;
pub mod route;
mod shape;
mod stream;

#[cfg(feature = "node")]
mod app;
#[cfg(all(feature = "node", not(target_family = "wasm")))]
pub mod bootstrap;
#[cfg(feature = "node")]
pub mod config;
#[cfg(feature = "node")]
mod construct;
#[cfg(feature = "node")]
mod context;
#[cfg(all(feature = "node", not(target_family = "wasm")))]
pub mod control;
#[cfg(feature = "node")]
pub mod fingerprint;
#[cfg(all(feature = "node", any(test, feature = "fuzzing")))]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(feature = "node")]
pub mod graph;
#[cfg(all(feature = "node", target_family = "wasm"))]
mod guest;
#[cfg(feature = "node")]
pub mod limits;
#[cfg(feature = "node")]
mod link;
#[cfg(feature = "node")]
#[cfg_attr(target_family = "wasm", path = "guest/listener.rs")]
mod listener;
#[cfg(feature = "node")]
mod logs;
#[cfg(all(feature = "node", not(target_family = "wasm")))]
pub mod net;
#[cfg(feature = "node")]
mod node;
#[cfg(feature = "node")]
mod panics;
#[cfg(feature = "node")]
pub mod placement;
#[cfg(feature = "node")]
mod registry;
#[cfg(feature = "node")]
mod report;
#[cfg(feature = "axum")]
mod requests;
#[cfg(feature = "node")]
pub mod sandbox;
#[cfg(feature = "node")]
mod section;
#[cfg(feature = "node")]
mod whereabouts;
#[cfg(feature = "node")]
mod wire;

pub use client::{Client, Request, Transport};
pub use component::{BoxFuture, Component, ComponentSpec, Dispatch, MethodShape, MethodSpec};
pub use error::{CallError, CallErrorKind, Context, Error, Failure, Load, Ran, Refusal, Result};
pub use message::Message;
pub use reference::Ref;
pub use shape::{Problem, ProblemKind, Shape};
pub use stream::{ByteStream, Encoded, Stream};

#[cfg(feature = "node")]
pub use {
    app::{App, AppBuilder, LocalCalls, StartError},
    construct::Lifecycle,
    context::{
        Metadata, Task, TraceContext, TraceId, TraceParentError, metadata, spawn, spawn_detached,
        time_left, timeout, with_metadata, with_trace,
    },
    listener::Listener,
    logs::init_logs,
    section::Config,
    stream::{ReaderGone, StreamSender},
    whereabouts::process_id,
};

#[cfg(feature = "axum")]
pub use requests::trace_requests;

#[cfg(feature = "node")]
#[doc(hidden)]
pub use report::warn;

/// What generated code names. Not for authors: it may change with any version.
#[doc(hidden)]
pub mod __private {
    pub use std::{borrow::Borrow, boxed::Box, result::Result, sync::Arc, vec::Vec};

    #[cfg(all(feature = "node", not(target_family = "wasm")))]
    pub use crate::app::process::main;
    #[cfg(all(feature = "node", target_family = "wasm"))]
    pub use crate::guest::{MainEntry, MainFuture, Reported, main, main_future};
    pub use crate::{
        borrowed::Borrowed,
        carried::{
            Argument, BorrowedArgument, KeyField, Method, MethodError, Outcome, Reply, RouteKey,
            Unkeyed, Untravelled, Value, argument, borrowed, key_field, method,
        },
        client::Client,
        component::{
            BoxFuture, Component, ComponentAttribute, ComponentSpec, Marked, MethodShape,
            MethodSpec, no_such_method,
        },
        error::{Error, Failure},
        message::Message,
        reference::Unfilled,
    };
    #[cfg(feature = "node")]
    pub use {
        crate::{
            app::main::{MainResult, MainSpec, RuntimeSpec},
            carried::{Framed, Unframed},
            construct::{
                Construct, DefaultField, Field, FieldDefault, FieldSpec, Fields, HooksOf,
                Implementation, Inject, Instance, InstanceOf, NoInstance, NoLifecycle, Of,
                Optional, Several, Shareable, Unbound, shareable,
            },
            section::Unread,
        },
        inventory,
    };
}
