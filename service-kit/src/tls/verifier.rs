//! The servers that a client trusts: one whose certificate an authority issued, one whose own certificate was named, and one
//! that an exception admits. The exception is checked last, and only where the certificate is at fault; the handshake's
//! signature is always checked.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::config::{PEM_LIMIT, read_file};

/// A server's certificate that no authority covers.
pub struct UntrustedCertificate<'a> {
    pub fault: &'a CertificateError,
    pub server: &'a ServerName<'a>,
    pub certificate: &'a CertificateDer<'a>,
}

/// Decides whether to go on with such a server.
pub type Exception = Box<dyn Fn(&UntrustedCertificate<'_>) -> bool + Send + Sync>;

/// The configuration of a client that trusts the authorities in `roots`, servers that present one of the `named` certificates,
/// and servers that the exception admits.
pub fn client_config(
    roots: RootCertStore,
    named: Vec<CertificateDer<'static>>,
    exception: Option<Exception>,
) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    // This fails only without any root, and then no authority is trusted.
    let authorities = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().ok();
    let algorithms = provider.signature_verification_algorithms;
    let verifier = Verifier { authorities, algorithms, named, exception };
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

/// The authorities that the system trusts. Unreadable ones do not prevent a start: certificates that they issued are refused
/// later. Reads files.
pub fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

/// The certificates of a PEM file, at least one, each fit to be an authority. The error is for people, and does not show the
/// path, which may be a secret that was given by mistake.
pub fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let unreadable = |error: &dyn fmt::Display| format!("the file cannot be read: {error}; expected a PEM file");
    let pem = read_file(path, PEM_LIMIT).map_err(|error| unreadable(&error))?;
    let certificates = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    let certificates = certificates.map_err(|error| unreadable(&error))?;
    let mut store = RootCertStore::empty();
    for certificate in &certificates {
        store.add(certificate.clone()).map_err(|error| unreadable(&error))?;
    }
    if store.is_empty() {
        return Err("the file holds no certificate; expected a PEM file".to_owned());
    }
    Ok(certificates)
}

struct Verifier {
    /// `None` on a machine without authorities: then only named certificates and the exception pass.
    authorities: Option<Arc<WebPkiServerVerifier>>,
    algorithms: WebPkiSupportedAlgorithms,
    /// A self-signed one is its server's own.
    named: Vec<CertificateDer<'static>>,
    exception: Option<Exception>,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").finish_non_exhaustive()
    }
}

impl Verifier {
    /// Whether the server presents a certificate of the file as its own. Authorities refuse it, since `openssl req -x509`
    /// marks it as one of them; its validity has been checked by then.
    fn is_named(&self, untrusted: &UntrustedCertificate<'_>) -> bool {
        matches!(untrusted.fault, CertificateError::Other(_))
            && self.named.iter().any(|named| named == untrusted.certificate)
            && ParsedCertificate::try_from(untrusted.certificate)
                .is_ok_and(|parsed| rustls::client::verify_server_name(&parsed, untrusted.server).is_ok())
    }

    fn lets_pass(&self, untrusted: &UntrustedCertificate<'_>) -> bool {
        self.is_named(untrusted) || self.exception.as_ref().is_some_and(|exception| exception(untrusted))
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        server: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let unknown = Err(Error::InvalidCertificate(CertificateError::UnknownIssuer));
        let vouched =
            self.authorities.as_ref().map(|all| all.verify_server_cert(certificate, chain, server, ocsp, now));
        match vouched.unwrap_or(unknown) {
            Err(Error::InvalidCertificate(fault))
                if self.lets_pass(&UntrustedCertificate { fault: &fault, server, certificate }) =>
            {
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
