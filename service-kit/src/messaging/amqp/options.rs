//! `AMQP_URI` and `EXCHANGE_NAME`: the same for every service.

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

    /// The topic exchange of the events
    #[arg(long, env = "EXCHANGE_NAME", default_value = EXCHANGE, value_name = "NAME", global = true)]
    pub exchange_name: String,
}

impl Default for BrokerOptions {
    fn default() -> Self {
        Self { amqp_uri: None, exchange_name: EXCHANGE.to_owned() }
    }
}

impl BrokerOptions {
    /// The broker, if one is given; faults are noted, without the password.
    pub fn check(&self, faults: &mut Faults) -> Option<AmqpSettings> {
        let uri = self.amqp_uri.as_ref().map(Secret::expose).filter(|uri| !uri.is_empty() && *uri != "none")?;
        match AmqpSettings::parse(uri, &self.exchange_name) {
            Ok(settings) => Some(settings),
            Err(error) => {
                faults.add(format!("AMQP_URI: {error}"));
                None
            }
        }
    }
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
}
