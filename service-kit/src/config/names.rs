//! The settings of all our programs: a variable that one of them does not read may be meant for another that shares its
//! environment.

pub(super) const NAMES: &[&str] = &[
    "ACCESS_TOKEN_MINUTES",
    "ADMIN_EMAIL",
    "ADMIN_PASS",
    "AMQP_CA_FILE",
    "AMQP_URI",
    "APP_ENV",
    "BANK_BIND",
    "CALLBACK_QUEUE",
    "CORS_ORIGINS",
    "DATABASE_URL",
    "DATA_DIR",
    "DEFAULT_ROLE",
    "EMAIL_APP_PASSWORD",
    "EMAIL_BIND",
    "EMAIL_DATABASE_URL",
    "EMAIL_FROM",
    "EMAIL_HOST",
    "EMAIL_OPERATOR",
    "EMAIL_PORT",
    "EMAIL_RECEIVERS",
    "EMAIL_RECORD_DAYS",
    "EMAIL_SERVICE_URL",
    "EMAIL_SMTP_CA",
    "EMAIL_SMTP_TLS",
    "EMAIL_SUBJECT",
    "EMAIL_USER",
    "EXCHANGE_NAME",
    "EXPECTED_QUEUES",
    "INTERNAL_CA",
    "JWKS_URL",
    "LOG_BIND",
    "LOG_DATABASE_URL",
    "LOG_FILE",
    "LOG_FORMAT",
    "LOG_SERVICE_URL",
    "MAILGUN_API_KEY",
    "MAILGUN_BASE_URL",
    "MAILGUN_DOMAIN",
    "MAIL_ALARM_HOURLY",
    "MAIL_URL",
    "MESSAGE_ID_DOMAIN",
    "MIGRATE_ON_START",
    "MIN_CLIENT_VERSION",
    "MONGODB_COLLECTION",
    "MONGODB_NAME",
    "MONGODB_URI",
    "OLD_SECRET_KEY",
    "OUTBOX_RETENTION_DAYS",
    "PASSWORD_MIN_SCORE",
    "PUBLIC_URL",
    "PUSH_BASE_URL",
    "PUSH_CREDENTIALS_FILE",
    "PUSH_FOLDER",
    "QUEUE_NAME",
    "RATE_FORGOT_PER_HOUR",
    "RATE_LOGIN_PER_MINUTE",
    "RATE_REGISTER_PER_HOUR",
    "RETENTION_DAYS",
    "ROUTING_KEY",
    "RUST_LOG",
    "SECRET_KEY",
    "SENTRY_DSN",
    "SENTRY_ENVIRONMENT",
    "SIGNING_KEY_MAX_AGE_DAYS",
    "SMS_ACCOUNT_SID",
    "SMS_AUTH_TOKEN",
    "SMS_BASE_URL",
    "SMS_CODE_MINUTES",
    "SMS_FOLDER",
    "SMS_FROM",
    "SMS_PER_COUNTRY_HOURLY",
    "SMS_PER_NETWORK_DAILY",
    "SMS_PER_NUMBER_DAILY",
    "SMS_PER_USER_DAILY",
    "SMS_TOTAL_HOURLY",
    "SOCIAL_FACEBOOK_BASE_URL",
    "SOCIAL_FACEBOOK_CLIENT_ID",
    "SOCIAL_FACEBOOK_CLIENT_SECRET",
    "SOCIAL_GITHUB_BASE_URL",
    "SOCIAL_GITHUB_CLIENT_ID",
    "SOCIAL_GITHUB_CLIENT_SECRET",
    "SOCIAL_GOOGLE_BASE_URL",
    "SOCIAL_GOOGLE_CLIENT_ID",
    "SOCIAL_GOOGLE_CLIENT_SECRET",
    "SOCIAL_LINKEDIN_BASE_URL",
    "SOCIAL_LINKEDIN_CLIENT_ID",
    "SOCIAL_LINKEDIN_CLIENT_SECRET",
    "TLS",
    "TLS_CERT",
    "TLS_KEY",
    "TRUSTED_PROXIES",
    "WORKERS",
];

/// Those that are also read from the file that `NAME_FILE` names.
pub(super) const SECRETS: &[&str] = &[
    "ADMIN_PASS",
    "AMQP_URI",
    "DATABASE_URL",
    "EMAIL_APP_PASSWORD",
    "EMAIL_DATABASE_URL",
    "LOG_DATABASE_URL",
    "MAILGUN_API_KEY",
    "MAIL_URL",
    "MONGODB_URI",
    "OLD_SECRET_KEY",
    "SECRET_KEY",
    "SENTRY_DSN",
    "SMS_AUTH_TOKEN",
    "SOCIAL_FACEBOOK_CLIENT_SECRET",
    "SOCIAL_GITHUB_CLIENT_SECRET",
    "SOCIAL_GOOGLE_CLIENT_SECRET",
    "SOCIAL_LINKEDIN_CLIENT_SECRET",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_of_the_configuration_page_and_of_subcommands() {
        let page = include_str!("../../../docs/configuration.md");
        let cells = page.lines().filter(|line| line.starts_with("| `--")).filter_map(|line| line.split('|').nth(2));
        let mut names: Vec<&str> =
            cells.map(|cell| cell.trim().trim_matches('`')).filter(|name| !name.is_empty()).collect();
        names.push("OLD_SECRET_KEY");
        names.sort_unstable();
        names.dedup();
        assert_eq!(names, NAMES);
        assert!(SECRETS.iter().all(|secret| NAMES.contains(secret)));
    }
}
