//! The trust of a TLS connection, and the error where it fails.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::{CertificateError, ClientConfig, RootCertStore};
use service_kit::tls::{self, Exception, UntrustedCertificate};

/// Trusts the authorities of a PEM file, or the system's; or any certificate, if an unproved server is better than no protection
/// (`untrusted`, opportunistic security, RFC 7435). Reads files, so call it off the async threads.
pub(super) fn client_config(ca: Option<&Path>, untrusted: bool) -> Result<Arc<ClientConfig>, String> {
    let named = ca.map(tls::read_certificates).transpose()?.unwrap_or_default();
    let mut roots = if ca.is_some() { RootCertStore::empty() } else { tls::system_roots() };
    roots.add_parsable_certificates(named.iter().cloned());
    let exception = untrusted.then(anybody);
    tls::client_config(roots, named, exception).map(Arc::new).map_err(|error| error.to_string())
}

/// Accepts any certificate; warns once.
fn anybody() -> Exception {
    let warned = AtomicBool::new(false);
    Box::new(move |untrusted: &UntrustedCertificate<'_>| {
        if !warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                fault = %untrusted.fault,
                "the mail server's certificate proves nothing; mail goes on encrypted, to whoever answers there. \
                 EMAIL_SMTP_CA names whom to trust, EMAIL_SMTP_TLS=required refuses the others"
            );
        }
        true
    })
}

/// The fault of the server's certificate, with its remedy; none if the handshake failed for another reason.
pub(super) fn certificate_fault(error: &io::Error, server: &str) -> Option<String> {
    let inner = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    let rustls::Error::InvalidCertificate(fault) = inner else { return None };
    let reason = match fault {
        CertificateError::UnknownIssuer => "its issuer is unknown; name the PEM file of its authority, or its own if \
                                            it is self-signed. Without a login EMAIL_SMTP_TLS=opportunistic (or \
                                            ?tls=opportunistic) goes on unverified, and none in the clear"
            .to_owned(),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it was issued for another name; use the name that it bears as the host".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet; is this machine's clock right?".to_owned()
        }
        CertificateError::Revoked => "its authority has revoked it".to_owned(),
        _ => "it is damaged, or was not issued for a server".to_owned(),
    };
    Some(format!("EMAIL_SMTP_CA: the certificate of {server} is not trusted: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fault_of_a_certificate_is_a_sentence_and_not_the_name_of_a_variant() {
        for (fault, reason) in [
            (CertificateError::UnknownIssuer, "its issuer is unknown; "),
            (CertificateError::NotValidForName, "it was issued for another name; "),
            (CertificateError::Expired, "it has expired"),
            (CertificateError::NotValidYet, "it is not valid yet; "),
            (CertificateError::Revoked, "its authority has revoked it"),
            (CertificateError::BadSignature, "it is damaged, or "),
            (CertificateError::InvalidPurpose, "it is damaged, or "),
        ] {
            let error = io::Error::other(rustls::Error::InvalidCertificate(fault));
            let shown = certificate_fault(&error, "mail.example:465").unwrap();
            let expected = format!("EMAIL_SMTP_CA: the certificate of mail.example:465 is not trusted: {reason}");
            assert!(shown.starts_with(&expected), "{shown}");
        }
        assert_eq!(certificate_fault(&io::Error::other("reset"), "mail.example:465"), None);
    }
}
