//! Cap'n Proto over TCP. Its clients and servers cannot leave their thread, whatever the runtime.

#[allow(clippy::all, dead_code, reason = "generated")]
#[rustfmt::skip]
mod echo_capnp;

use std::{
    net::{IpAddr, SocketAddr},
    rc::Rc,
};

use capnp::message::ReaderOptions;
use capnp_rpc::{RpcSystem, rpc_twoparty_capnp::Side, twoparty::VatNetwork};
use futures_util::io::{BufReader, BufWriter};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinSet, spawn_local},
};
use tokio_util::compat::{TokioAsyncReadCompatExt, TokioAsyncWriteCompatExt};
use weaver::{Context, Result};

use self::echo_capnp::{echo, message};
use super::{Identity, Peer};
use crate::{
    latencies::Latencies,
    rpc::{
        load::{Client, Load, caller},
        message::Plain,
    },
};

pub(crate) struct Capnp;

impl Peer for Capnp {
    type Client = Calls;

    async fn serve(_: &Identity, at: IpAddr) -> Result<SocketAddr> {
        let listener = TcpListener::bind((at, 0)).await?;
        let address = listener.local_addr()?;
        spawn_local(async move {
            let (stream, _) = listener.accept().await?;
            let mirror: echo::Client = capnp_rpc::new_client(Mirror);
            let network = Box::new(network(stream, Side::Server)?);
            let served = RpcSystem::new(network, Some(mirror.client)).await;
            served.context("capnp")
        });
        Ok(address)
    }

    async fn connect(_: &Identity, server: SocketAddr) -> Result<Calls> {
        let network = network(TcpStream::connect(server).await?, Side::Client)?;
        let mut system = RpcSystem::new(Box::new(network), None);
        let echo = system.bootstrap(Side::Server);
        spawn_local(system);
        Ok(Calls(echo))
    }
}

fn network(
    stream: TcpStream,
    side: Side,
) -> Result<VatNetwork<BufReader<impl futures_util::AsyncRead + Unpin + 'static>>> {
    stream.set_nodelay(true)?;
    let (read, write) = stream.into_split();
    // Larger messages count against a limit that the default sets too low for many at once.
    let mut options = ReaderOptions::new();
    options.traversal_limit_in_words(Some(64 << 20));
    let (read, write) = (BufReader::new(read.compat()), BufWriter::new(write.compat_write()));
    Ok(VatNetwork::new(read, write, side, options))
}

struct Mirror;

impl echo::Server for Mirror {
    async fn echo(
        self: Rc<Self>,
        parameters: echo::EchoParams,
        mut results: echo::EchoResults,
    ) -> Result<(), capnp::Error> {
        // Into a value and back, which is the work of the other systems.
        let message = read(parameters.get()?.get_message()?)?;
        write(&message, results.get().init_message());
        Ok(())
    }
}

fn read(from: message::Reader<'_>) -> Result<Plain, capnp::Error> {
    let tags = from.get_tags()?.iter().map(|tag| Ok(tag?.to_string()?));
    Ok(Plain {
        id: from.get_id(),
        name: from.get_name()?.to_string()?,
        tags: tags.collect::<Result<_, capnp::Error>>()?,
        blob: from.get_blob()?.to_vec(),
    })
}

fn write(message: &Plain, mut to: message::Builder<'_>) {
    to.set_id(message.id);
    to.set_name(&message.name);
    to.set_blob(&message.blob);
    let mut tags = to.init_tags(message.tags.len() as u32);
    for (index, tag) in (0..).zip(&message.tags) {
        tags.set(index, tag);
    }
}

#[derive(Clone)]
pub(crate) struct Calls(echo::Client);

impl Client for Calls {
    type Message = Plain;

    async fn echo(&self, message: Plain) -> Result<Plain> {
        let mut request = self.0.echo_request();
        write(&message, request.get().init_message());
        let answer = request.send().promise.await.context("capnp")?;
        let message = answer.get().and_then(|results| read(results.get_message()?));
        message.context("capnp")
    }

    fn start(self, callers: &mut JoinSet<Result<Latencies>>, load: Load) {
        callers.spawn_local(caller(self, load));
    }
}
