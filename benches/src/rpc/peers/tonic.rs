//! tonic over HTTP/2, plaintext or with mutual TLS: what its generator would write for one method,
//! without the generator.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    task::{self, Poll},
};

use tokio::{net::TcpListener, task::JoinSet};
use tonic::{
    Request, Response, Status, client,
    codegen::{BoxFuture, Service, http},
    server::{self, NamedService, UnaryService},
    transport::{
        Certificate, Channel, ClientTlsConfig, Endpoint, Server, ServerTlsConfig,
        server::TcpIncoming,
    },
};
use tonic_prost::ProstCodec;
use weaver::{Context, Result};

use super::{Identity, Peer, SERVER_NAME};
use crate::{
    latencies::Latencies,
    rpc::{
        load::{Client, Load, caller},
        message::Plain,
    },
};

/// Windows that hold every call in flight; HTTP/2's own of 64 KiB would make large calls wait.
const STREAM_WINDOW_BYTES: u32 = 8 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 64 << 20;
const FRAME_BYTES: u32 = 1 << 20;

const ECHO: &str = "/benches.Echo/Echo";

pub(crate) struct Plaintext;
pub(crate) struct Tls;

impl Peer for Plaintext {
    type Client = Calls;

    async fn serve(_: &Identity, at: IpAddr) -> Result<SocketAddr> {
        serve(Server::builder(), at).await
    }

    async fn connect(_: &Identity, server: SocketAddr) -> Result<Calls> {
        connect(endpoint("http", server)?).await
    }
}

impl Peer for Tls {
    type Client = Calls;

    async fn serve(identity: &Identity, at: IpAddr) -> Result<SocketAddr> {
        let tls = ServerTlsConfig::new()
            .identity(identity.into())
            .client_ca_root(Certificate::from_pem(&identity.authority));
        serve(Server::builder().tls_config(tls).context("tonic")?, at).await
    }

    async fn connect(identity: &Identity, server: SocketAddr) -> Result<Calls> {
        let tls = ClientTlsConfig::new()
            .identity(identity.into())
            .ca_certificate(Certificate::from_pem(&identity.authority))
            .domain_name(SERVER_NAME);
        connect(endpoint("https", server)?.tls_config(tls).context("tonic")?).await
    }
}

impl From<&Identity> for tonic::transport::Identity {
    fn from(identity: &Identity) -> Self {
        Self::from_pem(&identity.certificate, &identity.key)
    }
}

async fn serve(server: Server, at: IpAddr) -> Result<SocketAddr> {
    let listener = TcpListener::bind((at, 0)).await?;
    let address = listener.local_addr()?;
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let mut server = server
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_frame_size(FRAME_BYTES);
    tokio::spawn(server.add_service(Mirror).serve_with_incoming(incoming));
    Ok(address)
}

fn endpoint(scheme: &str, server: SocketAddr) -> Result<Endpoint> {
    let endpoint = Endpoint::from_shared(format!("{scheme}://{server}")).context("tonic")?;
    Ok(endpoint
        .tcp_nodelay(true)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES))
}

async fn connect(endpoint: Endpoint) -> Result<Calls> {
    Ok(Calls(client::Grpc::new(endpoint.connect().await.context("tonic")?)))
}

#[derive(Clone)]
struct Mirror;

impl UnaryService<Plain> for Mirror {
    type Response = Plain;
    type Future = BoxFuture<Response<Plain>, Status>;

    fn call(&mut self, request: Request<Plain>) -> Self::Future {
        Box::pin(async move { Ok(Response::new(request.into_inner())) })
    }
}

impl NamedService for Mirror {
    const NAME: &'static str = "benches.Echo";
}

impl Service<http::Request<tonic::body::Body>> for Mirror {
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        let mirror = self.clone();
        Box::pin(async move {
            let mut grpc = server::Grpc::new(ProstCodec::<Plain, Plain>::default());
            Ok(match request.uri().path() {
                ECHO => grpc.unary(mirror, request).await,
                _ => Status::unimplemented("").into_http(),
            })
        })
    }
}

#[derive(Clone)]
pub(crate) struct Calls(client::Grpc<Channel>);

impl Client for Calls {
    type Message = Plain;

    async fn echo(&self, message: Plain) -> Result<Plain> {
        let mut grpc = self.0.clone();
        grpc.ready().await.context("tonic")?;
        let codec = ProstCodec::<Plain, Plain>::default();
        let path = http::uri::PathAndQuery::from_static(ECHO);
        let answer = grpc.unary(Request::new(message), path, codec).await;
        Ok(answer.context("tonic")?.into_inner())
    }

    fn start(self, callers: &mut JoinSet<Result<Latencies>>, load: Load) {
        callers.spawn(caller(self, load));
    }
}
