//! What a guest sees of the world: the interface of its host, and WASI with nothing in it that was not
//! granted.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use wasmtime::component::{HasData, Linker, Resource};
use wasmtime_wasi::{
    FsPerms, WasiCtx, WasiCtxBuilder,
    clocks::WasiClocksView,
    p2::{
        DynPollable, IoError, Network, Pollable, SocketError,
        bindings::{
            clocks::monotonic_clock,
            sockets::{
                ip_name_lookup::{self, HostResolveAddressStream, ResolveAddressStream},
                network::{self, ErrorCode, IpAddress},
            },
        },
        subscribe,
    },
    sockets::{SocketAddrUse, WasiSocketsView},
};

use weaver_runtime::sandbox::{DirGrant, Grants};

use crate::instance::{Panic, State, short};

/// The interface that guests import.
const HOST: &str = "weaver:guest/host@0.1.0";

/// A guest's WASI.
///
/// # Errors
/// A folder that is granted cannot be opened.
pub(crate) fn context(grants: &Grants) -> Result<WasiCtx, String> {
    let mut context = WasiCtxBuilder::new();
    context.inherit_stdout().inherit_stderr();
    for name in &grants.env {
        if let Ok(value) = std::env::var(name) {
            context.env(name, value);
        }
    }
    for (path, grant) in &grants.dirs {
        let permissions = match grant {
            DirGrant::Read => FsPerms::ReadOnly,
            DirGrant::Write => FsPerms::ReadWrite,
        };
        let inside = path.to_string_lossy();
        context.preopened_dir(path, inside, permissions).map_err(|error| {
            format!("cannot open {}, which `dirs` of its sandbox grants: {error:#}", path.display())
        })?;
    }
    let connect = Arc::new(grants.connect.clone());
    if !connect.is_empty() {
        context.allow_tcp(true).allow_ip_name_lookup(true);
        context.socket_addr_check(move |address, usage| {
            let connect = Arc::clone(&connect);
            Box::pin(async move { may_use(&connect, address, usage).await })
        });
    }
    Ok(context.build())
}

/// Whether a guest may do that with this address. Names are looked up each time, as the guest does.
async fn may_use(connect: &[(String, u16)], address: SocketAddr, usage: SocketAddrUse) -> bool {
    match usage {
        // Before it connects, a socket is bound to whatever is free.
        SocketAddrUse::TcpBind => address.ip().is_unspecified() && address.port() == 0,
        SocketAddrUse::TcpConnect => {
            for (host, port) in connect.iter().filter(|(_, port)| *port == address.port()) {
                let found = tokio::net::lookup_host((host.as_str(), *port)).await;
                if found.is_ok_and(|mut found| found.any(|it| it.ip() == address.ip())) {
                    return true;
                }
            }
            false
        }
        _ => false,
    }
}

pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    linker.allow_shadowing(true);
    monotonic_clock::add_to_linker::<State, Clock>(linker, |state| ClockOf(state))?;
    ip_name_lookup::add_to_linker::<State, Names>(linker, |state| NamesOf(state))?;
    linker.allow_shadowing(false);
    let mut host = linker.instance(HOST)?;
    host.func_wrap("park", |mut store, (is_about_to,): (bool,)| {
        Ok((store.data_mut().park(is_about_to),))
    })?;
    host.func_wrap("listen", |store, (name,): (String,)| {
        let address = (store.data().listen)(&name);
        Ok((address.map(|address| address.to_string()),))
    })?;
    host.func_wrap("panicked", |mut store, (call, message, place): (u64, String, String)| {
        let (message, place) = (short(message), short(place));
        store.data_mut().panic = Some(Panic { call, message, place });
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

/// The names that a guest may look up: of the hosts to which it may connect.
struct Names;

impl HasData for Names {
    type Data<'a> = NamesOf<'a>;
}

struct NamesOf<'a>(&'a mut State);

impl network::Host for NamesOf<'_> {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<ErrorCode> {
        error.downcast()
    }

    fn network_error_code(
        &mut self,
        error: Resource<IoError>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        network::Host::network_error_code(&mut self.0.sockets(), error)
    }
}

impl network::HostNetwork for NamesOf<'_> {
    fn drop(&mut self, network: Resource<Network>) -> wasmtime::Result<()> {
        network::HostNetwork::drop(&mut self.0.sockets(), network)
    }
}

impl ip_name_lookup::Host for NamesOf<'_> {
    fn resolve_addresses(
        &mut self,
        network: Resource<Network>,
        name: String,
    ) -> Result<Resource<ResolveAddressStream>, SocketError> {
        if !self.0.grants().connect.iter().any(|(host, _)| *host == name) {
            return Err(ErrorCode::AccessDenied.into());
        }
        ip_name_lookup::Host::resolve_addresses(&mut self.0.sockets(), network, name)
    }
}

impl HostResolveAddressStream for NamesOf<'_> {
    fn resolve_next_address(
        &mut self,
        stream: Resource<ResolveAddressStream>,
    ) -> Result<Option<IpAddress>, SocketError> {
        self.0.sockets().resolve_next_address(stream)
    }

    fn subscribe(
        &mut self,
        stream: Resource<ResolveAddressStream>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        HostResolveAddressStream::subscribe(&mut self.0.sockets(), stream)
    }

    fn drop(&mut self, stream: Resource<ResolveAddressStream>) -> wasmtime::Result<()> {
        HostResolveAddressStream::drop(&mut self.0.sockets(), stream)
    }
}
