//! `db upgrade|downgrade|status|grants`.

use std::process::ExitCode;

use anyhow::{Context, bail};

use super::{DbCommand, print_line};
use crate::store::grants::{self, Grantee};
use crate::store::{DatabaseUrl, migrations};

pub(super) fn run(command: DbCommand, url: &DatabaseUrl) -> anyhow::Result<ExitCode> {
    let context = || format!("DATABASE_URL: {}", url.redacted());
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
            bail!("DATABASE_URL: a SQLite file has no users; triggers keep what was posted")
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
