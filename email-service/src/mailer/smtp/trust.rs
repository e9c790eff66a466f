//! Whom a TLS connection trusts, and what is said when it does not.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::{CertificateError, ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

/// The authorities of a PEM file, or the system's. Reads files, so call it off the async threads.
pub(super) fn client_config(ca: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots(ca)?)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn roots(ca: Option<&Path>) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    let Some(path) = ca else {
        // Certificates of the system that cannot be read are no reason not to start: what they vouch for is refused later.
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(store);
    };
    let shown = path.display();
    let unreadable =
        |error: &dyn std::fmt::Display| format!("\"{shown}\" cannot be read: {error}; expected a PEM file");
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| unreadable(&error))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| unreadable(&error))?;
        store.add(certificate).map_err(|error| unreadable(&error))?;
    }
    if store.is_empty() { Err(format!("\"{shown}\" holds no certificate; expected a PEM file")) } else { Ok(store) }
}

/// What is wrong with the server's certificate, with what to do; none if the handshake failed for another reason.
pub(super) fn certificate_fault(error: &io::Error, server: &str) -> Option<String> {
    let inner = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    let rustls::Error::InvalidCertificate(fault) = inner else { return None };
    let told = match fault {
        CertificateError::UnknownIssuer => "its issuer is unknown; name the PEM file of its authority, or its own if \
                                            it is self-signed"
            .to_owned(),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it was issued for another name; use the name that it bears as the host".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired".to_owned(),
        other => format!("{other:?}").chars().take(80).collect(),
    };
    Some(format!("EMAIL_SMTP_CA: the certificate of {server} is not trusted: {told}"))
}
