//! The checked configuration: typed values, no options that were required.

use chrono::TimeDelta;
use service_kit::config::{AppEnv, Secret, resembles_example};
use service_kit::http::PeerTrust;
use service_kit::http::cors::Origins;
use service_kit::http::server::Network;
use service_kit::messaging::AmqpSettings;
use service_kit::tls::Tls;
use url::Url;

use super::{Config, SocialClient};
use crate::domain::bic::Bic;
use crate::domain::client_version::ClientVersion;
use crate::domain::iban::IbanScheme;
use crate::domain::phone::TextMessageRules;
use crate::domain::statement::Calendar;
use crate::push::PushSettings;
use crate::sms::SmsSettings;
use crate::store::DatabaseUrl;

const SECRET_KEY_MIN: usize = 32;

#[derive(Debug, Clone, Copy)]
pub struct RateLimits {
    pub login_per_minute: u32,
    pub register_per_hour: u32,
    pub forgot_per_hour: u32,
}

#[derive(Debug, Clone)]
pub struct Settings {
    pub config: Config,
    pub database_url: DatabaseUrl,
    /// The same database, as the owner of its tables.
    pub migration_database_url: DatabaseUrl,
    pub secret_key: Secret,
    pub public_url: Url,
    pub log_service_url: Url,
    /// None: email-service is not asked.
    pub email_service_url: Option<Url>,
    pub password_min_score: u8,
    pub rate_limits: RateLimits,
    pub mail_alarm_hourly: i32,
    pub trusted_proxies: Vec<Network>,
    pub access_token_lifetime: TimeDelta,
    pub text_messages: TextMessageRules,
    /// Clients that send a lower version are refused.
    pub min_client_version: Option<ClientVersion>,
    /// How the accounts' IBANs are made.
    pub ibans: IbanScheme,
    /// Of the bank, in statements.
    pub bank_bic: Option<Bic>,
    /// The days of statements.
    pub calendar: Calendar,
    /// The providers of social logins.
    pub social: Vec<SocialClient>,
    pub sms: SmsSettings,
    /// The origins whose pages may read answers.
    pub cors_origins: Origins,
    pub tls: Tls,
    /// The authorities that calls to the other services trust.
    pub peers: PeerTrust,
    /// The destination of push notifications.
    pub push: PushSettings,
    /// None: events wait in the outbox until another process publishes them.
    pub broker: Option<AmqpSettings>,
}

impl Settings {
    /// Whether the key is fit for development only.
    pub fn has_weak_secret_key(&self) -> bool {
        is_short(&self.secret_key) || resembles_example(self.secret_key.expose())
    }

    /// Why the key is unfit for a service that others can reach; development accepts any.
    pub fn weak_secret_key(&self) -> Option<&'static str> {
        weak_secret_key(&self.config, &self.secret_key)
    }
}

pub(super) fn weak_secret_key(config: &Config, key: &Secret) -> Option<&'static str> {
    if config.app_env != AppEnv::Development || config.bind.ip().is_loopback() {
        return None;
    }
    if is_short(key) {
        Some("shorter than 32 characters, which development takes for itself alone, and others can reach this service")
    } else if resembles_example(key.expose()) {
        Some("an example value, which development takes for itself alone, and others can reach this service")
    } else {
        None
    }
}

/// Whether a `SECRET_KEY` is shorter than the minimum outside of development.
pub(super) fn is_short(key: &Secret) -> bool {
    key.expose().chars().count() < SECRET_KEY_MIN
}
