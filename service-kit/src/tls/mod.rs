//! TLS by rustls with one crypto provider, aws-lc.
//!
//! With two providers compiled in, the first connection panics unless one is installed: [`install_crypto_provider`] does so
//! once per process, and everything here that touches TLS calls it. `Adhoc` makes a self-signed certificate at start, for
//! local use only.

mod options;
mod verifier;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::config::Faults;

pub use options::TlsOptions;
pub use verifier::{Exception, UntrustedCertificate, client_config, read_certificates, system_roots};

/// The protection of the server's port.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Tls {
    #[default]
    Off,
    /// A self-signed certificate for localhost, made at start.
    Adhoc,
    /// PEM files: the chain, leaf first, and its private key.
    Files { cert: PathBuf, key: PathBuf },
}

impl Tls {
    /// Records files that the port cannot be protected with. Reads them.
    pub fn check_files(&self, faults: &mut Faults) {
        if let Err(error) = server_config(self) {
            faults.add(format!("TLS_CERT, TLS_KEY: {error}"));
        }
    }
}

/// Makes aws-lc the process's provider. Calling it again does nothing.
pub fn install_crypto_provider() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Losing a race means that another thread has just installed the same one.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    }
}

/// The server's configuration; `None` for plain HTTP.
pub(crate) fn server_config(tls: &Tls) -> io::Result<Option<ServerConfig>> {
    let (chain, key) = match tls {
        Tls::Off => return Ok(None),
        Tls::Adhoc => self_signed()?,
        Tls::Files { cert, key } => from_files(cert, key)?,
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, format!("TLS certificate and key: {error}")))?;
    Ok(Some(config))
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn self_signed() -> io::Result<Identity> {
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let made = rcgen::generate_simple_self_signed(names).map_err(io::Error::other)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    Ok((vec![made.cert.der().clone()], key))
}

fn from_files(cert: &Path, key: &Path) -> io::Result<Identity> {
    let fault = |what: &str, shown: &dyn std::fmt::Display, error: &dyn std::fmt::Display| {
        let text = format!("{what}{shown}: {error}; expected a PEM file");
        io::Error::new(io::ErrorKind::InvalidInput, text)
    };
    let shown = format!(" {}", cert.display());
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| fault("TLS certificate", &shown, &error))?;
    if chain.is_empty() {
        return Err(fault("TLS certificate", &shown, &"it holds no certificate"));
    }
    // The error leaves out the path: it may be the key itself, given by mistake.
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| fault("TLS key", &"", &error))?;
    Ok((chain, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_self_signed_certificate_makes_a_configuration() {
        assert!(server_config(&Tls::Adhoc).unwrap().is_some());
        assert!(server_config(&Tls::Off).unwrap().is_none());
    }

    #[test]
    fn a_key_that_is_not_a_file_is_a_fault_that_does_not_show_it() {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let cert = folder.path().join("cert.pem");
        std::fs::write(&cert, made.cert.pem()).unwrap();
        let mut faults = Faults::new();
        Tls::Files { cert, key: "hunter2".into() }.check_files(&mut faults);
        let text = faults.finish().unwrap_err().to_string();
        assert!(text.contains("TLS_CERT, TLS_KEY: TLS key: ") && !text.contains("hunter2"), "{text}");
        let mut faults = Faults::new();
        Tls::Off.check_files(&mut faults);
        assert!(faults.finish().is_ok());
    }

    #[test]
    fn a_missing_or_empty_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let cert = folder.path().join("cert.pem");
        std::fs::write(&cert, "").unwrap();
        let files = Tls::Files { cert: cert.clone(), key: folder.path().join("key.pem") };
        let error = server_config(&files).unwrap_err().to_string();
        assert!(error.contains("cert.pem") && error.contains("no certificate"), "{error}");
    }
}
