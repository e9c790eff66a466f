//! `init` and `create-admin`, and the administrator of a first start.

use std::io::{IsTerminal, Read};
use std::process::ExitCode;

use anyhow::{Context, bail};
use service_kit::config::{AppEnv, Faults, Secret};
use service_kit::ids::random_bytes;
use shared_events::UserId;

use super::state::{with_new_state, with_state};
use super::{complain, print_line};
use crate::config::{Config, Settings};
use crate::domain::email::Email;
use crate::domain::password::Password;
use crate::http::AppState;
use crate::identity::users::admin::AdminOutcome;
use crate::store::{DatabaseUrl, existing};

const PASSWORD_BYTES: u64 = 1024;

/// The administrator of a development system that names none.
const DEVELOPMENT_ADMIN: &str = "admin@bank.localhost";
/// The variables that name the administrator elsewhere.
const VARIABLES: &str = "ADMIN_EMAIL, ADMIN_PASS";
/// Exit code: no administrator can log in, and an operator has to decide.
const UNDECIDED: u8 = 2;

/// Adds the faults of a configuration without the variables of `init`.
pub(super) fn check(config: &Config, faults: &mut Faults) {
    if config.admin_email.is_none() {
        faults.add("ADMIN_EMAIL: not set; expected the administrator's address");
    }
    if config.admin_pass.is_none() {
        faults.add("ADMIN_PASS: not set; expected the administrator's password, or ADMIN_PASS_FILE");
    }
}

pub(super) fn init(mut settings: Settings) -> anyhow::Result<ExitCode> {
    let (Some(email), Some(password)) = (settings.config.admin_email.clone(), settings.config.admin_pass.clone())
    else {
        bail!("{VARIABLES}: not set");
    };
    settings.config.migrate_on_start = true;
    with_new_state(settings, async |state| {
        print_outcome(state.ensure_admin(&email, &password).await.context(VARIABLES)?, &email)
    })
}

/// The address was checked with the settings.
pub(super) fn create_admin(settings: Settings, email: &str) -> anyhow::Result<ExitCode> {
    let password = match settings.config.admin_pass.clone() {
        Some(password) => password,
        None => read_password()?,
    };
    // Check the password before anything is written.
    let words = Email::parse(email).map(|email| email.words()).unwrap_or_default();
    Password::parse(password.expose())
        .and_then(|password| password.check_strength(settings.password_min_score, &words))
        .context("the password")?;
    with_new_state(settings, async |state| print_outcome(state.ensure_admin(email, &password).await?, email))
}

/// Makes a user an administrator by id, where the address alone does not suffice.
pub(super) fn promote(settings: Settings, id: UserId) -> anyhow::Result<ExitCode> {
    with_state(settings, async |state| print_outcome(state.promote(id).await?, "by its id"))
}

/// Ensures that an administrator can log in before any other user can; returns an exit code if the service must not start.
pub(super) async fn first_admin(state: &AppState) -> anyhow::Result<Option<ExitCode>> {
    if state.has_admin().await? {
        return Ok(None);
    }
    let config = &state.settings.config;
    let outcome = match (&config.admin_email, &config.admin_pass) {
        (Some(email), Some(password)) => {
            print_outcome(state.ensure_first_admin(email, password).await.context(VARIABLES)?, email)?
        }
        (None, None) if config.app_env == AppEnv::Development => {
            let password = Secret::new(hex::encode(random_bytes::<12>()));
            if let AdminOutcome::Created(_) = state.ensure_first_admin(DEVELOPMENT_ADMIN, &password).await? {
                let password = password.expose();
                print_line(format_args!(
                    "administrator {DEVELOPMENT_ADMIN} created; password, shown once: {password}"
                ))?;
            }
            ExitCode::SUCCESS
        }
        _ => undecided(),
    };
    Ok((outcome != ExitCode::SUCCESS).then_some(outcome))
}

/// [`first_admin`] for a new database, before it is created: adds a fault if no administrator could be created in it.
pub(super) fn check_first_admin(config: &Config, faults: &mut Faults) {
    let is_decided = match (&config.admin_email, &config.admin_pass) {
        (Some(_), Some(_)) => true,
        (None, None) => config.app_env == AppEnv::Development,
        _ => false,
    };
    if is_decided || faults.is_refused("DATABASE_URL") {
        return;
    }
    // Errors of the database are reported when it is opened.
    let url = config.database_url.expose().parse::<DatabaseUrl>();
    if url.is_ok_and(|url| existing::is_new(&url).unwrap_or(false)) {
        faults.add(format!("{VARIABLES}: no administrator can log in; set both, or run `bank-service create-admin`"));
    }
}

fn undecided() -> ExitCode {
    complain("no administrator can log in: set ADMIN_EMAIL and ADMIN_PASS, or run `bank-service create-admin`");
    ExitCode::from(UNDECIDED)
}

fn read_password() -> anyhow::Result<Secret> {
    if std::io::stdin().is_terminal() {
        bail!("ADMIN_PASS: not set; set it, or write the password to standard input");
    }
    let mut text = String::new();
    std::io::stdin().take(PASSWORD_BYTES).read_to_string(&mut text).context("the password on standard input")?;
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        bail!("ADMIN_PASS: not set, and no password came on standard input; set it, or write the password there");
    }
    Ok(Secret::new(password))
}

/// Prints the result for an administrator.
fn print_outcome(outcome: AdminOutcome, email: &str) -> anyhow::Result<ExitCode> {
    match outcome {
        AdminOutcome::Created(id) => print_line(format_args!("administrator {email} created with ID {id}"))?,
        AdminOutcome::Promoted(id) => {
            print_line(format_args!("user {id} ({email}) is an administrator now; the password is unchanged"))?;
        }
        AdminOutcome::Unchanged(id) => print_line(format_args!("user {id} ({email}) is an administrator already"))?,
        AdminOutcome::Present => {}
        AdminOutcome::Refused { id, there_is_another } => {
            let why = "has the address, which was never verified, is written otherwise, or whose account is blocked";
            let hint = format!("`bank-service create-admin --promote-id {id}` promotes it all the same");
            complain(format_args!("user {id} {why}; it is no administrator, since it may be a stranger's. {hint}"));
            return Ok(if there_is_another { ExitCode::SUCCESS } else { ExitCode::from(UNDECIDED) });
        }
    }
    Ok(ExitCode::SUCCESS)
}
