//! What a guest sees of the world: the interface of its host, and WASI with nothing in it that was not
//! granted.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use wasmtime::component::{HasData, Linker, Resource};
use wasmtime_wasi::{
    FsPerms, WasiCtx, WasiCtxBuilder,
    clocks::WasiClocksView,
    filesystem::{Descriptor, WasiFilesystemView},
    p2::{
        DynPollable, IoError, Network, Pollable, SocketError, TcpSocket, UdpSocket,
        bindings::{
            clocks::monotonic_clock,
            filesystem::{
                preopens::Host as _,
                types::{
                    DescriptorFlags, ErrorCode as FileError, HostDescriptor, OpenFlags, PathFlags,
                },
            },
            sockets::{
                ip_name_lookup::{self, HostResolveAddressStream, ResolveAddressStream},
                network::{self, ErrorCode, IpAddress, IpAddressFamily},
                tcp_create_socket, udp_create_socket,
            },
        },
        subscribe,
    },
    sockets::{SocketAddrUse, WasiSocketsView},
};

use weaver_runtime::sandbox::{Callbacks, DirGrant, Grants};

use crate::instance::{Panic, State, short};

/// The interface by which guests open files.
const FILES: &str = "wasi:filesystem/types@0.2.12";

/// The interface by which guests learn which folders they have.
const FOLDERS: &str = "wasi:filesystem/preopens@0.2.12";

/// The interface that guests import.
const HOST: &str = "weaver:guest/host@0.1.0";

/// A guest's WASI.
///
/// # Errors
/// A folder that is granted cannot be opened.
pub(crate) fn context(grants: &Grants, callbacks: &Callbacks) -> Result<WasiCtx, String> {
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
    if !grants.connect.is_empty() {
        context.allow_tcp(true).allow_ip_name_lookup(true);
        let connect: Arc<[_]> = grants.connect.clone().into();
        let refused = Arc::clone(&callbacks.refused);
        context.socket_addr_check(move |address, usage| {
            let (connect, refused) = (Arc::clone(&connect), Arc::clone(&refused));
            Box::pin(async move {
                let check = check(&connect, address, usage).await;
                check.inspect_err(|what| refused(what)).is_ok()
            })
        });
    }
    Ok(context.build())
}

/// Whether a guest may do that with this address. Names are looked up each time, as the guest does.
async fn check(
    connect: &[(String, u16)],
    address: SocketAddr,
    usage: SocketAddrUse,
) -> Result<(), String> {
    match usage {
        // Before it connects, a socket is bound to whatever is free.
        SocketAddrUse::TcpBind if address.ip().is_unspecified() && address.port() == 0 => Ok(()),
        SocketAddrUse::TcpConnect => {
            for (host, port) in connect.iter().filter(|(_, port)| *port == address.port()) {
                let found = tokio::net::lookup_host((host.as_str(), *port)).await;
                if found.is_ok_and(|mut found| found.any(|it| it.ip() == address.ip())) {
                    return Ok(());
                }
            }
            Err(format!("a connection to {address}, which `connect` of its sandbox does not name"))
        }
        SocketAddrUse::TcpBind | SocketAddrUse::TcpListen | SocketAddrUse::TcpAccept => {
            Err(format!("to bind {address} by itself: its host does that, for a `Listener`"))
        }
        SocketAddrUse::UdpBind | SocketAddrUse::UdpSend | SocketAddrUse::UdpReceive => {
            Err(NO_DATAGRAMS.to_owned())
        }
    }
}

const NO_DATAGRAMS: &str = "a socket for datagrams: no grant allows those";

pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    linker.allow_shadowing(true);
    monotonic_clock::add_to_linker::<State, Clock>(linker, |state| ClockOf(state))?;
    ip_name_lookup::add_to_linker::<State, Sockets>(linker, |state| SocketsOf(state))?;
    tcp_create_socket::add_to_linker::<State, Sockets>(linker, |state| SocketsOf(state))?;
    udp_create_socket::add_to_linker::<State, Sockets>(linker, |state| SocketsOf(state))?;
    let mut files = linker.instance(FILES)?;
    files.func_wrap_async("[method]descriptor.open-at", |mut store, asked| {
        Box::new(async move { open(store.data_mut(), asked).await })
    })?;
    linker.instance(FOLDERS)?.func_wrap("get-directories", |mut store, ()| {
        let state: &mut State = store.data_mut();
        if state.grants().dirs.is_empty() {
            state.refused("a folder: its sandbox has no `dirs`");
        }
        Ok((state.filesystem().get_directories()?,))
    })?;
    linker.allow_shadowing(false);
    let mut host = linker.instance(HOST)?;
    host.func_wrap("park", |mut store, (is_about_to,): (bool,)| {
        Ok((store.data_mut().park(is_about_to),))
    })?;
    host.func_wrap("exchange", |mut store, (frames,): (Vec<u8>,)| {
        let state: &mut State = store.data_mut();
        let exchanged = (state.callbacks.exchange)(frames).map_err(wasmtime::Error::msg)?;
        state.works_on_up_to(exchanged.calls);
        Ok((exchanged.frames,))
    })?;
    host.func_wrap("listen", |store, (name,): (String,)| {
        let address = (store.data().callbacks.listen)(&name);
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

/// What a guest asks when it opens a file.
type Open = (Resource<Descriptor>, PathFlags, String, OpenFlags, DescriptorFlags);

/// Opens a file in a folder that was granted.
async fn open(
    state: &mut State,
    asked: Open,
) -> wasmtime::Result<(Result<Resource<Descriptor>, FileError>,)> {
    let (folder, path_flags, path, open_flags, flags) = asked;
    let writes = flags.intersects(DescriptorFlags::WRITE | DescriptorFlags::MUTATE_DIRECTORY)
        || open_flags.intersects(OpenFlags::CREATE | OpenFlags::TRUNCATE);
    let mut files = state.filesystem();
    let opened = files.open_at(folder, path_flags, path.clone(), open_flags, flags).await;
    let error = match opened {
        Ok(file) => return Ok((Ok(file),)),
        Err(error) => error.downcast()?,
    };
    if matches!(error, FileError::NotPermitted | FileError::ReadOnly) {
        let (to, with) = if writes { ("write", "rw") } else { ("read", "ro") };
        let path = short(path);
        state.refused(&format!(
            "to {to} the file {path:?}, whose folder `dirs` of its sandbox does not name with {with:?}"
        ));
    }
    Ok((Err(error),))
}

/// What a guest does with the network.
struct Sockets;

impl HasData for Sockets {
    type Data<'a> = SocketsOf<'a>;
}

struct SocketsOf<'a>(&'a mut State);

impl network::Host for SocketsOf<'_> {
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

impl network::HostNetwork for SocketsOf<'_> {
    fn drop(&mut self, network: Resource<Network>) -> wasmtime::Result<()> {
        network::HostNetwork::drop(&mut self.0.sockets(), network)
    }
}

impl tcp_create_socket::Host for SocketsOf<'_> {
    fn create_tcp_socket(
        &mut self,
        family: IpAddressFamily,
    ) -> Result<Resource<TcpSocket>, SocketError> {
        if self.0.grants().connect.is_empty() {
            self.0.refused("a socket: its sandbox has no `connect`");
        }
        self.0.sockets().create_tcp_socket(family)
    }
}

impl udp_create_socket::Host for SocketsOf<'_> {
    async fn create_udp_socket(
        &mut self,
        family: IpAddressFamily,
    ) -> Result<Resource<UdpSocket>, SocketError> {
        self.0.refused(NO_DATAGRAMS);
        self.0.sockets().create_udp_socket(family).await
    }
}

/// The names that a guest may look up are those of the hosts to which it may connect.
impl ip_name_lookup::Host for SocketsOf<'_> {
    fn resolve_addresses(
        &mut self,
        network: Resource<Network>,
        name: String,
    ) -> Result<Resource<ResolveAddressStream>, SocketError> {
        if !self.0.grants().connect.iter().any(|(host, _)| *host == name) {
            let name = short(name);
            self.0.refused(&format!(
                "the address of {name:?}, which `connect` of its sandbox does not name"
            ));
            return Err(ErrorCode::AccessDenied.into());
        }
        ip_name_lookup::Host::resolve_addresses(&mut self.0.sockets(), network, name)
    }
}

impl HostResolveAddressStream for SocketsOf<'_> {
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
