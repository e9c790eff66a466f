//! `TLS`, `TLS_CERT` and `TLS_KEY`: the same for every service.

use std::path::PathBuf;

use clap::Args;

use super::Tls;
use crate::config::Faults;

/// How the service's port is protected.
#[derive(Debug, Clone, Default, Args)]
pub struct TlsOptions {
    /// `adhoc`: serve HTTPS with a self-signed certificate made at start
    #[arg(long, env = "TLS", value_name = "off|adhoc", global = true)]
    pub tls: Option<String>,

    /// Certificate chain (PEM) to serve HTTPS with
    #[arg(long, env = "TLS_CERT", value_name = "FILE", global = true)]
    pub tls_cert: Option<PathBuf>,

    /// Private key (PEM) of the certificate
    #[arg(long, env = "TLS_KEY", value_name = "FILE", global = true)]
    pub tls_key: Option<PathBuf>,
}

impl TlsOptions {
    /// The checked settings of TLS; faults are noted.
    pub fn check(&self, faults: &mut Faults) -> Tls {
        let mode = self.tls.as_deref().filter(|mode| !mode.is_empty());
        match (mode, &self.tls_cert, &self.tls_key) {
            (None, Some(cert), Some(key)) => return Tls::Files { cert: cert.clone(), key: key.clone() },
            (None | Some("off"), None, None) => {}
            (Some("adhoc"), None, None) => return Tls::Adhoc,
            (None | Some("off" | "adhoc"), ..) => {
                faults.add("TLS_CERT, TLS_KEY: expected both or neither, and neither together with TLS");
            }
            (Some(_), ..) => faults.add(
                "TLS: the value is not valid; expected off or adhoc, and a certificate of your own in TLS_CERT and TLS_KEY",
            ),
        }
        Tls::Off
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(tls: Option<&str>, cert: Option<&str>, key: Option<&str>) -> Result<Tls, String> {
        let options = TlsOptions {
            tls: tls.map(str::to_owned),
            tls_cert: cert.map(PathBuf::from),
            tls_key: key.map(PathBuf::from),
        };
        let mut faults = Faults::new();
        let tls = options.check(&mut faults);
        faults.finish().map(|()| tls).map_err(|error| error.to_string())
    }

    #[test]
    fn files_come_in_pairs_and_modes_have_names() {
        assert_eq!(check(None, None, None), Ok(Tls::Off));
        assert_eq!(check(Some(""), None, None), Ok(Tls::Off));
        assert_eq!(check(Some("adhoc"), None, None), Ok(Tls::Adhoc));
        assert_eq!(check(None, Some("c"), Some("k")), Ok(Tls::Files { cert: "c".into(), key: "k".into() }));
        assert!(check(None, Some("c"), None).unwrap_err().contains("TLS_CERT, TLS_KEY"));
        assert!(check(Some("adhoc"), Some("c"), Some("k")).is_err());
        let unknown = check(Some("cert.pem"), None, None).unwrap_err();
        assert!(
            unknown.contains("TLS: the value is not valid") && unknown.contains("TLS_CERT and TLS_KEY"),
            "{unknown}"
        );
    }
}
