//! Configuration: texts as they are given, all checked at once.

use std::net::SocketAddr;
use std::path::Path;

use chrono::TimeDelta;
use clap::Args;
use service_kit::config::{ConfigError, EnvOptions, Faults, Secret, check_file, defaults, plain_http_warning};
use service_kit::http::cors::Origins;
use service_kit::http::{CorsOptions, PeerOptions, PeerTrust, TlsOptions};
use service_kit::messaging::{AmqpSettings, BrokerOptions};
use service_kit::sqlite::refuse_database_file;
use service_kit::tls::Tls;
use shared_events::routing::LOG_QUEUE;
use shared_events::{Pattern, catalog};

use crate::http::StreamSettings;
use crate::store::StoreUrl;
#[cfg(feature = "mongodb")]
use crate::store::mongo::{MongoUrl, is_collection_name, is_database_name};

/// As long as MongoDB takes: its TTL index counts seconds, up to 2^31 - 1.
const MAX_RETENTION_DAYS: u32 = 24_855;

/// The configuration of log-service, as it is given.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// The address of the HTTP API
    #[arg(long, env = "LOG_BIND", default_value = "127.0.0.1:8000", value_name = "HOST:PORT", global = true)]
    pub log_bind: String,

    /// The SQLite file that the log is kept in, unless `MONGODB_URI` is set
    #[arg(
        long,
        env = "LOG_DATABASE_URL",
        default_value = "sqlite:./data/logs.sqlite",
        value_name = "URL",
        hide_env_values = true,
        global = true
    )]
    pub log_database_url: Secret,

    /// The MongoDB replica set that the log is kept in: mongodb: or mongodb+srv:; without it the log is in SQLite
    #[arg(long, env = "MONGODB_URI", value_name = "URI", hide_env_values = true, global = true)]
    pub mongodb_uri: Option<Secret>,

    /// The database in MongoDB
    #[arg(long, env = "MONGODB_NAME", default_value = "logs", value_name = "NAME", global = true)]
    pub mongodb_name: String,

    /// The collection in MongoDB; a second one beside it counts the ids
    #[arg(long, env = "MONGODB_COLLECTION", default_value = "logs", value_name = "NAME", global = true)]
    pub mongodb_collection: String,

    /// Public keys that tokens are checked with
    #[arg(
        long,
        env = "JWKS_URL",
        default_value = "http://127.0.0.1:5000/.well-known/jwks.json",
        value_name = "URL",
        global = true
    )]
    pub jwks_url: String,

    /// Which events are logged: routing keys and patterns, comma-separated; every event but bank.created and email.* unless set
    #[arg(long, env = "ROUTING_KEY", value_name = "LIST", global = true)]
    pub routing_key: Option<String>,

    /// Entries older than this, 1 to 24855 days, are removed; none unless set
    #[arg(long, env = "RETENTION_DAYS", value_name = "DAYS", global = true)]
    pub retention_days: Option<String>,

    #[command(flatten)]
    pub broker: BrokerOptions,

    /// The queue that events are taken from
    #[arg(long, env = "QUEUE_NAME", default_value = LOG_QUEUE, value_name = "NAME", global = true)]
    pub queue_name: String,

    #[command(flatten)]
    pub env: EnvOptions,

    #[command(flatten)]
    pub cors: CorsOptions,

    #[command(flatten)]
    pub tls: TlsOptions,

    #[command(flatten)]
    pub peers: PeerOptions,
}

impl Config {
    /// The defaults, with a given address and store: how other code, tests among it, makes a configuration.
    pub fn new(log_bind: &str, log_database_url: &str) -> Self {
        Self { log_bind: log_bind.to_owned(), log_database_url: Secret::new(log_database_url), ..defaults() }
    }

    /// The settings, or all faults at once.
    pub fn check(&self) -> Result<Settings, ConfigError> {
        self.check_with(Faults::new())
    }

    /// The same after faults were found already, which the error lists, too.
    pub fn check_with(&self, mut faults: Faults) -> Result<Settings, ConfigError> {
        let settings = self.settings(&mut faults);
        faults.finish_with(settings)
    }

    /// The settings; every fault is noted. Nothing is written.
    pub fn settings(&self, faults: &mut Faults) -> Option<Settings> {
        let bind = self.log_bind.parse::<SocketAddr>();
        let bind = faults.check("LOG_BIND", "host:port such as 127.0.0.1:8000", bind);
        let store = self.store(faults);
        let jwks = url::Url::parse(&self.jwks_url).ok().filter(|url| ["http", "https"].contains(&url.scheme()));
        let jwks_url = faults.check("JWKS_URL", "an http: or https: URL of a key set", jwks.ok_or(()));
        let bindings = self.bindings(faults);
        let retention = self.retention(faults);
        let broker = self.broker.check(faults);
        let cors_origins = self.cors.check(faults);
        let tls = self.tls.check(faults);
        tls.check_files(faults);
        let peers = self.peers.check(self.env.app_env, faults);
        let logins = [("MONGODB_URI", self.mongodb_uri.as_ref()), ("AMQP_URI", self.broker.amqp_uri.as_ref())];
        faults.refuse_examples(self.env.app_env, &logins);
        let warning = jwks_url.as_ref().and_then(|url| plain_http_warning(self.env.app_env, "JWKS_URL", url));
        faults.warn(warning.clone());
        Some(Settings {
            bind: bind?,
            store: store?,
            jwks_url: jwks_url?.into(),
            warning,
            bindings,
            retention,
            broker,
            queue: self.queue_name.clone(),
            cors_origins,
            tls,
            peers,
            stream: StreamSettings::default(),
        })
    }

    /// Refuses the database as the log file. Comes before the other checks of that setting.
    pub fn refuse_database_file(&self, log_file: Option<&Path>, faults: &mut Faults) {
        let url = self.log_database_url.expose().parse::<StoreUrl>();
        if let Some(file) = url.as_ref().ok().and_then(StoreUrl::file) {
            refuse_database_file(("LOG_DATABASE_URL", file), &[("LOG_FILE", log_file)], faults);
        }
    }

    /// MongoDB if it is named, else the file. The settings of the other one have to be valid, too.
    fn store(&self, faults: &mut Faults) -> Option<StoreUrl> {
        let expected = "a file such as sqlite:./data/logs.sqlite, without parameters; MongoDB is chosen by MONGODB_URI";
        let file = faults.check("LOG_DATABASE_URL", expected, self.log_database_url.expose().parse::<StoreUrl>());
        let uri = self.mongodb_uri.as_ref().filter(|uri| !uri.expose().is_empty());
        // A container with MongoDB has no folder for a file.
        if let Some(file) = file.as_ref().and_then(StoreUrl::file).filter(|_| uri.is_none()) {
            check_file("LOG_DATABASE_URL", file, faults);
        }
        #[cfg(feature = "mongodb")]
        return self.mongodb(uri, faults).or(file.filter(|_| uri.is_none()));
        #[cfg(not(feature = "mongodb"))]
        {
            if uri.is_some() {
                faults.add(
                    "MONGODB_URI: this program is built without the feature mongodb, so without MongoDB; log-service has it",
                );
            }
            file
        }
    }

    #[cfg(feature = "mongodb")]
    fn mongodb(&self, uri: Option<&Secret>, faults: &mut Faults) -> Option<StoreUrl> {
        let (database, collection) = (&self.mongodb_name, &self.mongodb_collection);
        let name = is_database_name(database).then_some(()).ok_or(());
        faults.check("MONGODB_NAME", "the name of a database, at most 63 plain characters", name);
        let name = is_collection_name(collection).then_some(()).ok_or(());
        faults.check("MONGODB_COLLECTION", "the name of a collection, at most 120 characters", name);
        let expected =
            "mongodb://user:password@host:27017/?replicaSet=rs0 or mongodb+srv:, special characters percent-encoded";
        let url = MongoUrl::parse(uri?, database, collection);
        faults.check("MONGODB_URI", expected, url).map(StoreUrl::Mongo)
    }

    fn bindings(&self, faults: &mut Faults) -> Vec<Pattern> {
        let Some(list) = &self.routing_key else {
            return catalog::bindings(LOG_QUEUE);
        };
        let bindings = Pattern::parse_list(list);
        if bindings.is_empty() {
            faults.add("ROUTING_KEY: the list is empty; expected patterns such as account.*,card.created");
        }
        Pattern::with(bindings, catalog::required_bindings(LOG_QUEUE))
    }

    fn retention(&self, faults: &mut Faults) -> Option<TimeDelta> {
        let text = self.retention_days.as_ref()?;
        let days = text.parse::<u32>().ok().filter(|days| (1..=MAX_RETENTION_DAYS).contains(days)).ok_or(());
        let expected = "whole days from 1 to 24855, or no value";
        faults.check("RETENTION_DAYS", expected, days).map(|days| TimeDelta::days(days.into()))
    }
}

/// The checked settings of the service.
#[derive(Debug, Clone)]
pub struct Settings {
    pub bind: SocketAddr,
    pub store: StoreUrl,
    pub jwks_url: String,
    /// A warning for the operator at each start.
    pub warning: Option<String>,
    pub bindings: Vec<Pattern>,
    pub retention: Option<TimeDelta>,
    /// None: events come by HTTP, or in process.
    pub broker: Option<AmqpSettings>,
    pub queue: String,
    pub cors_origins: Origins,
    pub tls: Tls,
    /// The authorities that calls to bank-service trust.
    pub peers: PeerTrust,
    pub stream: StreamSettings,
}

#[cfg(test)]
mod tests {
    use service_kit::config::AppEnv;

    use super::*;

    fn config() -> Config {
        Config::new("127.0.0.1:8000", "sqlite:./data/logs.sqlite")
    }

    #[test]
    fn the_defaults_are_valid_and_log_everything_but_what_mail_confirms() {
        let settings = config().check().unwrap();
        assert!(settings.retention.is_none());
        let is_bound = |key: &str| settings.bindings.iter().any(|pattern| pattern.matches(key));
        assert!(is_bound("account.created") && is_bound("transfer.held"));
        assert!(!is_bound("bank.created") && !is_bound("email.requested"));
    }

    #[test]
    fn the_readme_lists_every_variable_with_its_default() {
        let readme = include_str!("../README.md");
        let command = Config::augment_args(clap::Command::new("log-service"));
        for arg in command.get_arguments() {
            let variable = arg.get_env().and_then(|name| name.to_str()).unwrap();
            let row = readme.lines().find(|line| line.starts_with("| `") && line.contains(&format!("`{variable}`")));
            let row = row.unwrap_or_else(|| panic!("{variable} is not in the README"));
            for default in arg.get_default_values().iter().filter(|default| !default.is_empty()) {
                assert!(row.contains(&format!("`{}`", default.to_str().unwrap())), "{variable}: {row}");
            }
        }
    }

    #[test]
    fn all_faults_are_reported_at_once_and_name_their_variables() {
        let config = Config {
            log_bind: "log:hunter2@nowhere".to_owned(),
            log_database_url: Secret::new("mysql://log:hunter2@db/logs"),
            mongodb_uri: Some(Secret::new("")),
            mongodb_name: "logs".to_owned(),
            mongodb_collection: "logs".to_owned(),
            jwks_url: "ftp://log:hunter2@bank-service/jwks.json".to_owned(),
            routing_key: Some(" , ".to_owned()),
            retention_days: Some("0".to_owned()),
            broker: BrokerOptions {
                amqp_uri: Some(Secret::new("http://log:hunter2@broker/")),
                ..BrokerOptions::default()
            },
            queue_name: LOG_QUEUE.to_owned(),
            cors: CorsOptions::default(),
            env: EnvOptions::default(),
            tls: TlsOptions { tls: Some("adhoc".to_owned()), tls_cert: Some("cert.pem".into()), tls_key: None },
            peers: PeerOptions { internal_ca: Some("/nowhere/ca.pem".into()) },
        };
        let text = config.check().unwrap_err().to_string();
        for variable in [
            "LOG_BIND",
            "LOG_DATABASE_URL",
            "JWKS_URL",
            "ROUTING_KEY",
            "RETENTION_DAYS",
            "AMQP_URI",
            "TLS_CERT",
            "INTERNAL_CA",
        ] {
            assert!(text.contains(&format!("  {variable}")), "{variable} in {text}");
        }
        assert!(!text.contains("hunter2"), "{text}");
    }

    #[test]
    fn a_retention_is_one_that_each_store_can_keep() {
        let check = |days: &str| Config { retention_days: Some(days.to_owned()), ..config() }.check();
        for days in [1, 24_855] {
            assert_eq!(check(&days.to_string()).unwrap().retention, Some(TimeDelta::days(days)));
        }
        for days in ["0", "24856", "36500", "-1", "1.5", "99999999999"] {
            let text = check(days).unwrap_err().to_string();
            assert!(text.contains(" RETENTION_DAYS: ") && text.contains("from 1 to 24855"), "{days}: {text}");
        }
        assert!(i32::try_from(TimeDelta::days(MAX_RETENTION_DAYS.into()).num_seconds()).is_ok());
    }

    #[test]
    fn production_refuses_example_logins() {
        let mut config = config();
        config.env.app_env = AppEnv::Production;
        config.mongodb_uri = Some(Secret::new("mongodb://log:change-me@db/?replicaSet=rs0"));
        config.broker.amqp_uri = Some(Secret::new("amqp://log:change-me@broker"));
        let text = config.check().unwrap_err().to_string();
        assert!(text.contains("MONGODB_URI: ") && text.contains("AMQP_URI: "), "{text}");
        config.env.app_env = AppEnv::Staging;
        assert!(config.check().is_ok());
    }

    #[test]
    fn production_warns_of_keys_that_come_from_another_host_in_the_clear() {
        let warning = |app_env, url: &str| {
            let env = EnvOptions { app_env };
            Config { env, jwks_url: url.to_owned(), ..config() }.check().unwrap().warning
        };
        let text = warning(AppEnv::Production, "http://bank-service:5000/jwks.json").unwrap();
        assert!(text.starts_with("JWKS_URL: plain http"), "{text}");
        for (app_env, url) in [
            (AppEnv::Production, "https://bank.example/jwks.json"),
            (AppEnv::Production, "http://localhost:5000/jwks.json"),
            (AppEnv::Staging, "http://bank-service:5000/jwks.json"),
        ] {
            assert_eq!(warning(app_env, url), None, "{app_env:?} {url}");
        }
    }

    #[test]
    fn a_refused_start_has_its_warning() {
        let mut config = Config { jwks_url: "http://bank-service:5000/jwks.json".to_owned(), ..config() };
        config.env.app_env = AppEnv::Production;
        config.retention_days = Some("0".to_owned());
        let error = config.check().unwrap_err();
        assert!(error.warnings().len() == 1 && error.warnings()[0].starts_with("JWKS_URL: plain http"), "{error}");
    }

    #[cfg(not(feature = "mongodb"))]
    #[test]
    fn a_program_without_the_driver_refuses_mongodb_and_names_the_feature() {
        let config = Config { mongodb_uri: Some(Secret::new("mongodb://u:hunter2@h")), ..config() };
        let text = config.check().unwrap_err().to_string();
        assert!(text.contains("MONGODB_URI: ") && text.contains("feature mongodb"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }

    #[cfg(feature = "mongodb")]
    #[test]
    fn the_store_that_is_not_chosen_has_to_be_valid_too() {
        let config = Config {
            log_database_url: Secret::new("mysql://u:hunter2@h"),
            mongodb_name: "a.b".to_owned(),
            mongodb_collection: String::new(),
            ..config()
        };
        let text = config.check().unwrap_err().to_string();
        for variable in ["LOG_DATABASE_URL", "MONGODB_NAME", "MONGODB_COLLECTION"] {
            assert!(text.contains(&format!("  {variable}: ")), "{variable} in {text}");
        }
        assert!(!text.contains("hunter2"), "{text}");
    }

    #[cfg(feature = "mongodb")]
    #[test]
    fn mongodb_wins_over_the_file_and_its_faults_show_no_secret() {
        let with = |uri: &str| {
            let mut config = config();
            config.mongodb_uri = Some(Secret::new(uri));
            config
        };
        for uri in ["mongodb://log:secret@db-1,db-2/?replicaSet=rs0", "mongodb+srv://cluster.example.com"] {
            assert!(matches!(with(uri).check().unwrap().store, StoreUrl::Mongo(_)), "{uri}");
        }
        for uri in ["postgres://log:hunter2@db", "mongodb:/db", "mongodb://log:hunter2/x@db", "hunter2"] {
            let text = with(uri).check().unwrap_err().to_string();
            assert!(text.contains("MONGODB_URI: ") && !text.contains("hunter2"), "{text}");
        }
        let mut config = with("mongodb://db");
        (config.mongodb_name, config.mongodb_collection) = ("a.b".to_owned(), "system.x".to_owned());
        let text = config.check().unwrap_err().to_string();
        assert!(text.contains("MONGODB_NAME") && text.contains("MONGODB_COLLECTION"), "{text}");
    }
}
