//! The command line: `serve` and the commands of operators. An error is one line on standard error and exit code 1, except faults
//! of the configuration, which are all reported, after its warnings, before anything is written, with exit code 2.

mod database;
mod dead_letters;
mod doctor;
mod events;
mod healthcheck;
mod import;
mod key_file;
mod ledger;
mod operator;
mod people;
mod rotate_secret;
mod serve;
mod state;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::{Parser, Subcommand};
use service_kit::config::{EXIT_REFUSED, Faults, Parsed, Secret};
use service_kit::doctor::Doctor;
use service_kit::http::openapi;
use service_kit::http::server::check_address;
use service_kit::process::fail;
use service_kit::telemetry::{self, LogSettings};
use shared_events::UserId;

use crate::app::StartError;
use crate::config::{Config, Settings};
use crate::domain::email::Email;
use crate::http;
use crate::identity::ResealError;

/// Users, clients, banks, accounts and cards over HTTP, with events from a transactional outbox.
#[derive(Debug, Parser)]
#[command(name = "bank-service", version, about, subcommand_required = false)]
#[command(after_help = "Try it without any server: run `bank-standalone` instead, which starts all three services.")]
pub struct Cli {
    #[command(flatten)]
    pub config: Config,

    #[command(flatten)]
    pub log: LogSettings,

    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Serve the HTTP API (the default)
    Serve,
    /// Change or show the database schema, or the rights of the user that serves
    #[command(subcommand)]
    Db(DbCommand),
    /// Check the ledger, sum it up, or export an account's entries; also while the service runs
    #[command(subcommand)]
    Ledger(ledger::LedgerCommand),
    /// Migrate, and make the roles and the first administrator; may be repeated
    Init,
    /// Make an administrator, or make one of an existing user
    CreateAdmin {
        /// The administrator's address
        #[arg(long, value_name = "ADDRESS", required_unless_present = "promote_id")]
        email: Option<String>,
        /// The id of a user who is to be one whatever its address
        #[arg(long, value_name = "ID", conflicts_with = "email")]
        promote_id: Option<i64>,
    },
    /// Take users over from another system, out of a CSV file or JSON lines; may be repeated
    ImportUsers(import::ImportOptions),
    /// Block a user and end its sessions, or lift the block
    BlockUser {
        /// The user's address or id
        #[arg(value_name = "ADDRESS|ID")]
        user: String,
        /// Lift the block
        #[arg(long)]
        unblock: bool,
    },
    /// Make the next token signing key; tokens of the old one stay valid until they expire
    RotateKeys {
        /// Delete the old keys and sign with the new one at once: all access tokens are void
        #[arg(long)]
        compromised: bool,
    },
    /// Seal everything under a new `SECRET_KEY`; stop the service first, then start it with the new key
    RotateSecret {
        /// The key that the database is sealed under; the new one is `SECRET_KEY`
        #[arg(long, env = "OLD_SECRET_KEY", hide_env_values = true, value_name = "TEXT")]
        old_secret_key: Option<Secret>,
    },
    /// Look at messages that were given up, deliver them again, or discard them
    #[command(subcommand)]
    DeadLetters(dead_letters::DeadLetterCommand),
    /// Publish events again
    #[command(subcommand)]
    Events(events::EventCommand),
    /// Print the OpenAPI document
    Openapi,
    /// Check the configuration and everything it points to
    Doctor,
    /// Ask the service that runs here whether it is ready; for containers
    Healthcheck,
}

#[derive(Debug, Clone, Subcommand)]
pub enum DbCommand {
    /// Apply the pending migrations
    Upgrade,
    /// Take the newest migration back
    Downgrade,
    /// List the migrations and whether they are applied
    Status,
    /// Print the rights of the MySQL user that serves, where another one owns the tables; it cannot change what was posted
    Grants {
        /// The user that serves
        #[arg(long, default_value = "bank", value_name = "NAME", value_parser = database::user_name)]
        user: String,
        /// The host part of its name
        #[arg(long, default_value = "%", value_name = "HOST", value_parser = database::user_host)]
        host: String,
        /// Give the rights, as the owner of the tables: the user of `MIGRATION_DATABASE_URL`, or of `DATABASE_URL`
        #[arg(long)]
        apply: bool,
    },
}

/// Parses the command line, runs the command and reports how it went.
pub fn main() -> ExitCode {
    let Parsed { options, faults } = service_kit::config::parse::<Cli>();
    let code = start(options, faults).unwrap_or_else(|error| failed(&error));
    telemetry::flush();
    code
}

/// As every process, but for a key that is not the database's: that is a fault of the configuration, too.
fn failed(error: &anyhow::Error) -> ExitCode {
    let code = fail("bank-service", error.as_ref());
    let is_wrong_key = error.downcast_ref::<StartError>().is_some_and(StartError::is_wrong_key)
        || matches!(error.downcast_ref::<ResealError>(), Some(ResealError::Another));
    if is_wrong_key { ExitCode::from(EXIT_REFUSED) } else { code }
}

/// Checks all that a command needs, and only then begins to write, to the log first of all.
fn start(cli: Cli, mut faults: Faults) -> anyhow::Result<ExitCode> {
    let Cli { config, log, command } = cli;
    let command = command.unwrap_or(Command::Serve);
    let report = command.report();
    config.refuse_database_file(&[("LOG_FILE", log.file.as_deref()), ("--report", report.as_deref())], &mut faults);
    log.check(&mut faults);
    match command {
        Command::Openapi => {
            faults.finish()?;
            openapi::print(&http::openapi::document())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Healthcheck => healthcheck::run(&config, faults),
        Command::Doctor => match config.check_with(faults) {
            Ok(settings) => {
                telemetry::init(&log)?;
                doctor::run(&settings)
            }
            Err(error) => Ok(Doctor::refused(&error)?),
        },
        Command::Db(command) => {
            let variable = config.migration_variable();
            let url = config.migration_database(faults)?;
            telemetry::init(&log)?;
            database::run(command, variable, &url)
        }
        Command::Ledger(command) => {
            command.check(&mut faults);
            let url = config.database(faults)?;
            telemetry::init(&log)?;
            ledger::run(command, &url)
        }
        command => {
            command.check(&config, &mut faults);
            let settings = config.check_with(faults)?;
            telemetry::init(&log)?;
            run(command, settings)
        }
    }
}

impl Command {
    /// The file that this command reports to.
    fn report(&self) -> Option<PathBuf> {
        if let Self::ImportUsers(options) = self { Some(options.report_path()) } else { None }
    }

    /// Notes what this command lacks beside the settings that all need.
    fn check(&self, config: &Config, faults: &mut Faults) {
        match self {
            Self::Serve => {
                check_address("BANK_BIND", config.bind, faults);
                people::check_first_admin(config, faults);
            }
            Self::Init => people::check(config, faults),
            Self::CreateAdmin { promote_id: Some(id), .. } if UserId::try_new(*id).is_err() => {
                faults.add("--promote-id: the value is not valid; expected a user's id");
            }
            Self::CreateAdmin { email: Some(email), .. } if Email::parse(email).is_err() => {
                faults.add("--email: the value is not valid; expected an e-mail address such as name@example.com");
            }
            Self::RotateSecret { old_secret_key } => rotate_secret::check(old_secret_key.as_ref(), faults),
            Self::Events(command) => command.check(faults),
            _ => {}
        }
    }
}

fn run(command: Command, settings: Settings) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve => serve::run(settings),
        Command::Init => people::init(settings),
        Command::CreateAdmin { promote_id: Some(id), .. } => people::promote(settings, UserId::try_new(id)?),
        Command::CreateAdmin { email, .. } => people::create_admin(settings, &email.unwrap_or_default()),
        Command::ImportUsers(options) => import::run(settings, &options),
        Command::BlockUser { user, unblock } => operator::block(settings, &user, !unblock),
        Command::RotateKeys { compromised } => operator::rotate_keys(settings, compromised),
        Command::RotateSecret { old_secret_key: Some(old) } => rotate_secret::run(&settings, &old),
        Command::DeadLetters(command) => dead_letters::run(command, settings),
        Command::Events(command) => events::run(command, settings),
        // `start` refuses these, or runs them without settings.
        Command::RotateSecret { old_secret_key: None }
        | Command::Openapi
        | Command::Healthcheck
        | Command::Doctor
        | Command::Db(_)
        | Command::Ledger(_) => bail!("the command cannot be run"),
    }
}

/// Writes a line for the operator.
fn print_line(line: impl std::fmt::Display) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{line}")
}

fn complain(line: impl std::fmt::Display) {
    // Standard error may be closed.
    writeln!(std::io::stderr(), "bank-service: {line}").ok();
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
