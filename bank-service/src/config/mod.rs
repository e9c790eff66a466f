//! The configuration: flags and environment variables, read once, all faults reported at once.

mod administrator;
mod check;
mod database;
mod money;
mod production;
mod push;
mod settings;
mod sms;
mod social;

use std::net::SocketAddr;

use clap::Args;
use service_kit::config::{AppEnv, Secret, defaults};
use service_kit::http::{CorsOptions, PeerOptions, TlsOptions};
use service_kit::messaging::BrokerOptions;

pub use money::{LedgerWriterMode, MoneyOptions};
pub use push::PushOptions;
pub use settings::{RateLimits, Settings};
pub use sms::SmsOptions;
pub use social::{SocialClient, SocialOptions, social_variable};

/// The file beside the database in which `bank-standalone` keeps the `SECRET_KEY` that it made.
pub const KEY_FILE: &str = "secret.key";

/// The settings of bank-service. Every flag has a variable of the same meaning; secrets are also read from `NAME_FILE`.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// Address and port to listen on
    #[arg(
        long = "bank-bind",
        env = "BANK_BIND",
        default_value = "127.0.0.1:5000",
        value_name = "HOST:PORT",
        global = true
    )]
    pub bind: SocketAddr,

    /// The database: sqlite:PATH or mysql://USER:PASSWORD@HOST:PORT/DATABASE
    #[arg(
        long,
        env = "DATABASE_URL",
        default_value = "sqlite:./data/bank.sqlite",
        hide_env_values = true,
        value_name = "URL",
        global = true
    )]
    pub database_url: Secret,

    /// The same database, as the MySQL user that owns its tables: migrations and `db grants` use it; `DATABASE_URL` unless set
    #[arg(long, env = "MIGRATION_DATABASE_URL", hide_env_values = true, value_name = "URL", global = true)]
    pub migration_database_url: Option<Secret>,

    /// Apply pending migrations at start
    #[arg(long, env = "MIGRATE_ON_START", default_value_t = true, action = clap::ArgAction::Set, value_name = "BOOL", global = true)]
    pub migrate_on_start: bool,

    /// Encrypts what must be readable later; at least 32 characters, such as the output of `openssl rand -base64 32`
    #[arg(long, env = "SECRET_KEY", hide_env_values = true, value_name = "TEXT", global = true)]
    pub secret_key: Option<Secret>,

    /// Which rules apply; production refuses example secrets, and weak passwords as staging does
    #[arg(long, env = "APP_ENV", value_enum, default_value = "development", global = true)]
    pub app_env: AppEnv,

    /// The address that people reach this service at; links in mails begin with it
    #[arg(long, env = "PUBLIC_URL", default_value = "http://127.0.0.1:5000", value_name = "URL", global = true)]
    pub public_url: String,

    /// The address of log-service, to log an event whose mail was accepted
    #[arg(long, env = "LOG_SERVICE_URL", default_value = "http://127.0.0.1:8000", value_name = "URL", global = true)]
    pub log_service_url: String,

    /// The address of email-service, to report on an event's mail; it is not asked unless set
    #[arg(long, env = "EMAIL_SERVICE_URL", value_name = "URL", global = true)]
    pub email_service_url: Option<String>,

    /// The role that a registration gives; it has to be there
    #[arg(long, env = "DEFAULT_ROLE", default_value = "user", value_name = "NAME", global = true)]
    pub default_role: String,

    /// The administrator that `init` makes
    #[arg(long, env = "ADMIN_EMAIL", value_name = "ADDRESS", global = true)]
    pub admin_email: Option<String>,

    /// The administrator's password
    #[arg(long, env = "ADMIN_PASS", hide_env_values = true, value_name = "TEXT", global = true)]
    pub admin_pass: Option<Secret>,

    /// Least zxcvbn score of a new password, 0 to 4; 0 in development and 3 elsewhere unless set
    #[arg(long, env = "PASSWORD_MIN_SCORE", value_name = "0-4", global = true)]
    pub password_min_score: Option<u8>,

    /// Logins a minute from one address; 0 = no limit
    #[arg(long, env = "RATE_LOGIN_PER_MINUTE", default_value_t = 10, value_name = "N", global = true)]
    pub rate_login_per_minute: u32,

    /// Registrations an hour from one address; 0 = no limit
    #[arg(long, env = "RATE_REGISTER_PER_HOUR", default_value_t = 10, value_name = "N", global = true)]
    pub rate_register_per_hour: u32,

    /// Forgotten passwords an hour from one address; 0 = no limit
    #[arg(long, env = "RATE_FORGOT_PER_HOUR", default_value_t = 5, value_name = "N", global = true)]
    pub rate_forgot_per_hour: u32,

    /// Mails an hour that callers without a login are expected to request; above it an alarm is raised, and unknown networks get less
    #[arg(long, env = "MAIL_ALARM_HOURLY", default_value_t = 1_000, value_name = "N", global = true)]
    pub mail_alarm_hourly: u32,

    /// Addresses or networks whose X-Forwarded-For is believed, separated by commas
    #[arg(long, env = "TRUSTED_PROXIES", default_value = "", value_name = "LIST", global = true)]
    pub trusted_proxies: String,

    /// Clients that send a lower X-Client-Version are refused until they update (426)
    #[arg(long, env = "MIN_CLIENT_VERSION", value_name = "X.Y.Z", global = true)]
    pub min_client_version: Option<String>,

    /// Days that sent events stay in the outbox, to be traced and replayed
    #[arg(long, env = "OUTBOX_RETENTION_DAYS", default_value_t = 7, value_name = "DAYS", global = true)]
    pub outbox_retention_days: u32,

    /// Minutes that an access token is valid; a logout or block counts at once all the same
    #[arg(long, env = "ACCESS_TOKEN_MINUTES", default_value_t = 15, value_name = "1-60", global = true)]
    pub access_token_minutes: u32,

    /// How old the token signing key may be before the next one is made
    #[arg(long, env = "SIGNING_KEY_MAX_AGE_DAYS", default_value_t = 30, value_name = "DAYS", global = true)]
    pub signing_key_max_age_days: u32,

    /// The queue on which email-service confirms
    #[arg(long, env = "CALLBACK_QUEUE", default_value = shared_events::routing::ACK_QUEUE, value_name = "NAME", global = true)]
    pub callback_queue: String,

    /// Queues that have to be there before any event is published, separated by commas; `none`: wait for none
    #[arg(
        long,
        env = "EXPECTED_QUEUES",
        default_value = "log-service,email-service",
        value_name = "LIST",
        global = true
    )]
    pub expected_queues: String,

    #[command(flatten)]
    pub social: SocialOptions,

    #[command(flatten)]
    pub money: MoneyOptions,

    #[command(flatten)]
    pub push: PushOptions,

    #[command(flatten)]
    pub broker: BrokerOptions,

    #[command(flatten)]
    pub sms: SmsOptions,

    #[command(flatten)]
    pub cors: CorsOptions,

    #[command(flatten)]
    pub tls: TlsOptions,

    #[command(flatten)]
    pub peers: PeerOptions,

    /// Threads that serve requests, 1 to 512; as many as there are cores unless set
    #[arg(long, env = "WORKERS", value_name = "1-512", global = true)]
    pub workers: Option<usize>,
}

impl Default for Config {
    /// The defaults of the command line, without the environment.
    fn default() -> Self {
        defaults()
    }
}
