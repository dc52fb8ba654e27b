//! TLS 1.3 for systems that bring none of their own: both ends show a certificate, as ours do.

use std::sync::Arc;

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
    version::TLS13,
};
use weaver::{Context, Result};

use super::Identity;

pub(super) fn server(identity: &Identity) -> Result<ServerConfig> {
    let roots = Arc::new(roots(identity)?);
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider()).build();
    let (certificate, key) = own(identity)?;
    ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .context("TLS 1.3")?
        .with_client_cert_verifier(verifier.context("a verifier")?)
        .with_single_cert(vec![certificate], key)
        .context("a certificate")
}

pub(super) fn client(identity: &Identity) -> Result<ClientConfig> {
    let (certificate, key) = own(identity)?;
    ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .context("TLS 1.3")?
        .with_root_certificates(roots(identity)?)
        .with_client_auth_cert(vec![certificate], key)
        .context("a certificate")
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn roots(identity: &Identity) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add(authority(identity)?).context("an authority")?;
    Ok(roots)
}

pub(super) fn authority(identity: &Identity) -> Result<CertificateDer<'static>> {
    CertificateDer::from_pem_slice(identity.authority.as_bytes()).context("an authority")
}

pub(super) fn own(
    identity: &Identity,
) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>)> {
    let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes());
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes());
    Ok((certificate.context("a certificate")?, key.context("a key")?))
}
