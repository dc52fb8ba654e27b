//! Ours without a deployment, which knows of one machine only: two nodes, put together from the parts
//! that a replica is made of. The caller has a `Ref` whose calls go through a `Router`, which connects,
//! chooses the replica and tries again, to the callee's `Services`. What is missing is the check whether
//! a method's types can be carried, and a deployer.

use std::{
    marker::PhantomData,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use weaver::{Context, Failure, Ref, Result};
use weaver_runtime::{
    BoxFuture, Client, Component, Dispatch, Message,
    control::route_to,
    fingerprint::{Fingerprint, Signature},
    limits::Limits,
    net::{self, Callers, Endpoint, Hello, Io, Router, Service, Services, TLS_NAME},
};

use super::{Identity, Peer, tls};
use crate::rpc::{
    load,
    ours::{Parrot, Polly},
};

/// That of both nodes.
const GROUP: &str = "parrot";

/// The parrot is the one component.
const PARROT: u16 = 0;

/// `C` is what the calls are made through.
pub(super) struct Node<C>(PhantomData<C>);

impl<C: load::Client + From<Ref<dyn Parrot>>> Peer for Node<C> {
    type Client = C;

    async fn serve(identity: &Identity, at: IpAddr) -> Result<SocketAddr> {
        let target = Arc::new(Target(Arc::new(Polly)));
        let service = Service { target, callers: Callers::All, is_bounded: true };
        let table = (Fingerprint::of(&interface()), vec![Some(service)]);
        let endpoint = bind(identity, at)?;
        endpoint.serve(Services::new([table], interface(), &Limits::default()));
        Ok(endpoint.local_addr()?)
    }

    async fn connect(identity: &Identity, server: SocketAddr) -> Result<C> {
        let endpoint = bind(identity, Ipv4Addr::UNSPECIFIED.into())?;
        let hello = Hello::new(Fingerprint::of(&interface()));
        let router = Router::new(endpoint, hello, interface());
        router.set_routes(&route_to(GROUP, server));
        let client = Client::new(router.transport(GROUP, PARROT));
        let parrot = Ref::from(<dyn Parrot>::from_client(client));
        parrot.pid().await.context("the parrot does not answer")?;
        Ok(parrot.into())
    }
}

/// What the certificate of a node says.
pub(super) fn certificate() -> Result<rcgen::CertificateParams> {
    let mut params = rcgen::CertificateParams::new([TLS_NAME.to_owned()]).context("a name")?;
    let group = net::Identity::group_uri(GROUP).try_into().context("a group")?;
    params.subject_alt_names.push(rcgen::SanType::URI(group));
    Ok(params)
}

fn bind(identity: &Identity, at: IpAddr) -> Result<Endpoint> {
    let (certificate, key) = tls::own(identity)?;
    let identity = net::Identity {
        authority: tls::authority(identity)?.to_vec(),
        certificate: certificate.to_vec(),
        key: key.secret_der().to_vec(),
    };
    Endpoint::bind((at, 0).into(), &identity, &Limits::default(), Io::new()?).context("an endpoint")
}

/// Both nodes are this program, so that the name says enough.
fn interface() -> Vec<Signature> {
    vec![Signature::new(<dyn Parrot>::SPEC.name.to_owned(), "")]
}

struct Target(Arc<dyn Parrot>);

impl Dispatch for Target {
    fn dispatch(&self, method: u16, arguments: Message) -> BoxFuture<'_, Result<Message, Failure>> {
        Component::dispatch(&*self.0, method, arguments)
    }
}
