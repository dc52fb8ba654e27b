//! [`Authority`]: certificates as a deployer makes them, and some that it would not make.

use std::time::{Duration, SystemTime};

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
        self.signed(vec![group_uri(group)])
    }

    /// A certificate that was good until an hour ago.
    pub(crate) fn expired(&self, group: &str) -> Identity {
        const HOUR: Duration = Duration::from_secs(3600);
        self.signed_with(vec![group_uri(group)], |params| {
            let now = SystemTime::now();
            params.not_before = (now - 2 * HOUR).into();
            params.not_after = (now - HOUR).into();
        })
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
        self.signed_with(names, |_| {})
    }

    fn signed_with(
        &self,
        names: Vec<SanType>,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Identity {
        let mut params = CertificateParams::new([TLS_NAME.to_owned()]).unwrap();
        params.subject_alt_names.extend(names);
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity {
            authority: self.issuer.der().to_vec(),
            certificate: certificate.der().to_vec(),
            key: key.serialize_der(),
        }
    }
}

fn group_uri(group: &str) -> SanType {
    SanType::URI(Identity::group_uri(group).try_into().unwrap())
}
