//! TLS by rustls with one crypto provider, aws-lc.
//!
//! With two providers compiled in, the first connection panics unless one is installed: [`install_crypto_provider`] does so
//! once per process, and everything here that touches TLS calls it. `Adhoc` makes a self-signed certificate at start, for
//! local use only.

mod options;
mod verifier;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::config::{Faults, PEM_LIMIT, read_file};

pub use options::TlsOptions;
pub use verifier::{Exception, UntrustedCertificate, client_config, read_certificates, system_roots};

const ENCRYPTED: &str =
    "the key is encrypted; expected one without a passphrase, such as `openssl pkey -in KEY -out PLAIN_KEY` writes";

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
        let mut found = Vec::new();
        if let Self::Files { cert, key } = self {
            found.extend(read_chain(cert).err().map(|fault| format!("TLS_CERT: {fault}")));
            found.extend(read_key(key).err().map(|fault| format!("TLS_KEY: {fault}")));
        }
        if found.is_empty()
            && let Err(error) = server_config(self)
        {
            found.push(format!("TLS_CERT, TLS_KEY: {error}"));
        }
        for fault in found {
            faults.add(fault);
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
    let invalid = |fault: String| io::Error::new(io::ErrorKind::InvalidInput, fault);
    Ok((read_chain(cert).map_err(invalid)?, read_key(key).map_err(invalid)?))
}

/// A certificate and its issuers. No error here shows a path: it may be the content itself, given by mistake.
fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let unreadable = |error: &dyn fmt::Display| format!("the certificate cannot be read: {error}; expected a PEM file");
    let pem = read_file(path, PEM_LIMIT).map_err(|error| unreadable(&error))?;
    let chain = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| unreadable(&error))?;
    if chain.is_empty() {
        return Err("the file holds no certificate; expected a PEM file".to_owned());
    }
    Ok(chain)
}

/// Of `BEGIN ENCRYPTED PRIVATE KEY`, and of the older `Proc-Type: 4,ENCRYPTED`.
fn is_encrypted(pem: &[u8]) -> bool {
    let mark = b"ENCRYPTED";
    pem.windows(mark.len()).any(|part| part == mark)
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let unreadable = |error: &dyn fmt::Display| format!("the key cannot be read: {error}; expected a PEM file");
    let pem = read_file(path, PEM_LIMIT).map_err(|error| unreadable(&error))?;
    PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|error| if is_encrypted(&pem) { ENCRYPTED.to_owned() } else { unreadable(&error) })
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
    fn each_file_that_cannot_be_read_is_named_by_its_variable_and_not_shown() {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let (good, key) = (file("cert.pem", &made.cert.pem()), file("key.pem", &made.signing_key.serialize_pem()));
        let empty = file("empty.pem", "");
        let lines = |tls: &Tls| {
            let mut faults = Faults::new();
            tls.check_files(&mut faults);
            faults.finish().err().map(|error| error.lines().to_vec()).unwrap_or_default()
        };
        assert_eq!(lines(&Tls::Off), [""; 0]);
        assert_eq!(lines(&Tls::Files { cert: good.clone(), key: key.clone() }), [""; 0]);
        let both = lines(&Tls::Files { cert: "hunter2".into(), key: "hunter2".into() });
        assert!(both[0].starts_with("TLS_CERT: ") && both[1].starts_with("TLS_KEY: "), "{both:?}");
        assert!(both.len() == 2 && !format!("{both:?}").contains("hunter2"), "{both:?}");
        let certificate = lines(&Tls::Files { cert: empty.clone(), key });
        assert!(certificate[0].starts_with("TLS_CERT: the file holds no certificate"), "{certificate:?}");
        for begin in ["BEGIN ENCRYPTED PRIVATE KEY-----", "BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"] {
            let end = begin.split("-----").next().unwrap_or_default().replace("BEGIN", "END");
            let key = file("locked.pem", &format!("-----{begin}\nAAAA\n-----{end}-----\n"));
            let locked = lines(&Tls::Files { cert: good.clone(), key });
            assert!(
                locked.len() == 1 && locked[0].starts_with("TLS_KEY: the key is encrypted; expected"),
                "{locked:?}"
            );
        }
        let key = lines(&Tls::Files { cert: good, key: empty });
        assert!(key.len() == 1 && key[0].starts_with("TLS_KEY: the key cannot be read"), "{key:?}");
    }
}
