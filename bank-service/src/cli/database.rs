//! `db upgrade|downgrade|status`.

use std::process::ExitCode;

use anyhow::Context;

use super::{DbCommand, print_line};
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
    }
    Ok(ExitCode::SUCCESS)
}
