//! tarpc over TCP with bincode, once for each kind of message: a service is not generic.

use std::net::{IpAddr, SocketAddr};

use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use tarpc::{
    client, context,
    serde_transport::{self, Transport},
    server::{self, BaseChannel, Channel},
    tokio_serde::formats::Bincode,
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_util::codec::{Framed, LengthDelimitedCodec};
use weaver::{Context, Result};

use super::{Identity, Peer};
use crate::{
    latencies::Latencies,
    rpc::{
        load::{Client, Load, caller},
        message,
    },
};

/// More than are ever in flight, so that none waits for a place.
const IN_FLIGHT_MAX: usize = 2048;

/// Both ends of a connection, with frames large enough for every message (8 MiB).
fn transport<In, Out>(stream: TcpStream) -> Result<Transport<TcpStream, In, Out, Bincode<In, Out>>>
where
    In: for<'de> Deserialize<'de>,
    Out: Serialize,
{
    stream.set_nodelay(true)?;
    let frames = Framed::new(stream, LengthDelimitedCodec::new());
    Ok(serde_transport::new(frames, Bincode::default()))
}

macro_rules! peer {
    ($peer:ident, $service:ident, $client:ident, $method:ident) => {
        pub(crate) struct $peer;

        #[tarpc::service]
        pub(crate) trait $service {
            async fn $method(message: message::$peer) -> message::$peer;
        }

        #[derive(Clone)]
        struct Mirror;

        impl $service for Mirror {
            async fn $method(self, _: context::Context, message: message::$peer) -> message::$peer {
                message
            }
        }

        impl Peer for $peer {
            type Client = $client;

            async fn serve(_: &Identity, at: IpAddr) -> Result<SocketAddr> {
                let listener = TcpListener::bind((at, 0)).await?;
                let address = listener.local_addr()?;
                tokio::spawn(async move {
                    let (stream, _) = listener.accept().await?;
                    let config = server::Config { pending_response_buffer: IN_FLIGHT_MAX };
                    BaseChannel::new(config, transport(stream)?)
                        .execute(Mirror.serve())
                        .for_each(async |call| drop(tokio::spawn(call)))
                        .await;
                    Ok::<_, weaver::Error>(())
                });
                Ok(address)
            }

            async fn connect(_: &Identity, server: SocketAddr) -> Result<$client> {
                let mut config = client::Config::default();
                config.max_in_flight_requests = IN_FLIGHT_MAX;
                config.pending_request_buffer = IN_FLIGHT_MAX;
                let transport = transport(TcpStream::connect(server).await?)?;
                Ok($client::new(config, transport).spawn())
            }
        }

        impl Client for $client {
            type Message = message::$peer;

            async fn echo(&self, message: Self::Message) -> Result<Self::Message> {
                self.$method(context::current(), message).await.context("tarpc")
            }

            fn start(self, callers: &mut JoinSet<Result<Latencies>>, load: Load) {
                callers.spawn(caller(self, load));
            }
        }
    };
}

mod plain {
    #![allow(dead_code, reason = "a trait for tests that tarpc makes of every service")]
    use super::*;
    peer!(Plain, EchoPlain, EchoPlainClient, plain);
}

mod marked {
    #![allow(dead_code, reason = "a trait for tests that tarpc makes of every service")]
    use super::*;
    peer!(Marked, EchoMarked, EchoMarkedClient, marked);
}

pub(crate) use {marked::Marked, plain::Plain};
