//! The certificates that calls between the services trust.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustls::ClientConfig;
use rustls_pki_types::{CertificateDer, ServerName};

use crate::config::AppEnv;
use crate::tls::{self, UntrustedCertificate};

/// The authorities of `INTERNAL_CA` and the environment. Clones share the warnings already given; the default trusts the
/// system's authorities alone.
#[derive(Clone, Default)]
pub struct PeerTrust {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    named: Vec<CertificateDer<'static>>,
    development: bool,
    /// Made once: the system's authorities are many files.
    config: OnceLock<ClientConfig>,
    warned: Mutex<BTreeSet<&'static str>>,
}

impl fmt::Debug for PeerTrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { named, development, .. } = self.inner.as_ref();
        f.debug_struct("PeerTrust").field("named", &named.len()).field("development", development).finish()
    }
}

impl PeerTrust {
    pub(super) fn new(named: Vec<CertificateDer<'static>>, app_env: AppEnv) -> Self {
        let development = app_env == AppEnv::Development;
        Self { inner: Arc::new(Inner { named, development, ..Inner::default() }) }
    }

    pub(super) fn is_development(&self) -> bool {
        self.inner.development
    }

    /// Whether no warning has named this variable before.
    pub(super) fn is_first_warning(&self, variable: &'static str) -> bool {
        self.inner.warned.lock().unwrap_or_else(PoisonError::into_inner).insert(variable)
    }

    /// # Panics
    /// If the TLS backend is broken.
    #[expect(clippy::expect_used, reason = "without a TLS backend nothing can be sent")]
    pub(super) fn client_config(&self) -> ClientConfig {
        let make = || {
            let mut roots = tls::system_roots();
            roots.add_parsable_certificates(self.inner.named.iter().cloned());
            let exception = self.inner.development.then(|| -> tls::Exception { Box::new(is_adhoc) });
            tls::client_config(roots, self.inner.named.clone(), exception).expect("the TLS backend works")
        };
        self.inner.config.get_or_init(make).clone()
    }
}

/// A self-signed certificate of a server on this machine, whatever name and time are in it: Flask's `adhoc` names none.
fn is_adhoc(untrusted: &UntrustedCertificate<'_>) -> bool {
    let own = match untrusted.server {
        ServerName::DnsName(name) => name.as_ref().eq_ignore_ascii_case("localhost"),
        ServerName::IpAddress(address) => IpAddr::from(*address).is_loopback(),
        _ => false,
    };
    own && webpki::EndEntityCert::try_from(untrusted.certificate).is_ok_and(|read| read.issuer() == read.subject())
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, Issuer, KeyPair};
    use rustls::CertificateError;

    use super::*;

    fn lets_pass(certificate: &CertificateDer<'_>, server: &str) -> bool {
        let server = ServerName::try_from(server.to_owned()).unwrap();
        is_adhoc(&UntrustedCertificate { fault: &CertificateError::UnknownIssuer, server: &server, certificate })
    }

    fn self_signed(name: &str) -> CertificateDer<'static> {
        rcgen::generate_simple_self_signed([name.to_owned()]).unwrap().cert.der().clone()
    }

    /// A certificate of an unknown authority.
    fn issued(name: &str) -> CertificateDer<'static> {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.distinguished_name.push(rcgen::DnType::CommonName, "An authority");
        let issuer = Issuer::new(authority, KeyPair::generate().unwrap());
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        params.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap().der().clone()
    }

    #[test]
    fn a_self_signed_certificate_is_taken_of_this_machine_alone() {
        for server in ["localhost", "LOCALHOST", "127.0.0.1", "127.8.8.8", "::1"] {
            assert!(lets_pass(&self_signed("localhost"), server), "{server}");
            assert!(lets_pass(&self_signed("*"), server), "{server}: as Flask's");
        }
        for server in ["a.localhost", "localhost.example", "0.0.0.0", "10.0.0.1", "::ffff:127.0.0.1", "log-service"] {
            assert!(!lets_pass(&self_signed(server), server), "{server}");
        }
    }

    #[test]
    fn a_certificate_that_another_has_signed_or_that_is_none_is_not_taken() {
        assert!(!lets_pass(&issued("localhost"), "localhost"));
        assert!(!lets_pass(&CertificateDer::from(vec![1, 2, 3]), "localhost"));
    }
}
