//! [`Identity`]: who a node is, as a certificate that names its group.
//!
//! A deployment's version has a certificate authority of its own, so that no other version, and
//! nobody else, can connect at all. A certificate carries the group as the URI
//! `weaver://group/GROUP` and the name `weaver`, which every dialler expects.

use std::{fmt, io, sync::Arc};

use quinn::crypto::rustls::{NoInitialCipherSuite, QuicClientConfig, QuicServerConfig};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, PrivatePkcs8KeyDer},
    server::WebPkiClientVerifier,
    version::TLS13,
};
use serde::{Deserialize, Serialize};

/// The name in every certificate: identity is the group, not a host.
pub const TLS_NAME: &str = "weaver";

/// Says which protocol is spoken, so that a stray QUIC client is turned away by TLS.
const ALPN: &[u8] = b"weaver";

const GROUP_URI: &str = "weaver://group/";

/// A node's certificate, its key, and the authority that both sides trust. All in DER.
#[derive(Clone, Serialize, Deserialize)]
pub struct Identity {
    /// The certificate authority of the deployment's version.
    pub authority: Vec<u8>,
    /// The node's certificate, signed by the authority.
    pub certificate: Vec<u8>,
    /// The certificate's private key, PKCS #8.
    pub key: Vec<u8>,
}

/// An identity cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The certificate, the key or the authority is none.
    #[error("the node's certificate cannot be used")]
    Certificate(#[from] rustls::Error),
    /// The authority cannot check anyone.
    #[error("the deployment's certificate authority cannot be used")]
    Authority(#[from] rustls::server::VerifierBuilderError),
    /// The TLS library lacks what QUIC needs.
    #[error("no cipher suite that QUIC needs")]
    Cipher(#[from] NoInitialCipherSuite),
}

impl fmt::Debug for Identity {
    /// Never the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let group = group_of(&CertificateDer::from_slice(&self.certificate));
        f.debug_struct("Identity").field("group", &group).finish_non_exhaustive()
    }
}

impl Identity {
    /// What a certificate says about its holder's group.
    #[must_use]
    pub fn group_uri(group: &str) -> String {
        format!("{GROUP_URI}{group}")
    }

    pub(super) fn client_config(&self) -> Result<quinn::ClientConfig, IdentityError> {
        let (chain, key) = self.chain_and_key();
        let mut tls = rustls::ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])?
            .with_root_certificates(self.roots()?)
            .with_client_auth_cert(chain, key.into())?;
        tls.alpn_protocols = vec![ALPN.to_vec()];
        Ok(quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?)))
    }

    pub(super) fn server_config(&self) -> Result<quinn::ServerConfig, IdentityError> {
        let (chain, key) = self.chain_and_key();
        let roots = Arc::new(self.roots()?);
        let callers = WebPkiClientVerifier::builder_with_provider(roots, provider()).build()?;
        let mut tls = rustls::ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])?
            .with_client_cert_verifier(callers)
            .with_single_cert(chain, key.into())?;
        tls.alpn_protocols = vec![ALPN.to_vec()];
        Ok(quinn::ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls)?)))
    }

    fn roots(&self) -> Result<RootCertStore, IdentityError> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_slice(&self.authority).into_owned())?;
        Ok(roots)
    }

    fn chain_and_key(&self) -> (Vec<CertificateDer<'static>>, PrivatePkcs8KeyDer<'static>) {
        let certificate = CertificateDer::from_slice(&self.certificate).into_owned();
        (vec![certificate], PrivatePkcs8KeyDer::from(self.key.clone()))
    }
}

/// The group that the other end of a connection proved to be in.
pub(super) fn peer_group(connection: &quinn::Connection) -> Option<String> {
    group_of(&peer_certificate(connection)?)
}

/// The certificate of the other end of a connection: each node has its own.
pub(super) fn peer_certificate(connection: &quinn::Connection) -> Option<CertificateDer<'static>> {
    let chain = connection.peer_identity()?.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    chain.into_iter().next()
}

fn group_of(certificate: &CertificateDer<'_>) -> Option<String> {
    let certificate = webpki::EndEntityCert::try_from(certificate).ok()?;
    let group = certificate.valid_uri_names().find_map(|uri| uri.strip_prefix(GROUP_URI))?;
    Some(group.to_owned())
}

/// Named here, not taken from the process: the author's program may install another.
fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Bytes that nobody can foresee.
#[cfg(target_os = "linux")]
pub(super) fn random(bytes: &mut [u8]) -> io::Result<()> {
    let random = provider().secure_random;
    random.fill(bytes).map_err(|_| io::Error::other("the system gives no random bytes"))
}
