//! `AMQP_URI`, `AMQP_CA_FILE` and `EXCHANGE_NAME`: the same for every service.

use std::path::{Path, PathBuf};

use clap::Args;
use shared_events::routing::EXCHANGE;

use super::AmqpSettings;
use crate::config::{Faults, PEM_LIMIT, Secret, defaults, read_text};

/// The longest name that AMQP allows of a queue or an exchange, less the longest suffix put to it here.
pub(in crate::messaging) const MAX_NAME: usize = 200;

/// The address of the broker, and the names that are used there.
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
        defaults()
    }
}

impl BrokerOptions {
    /// The broker, if one is given; faults are noted, without the password. What goes with a broker has to be right also
    /// without one.
    pub fn check(&self, faults: &mut Faults) -> Option<AmqpSettings> {
        if !matches!(self.exchange_name.len(), 1..=MAX_NAME) {
            faults.add(format!("EXCHANGE_NAME: expected a name of 1 to {MAX_NAME} bytes"));
        }
        let ca_pem = self.amqp_ca_file.as_deref().filter(|path| !path.as_os_str().is_empty());
        let ca_pem = ca_pem.and_then(|path| read_authorities(path, faults));
        let uri = self.amqp_uri.as_ref().map(Secret::expose).filter(|uri| !uri.is_empty() && *uri != "none")?;
        #[cfg(feature = "amqp")]
        return match AmqpSettings::parse(uri, &self.exchange_name) {
            Ok(settings) => Some(AmqpSettings { ca_pem, ..settings }),
            Err(error) => {
                faults.add(format!("AMQP_URI: {error}"));
                None
            }
        };
        #[cfg(not(feature = "amqp"))]
        {
            drop((uri, ca_pem));
            faults.add(
                "AMQP_URI: this program is built without the feature amqp, so without RabbitMQ; bank-service, log-service and email-service have it",
            );
            None
        }
    }
}

fn read_authorities(path: &Path, faults: &mut Faults) -> Option<String> {
    let fault = match read_text(path, PEM_LIMIT) {
        Ok(pem) if pem.contains("-----BEGIN CERTIFICATE-----") => return Some(pem),
        Ok(_) => "the file holds no certificate".to_owned(),
        Err(error) => format!("the file cannot be read: {error}"),
    };
    faults.add(format!("AMQP_CA_FILE: {fault}; expected a PEM file"));
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(options: &BrokerOptions) -> Vec<String> {
        let mut faults = Faults::new();
        options.check(&mut faults);
        faults.finish().err().map(|error| error.lines().to_vec()).unwrap_or_default()
    }

    #[test]
    fn what_goes_with_a_broker_is_checked_without_one() {
        let none = BrokerOptions::default();
        assert_eq!(lines(&none), [""; 0]);
        let ca = Some("/nowhere/ca.pem".into());
        let both = lines(&BrokerOptions { exchange_name: "x".repeat(MAX_NAME + 1), amqp_ca_file: ca, ..none });
        assert!(both[0].starts_with("EXCHANGE_NAME: ") && both[1].starts_with("AMQP_CA_FILE: "), "{both:?}");
        assert!(!both[1].contains("nowhere"), "{both:?}");
    }

    #[cfg(not(feature = "amqp"))]
    #[test]
    fn a_program_without_the_driver_refuses_a_broker_and_names_the_feature() {
        let amqp_uri = Some(Secret::new("amqp://u:hunter2@h"));
        let text = lines(&BrokerOptions { amqp_uri, ..BrokerOptions::default() }).join("\n");
        assert!(text.starts_with("AMQP_URI: ") && text.contains("feature amqp"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}
