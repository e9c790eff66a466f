//! From `AMQP_URI` to settings, with defaults for its missing parts.

use std::time::Duration;

use lapin::uri::AMQPUri;
use url::{Host, Url};

use super::error::AmqpError;
use crate::messaging::AmqpSettings;
use crate::messaging::broker::MAX_NAME;

/// A broker that is silent for twice this long counts as unavailable.
const HEARTBEAT_S: u16 = 10;
/// The broker's own limit. The broker never splits the frame of a message's headers and does not hold it to the negotiated
/// size, so a lower limit here would end the connection, with everything in flight on it, at a message whose headers are
/// larger.
const FRAME_MAX: u32 = 128 * 1024;

impl AmqpSettings {
    /// Reads `amqp://user:password@host:5672/vhost` or `amqps://…`. A missing or empty virtual host is `/`.
    pub fn parse(uri: &str, exchange: &str) -> Result<Self, AmqpError> {
        let fault = |reason: &str| AmqpError::Uri { reason: reason.to_owned() };
        // The parsers' own errors repeat the text, and with it the password.
        let url = Url::parse(uri).map_err(|error| fault(&error.to_string()))?;
        if !matches!(url.scheme(), "amqp" | "amqps") {
            return Err(fault("the scheme is neither amqp nor amqps"));
        }
        let Some(host) = url.host().filter(|_| !url.cannot_be_a_base()) else {
            return Err(fault("it names no host"));
        };
        // The text behind a second `/` may be a part of the password that was cut off, and errors show the virtual host.
        let vhost = url.path().strip_prefix('/').unwrap_or_default();
        if vhost.contains('/') && vhost != "/" {
            return Err(fault("its virtual host has a / in it, which is written %2F"));
        }
        let mut parsed: AMQPUri = uri.parse().map_err(|_| fault("a part or a parameter of it cannot be read"))?;
        // The library parses an IPv6 address as no host at all, and so connects to localhost.
        if let Host::Ipv6(address) = host {
            parsed.authority.host = address.to_string();
        }
        if parsed.vhost.is_empty() {
            "/".clone_into(&mut parsed.vhost);
        }
        if !matches!(exchange.len(), 1..=MAX_NAME) {
            return Err(fault("the exchange's name is empty or longer than 200 bytes"));
        }
        parsed.query.heartbeat.get_or_insert(HEARTBEAT_S);
        parsed.query.frame_max.get_or_insert(FRAME_MAX);
        Ok(Self {
            uri: parsed,
            exchange: exchange.to_owned(),
            ca_pem: None,
            expected_queues: Vec::new(),
            confirm_limit: Duration::from_secs(10),
            request_limit: Duration::from_secs(10),
            unroutable_delay: Duration::from_secs(30),
            hold_limit: Duration::from_mins(10),
        })
    }

    /// The broker's address without the login, for logs and errors.
    pub fn endpoint(&self) -> String {
        let AMQPUri { scheme, authority, vhost, .. } = &self.uri;
        let vhost = if vhost == "/" { "" } else { vhost.as_str() };
        format!("{scheme}://{}:{}/{vhost}", authority.host, authority.port)
    }

    /// The user who logs in.
    pub fn user(&self) -> &str {
        &self.uri.authority.userinfo.username
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Faults, Secret};
    use crate::messaging::BrokerOptions;

    fn endpoint(uri: &str) -> String {
        AmqpSettings::parse(uri, "x").unwrap().endpoint()
    }

    #[test]
    fn addresses_are_read_with_their_defaults() {
        assert_eq!(endpoint("amqp://a:b@rabbit"), "amqp://rabbit:5672/");
        assert_eq!(endpoint("amqp://a:b@rabbit/"), "amqp://rabbit:5672/");
        assert_eq!(endpoint("amqps://rabbit/%2f"), "amqps://rabbit:5671/");
        assert_eq!(endpoint("amqp://rabbit//"), "amqp://rabbit:5672/");
        assert_eq!(endpoint("amqp://rabbit/a%2Fb"), "amqp://rabbit:5672/a/b");
        assert_eq!(endpoint("amqp://10.0.0.1:99/bank"), "amqp://10.0.0.1:99/bank");
        assert_eq!(endpoint("amqp://[::1]:99/bank"), "amqp://::1:99/bank");
        assert_eq!(AmqpSettings::parse("amqp://h?heartbeat=3", "x").unwrap().uri.query.heartbeat, Some(3));
        assert_eq!(AmqpSettings::parse("amqp://h", "x").unwrap().uri.query.heartbeat, Some(10));
        assert_eq!(AmqpSettings::parse("amqp://h?frame_max=8192", "x").unwrap().uri.query.frame_max, Some(8192));
        assert_eq!(AmqpSettings::parse("amqp://h", "x").unwrap().uri.query.frame_max, Some(131_072));
    }

    #[test]
    fn what_is_no_address_is_refused_without_showing_the_password() {
        for bad in [
            "",
            "rabbit",
            "http://a:hunter2@h",
            "amqp:hunter2",
            "amqp://a:hunter2@h:99999",
            "amqp://a:hunter2@h?heartbeat=no",
            "amqp://h/hunter2/bank",
            "amqp://a:b@h/bank/hunter2",
        ] {
            let error = AmqpSettings::parse(bad, "x").unwrap_err().to_string();
            assert!(error.contains("amqp://user:password@host") && !error.contains("hunter2"), "{error}");
        }
        assert!(AmqpSettings::parse("amqp://h", "").is_err());
        let settings = AmqpSettings::parse("amqp://a:hunter2@h", "x").unwrap();
        assert!(!format!("{settings:?} {}", settings.endpoint()).contains("hunter2"));
    }

    #[test]
    fn a_login_with_a_raw_at_sign_is_read_whole_and_not_shown() {
        let settings = AmqpSettings::parse("amqp://u:hun@ter2@h:5673/%2f", "x").unwrap();
        assert_eq!((settings.user(), settings.uri.authority.userinfo.password.as_str()), ("u", "hun@ter2"));
        assert_eq!(settings.endpoint(), "amqp://h:5673/");
        let shown = format!("{settings:?}");
        assert!(!shown.contains("hun") && !shown.contains("ter2"), "{shown}");
    }

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
            assert!(fault.contains("AMQP_CA_FILE: the file ") && !fault.contains("ca.pem"), "{fault}");
        }
    }
}
