//! The configuration: flags, environment, `.env`; checked as a whole, all faults reported at once.

mod check;
mod database;
mod mail;
mod settings;
mod smtp;

use std::path::PathBuf;

use clap::Args;
use service_kit::config::{EnvOptions, Secret, defaults};
use service_kit::http::{CorsOptions, PeerOptions, TlsOptions};
use service_kit::messaging::BrokerOptions;
use service_kit::telemetry::LogSettings;
use shared_events::{catalog, routing};

pub use settings::Settings;

const MAIL_URL: &str = "mailbox:./data/mailbox";

/// The default bindings as a list.
fn routing_key() -> String {
    catalog::bindings(routing::EMAIL_QUEUE).iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// The configuration of email-service, as it is given.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// Address of the HTTP API.
    #[arg(long, global = true, env = "EMAIL_BIND", default_value = "127.0.0.1:8001")]
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
    #[arg(long, global = true, env = "MAILGUN_BASE_URL", default_value = "https://api.mailgun.net")]
    pub mailgun_base_url: String,

    /// The domain that Mailgun sends for. With it and the key mail goes by Mailgun, unless `MAIL_URL` says otherwise.
    #[arg(long, global = true, env = "MAILGUN_DOMAIN")]
    pub mailgun_domain: Option<String>,

    /// The key to Mailgun's API.
    #[arg(long, global = true, env = "MAILGUN_API_KEY", hide_env_values = true)]
    pub mailgun_api_key: Option<Secret>,

    /// The sender of every mail.
    #[arg(long, global = true, env = "EMAIL_FROM", default_value = "Bank <no-reply@bank.localhost>")]
    pub from: String,

    /// The domain of Message-IDs.
    #[arg(long, global = true, env = "MESSAGE_ID_DOMAIN", default_value = "bank.localhost")]
    pub message_id_domain: String,

    /// Addresses that get event mails as well, separated by commas.
    #[arg(long, global = true, env = "EMAIL_RECEIVERS", default_value = "")]
    pub receivers: String,

    /// Gets the event mails that would have no recipient at all.
    #[arg(long, global = true, env = "EMAIL_OPERATOR", default_value = "operator@bank.localhost")]
    pub operator: String,

    /// Stands before every subject.
    #[arg(long, global = true, env = "EMAIL_SUBJECT", default_value = "")]
    pub subject: String,

    /// The address at which clients reach the system; a requested mail with a link to anywhere else is refused.
    #[arg(long, global = true, env = "PUBLIC_URL")]
    pub public_url: Option<String>,

    /// The store of delivery records: `sqlite:<file>`, or `mongodb://host/database` for several replicas.
    #[arg(
        long,
        global = true,
        env = "EMAIL_DATABASE_URL",
        default_value = "sqlite:./data/email.sqlite",
        hide_env_values = true
    )]
    pub database_url: Secret,

    /// Days that delivery records are kept.
    #[arg(long, global = true, env = "EMAIL_RECORD_DAYS", default_value_t = 90)]
    pub record_days: u32,

    /// Public keys of bank-service, by which tokens are checked.
    #[arg(long, global = true, env = "JWKS_URL", default_value = "http://127.0.0.1:5000/.well-known/jwks.json")]
    pub jwks_url: String,

    /// Patterns of the events to consume, separated by commas.
    #[arg(long, global = true, env = "ROUTING_KEY", default_value_t = routing_key())]
    pub routing_key: String,

    /// The queue whose absence makes mails wait; each confirmation goes to the queue that its event names in `reply_to`.
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
        defaults()
    }
}

/// An empty variable is a variable that is not set.
fn given(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}
