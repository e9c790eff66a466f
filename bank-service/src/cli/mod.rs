//! The command line: `serve` and the commands of operators. A fault is one line on standard error and exit code 1.

mod database;
mod dead_letters;
mod doctor;
mod events;
mod healthcheck;
mod import;
mod openapi;
mod operator;
mod people;
mod rotate_secret;
mod serve;

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use service_kit::config::Secret;
use service_kit::telemetry::{self, LogSettings};
use shared_events::UserId;

use crate::config::Config;

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
    /// Change or show the database schema
    #[command(subcommand)]
    Db(DbCommand),
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
    DeadLetters(dead_letters::LetterCommand),
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

#[derive(Debug, Clone, Copy, Subcommand)]
pub enum DbCommand {
    /// Apply the pending migrations
    Upgrade,
    /// Take the newest migration back
    Downgrade,
    /// List the migrations and whether they are applied
    Status,
}

/// Parses the command line, runs the command and says how it went.
pub fn main() -> ExitCode {
    let cli: Cli = service_kit::config::parse();
    if let Err(error) = telemetry::init(&cli.log) {
        return fail(&error);
    }
    let code = run(cli.command.unwrap_or(Command::Serve), cli.config).unwrap_or_else(|error| fail(&error));
    telemetry::flush();
    code
}

fn run(command: Command, config: Config) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve => serve::run(config),
        Command::Db(command) => database::run(command, &config),
        Command::Init => people::init(config),
        Command::CreateAdmin { promote_id: Some(id), .. } => {
            people::promote(config, UserId::try_new(id).context("--promote-id")?)
        }
        Command::CreateAdmin { email, .. } => people::create_admin(config, &email.unwrap_or_default()),
        Command::ImportUsers(options) => import::run(config, &options),
        Command::BlockUser { user, unblock } => operator::block(config, &user, !unblock),
        Command::RotateKeys { compromised } => operator::rotate_keys(config, compromised),
        Command::RotateSecret { old_secret_key } => rotate_secret::run(config, old_secret_key.as_ref()),
        Command::DeadLetters(command) => dead_letters::run(command, config),
        Command::Events(command) => events::run(command, config),
        Command::Openapi => openapi::run(),
        Command::Doctor => doctor::run(config),
        Command::Healthcheck => healthcheck::run(&config),
    }
}

/// Writes a line for the operator.
fn say(line: impl std::fmt::Display) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{line}")
}

fn fail(error: &dyn std::fmt::Display) -> ExitCode {
    // Nobody is left to tell if standard error is closed.
    writeln!(std::io::stderr(), "bank-service: {error:#}").ok();
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_defaults_in_code_are_those_of_the_command_line() {
        let parsed = Cli::try_parse_from(["bank-service"]).unwrap();
        assert_eq!(format!("{:?}", parsed.config), format!("{:?}", Config::default()));
    }
}
