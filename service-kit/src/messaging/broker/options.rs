//! `AMQP_URI`, `AMQP_CA_FILE` and `EXCHANGE_NAME`: the same for every service.

use std::path::PathBuf;

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
        #[cfg(feature = "amqp")]
        return AmqpSettings::read(uri, self, faults);
        #[cfg(not(feature = "amqp"))]
        {
            let scheme = uri.split_once(':').map_or("***", |(scheme, _)| scheme);
            faults.add(format!(
                "AMQP_URI: {scheme}:***: this program is built without AMQP; bank-service, log-service and email-service have it"
            ));
            None
        }
    }
}
