//! Flags and variables of the all-in-one process.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use service_kit::config::Secret;
use service_kit::telemetry::{LogFormat, LogSettings, ReportOptions, TraceOptions};

/// The whole bank in one process: HTTP APIs, events, logs and mails, with nothing to install.
#[derive(Debug, Clone, Parser)]
#[command(name = "bank-standalone", version, about)]
#[command(
    after_help = "Everything is kept below --data-dir; remove that folder to begin anew. Variables are also read from a \
                        file .env in the working directory."
)]
pub(crate) struct Options {
    /// Folder for databases, mails, text messages, dead letters and keys
    #[arg(long, env = "DATA_DIR", default_value = "./data", value_name = "FOLDER")]
    pub(crate) data_dir: PathBuf,

    /// The address of bank-service
    #[arg(long, env = "BANK_BIND", default_value = "127.0.0.1:5000", value_name = "HOST:PORT")]
    pub(crate) bank_bind: SocketAddr,

    /// The address of log-service
    #[arg(long, env = "LOG_BIND", default_value = "127.0.0.1:8000", value_name = "HOST:PORT")]
    pub(crate) log_bind: SocketAddr,

    /// The address of email-service
    #[arg(long, env = "EMAIL_BIND", default_value = "127.0.0.1:8001", value_name = "HOST:PORT")]
    pub(crate) email_bind: SocketAddr,

    /// The address that people reach bank-service at, if it is another one; links in mails begin with it
    #[arg(long, env = "PUBLIC_URL", value_name = "URL")]
    pub(crate) public_url: Option<String>,

    /// The destination of mails: `smtp://host:port`, `smtps://host:port` or `mailbox:<folder>`; `mailbox` in the data folder unless set
    #[arg(long, env = "MAIL_URL", hide_env_values = true, value_name = "URL")]
    pub(crate) mail_url: Option<Secret>,

    /// The sender of every mail, such as `Bank <no-reply@bank.example>`
    #[arg(long, env = "EMAIL_FROM", value_name = "SENDER")]
    pub(crate) mail_from: Option<String>,

    /// The administrator's address
    #[arg(long, env = "ADMIN_EMAIL", default_value = "admin@bank.localhost", value_name = "ADDRESS")]
    pub(crate) admin_email: String,

    /// The administrator's password; made at the first start and shown once if not given
    #[arg(long, env = "ADMIN_PASS", hide_env_values = true, value_name = "TEXT")]
    pub(crate) admin_pass: Option<Secret>,

    /// Encrypts what must be readable later; made at the first start and kept in the data folder if not given
    #[arg(long, env = "SECRET_KEY", hide_env_values = true, value_name = "TEXT")]
    pub(crate) secret_key: Option<Secret>,

    /// Fill an empty system with banks, cities, clients, accounts and cards, and the money that moved in three months
    #[arg(long)]
    pub(crate) demo: bool,

    /// The role that a registration gives; it has to be there
    #[arg(long, env = "DEFAULT_ROLE", default_value = "user", value_name = "NAME")]
    pub(crate) default_role: String,

    /// Logins a minute from one address; 0 = no limit
    #[arg(long, env = "RATE_LOGIN_PER_MINUTE", default_value_t = 10, value_name = "N")]
    pub(crate) rate_login_per_minute: u32,

    /// Registrations an hour from one address; 0 = no limit
    #[arg(long, env = "RATE_REGISTER_PER_HOUR", default_value_t = 10, value_name = "N")]
    pub(crate) rate_register_per_hour: u32,

    /// Forgotten passwords an hour from one address; 0 = no limit
    #[arg(long, env = "RATE_FORGOT_PER_HOUR", default_value_t = 5, value_name = "N")]
    pub(crate) rate_forgot_per_hour: u32,

    /// Mails an hour that callers without a login are expected to request; above it an alarm is raised, and unknown networks get less
    #[arg(long, env = "MAIL_ALARM_HOURLY", default_value_t = 1_000, value_name = "N")]
    pub(crate) mail_alarm_hourly: u32,

    #[command(flatten)]
    pub(crate) money: bank_service::config::MoneyOptions,

    #[command(flatten)]
    pub(crate) cors: service_kit::http::CorsOptions,

    #[command(flatten)]
    pub(crate) sms: bank_service::config::SmsOptions,

    #[command(flatten)]
    pub(crate) push: bank_service::config::PushOptions,

    #[command(flatten)]
    pub(crate) social: bank_service::config::SocialOptions,

    /// How log lines look
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value = "text")]
    pub(crate) log_format: LogFormat,

    /// The level of log lines, or a filter such as `warn,bank_service=debug`; `info` has a line for each request
    #[arg(long, env = "RUST_LOG", default_value = "warn", value_name = "FILTER")]
    pub(crate) log_level: String,

    /// Append log lines to this file, besides standard error
    #[arg(long, env = "LOG_FILE", value_name = "FILE")]
    pub(crate) log_file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) reports: ReportOptions,

    #[command(flatten)]
    pub(crate) traces: TraceOptions,
}

impl Options {
    pub(crate) fn log_settings(&self) -> LogSettings {
        LogSettings {
            format: self.log_format,
            level: self.log_level.clone(),
            file: self.log_file.clone(),
            reports: self.reports.clone(),
            traces: self.traces.clone(),
        }
    }
}
