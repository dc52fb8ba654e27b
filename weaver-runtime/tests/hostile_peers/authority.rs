//! [`Authority`]: certificates as a deployer makes them, and some that it would not make.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType,
};
use weaver_runtime::net::{Identity, TLS_NAME};

/// The certificate authority of a deployment.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "hostile tests");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        Self { issuer: CertifiedIssuer::self_signed(params, key).unwrap() }
    }

    /// A certificate for a node of `group`.
    pub(crate) fn identity(&self, group: &str) -> Identity {
        self.signed(vec![SanType::URI(Identity::group_uri(group).try_into().unwrap())])
    }

    /// A certificate that says nothing about a group.
    pub(crate) fn without_group(&self) -> Identity {
        self.signed(Vec::new())
    }

    /// A certificate with a URI that is not weaver's.
    pub(crate) fn with_uri(&self, uri: &str) -> Identity {
        self.signed(vec![SanType::URI(uri.try_into().unwrap())])
    }

    fn signed(&self, names: Vec<SanType>) -> Identity {
        let mut params = CertificateParams::new([TLS_NAME.to_owned()]).unwrap();
        params.subject_alt_names.extend(names);
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
