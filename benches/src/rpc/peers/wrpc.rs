//! wRPC over QUIC at the level of its transport: a stream for each call, with bincode where its
//! generated code would write the component model's encoding.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    pin::pin,
    sync::Arc,
};

use bincode::config::{Configuration, Fixint, LittleEndian, legacy};
use futures_util::StreamExt;
use quinn::{
    ClientConfig, Endpoint, ServerConfig, TransportConfig,
    crypto::rustls::{QuicClientConfig, QuicServerConfig},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::JoinSet,
};
use weaver::{Context, Error, Result};
use wrpc_transport::{Invoke, Serve};
use wrpc_transport_quic as quic;

use super::{Identity, Peer, SERVER_NAME, tls};
use crate::{
    latencies::Latencies,
    rpc::{
        load::{Client, Load, caller},
        message::Marked,
    },
};

/// More than are ever in flight; quinn's default of 100 would make calls wait.
const STREAMS_MAX: u32 = 2048;

const FORMAT: Configuration<LittleEndian, Fixint> = legacy();

const INSTANCE: &str = "benches";
const FUNCTION: &str = "echo";

/// No part of a message is sent apart from it.
const NO_PATHS: [Box<[Option<usize>]>; 0] = [];

pub(crate) struct Wrpc;

impl Peer for Wrpc {
    type Client = Calls;

    async fn serve(identity: &Identity, at: IpAddr) -> Result<SocketAddr> {
        let crypto = QuicServerConfig::try_from(tls::server(identity)?).context("QUIC")?;
        let mut config = ServerConfig::with_crypto(Arc::new(crypto));
        let mut transport = TransportConfig::default();
        transport.max_concurrent_bidi_streams(STREAMS_MAX.into());
        config.transport_config(Arc::new(transport));
        let endpoint = Endpoint::server(config, (at, 0).into())?;
        let address = endpoint.local_addr()?;
        let server = Arc::new(quic::Server::new());
        let calls = server.serve(INSTANCE, FUNCTION, NO_PATHS).await.map_err(described)?;
        tokio::spawn(async move {
            let mut calls = pin!(calls);
            while let Some(Ok((_, to, from))) = calls.next().await {
                tokio::spawn(answer(to, from));
            }
        });
        tokio::spawn(async move {
            while let Some(incoming) = endpoint.accept().await {
                let client = quic::Client::from(incoming.await.context("QUIC")?);
                while server.accept(&client).await.is_ok() {}
            }
            Ok::<_, Error>(())
        });
        Ok(address)
    }

    async fn connect(identity: &Identity, server: SocketAddr) -> Result<Calls> {
        let crypto = QuicClientConfig::try_from(tls::client(identity)?).context("QUIC")?;
        let mut endpoint = Endpoint::client((Ipv4Addr::UNSPECIFIED, 0).into())?;
        endpoint.set_default_client_config(ClientConfig::new(Arc::new(crypto)));
        let connecting = endpoint.connect(server, SERVER_NAME).context("QUIC")?;
        Ok(Calls(connecting.await.context("QUIC")?.into()))
    }
}

async fn answer<W, R>(mut to: W, mut from: R) -> Result<()>
where
    W: AsyncWriteExt + Unpin,
    R: AsyncReadExt + Unpin,
{
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).await?;
    to.write_all(&encode(&decode(&bytes)?)?).await?;
    Ok(to.shutdown().await?)
}

#[derive(Clone)]
pub(crate) struct Calls(quic::Client);

impl Client for Calls {
    type Message = Marked;

    async fn echo(&self, message: Marked) -> Result<Marked> {
        let parameters = encode(&message)?.into();
        let invoked = self.0.invoke((), INSTANCE, FUNCTION, parameters, NO_PATHS).await;
        let (mut to, mut from) = invoked.map_err(described)?;
        to.shutdown().await?;
        // The other side does not read to an end before.
        drop(to);
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).await?;
        decode(&bytes)
    }

    fn start(self, callers: &mut JoinSet<Result<Latencies>>, load: Load) {
        callers.spawn(caller(self, load));
    }
}

fn encode(message: &Marked) -> Result<Vec<u8>> {
    bincode::serde::encode_to_vec(message, FORMAT).context("bincode")
}

fn decode(bytes: &[u8]) -> Result<Marked> {
    let (message, _) = bincode::serde::decode_from_slice(bytes, FORMAT).context("bincode")?;
    Ok(message)
}

/// Its errors are anyhow's, which are no `std::error::Error`.
fn described(error: impl std::fmt::Debug) -> Error {
    Error::msg(format!("{error:?}"))
}
