//! `AMQP_URI`, `AMQP_CA_FILE` and `EXCHANGE_NAME`: the same for every service.

use std::path::{Path, PathBuf};

use clap::Args;
use shared_events::routing::EXCHANGE;

use super::AmqpSettings;
use crate::config::{Faults, Secret};

/// Where the broker is.
#[derive(Debug, Clone, Args)]
pub struct BrokerOptions {
    /// The broker: amqp://USER:PASSWORD@HOST:PORT/VHOST or amqps://…; without it, or with none, no events come or go
    #[arg(long, env = "AMQP_URI", hide_env_values = true, value_name = "URL", global = true)]
    pub amqp_uri: Option<Secret>,

    /// Authorities that an amqps:// broker's certificate may be from, besides the system's: a file in PEM form
    #[arg(long, env = "AMQP_CA_FILE", value_name = "FILE", global = true)]
    pub amqp_ca_file: Option<PathBuf>,

    /// The topic exchange of the events
    #[arg(long, env = "EXCHANGE_NAME", default_value = EXCHANGE, value_name = "NAME", global = true)]
    pub exchange_name: String,
}

impl Default for BrokerOptions {
    fn default() -> Self {
        Self { amqp_uri: None, amqp_ca_file: None, exchange_name: EXCHANGE.to_owned() }
    }
}

impl BrokerOptions {
    /// The broker, if one is given; faults are noted, without the password.
    pub fn check(&self, faults: &mut Faults) -> Option<AmqpSettings> {
        let uri = self.amqp_uri.as_ref().map(Secret::expose).filter(|uri| !uri.is_empty() && *uri != "none")?;
        let ca_pem = self.amqp_ca_file.as_deref().filter(|path| !path.as_os_str().is_empty());
        let ca_pem = ca_pem.and_then(|path| read_authorities(path, faults));
        match AmqpSettings::parse(uri, &self.exchange_name) {
            Ok(settings) => Some(AmqpSettings { ca_pem, ..settings }),
            Err(error) => {
                faults.add(format!("AMQP_URI: {error}"));
                None
            }
        }
    }
}

fn read_authorities(path: &Path, faults: &mut Faults) -> Option<String> {
    let fault = match std::fs::read_to_string(path) {
        Ok(pem) if pem.contains("-----BEGIN CERTIFICATE-----") => return Some(pem),
        Ok(_) => "no certificate in PEM form".to_owned(),
        Err(error) => error.to_string(),
    };
    faults.add(format!("AMQP_CA_FILE: {}: {fault}", path.display()));
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(uri: Option<&str>) -> Result<Option<String>, String> {
        let options = BrokerOptions { amqp_uri: uri.map(Secret::new), ..BrokerOptions::default() };
        let mut faults = Faults::new();
        let settings = options.check(&mut faults);
        faults.finish().map(|()| settings.map(|settings| settings.endpoint())).map_err(|error| error.to_string())
    }

    #[test]
    fn no_broker_is_a_choice_and_a_wrong_one_is_a_fault_that_hides_the_password() {
        for none in [None, Some(""), Some("none")] {
            assert_eq!(check(none), Ok(None));
        }
        assert_eq!(check(Some("amqp://u:hunter2@h:5673/v")), Ok(Some("amqp://h:5673/v".to_owned())));
        let fault = check(Some("http://u:hunter2@h")).unwrap_err();
        assert!(fault.contains("AMQP_URI: ") && !fault.contains("hunter2"), "{fault}");
    }

    #[test]
    fn a_file_of_authorities_that_is_none_is_a_fault() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        for content in [None, Some("nothing")] {
            if let Some(content) = content {
                std::fs::write(&path, content).unwrap();
            }
            let amqp_uri = Some(Secret::new("amqps://h"));
            let options = BrokerOptions { amqp_uri, amqp_ca_file: Some(path.clone()), ..BrokerOptions::default() };
            let mut faults = Faults::new();
            options.check(&mut faults);
            let fault = faults.finish().unwrap_err().to_string();
            assert!(fault.contains("AMQP_CA_FILE") && fault.contains("ca.pem"), "{fault}");
        }
    }
}
