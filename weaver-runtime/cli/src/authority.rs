//! [`Authority`]: the certificate authority of one version of a deployment.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType,
};
use weaver_runtime::net::{Identity, TLS_NAME};

/// Signs the certificates of a deployment's nodes. Its key never leaves the deployer's memory, and
/// ends with it.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot make a certificate")]
pub(crate) struct CertificateError(#[from] rcgen::Error);

impl Authority {
    pub(crate) fn new() -> Result<Self, CertificateError> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "weaver deployment");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        Ok(Self { issuer })
    }

    /// A certificate for a node of `group`.
    pub(crate) fn identity(&self, group: &str) -> Result<Identity, CertificateError> {
        let mut params = CertificateParams::new([TLS_NAME.to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, group);
        params.subject_alt_names.push(SanType::URI(Identity::group_uri(group).try_into()?));
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Identity {
            authority: self.issuer.der().to_vec(),
            certificate: certificate.der().to_vec(),
            key: key.serialize_der(),
        })
    }
}
