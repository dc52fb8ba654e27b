//! [`Authority`]: certificates as a deployer makes them.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType,
};
use weaver_runtime::net::{Identity, TLS_NAME};

/// The certificate authority of a deployment.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        Self { issuer: CertifiedIssuer::self_signed(params, key).unwrap() }
    }

    /// A certificate for a node of `group`.
    pub(crate) fn identity(&self, group: &str) -> Identity {
        let mut params = CertificateParams::new([TLS_NAME.to_owned()]).unwrap();
        let uri = Identity::group_uri(group).try_into().unwrap();
        params.subject_alt_names.push(SanType::URI(uri));
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity {
            authority: self.issuer.der().to_vec(),
            certificate: certificate.der().to_vec(),
            key: key.serialize_der(),
        }
    }
}
