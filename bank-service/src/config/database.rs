//! `DATABASE_URL` and `MIGRATION_DATABASE_URL`. No fault shows a password.

#[cfg(feature = "cli")]
use std::path::Path;

use service_kit::config::{ConfigError, Faults, Secret, check_file};
#[cfg(feature = "cli")]
use service_kit::sqlite::refuse_database_file;

use super::Config;
use crate::domain::role::RoleName;
use crate::store::{DatabaseUrl, DatabaseUrlError, existing};

impl Config {
    /// `DATABASE_URL` alone, beside the faults of single values: all that the `ledger` commands need.
    pub fn database(&self, mut faults: Faults) -> Result<DatabaseUrl, ConfigError> {
        let url = check_database(self, &mut faults);
        faults.finish_with(url)
    }

    /// `MIGRATION_DATABASE_URL`, or `DATABASE_URL`: all that the `db` commands need.
    pub fn migration_database(&self, mut faults: Faults) -> Result<DatabaseUrl, ConfigError> {
        let url = check_database(self, &mut faults);
        let url = check_migration_database(self, url.as_ref(), &mut faults);
        faults.finish_with(url)
    }

    /// The variable that names the database for the `db` commands.
    #[cfg(feature = "cli")]
    pub(crate) fn migration_variable(&self) -> &'static str {
        if self.owner_url().is_some() { "MIGRATION_DATABASE_URL" } else { "DATABASE_URL" }
    }

    fn owner_url(&self) -> Option<&Secret> {
        self.migration_database_url.as_ref().filter(|url| !url.expose().is_empty())
    }

    /// Refuses a database as one of the files and folders that this program writes: those of these settings, and others. Comes
    /// before the other checks of these settings.
    #[cfg(feature = "cli")]
    pub(crate) fn refuse_database_file(&self, others: &[(&str, Option<&Path>)], faults: &mut Faults) {
        let url = self.database_url.expose().parse::<DatabaseUrl>();
        let Some(file) = url.as_ref().ok().and_then(DatabaseUrl::file) else { return };
        let own = [("SMS_FOLDER", self.sms.sms_folder.as_deref()), ("PUSH_FOLDER", Some(self.push.folder()))];
        for written in [&own[..], others] {
            refuse_database_file(("DATABASE_URL", file), written, faults);
        }
    }
}

pub(super) fn check_database(config: &Config, faults: &mut Faults) -> Option<DatabaseUrl> {
    let url = parse_database("DATABASE_URL", &config.database_url, faults)?;
    if let Some(file) = url.file() {
        check_file("DATABASE_URL", file, faults);
    }
    Some(url)
}

fn parse_database(name: &'static str, url: &Secret, faults: &mut Faults) -> Option<DatabaseUrl> {
    if faults.is_refused(name) {
        // Nothing may be looked up that may be a part of a password.
        return None;
    }
    match url.expose().parse::<DatabaseUrl>() {
        Err(DatabaseUrlError::Parameter { reason }) => {
            faults.add(format!("{name}: {reason}"));
            None
        }
        parsed => faults.check(name, "sqlite:PATH or mysql://USER:PASSWORD@HOST:PORT/DATABASE", parsed),
    }
}

/// The database as the owner of its tables; the same as `DATABASE_URL` unless it is set.
pub(super) fn check_migration_database(
    config: &Config,
    database: Option<&DatabaseUrl>,
    faults: &mut Faults,
) -> Option<DatabaseUrl> {
    let Some(url) = config.owner_url() else { return database.cloned() };
    let url = parse_database("MIGRATION_DATABASE_URL", url, faults)?;
    if database.is_some_and(|database| !database.is_same_database(&url)) {
        faults.add("MIGRATION_DATABASE_URL: not the database of DATABASE_URL; expected the same one with another user");
        return None;
    }
    Some(url)
}

/// The role of registrations has to exist. If the database cannot be read, opening it reports that.
pub(super) fn check_role(name: &str, database: Option<&DatabaseUrl>, faults: &mut Faults) {
    let is_there = match RoleName::parse(name) {
        Ok(role) if role.as_str() != name => false,
        Ok(role) if role.is_built_in() => true,
        Ok(role) => database.is_none_or(|url| existing::has_role(url, &role).unwrap_or(true)),
        Err(_) => false,
    };
    if !is_there {
        faults
            .add("DEFAULT_ROLE: there is no such role; expected user, or another one that was made by POST /api/roles");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_role_has_to_be_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bank.sqlite");
        let check = |role: &str| {
            let secret_key = Some(Secret::new("0123456789abcdef0123456789abcdef"));
            let database_url = Secret::new(format!("sqlite:{}", path.display()));
            Config { default_role: role.to_owned(), database_url, secret_key, ..Config::default() }
                .check()
                .map_err(|error| error.to_string())
        };
        assert!(check("user").is_ok() && check("manager").is_ok());
        for role in ["nosuch", "Not A Role", " user", ""] {
            assert!(check(role).is_err_and(|error| error.contains("DEFAULT_ROLE: ")), "{role:?}");
        }
        assert!(!path.exists(), "a check makes no file");
    }
}
