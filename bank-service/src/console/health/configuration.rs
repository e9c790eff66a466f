//! The settings of this process as administrators see them. Secrets are not among them, and addresses are shown without the name
//! and password that they may have.

use url::Url;

use crate::config::Settings;

/// Variable and value, in the order of the documentation.
pub(super) fn shown(settings: &Settings) -> Vec<(&'static str, String)> {
    let config = &settings.config;
    let address = |url: &Option<Url>| url.as_ref().map_or_else(|| "not set".to_owned(), without_login);
    let or_not_set = |value: Option<String>| value.unwrap_or_else(|| "not set".to_owned());
    let networks: Vec<String> = config.trusted_proxies.split(',').map(|text| text.trim().to_owned()).collect();
    vec![
        ("APP_ENV", format!("{:?}", config.app_env).to_lowercase()),
        ("BANK_BIND", config.bind.to_string()),
        ("PUBLIC_URL", without_login(&settings.public_url)),
        ("DATABASE_URL", settings.database_url.redacted()),
        ("MIGRATE_ON_START", config.migrate_on_start.to_string()),
        ("AMQP_URI", if settings.broker.is_some() { "set" } else { "not set: events stay in this process" }.to_owned()),
        ("LOG_SERVICE_URL", without_login(&settings.log_service_url)),
        ("EMAIL_SERVICE_URL", address(&settings.email_service_url)),
        ("CALLBACK_QUEUE", config.callback_queue.clone()),
        ("EXPECTED_QUEUES", config.expected_queues.clone()),
        ("OUTBOX_RETENTION_DAYS", config.outbox_retention_days.to_string()),
        ("ACCESS_TOKEN_MINUTES", config.access_token_minutes.to_string()),
        ("SIGNING_KEY_MAX_AGE_DAYS", config.signing_key_max_age_days.to_string()),
        ("PASSWORD_MIN_SCORE", settings.password_min_score.to_string()),
        ("RATE_LOGIN_PER_MINUTE", config.rate_login_per_minute.to_string()),
        ("RATE_REGISTER_PER_HOUR", config.rate_register_per_hour.to_string()),
        ("RATE_FORGOT_PER_HOUR", config.rate_forgot_per_hour.to_string()),
        ("MAIL_ALARM_HOURLY", config.mail_alarm_hourly.to_string()),
        ("TRUSTED_PROXIES", networks.join(", ")),
        ("MIN_CLIENT_VERSION", or_not_set(config.min_client_version.clone())),
        ("DEFAULT_ROLE", config.default_role.clone()),
        ("WORKERS", or_not_set(config.workers.map(|workers| workers.to_string()))),
    ]
}

fn without_login(url: &Url) -> String {
    let mut shown = url.clone();
    // Neither fails for a URL with a host, as these have one.
    shown.set_username("").ok();
    shown.set_password(None).ok();
    shown.to_string()
}

#[cfg(test)]
mod tests {
    use service_kit::config::Secret;

    use super::*;
    use crate::config::Config;

    #[test]
    fn no_secret_is_shown() {
        let secret = "a-secret-that-is-long-enough-to-be-taken";
        let config = Config { secret_key: Some(Secret::new(secret)), ..Config::default() };
        let all = shown(&config.check().unwrap());
        assert!(all.contains(&("APP_ENV", "development".to_owned())), "{all:?}");
        assert!(all.iter().all(|(_, value)| !value.contains(secret)), "{all:?}");
    }

    #[test]
    fn an_address_is_shown_without_its_login() {
        let url = Url::parse("http://name:word@log.example:8000/x").unwrap();
        assert_eq!(without_login(&url), "http://log.example:8000/x");
    }
}
