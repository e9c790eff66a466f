//! The configuration: flags, environment, `.env`; checked as a whole, all faults reported at once.

mod check;
mod database;
mod mail;
mod settings;
mod smtp;

use std::path::PathBuf;

use clap::Args;
use service_kit::config::{EnvOptions, Secret};
use service_kit::http::{CorsOptions, PeerOptions, TlsOptions};
use service_kit::messaging::BrokerOptions;
use service_kit::telemetry::LogSettings;
use shared_events::{catalog, routing};

pub use settings::Settings;

const BIND: &str = "127.0.0.1:8001";
const MAIL_URL: &str = "mailbox:./data/mailbox";
const FROM: &str = "Bank <no-reply@bank.localhost>";
const MESSAGE_ID_DOMAIN: &str = "bank.localhost";
const OPERATOR: &str = "operator@bank.localhost";
const DATABASE_URL: &str = "sqlite:./data/email.sqlite";
const JWKS_URL: &str = "http://127.0.0.1:5000/.well-known/jwks.json";
const RECORD_DAYS: u32 = 90;
const MAILGUN_BASE_URL: &str = "https://api.mailgun.net";

/// The default bindings as a list.
fn routing_key() -> String {
    catalog::bindings(routing::EMAIL_QUEUE).iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// The configuration of email-service, as it is given.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// Address of the HTTP API.
    #[arg(long, global = true, env = "EMAIL_BIND", default_value = BIND)]
    pub bind: String,

    /// The destination of mails: `mailbox:<folder>`, `smtp://host:port` (with `?tls=required`, `opportunistic` or `none`),
    /// `smtps://host:port` or `mailgun:`.
    #[arg(long, global = true, env = "MAIL_URL", default_value = MAIL_URL, hide_env_values = true)]
    pub mail_url: Secret,

    /// The mail server, instead of `MAIL_URL`.
    #[arg(long, global = true, env = "EMAIL_HOST")]
    pub host: Option<String>,

    /// Its port; 587 if not given, and 465 means TLS from the first byte.
    #[arg(long, global = true, env = "EMAIL_PORT")]
    pub port: Option<String>,

    /// The user to log in as at the mail server.
    #[arg(long, global = true, env = "EMAIL_USER")]
    pub user: Option<String>,

    /// The user's password.
    #[arg(long, global = true, env = "EMAIL_APP_PASSWORD", hide_env_values = true)]
    pub app_password: Option<Secret>,

    /// `required` (STARTTLS or no mail; the default with a login), `opportunistic` (the default without: protected where that
    /// is offered; set expressly also by a server that cannot prove who it is), `none` or `implicit`.
    #[arg(long, global = true, env = "EMAIL_SMTP_TLS")]
    pub smtp_tls: Option<String>,

    /// PEM file of the authorities that the mail server's certificate is checked against, instead of the system's.
    #[arg(long, global = true, env = "EMAIL_SMTP_CA")]
    pub smtp_ca: Option<PathBuf>,

    /// Mailgun's API, for `MAIL_URL=mailgun:`; the European one is <https://api.eu.mailgun.net>.
    #[arg(long, global = true, env = "MAILGUN_BASE_URL", default_value = MAILGUN_BASE_URL)]
    pub mailgun_base_url: String,

    /// The domain that Mailgun sends for. With it and the key mail goes by Mailgun, unless `MAIL_URL` says otherwise.
    #[arg(long, global = true, env = "MAILGUN_DOMAIN")]
    pub mailgun_domain: Option<String>,

    /// The key to Mailgun's API.
    #[arg(long, global = true, env = "MAILGUN_API_KEY", hide_env_values = true)]
    pub mailgun_api_key: Option<Secret>,

    /// The sender of every mail.
    #[arg(long, global = true, env = "EMAIL_FROM", default_value = FROM)]
    pub from: String,

    /// The domain of Message-IDs.
    #[arg(long, global = true, env = "MESSAGE_ID_DOMAIN", default_value = MESSAGE_ID_DOMAIN)]
    pub message_id_domain: String,

    /// Addresses that get event mails as well, separated by commas.
    #[arg(long, global = true, env = "EMAIL_RECEIVERS", default_value = "")]
    pub receivers: String,

    /// Gets the event mails that would have no recipient at all.
    #[arg(long, global = true, env = "EMAIL_OPERATOR", default_value = OPERATOR)]
    pub operator: String,

    /// Stands before every subject.
    #[arg(long, global = true, env = "EMAIL_SUBJECT", default_value = "")]
    pub subject: String,

    /// The address at which clients reach the system; a requested mail with a link to anywhere else is refused.
    #[arg(long, global = true, env = "PUBLIC_URL")]
    pub public_url: Option<String>,

    /// The store of delivery records: `sqlite:<file>`, or `mongodb://host/database` for several replicas.
    #[arg(long, global = true, env = "EMAIL_DATABASE_URL", default_value = DATABASE_URL, hide_env_values = true)]
    pub database_url: Secret,

    /// Days that delivery records are kept.
    #[arg(long, global = true, env = "EMAIL_RECORD_DAYS", default_value_t = RECORD_DAYS)]
    pub record_days: u32,

    /// Public keys of bank-service, by which tokens are checked.
    #[arg(long, global = true, env = "JWKS_URL", default_value = JWKS_URL)]
    pub jwks_url: String,

    /// Patterns of the events to consume, separated by commas.
    #[arg(long, global = true, env = "ROUTING_KEY", default_value_t = routing_key())]
    pub routing_key: String,

    /// The queue that confirmations go to; while it is missing, mails wait.
    #[arg(long, global = true, env = "CALLBACK_QUEUE", default_value = routing::ACK_QUEUE)]
    pub callback_queue: String,

    /// The queue that events are taken from.
    #[arg(long, global = true, env = "QUEUE_NAME", default_value = routing::EMAIL_QUEUE)]
    pub queue_name: String,

    #[command(flatten)]
    pub broker: BrokerOptions,

    #[command(flatten)]
    pub env: EnvOptions,

    #[command(flatten)]
    pub cors: CorsOptions,

    #[command(flatten)]
    pub tls: TlsOptions,

    #[command(flatten)]
    pub peers: PeerOptions,

    #[command(flatten)]
    pub log: LogSettings,
}

/// The defaults, whatever the environment says.
impl Default for Config {
    fn default() -> Self {
        Self {
            bind: BIND.to_owned(),
            mail_url: Secret::new(MAIL_URL),
            host: None,
            port: None,
            user: None,
            app_password: None,
            smtp_tls: None,
            smtp_ca: None,
            mailgun_base_url: MAILGUN_BASE_URL.to_owned(),
            mailgun_domain: None,
            mailgun_api_key: None,
            from: FROM.to_owned(),
            message_id_domain: MESSAGE_ID_DOMAIN.to_owned(),
            receivers: String::new(),
            operator: OPERATOR.to_owned(),
            subject: String::new(),
            public_url: None,
            database_url: Secret::new(DATABASE_URL),
            record_days: RECORD_DAYS,
            jwks_url: JWKS_URL.to_owned(),
            routing_key: routing_key(),
            callback_queue: routing::ACK_QUEUE.to_owned(),
            queue_name: routing::EMAIL_QUEUE.to_owned(),
            broker: BrokerOptions::default(),
            env: EnvOptions::default(),
            cors: CorsOptions::default(),
            tls: TlsOptions::default(),
            peers: PeerOptions::default(),
            log: LogSettings::default(),
        }
    }
}

/// An empty variable is a variable that is not set.
fn given(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}
