//! Checks the configuration: every fault is noted, and settings exist only if there is none.

use chrono::TimeDelta;
use service_kit::config::{AppEnv, ConfigError, Faults, Secret, base_url, public_url, resembles_example};
use service_kit::http::server::{MAX_WORKERS, Network};
use shared_events::routing::{ACK_QUEUE, QUEUES};
use url::Url;

use super::database::{check_database, check_migration_database, check_role};
use super::settings::is_short;
use super::{Config, KEY_FILE, RateLimits, Settings, administrator, production};
use crate::domain::client_version::ClientVersion;
use crate::store::DatabaseUrl;

const MOST_QUEUES: usize = 20;
const LONGEST_QUEUE: usize = 200;
/// The value of `EXPECTED_QUEUES` that names no queue: a variable set to nothing would be unset.
const NO_QUEUES: &str = "none";
const MOST_MAILS: i32 = 1_000_000;

impl Config {
    /// Checks everything; the error lists all faults.
    pub fn check(self) -> Result<Settings, ConfigError> {
        self.check_with(Faults::new())
    }

    /// The same after earlier faults, which the error lists too.
    pub fn check_with(self, mut faults: Faults) -> Result<Settings, ConfigError> {
        let settings = self.settings(&mut faults);
        faults.finish_with(settings)
    }

    /// The secrets that production refuses as examples, besides `SECRET_KEY` and `ADMIN_PASS`, which have rules of their own.
    fn secrets(&self) -> [(&'static str, Option<&Secret>); 8] {
        [
            ("DATABASE_URL", Some(&self.database_url)),
            ("MIGRATION_DATABASE_URL", self.migration_database_url.as_ref()),
            ("AMQP_URI", self.broker.amqp_uri.as_ref()),
            ("SMS_AUTH_TOKEN", self.sms.sms_auth_token.as_ref()),
            ("SOCIAL_GITHUB_CLIENT_SECRET", self.social.social_github_client_secret.as_ref()),
            ("SOCIAL_GOOGLE_CLIENT_SECRET", self.social.social_google_client_secret.as_ref()),
            ("SOCIAL_LINKEDIN_CLIENT_SECRET", self.social.social_linkedin_client_secret.as_ref()),
            ("SOCIAL_FACEBOOK_CLIENT_SECRET", self.social.social_facebook_client_secret.as_ref()),
        ]
    }

    /// The checked settings; every fault is noted. Writes nothing, and only reads the database.
    pub fn settings(self, faults: &mut Faults) -> Option<Settings> {
        let database_url = check_database(&self, faults);
        let migration_database_url = check_migration_database(&self, database_url.as_ref(), faults);
        let secret_key = check_secret_key(&self, database_url.as_ref(), faults);
        check_role(&self.default_role, database_url.as_ref(), faults);
        faults.refuse_examples(self.app_env, &self.secrets());
        let expected = "an address such as https://bank.example, without a login, a query and a fragment";
        let public_url = faults.check("PUBLIC_URL", expected, public_url(&self.public_url).ok_or(()));
        let log_service_url = check_url("LOG_SERVICE_URL", &self.log_service_url, faults);
        let email_service_url = self.email_service_url.as_deref().filter(|url| !url.is_empty());
        let email_service_url = email_service_url.and_then(|url| check_url("EMAIL_SERVICE_URL", url, faults));
        let password_min_score = check_score(&self, faults);
        administrator::check(&self, password_min_score, faults);
        let trusted_proxies = faults.check(
            "TRUSTED_PROXIES",
            "addresses or networks separated by commas, such as 10.0.0.0/8,192.0.2.7",
            networks(&self.trusted_proxies),
        );
        let sms = self.sms.check(self.app_env, faults);
        let text_messages = self.sms.rules(faults);
        let cors_origins = self.cors.check(faults);
        let tls = self.tls.check(faults);
        tls.check_files(faults);
        let peers = self.peers.check(self.app_env, faults);
        let expected_queues = check_queues(&self, faults);
        let mut broker = self.broker.check(faults);
        if let Some(broker) = &mut broker {
            broker.expected_queues = expected_queues;
        }
        let mail_alarm_hourly = check_numbers(&self, faults);
        let push = self.push.check(self.app_env, faults);
        let min_client_version = check_client_version(&self, faults);
        let social = self.social.check(self.app_env.is_production(), faults);
        let ibans = self.money.ibans(faults);
        let bank_bic = self.money.bic(faults);
        let calendar = self.money.calendar(faults);
        production::refuse(&self, public_url.as_ref(), faults);
        let trusted = trusted_proxies.as_deref().unwrap_or_default();
        faults.warn(production::warnings(&self, secret_key.as_ref(), public_url.as_ref(), trusted));
        let rate_limits = RateLimits {
            login_per_minute: self.rate_login_per_minute,
            register_per_hour: self.rate_register_per_hour,
            forgot_per_hour: self.rate_forgot_per_hour,
        };
        Some(Settings {
            ibans: ibans?,
            bank_bic,
            calendar: calendar?,
            mail_alarm_hourly: mail_alarm_hourly?,
            database_url: database_url?,
            migration_database_url: migration_database_url?,
            secret_key: secret_key?,
            public_url: public_url?,
            log_service_url: log_service_url?,
            email_service_url,
            password_min_score,
            rate_limits,
            social,
            sms,
            cors_origins,
            tls,
            peers,
            push,
            broker,
            trusted_proxies: trusted_proxies.unwrap_or_default(),
            min_client_version,
            access_token_lifetime: TimeDelta::minutes(self.access_token_minutes.into()),
            text_messages: text_messages?,
            config: self,
        })
    }
}

fn check_secret_key(config: &Config, database: Option<&DatabaseUrl>, faults: &mut Faults) -> Option<Secret> {
    let hint = "expected at least 32 characters, such as the output of `openssl rand -base64 32`";
    let Some(key) = config.secret_key.as_ref().filter(|key| !key.expose().is_empty()) else {
        let kept = database.and_then(DatabaseUrl::file).map(|file| file.with_file_name(KEY_FILE));
        if kept.is_some_and(|kept| kept.is_file()) {
            // The path is a part of a value, so it is not shown.
            let hint =
                "expected SECRET_KEY_FILE, the path of the secret.key beside the database, such as data/secret.key";
            faults.add(format!("SECRET_KEY: not set; {hint}"));
            return None;
        }
        faults.add(format!("SECRET_KEY: not set; {hint}"));
        return None;
    };
    if config.app_env != AppEnv::Development {
        if is_short(key) {
            faults.add(format!("SECRET_KEY: too short; {hint}"));
        } else if resembles_example(key.expose()) {
            faults.add(format!("SECRET_KEY: an example value, which only development takes; {hint}"));
        }
    }
    Some(key.clone())
}

/// Gives the expected number of mails an hour.
fn check_numbers(config: &Config, faults: &mut Faults) -> Option<i32> {
    if config.callback_queue.is_empty() || config.callback_queue.len() > LONGEST_QUEUE {
        faults.add(format!("CALLBACK_QUEUE: expected a queue's name of at most {LONGEST_QUEUE} bytes"));
    }
    if QUEUES.iter().any(|queue| is_taken(&config.callback_queue, queue)) {
        faults.add("CALLBACK_QUEUE: names a queue that has another purpose; expected one for confirmations alone");
    }
    for (variable, days) in [
        ("OUTBOX_RETENTION_DAYS", config.outbox_retention_days),
        ("SIGNING_KEY_MAX_AGE_DAYS", config.signing_key_max_age_days),
    ] {
        if !(1..=3650).contains(&days) {
            faults.add(format!("{variable}: expected a number of days from 1 to 3650"));
        }
    }
    if !(1..=60).contains(&config.access_token_minutes) {
        faults.add("ACCESS_TOKEN_MINUTES: expected a number of minutes from 1 to 60");
    }
    if config.workers.is_some_and(|workers| !(1..=MAX_WORKERS).contains(&workers)) {
        faults.add(format!("WORKERS: expected a number of threads from 1 to {MAX_WORKERS}"));
    }
    let mails = i32::try_from(config.mail_alarm_hourly).ok().filter(|n| (1..=MOST_MAILS).contains(n));
    if mails.is_none() {
        faults.add("MAIL_ALARM_HOURLY: expected a number from 1 to 1000000");
    }
    mails
}

/// Whether a name is that of a queue beside the one for confirmations, or of the waiting or dead messages of any.
fn is_taken(name: &str, queue: &str) -> bool {
    let is_beside = |rest: &str| rest == ".dead" || rest.starts_with(".retry.");
    (name == queue && queue != ACK_QUEUE) || name.strip_prefix(queue).is_some_and(is_beside)
}

fn networks(list: &str) -> Result<Vec<Network>, &'static str> {
    list.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(str::parse).collect()
}

fn check_url(variable: &str, text: &str, faults: &mut Faults) -> Option<Url> {
    let expected = "an address such as http://127.0.0.1:5000, without a query and a fragment";
    faults.check(variable, expected, base_url(text).ok_or(()))
}

fn check_client_version(config: &Config, faults: &mut Faults) -> Option<ClientVersion> {
    let text = config.min_client_version.as_deref().filter(|text| !text.is_empty())?;
    faults.check("MIN_CLIENT_VERSION", "a version such as 1.4.2", text.parse())
}

fn check_queues(config: &Config, faults: &mut Faults) -> Vec<String> {
    if config.expected_queues.trim() == NO_QUEUES {
        return Vec::new();
    }
    let names = config.expected_queues.split(',').map(str::trim).filter(|name| !name.is_empty());
    let names: Vec<String> = names.map(str::to_owned).collect();
    if names.iter().any(|name| name == NO_QUEUES) {
        faults.add("EXPECTED_QUEUES: `none` stands beside names of queues; expected it alone, or names alone");
    }
    if names.len() > MOST_QUEUES || names.iter().any(|name| name.len() > LONGEST_QUEUE) {
        faults.add(format!(
            "EXPECTED_QUEUES: expected at most {MOST_QUEUES} names of at most {LONGEST_QUEUE} bytes, separated by commas"
        ));
    }
    names
}

fn check_score(config: &Config, faults: &mut Faults) -> u8 {
    let by_default = if config.app_env == AppEnv::Development { 0 } else { 3 };
    let score = config.password_min_score.unwrap_or(by_default);
    if score > 4 {
        faults.add("PASSWORD_MIN_SCORE: the value is not valid; expected a number from 0 to 4");
    } else if config.app_env.is_production() && score < 3 {
        faults.add("PASSWORD_MIN_SCORE: too low for production; expected 3 or 4");
    }
    score
}

#[cfg(test)]
mod tests {
    use service_kit::messaging::BrokerOptions;

    use super::*;

    fn valid() -> Config {
        Config { secret_key: Some(Secret::new("0123456789abcdef0123456789abcdef")), ..Config::default() }
    }

    #[test]
    fn the_defaults_and_a_key_are_enough() {
        let settings = valid().check().unwrap();
        assert_eq!(settings.password_min_score, 0);
    }

    #[test]
    fn a_missing_key_that_is_kept_beside_the_database_is_named_by_its_file_variable() {
        let folder = tempfile::tempdir().unwrap();
        let database_url = Secret::new(format!("sqlite:{}/bank.sqlite", folder.path().display()));
        let fault =
            || Config { database_url: database_url.clone(), ..Config::default() }.check().unwrap_err().to_string();
        assert!(fault().contains("SECRET_KEY: not set; expected at least 32 characters"), "{}", fault());
        std::fs::write(folder.path().join(KEY_FILE), "k").unwrap();
        assert!(fault().contains("SECRET_KEY: not set; expected SECRET_KEY_FILE"), "{}", fault());
        assert!(!fault().contains(&folder.path().display().to_string()), "{}", fault());
    }

    #[test]
    fn all_faults_are_named_at_once_and_no_secret_is_shown() {
        let config = Config {
            database_url: Secret::new("postgres://u:hunter2@h/bank"),
            secret_key: Some(Secret::new("hunter2-key")),
            app_env: AppEnv::Staging,
            public_url: "nowhere".to_owned(),
            password_min_score: Some(9),
            trusted_proxies: "x".to_owned(),
            callback_queue: String::new(),
            broker: BrokerOptions { amqp_uri: Some(Secret::new("http://u:hunter2@h")), ..BrokerOptions::default() },
            ..Config::default()
        };
        let text = config.check().unwrap_err().to_string();
        for name in [
            "DATABASE_URL",
            "SECRET_KEY",
            "PUBLIC_URL",
            "PASSWORD_MIN_SCORE",
            "TRUSTED_PROXIES",
            "AMQP_URI",
            "CALLBACK_QUEUE",
        ] {
            assert!(text.contains(name), "{name} is missing in {text}");
        }
        assert!(!text.contains("hunter2"), "{text}");
    }

    #[test]
    fn faults_of_single_values_come_first_and_what_follows_from_them_is_left_out() {
        let mut faults = Faults::new();
        faults.add("WORKERS: the value is not valid");
        let config = Config { public_url: "nowhere".to_owned(), ..valid() };
        let error = config.check_with(faults).unwrap_err();
        assert_eq!(error.lines().len(), 2);
        assert!(error.lines()[0].starts_with("WORKERS: ") && error.lines()[1].starts_with("PUBLIC_URL: "), "{error}");
    }

    #[test]
    fn threads_are_as_many_as_the_server_takes() {
        let check = |workers| Config { workers, ..valid() }.check();
        for workers in [None, Some(1), Some(512)] {
            assert!(check(workers).is_ok(), "{workers:?}");
        }
        for workers in [0, 513, usize::MAX] {
            let text = check(Some(workers)).unwrap_err().to_string();
            assert!(text.contains("WORKERS: expected a number of threads from 1 to 512"), "{workers}: {text}");
        }
    }

    #[test]
    fn a_setting_that_is_not_used_yet_has_to_be_valid_all_the_same() {
        let mut config = Config { expected_queues: "x".repeat(LONGEST_QUEUE + 1), ..valid() };
        config.push.push_base_url = "nix://".to_owned();
        config.broker.exchange_name = String::new();
        config.broker.amqp_ca_file = Some("/nowhere/ca.pem".into());
        let text = config.check().unwrap_err().to_string();
        for name in ["EXPECTED_QUEUES", "PUSH_BASE_URL", "EXCHANGE_NAME", "AMQP_CA_FILE"] {
            assert!(text.contains(&format!("{name}: ")), "{name} is missing in {text}");
        }
    }

    #[test]
    fn an_address_that_paths_are_appended_to_has_no_query_and_no_fragment() {
        for end in ["/?hunter2", "/app#hunter2"] {
            let with_end = |base: &str| format!("{base}{end}");
            let mut config = Config { public_url: with_end("https://bank.example"), ..valid() };
            config.log_service_url = with_end("http://log.example");
            config.email_service_url = Some(with_end("http://email.example"));
            config.push.push_base_url = with_end("https://fcm.example");
            config.sms.sms_base_url = Some(with_end("https://sms.example"));
            let text = config.check().unwrap_err().to_string();
            for name in ["PUBLIC_URL", "LOG_SERVICE_URL", "EMAIL_SERVICE_URL", "PUSH_BASE_URL", "SMS_BASE_URL"] {
                assert!(text.contains(&format!("{name}: the value is not valid")), "{name} is missing in {text}");
            }
            assert!(!text.contains("hunter2"), "{text}");
        }
        let config = Config { public_url: "https://u:hunter2@bank.example".to_owned(), ..valid() };
        let text = config.check().unwrap_err().to_string();
        assert!(text.contains("PUBLIC_URL: ") && !text.contains("hunter2"), "{text}");
    }

    #[test]
    fn none_turns_the_wait_for_queues_off_since_an_empty_variable_is_unset() {
        let queues = |list: &str| {
            let config = Config { expected_queues: list.to_owned(), ..valid() };
            check_queues(&config, &mut Faults::new())
        };
        for list in ["none", " none ", ",", ""] {
            assert_eq!(queues(list), Vec::<String>::new(), "{list:?}");
        }
    }

    #[test]
    fn none_beside_a_queue_is_refused() {
        for list in ["none,log-service", "log-service, none", "none,none"] {
            let config = Config { expected_queues: list.to_owned(), ..valid() };
            let text = config.check().unwrap_err().to_string();
            assert!(text.contains("EXPECTED_QUEUES: `none` stands beside names"), "{text}");
        }
    }

    #[test]
    fn confirmations_have_a_queue_of_their_own() {
        for queue in
            ["bank-service.sms", "bank-service.push", "email-service", "log-service.dead", "bank-service.acks.retry.5s"]
        {
            let config = Config { callback_queue: queue.to_owned(), ..valid() };
            let text = config.check().unwrap_err().to_string();
            assert!(text.contains("CALLBACK_QUEUE: names a queue that has another purpose"), "{text}");
        }
        for queue in ["bank-service.acks", "branch-office.acks"] {
            assert!(Config { callback_queue: queue.to_owned(), ..valid() }.check().is_ok(), "{queue}");
        }
    }

    #[test]
    fn only_development_takes_a_short_key_or_an_example_and_warns_where_others_can_reach_it() {
        for key in ["SECRET", "mysecret", "puthereyoursecretkey", "please-change-me-please-change-me"] {
            let with = |app_env, bind: &str| {
                let secret_key = Some(Secret::new(key));
                Config { secret_key, app_env, bind: bind.parse().unwrap(), ..Config::default() }.check()
            };
            let settings = with(AppEnv::Development, "127.0.0.1:5000").unwrap();
            assert_eq!(settings.weak_secret_key(), None, "{key}");
            assert!(with(AppEnv::Development, "0.0.0.0:5000").unwrap().weak_secret_key().is_some(), "{key}");
            for app_env in [AppEnv::Testing, AppEnv::Staging, AppEnv::Production] {
                let error = with(app_env, "127.0.0.1:5000").unwrap_err().to_string();
                assert!(error.contains("SECRET_KEY: "), "{error}");
            }
        }
        let sound = Config { bind: "0.0.0.0:5000".parse().unwrap(), ..valid() };
        assert_eq!(sound.check().unwrap().weak_secret_key(), None);
    }

    #[test]
    fn production_refuses_example_secrets_and_weak_passwords() {
        let config = Config {
            app_env: AppEnv::Production,
            secret_key: Some(Secret::new("please-change-me-please-change-me")),
            admin_pass: Some(Secret::new("changeme1")),
            password_min_score: Some(1),
            database_url: Secret::new("mysql://bank:change-me@db/bank"),
            ..Config::default()
        };
        let text = config.check().unwrap_err().to_string();
        for name in ["SECRET_KEY", "ADMIN_PASS", "PASSWORD_MIN_SCORE", "DATABASE_URL"] {
            assert!(text.contains(name), "{name} is missing in {text}");
        }
    }
}
