//! `INTERNAL_CA`: the same for every service.

use std::path::PathBuf;

use clap::Args;

use super::PeerTrust;
use crate::config::{AppEnv, Faults};
use crate::tls::read_certificates;

/// How the other services prove who they are.
#[derive(Debug, Clone, Default, Args)]
pub struct PeerOptions {
    /// Authorities that the other services' certificates may be from, besides the system's, or those certificates: a file in PEM form
    #[arg(long, env = "INTERNAL_CA", value_name = "FILE", global = true)]
    pub internal_ca: Option<PathBuf>,
}

impl PeerOptions {
    /// The authorities to trust; faults are noted.
    pub fn check(&self, app_env: AppEnv, faults: &mut Faults) -> PeerTrust {
        let path = self.internal_ca.as_deref().filter(|path| !path.as_os_str().is_empty());
        let named = path.map(read_certificates).transpose().unwrap_or_else(|fault| {
            faults.add(format!("INTERNAL_CA: {fault}"));
            None
        });
        PeerTrust::new(named.unwrap_or_default(), app_env)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault_of(path: PathBuf) -> Option<String> {
        let mut faults = Faults::new();
        PeerOptions { internal_ca: Some(path) }.check(AppEnv::Production, &mut faults);
        faults.finish().err().map(|error| error.to_string())
    }

    #[test]
    fn a_file_that_holds_no_certificate_is_one_line_that_names_the_variable() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let good = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let cut = "-----BEGIN CERTIFICATE-----\nMAo=\n-----END CERTIFICATE-----\n";
        for path in [
            folder.path().join("missing.pem"),
            folder.path().to_owned(),
            file("empty.pem", ""),
            file("other.pem", "hello"),
            file("key.pem", &good.signing_key.serialize_pem()),
            file("cut.pem", cut),
            file("second.pem", &format!("{}{cut}", good.cert.pem())),
        ] {
            let fault = fault_of(path.clone()).unwrap_or_else(|| panic!("{} was taken", path.display()));
            assert!(fault.contains("INTERNAL_CA: ") && fault.contains("PEM file"), "{fault}");
            assert!(!fault.contains(path.to_str().unwrap()) && fault.lines().count() == 1, "{fault}");
        }
        assert_eq!(fault_of(file("good.pem", &good.cert.pem())), None);
        assert_eq!(fault_of(PathBuf::new()), None, "set to nothing is unset");
    }
}
