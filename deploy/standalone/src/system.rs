//! Starts the three services around one in-process broker, and ends them in good order.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bank_service::app as bank;
use bank_service::config::{PushOptions, SmsOptions};
use bank_service::http::AppState;
use bank_service::operations::identity::AdminOutcome;
use email_service::EmailService;
use log_service::{LogParts, LogService, LogServiceConfig};
use service_kit::clock::{SharedClock, SystemClock};
use service_kit::config::Secret;
use service_kit::http::auth::KeySource;
use service_kit::lifecycle::Shutdown;
use service_kit::messaging::{DeadLetterFolder, DeadLetters, InProcessBroker, InProcessOffice};
use service_kit::telemetry::Metrics;

use crate::banner::{self, Addresses, Administrator};
use crate::demo;
use crate::folder::DataFolder;
use crate::options::Options;
use crate::secrets;

const BANK_FILE: &str = "bank.sqlite";
const LOG_FILE: &str = "logs.sqlite";
const EMAIL_FILE: &str = "email.sqlite";
/// Handlers that still run after this time are stopped; what they had is published again at the next start.
const DRAIN: Duration = Duration::from_secs(5);

struct System {
    bank: bank::Running,
    log: log_service::Running,
    email: email_service::Running,
    broker: InProcessBroker,
    shutdown: Shutdown,
}

/// Runs until SIGTERM or SIGINT.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let folder = DataFolder::open(&options.data_dir)?;
    let shutdown = Shutdown::new();
    shutdown.on_signals();
    let clock: SharedClock = Arc::new(SystemClock);
    let metrics = Metrics::new();
    let state = bank::prepare(bank_config(&options, &folder)?.check()?, clock, metrics).await?;
    // Before any port is open: nobody is to find a bank without its administrator.
    let (administrator, password) = administrator(&state, &options).await?;
    let system = start(&options, &folder, state, shutdown).await?;
    let addresses = Addresses {
        bank: system.bank.server.url(),
        log: system.log.url(),
        email: system.email.url(),
        mails: match &options.mail_url {
            // It may hold a password.
            Some(_) => "where MAIL_URL says".to_owned(),
            None => options.data_dir.join("mailbox").display().to_string(),
        },
    };
    let demo = if options.demo {
        demo::seed(&system.bank.state, &addresses.bank, &options.admin_email, password.as_ref()).await?
    } else {
        None
    };
    banner::print(&addresses, &administrator, demo.as_ref()).context("standard output")?;
    system.shutdown.wait().await;
    stop(system).await;
    for file in [BANK_FILE, LOG_FILE, EMAIL_FILE] {
        service_kit::sqlite::finish(&folder.join(file));
    }
    Ok(())
}

async fn start(
    options: &Options,
    folder: &DataFolder,
    mut state: AppState,
    shutdown: Shutdown,
) -> anyhow::Result<System> {
    let (clock, metrics) = (state.clock.clone(), state.metrics.clone());
    let keys: Arc<dyn KeySource> = state.security.key_source();
    let sessions = state.security.session_source();
    let dead_letters = DeadLetterFolder::open(folder.join("dead-letters")).context("the dead letter folder")?;
    let dead_letters: Arc<dyn DeadLetters> = Arc::new(dead_letters);
    let broker = InProcessBroker::new(dead_letters.clone(), metrics, shutdown.clone());
    state.dead_letters = Some(Arc::new(InProcessOffice::new(dead_letters, Arc::new(broker.clone()), clock.clone())));

    let mut log_config = LogServiceConfig::new(&options.log_bind.to_string(), &folder.sqlite(LOG_FILE));
    log_config.cors = options.cors.clone();
    let parts = LogParts {
        clock: clock.clone(),
        keys: keys.clone(),
        sessions: sessions.clone(),
        metrics: Metrics::new(),
        shutdown: shutdown.clone(),
    };
    let log = LogService::start(&log_config, parts).await?;
    let email = EmailService::new(email_config(options, folder)?, Arc::new(broker.clone()))
        .with_clock(clock)
        .with_shutdown(shutdown.clone())
        .with_authority(keys, sessions)
        .run()
        .await?;
    let mut settings = (*state.settings).clone();
    settings.log_service_url = log.url().parse().context("the address of log-service")?;
    settings.email_service_url = Some(email.url().parse().context("the address of email-service")?);
    state.settings = Arc::new(settings);
    let mut bank = bank::serve_prepared(state, shutdown.clone())?;

    let (receipts, recorder) = bank.mail_receipts();
    broker.subscribe(receipts, recorder)?;
    for (settings, consumer) in bank.outgoing().context("the phone folder")? {
        broker.subscribe(settings, consumer)?;
    }
    broker.subscribe(log.consumer_settings(), log.consumer())?;
    broker.subscribe(email.consumer_settings(), email.consumer())?;
    bank.start_relay(Arc::new(broker.clone()));
    Ok(System { bank, log, email, broker, shutdown })
}

fn bank_config(options: &Options, folder: &DataFolder) -> anyhow::Result<bank_service::config::Config> {
    let secret_key = match &options.secret_key {
        Some(key) => key.clone(),
        None => secrets::secret_key(&folder.join("secret.key"))?,
    };
    Ok(bank_service::config::Config {
        bind: options.bank_bind,
        database_url: Secret::new(folder.sqlite(BANK_FILE)),
        secret_key: Some(secret_key),
        public_url: public_url(options),
        default_role: options.default_role.clone(),
        rate_login_per_minute: options.rate_login_per_minute,
        rate_register_per_hour: options.rate_register_per_hour,
        rate_forgot_per_hour: options.rate_forgot_per_hour,
        mail_alarm_hourly: options.mail_alarm_hourly,
        sms: SmsOptions {
            sms_folder: options.sms.sms_folder.clone().or_else(|| Some(folder.join("phone"))),
            ..options.sms.clone()
        },
        push: PushOptions {
            push_folder: options.push.push_folder.clone().or_else(|| Some(folder.join("push"))),
            ..options.push.clone()
        },
        cors: options.cors.clone(),
        social: options.social.clone(),
        ..bank_service::config::Config::default()
    })
}

fn public_url(options: &Options) -> String {
    options.public_url.clone().unwrap_or_else(|| format!("http://{}", options.bank_bind))
}

fn email_config(options: &Options, folder: &DataFolder) -> anyhow::Result<email_service::Config> {
    let mailbox = || Secret::new(format!("mailbox:{}", folder.join("mailbox").display()));
    let by_default = email_service::Args::default();
    let args = email_service::Args {
        bind: options.email_bind.to_string(),
        mail_url: options.mail_url.clone().unwrap_or_else(mailbox),
        from: options.mail_from.clone().unwrap_or_else(|| by_default.from.clone()),
        public_url: Some(public_url(options)),
        database_url: Secret::new(folder.sqlite(EMAIL_FILE)),
        cors: options.cors.clone(),
        ..by_default
    };
    Ok(args.check()?)
}

/// No administrator can log in, and the account with the administrator's address may be a stranger's.
#[derive(Debug)]
pub(crate) struct NoAdministrator {
    user_id: i64,
}

impl std::fmt::Display for NoAdministrator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let id = self.user_id;
        write!(
            f,
            "ADMIN_EMAIL: user {id} has the address, which was never proved, is written otherwise, or whose account is              blocked; `bank-service create-admin --promote-id {id}` on this database promotes it all the same"
        )
    }
}

impl std::error::Error for NoAdministrator {}

/// Makes the administrator if there is none; gives the password if it is known.
async fn administrator(state: &AppState, options: &Options) -> anyhow::Result<(Administrator, Option<Secret>)> {
    let made = options.admin_pass.clone().unwrap_or_else(secrets::new_password);
    let outcome = state.ensure_admin(&options.admin_email, &made).await.context("ADMIN_EMAIL, ADMIN_PASS")?;
    let given = options.admin_pass.is_some();
    let email = options.admin_email.clone();
    Ok(match outcome {
        AdminOutcome::Created(_) if !given => {
            (Administrator { email, shown_once: Some(made.expose().to_owned()) }, Some(made))
        }
        AdminOutcome::Refused { id, there_is_another: false } => {
            return Err(NoAdministrator { user_id: id.get() }.into());
        }
        AdminOutcome::Refused { id, there_is_another: true } => {
            tracing::warn!(user_id = id.get(), "the account with ADMIN_EMAIL was not promoted: it may be a stranger's");
            (Administrator { email, shown_once: None }, None)
        }
        AdminOutcome::Created(_) | AdminOutcome::Promoted(_) | AdminOutcome::Unchanged(_) | AdminOutcome::Present => {
            (Administrator { email, shown_once: None }, options.admin_pass.clone())
        }
    })
}

/// Requests and messages that are under way finish; what is not done stays in the outbox.
async fn stop(mut system: System) {
    system.broker.drain(DRAIN).await;
    system.bank.finish().await;
    system.email.wait().await;
    system.log.wait().await;
}
