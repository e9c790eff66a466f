//! Starts the three services around one in-process broker, and stops them in order.

use std::sync::Arc;

use anyhow::Context;
use bank_service::app as bank;
use bank_service::config::KEY_FILE;
use bank_service::http::AppState;
use bank_service::identity::users::admin::AdminOutcome;
use email_service::app as email;
use log_service::app as log;
use service_kit::clock::{SharedClock, SystemClock};
use service_kit::config::Secret;
use service_kit::lifecycle::{DRAIN_LIMIT, Deadline, Shutdown, WORK_LIMIT};
use service_kit::messaging::{DeadLetterFolder, DeadLetters, InProcessBroker, InProcessDeadLetterAdmin};
use service_kit::process::Parts;
use service_kit::telemetry::Metrics;

use crate::banner::{self, Addresses, Administrator};
use crate::configs;
use crate::folder::DataFolder;
use crate::options::Options;
use crate::{demo, secrets};

struct System {
    bank: bank::Running,
    log: log::Running,
    email: email::Running,
    broker: InProcessBroker,
    shutdown: Shutdown,
}

/// Runs until SIGTERM or SIGINT. The options were checked.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let folder = DataFolder::open(&options.data_dir)?;
    let secret_key = match &options.secret_key {
        Some(key) => key.clone(),
        None => secrets::secret_key(&folder.join(KEY_FILE))?,
    };
    let shutdown = Shutdown::new();
    shutdown.on_signals();
    let clock: SharedClock = Arc::new(SystemClock);
    let metrics = Metrics::new();
    let state = bank::prepare(configs::bank(&options, secret_key).check()?, clock, metrics).await?;
    // Before any port is open: no client may find a bank without its administrator.
    let (administrator, password) = administrator(&state, &options).await?;
    let system = start(&options, &folder, state, shutdown).await?;
    let addresses = Addresses {
        bank: system.bank.server.url(),
        log: system.log.url(),
        email: system.email.url(),
        mails: match &options.mail_url {
            // The URL may hold a password.
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
    let deadline = system.shutdown.deadline(WORK_LIMIT);
    Ok(stop(system, deadline).await?)
}

async fn start(
    options: &Options,
    folder: &DataFolder,
    mut state: AppState,
    shutdown: Shutdown,
) -> anyhow::Result<System> {
    let of_service = |metrics| Parts {
        clock: state.clock.clone(),
        keys: state.identity.key_source(),
        sessions: state.identity.session_source(),
        metrics,
        shutdown: shutdown.clone(),
    };
    let (log_parts, email_parts) = (of_service(Metrics::new()), of_service(Metrics::new()));
    let dead_letters = DeadLetterFolder::open(folder.join("dead-letters")).context("the dead letter folder")?;
    let dead_letters: Arc<dyn DeadLetters> = Arc::new(dead_letters);
    let broker = InProcessBroker::new(dead_letters.clone(), state.metrics.clone(), shutdown.clone());
    state.dead_letters =
        Some(Arc::new(InProcessDeadLetterAdmin::new(dead_letters, Arc::new(broker.clone()), state.clock.clone())));

    let log = log::start(configs::log(options).check()?, log_parts).await?;
    let email = email::start(configs::email(options).check()?, email_parts).await?;
    let mut settings = (*state.settings).clone();
    settings.log_service_url = log.url().parse().context("the address of log-service")?;
    settings.email_service_url = Some(email.url().parse().context("the address of email-service")?);
    state.settings = Arc::new(settings);
    let mut bank = bank::serve(state, shutdown.clone())?;

    let (receipts, recorder) = bank.mail_receipts();
    broker.subscribe(receipts, recorder)?;
    for (settings, consumer) in bank.outgoing().context("the phone folder")? {
        broker.subscribe(settings, consumer)?;
    }
    broker.subscribe(log.consumer_settings(), log.consumer())?;
    broker.subscribe(email.consumer_settings(), email.consumer(Arc::new(broker.clone())))?;
    bank.start_relay(Arc::new(broker.clone()));
    Ok(System { bank, log, email, broker, shutdown })
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
            "ADMIN_EMAIL: user {id} has the address, which was never verified, is written otherwise, or whose account is blocked; `bank-service create-admin --promote-id {id}` on this database promotes it all the same"
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

/// Finishes requests and messages in flight, and closes the databases; unfinished work stays in the outbox. bank-service is the
/// last: until they end, the other two ask it whether a session counts.
async fn stop(system: System, deadline: Deadline) -> Result<(), bank::StartError> {
    system.broker.drain(deadline.left(DRAIN_LIMIT)).await;
    system.log.finish().await;
    system.email.finish().await;
    system.bank.finish().await
}
