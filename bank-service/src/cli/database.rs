//! `db upgrade|downgrade|status|grants`.

use std::process::ExitCode;

use anyhow::{Context, bail};
use service_kit::config::Expected;

use super::{DbCommand, print_line};
use crate::store::grants::{self, Grantee};
use crate::store::{DatabaseUrl, migrations};

/// MySQL takes an empty name for one that anybody may log in with.
pub(super) fn user_name(text: &str) -> Result<String, Expected> {
    not_empty(text, "the name of a user of the server, such as bank")
}

pub(super) fn user_host(text: &str) -> Result<String, Expected> {
    not_empty(text, "the hosts of a user of the server, such as % or 10.0.0.%")
}

fn not_empty(text: &str, form: &str) -> Result<String, Expected> {
    if text.trim().is_empty() { Err(Expected::new(form)) } else { Ok(text.to_owned()) }
}

/// Runs a command on the database that a variable names.
pub(super) fn run(command: DbCommand, variable: &str, url: &DatabaseUrl) -> anyhow::Result<ExitCode> {
    let context = || format!("{variable}: {}", url.redacted());
    match command {
        DbCommand::Upgrade => {
            let applied = migrations::upgrade(url).with_context(context)?;
            for version in &applied {
                print_line(format_args!("applied {version}"))?;
            }
            print_line(format_args!("{} migrations applied; the schema is up to date", applied.len()))?;
        }
        DbCommand::Downgrade => match migrations::downgrade(url).with_context(context)? {
            Some(version) => print_line(format_args!("took {version} back"))?,
            None => print_line("no migration is applied")?,
        },
        DbCommand::Status => {
            for status in migrations::status(url).with_context(context)? {
                print_line(format_args!(
                    "{:8} {}",
                    if status.applied { "applied" } else { "pending" },
                    status.version
                ))?;
            }
        }
        DbCommand::Grants { .. } if url.file().is_some() => {
            bail!("{variable}: a SQLite file has no users; triggers keep what was posted")
        }
        DbCommand::Grants { user, host, apply } => {
            grant(url, &Grantee::new(&user, &host), apply).with_context(context)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the rights of the user that serves, or gives them.
fn grant(url: &DatabaseUrl, grantee: &Grantee, apply: bool) -> anyhow::Result<()> {
    let statements = grants::statements(url, grantee)?;
    if apply {
        let owner = "its user gives rights if it owns the database, WITH GRANT OPTION, and the other user exists";
        grants::apply(url, &statements).context(owner)?;
        print_line(format_args!("{grantee} has the rights to serve, and none to change what was posted"))?;
        return Ok(());
    }
    for statement in statements {
        print_line(format_args!("{statement};"))?;
    }
    Ok(())
}
