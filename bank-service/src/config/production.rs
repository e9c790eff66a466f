//! The settings that production refuses at start, and those that it warns of: they open what they should guard.

use service_kit::config::{Faults, Secret, is_plain, plain_http_warning};
use service_kit::http::server::{Network, trust_warning};
use url::Url;

use super::settings::weak_secret_key;
use super::{Config, Settings};
use crate::domain::role::{ADMIN, MANAGER};

/// Notes the settings that production refuses.
pub(super) fn refuse(config: &Config, public_url: Option<&Url>, faults: &mut Faults) {
    if !config.app_env.is_production() {
        return;
    }
    if [ADMIN, MANAGER].contains(&config.default_role.as_str()) {
        faults.add(
            "DEFAULT_ROLE: gives rights to everybody who registers, which production refuses; expected a role without, such as user",
        );
    }
    if public_url.is_some_and(is_plain) {
        faults.add("PUBLIC_URL: plain http, which production refuses: links and cookies would go in the clear; expected the https address that people use");
    }
}

impl Settings {
    /// Warnings at each start and of `doctor`; each begins with its variable.
    pub fn warnings(&self) -> Vec<String> {
        warnings(&self.config, Some(&self.secret_key), Some(&self.public_url), &self.trusted_proxies)
    }
}

/// The same as far as the settings are valid.
pub(super) fn warnings(
    config: &Config,
    secret_key: Option<&Secret>,
    public_url: Option<&Url>,
    trusted_proxies: &[Network],
) -> Vec<String> {
    let weak = secret_key.and_then(|key| weak_secret_key(config, key));
    let mut warnings: Vec<String> = weak.map(|reason| format!("SECRET_KEY: {reason}")).into_iter().collect();
    warnings.extend(trust_warning("TRUSTED_PROXIES", trusted_proxies));
    if !config.app_env.is_production() {
        return warnings;
    }
    if public_url.is_some_and(|url| url.scheme() == "http" && !is_plain(url)) {
        warnings.push(
            "PUBLIC_URL: plain http; links lead to this machine only, and cookies are not kept to TLS".to_owned(),
        );
    }
    for (variable, text) in [
        ("LOG_SERVICE_URL", Some(config.log_service_url.as_str())),
        ("EMAIL_SERVICE_URL", config.email_service_url.as_deref()),
    ] {
        let url = text.and_then(|text| Url::parse(text).ok());
        warnings.extend(url.and_then(|url| plain_http_warning(config.app_env, variable, &url)));
    }
    for (variable, limit) in [
        ("RATE_LOGIN_PER_MINUTE", config.rate_login_per_minute),
        ("RATE_REGISTER_PER_HOUR", config.rate_register_per_hour),
        ("RATE_FORGOT_PER_HOUR", config.rate_forgot_per_hour),
    ] {
        if limit == 0 {
            warnings
                .push(format!("{variable}: 0 = no limit, in production; make sure that something in front has one"));
        }
    }
    warnings
}

#[cfg(test)]
mod tests {
    use service_kit::config::{AppEnv, ConfigError};

    use super::*;

    fn production(change: impl FnOnce(&mut Config)) -> Result<Vec<String>, ConfigError> {
        let mut config = Config {
            app_env: AppEnv::Production,
            secret_key: Some(Secret::new("0123456789abcdef0123456789abcdef")),
            public_url: "https://bank.example".to_owned(),
            ..Config::default()
        };
        change(&mut config);
        config.check().map(|settings| settings.warnings())
    }

    #[test]
    fn settings_that_open_what_they_guard_are_refused_by_name() {
        type Change = fn(&mut Config);
        assert_eq!(production(|_| {}), Ok(Vec::new()));
        let refused: [(&str, Change); 8] = [
            ("PUBLIC_URL", |config| config.public_url = "http://bank.example".to_owned()),
            ("DEFAULT_ROLE", |config| config.default_role = "admin".to_owned()),
            ("DEFAULT_ROLE", |config| config.default_role = "manager".to_owned()),
            ("SECRET_KEY", |config| config.secret_key = Some(Secret::new("a".repeat(32)))),
            ("SECRET_KEY", |config| config.secret_key = Some(Secret::new("puthereyoursecretkey and some more"))),
            ("SOCIAL_GITHUB_BASE_URL", |config| {
                config.social.social_github_client_id = Some("id".to_owned());
                config.social.social_github_client_secret = Some(Secret::new("s"));
                config.social.social_github_base_url = Some("http://github.example".to_owned());
            }),
            ("SOCIAL_GOOGLE_CLIENT_SECRET", |config| {
                config.social.social_google_client_id = Some("id".to_owned());
                config.social.social_google_client_secret = Some(Secret::new("change-me"));
            }),
            ("SMS_BASE_URL", |config| {
                config.sms.sms_base_url = Some("http://sms.example".to_owned());
                config.sms.sms_account_sid = Some("sid".to_owned());
                config.sms.sms_auth_token = Some(Secret::new("s"));
                config.sms.sms_from = Some("+15005550006".to_owned());
            }),
        ];
        for (variable, change) in refused {
            let error = production(change).unwrap_err().to_string();
            assert!(error.contains(&format!("{variable}: ")), "{variable}: {error}");
            assert!(!error.contains(&"a".repeat(32)), "{error}");
            let elsewhere =
                Config { secret_key: Some(Secret::new("0123456789abcdef0123456789abcdef")), ..Config::default() };
            let mut config = Config { app_env: AppEnv::Development, ..elsewhere };
            change(&mut config);
            assert!(config.check().is_ok(), "development takes {variable}");
        }
    }

    #[test]
    fn a_refused_start_has_every_fault_also_of_what_is_incomplete_and_every_warning() {
        let error = production(|config| {
            config.rate_login_per_minute = 0;
            config.default_role = "admin".to_owned();
            config.sms.sms_base_url = Some("http://sms.example".to_owned());
            config.sms.sms_auth_token = Some(Secret::new("change-me"));
            config.push.push_base_url = "http://push.example".to_owned();
            config.push.push_credentials_file = Some("/nowhere".into());
            config.social.social_github_client_secret = Some(Secret::new("s"));
        })
        .unwrap_err();
        for start in [
            "DEFAULT_ROLE: gives rights",
            "SMS_BASE_URL: plain http",
            "SMS_ACCOUNT_SID: not set",
            "SMS_AUTH_TOKEN: an example",
            "SMS_FROM: not set",
            "PUSH_BASE_URL: plain http",
            "PUSH_CREDENTIALS_FILE: ",
            "SOCIAL_GITHUB_CLIENT_ID: not set",
        ] {
            assert!(error.lines().iter().any(|line| line.starts_with(start)), "{start} in {error}");
        }
        assert_eq!(error.lines().len(), 8, "{error}");
        assert!(error.warnings().len() == 1 && error.warnings()[0].starts_with("RATE_LOGIN_PER_MINUTE: "), "{error}");
    }

    #[test]
    fn what_may_be_meant_is_warned_of_by_name() {
        let warnings = production(|config| {
            config.public_url = "http://127.0.0.1:8080".to_owned();
            config.rate_login_per_minute = 0;
            config.rate_register_per_hour = 0;
            config.rate_forgot_per_hour = 0;
        });
        let named: Vec<String> =
            warnings.unwrap().iter().filter_map(|line| Some(line.split_once(':')?.0.to_owned())).collect();
        assert_eq!(named, ["PUBLIC_URL", "RATE_LOGIN_PER_MINUTE", "RATE_REGISTER_PER_HOUR", "RATE_FORGOT_PER_HOUR"]);
    }

    #[test]
    fn production_warns_of_events_and_tokens_that_go_to_another_host_in_the_clear() {
        let warnings = |log: &str, email: &str| {
            let changed = production(|config| {
                config.log_service_url = log.to_owned();
                config.email_service_url = Some(email.to_owned());
            });
            changed.unwrap()
        };
        let both = warnings("http://log-service:8000", "http://email-service:8001");
        assert_eq!(both.len(), 2, "{both:?}");
        assert!(both[0].starts_with("LOG_SERVICE_URL: plain http to another host"), "{both:?}");
        assert!(both[1].starts_with("EMAIL_SERVICE_URL: plain http to another host"), "{both:?}");
        assert_eq!(warnings("https://log-service:8000", "https://email.example"), Vec::<String>::new());
        assert_eq!(warnings("http://localhost:8000", "http://127.0.0.1:8001"), Vec::<String>::new());
    }
}
