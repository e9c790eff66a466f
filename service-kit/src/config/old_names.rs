//! Names of the settings in the older services that this system replaces, and how each is treated: the one table for the
//! start, `doctor` and docs/migrating.md.

use std::ffi::OsStr;

use super::login;

/// How an old name is treated.
#[derive(Debug, Clone, Copy)]
pub enum Treatment {
    /// The function converts its value into our form. A value that ours cannot have is left as it is, so that the checks of ours
    /// refuse it.
    Accepted { ours: &'static str, convert: fn(&str) -> String },
    /// A warning names it; the value is not used.
    Renamed { ours: &'static str },
    /// A warning names it: no setting here has that meaning.
    Gone { because: &'static str },
}

#[derive(Debug, Clone, Copy)]
pub struct OldName {
    pub name: &'static str,
    pub treatment: Treatment,
    /// How its values differ from ours: another unit, another form. The end of its warning.
    pub note: Option<&'static str>,
}

impl OldName {
    const fn noting(self, note: &'static str) -> Self {
        Self { note: Some(note), ..self }
    }

    /// The end of a warning about this name.
    pub(super) fn note(&self) -> String {
        self.note.map(|note| format!(": {note}")).unwrap_or_default()
    }
}

const fn accepted(name: &'static str, ours: &'static str, convert: fn(&str) -> String) -> OldName {
    OldName { name, treatment: Treatment::Accepted { ours, convert }, note: None }
}

const fn renamed(name: &'static str, ours: &'static str) -> OldName {
    OldName { name, treatment: Treatment::Renamed { ours }, note: None }
}

const fn gone(name: &'static str, because: &'static str) -> OldName {
    OldName { name, treatment: Treatment::Gone { because }, note: None }
}

const NO_SHARED_SECRET: &str = "tokens are signed with a key pair that bank-service makes, so that no secret is shared";
const NO_POSTGRES: &str = "PostgreSQL is not supported; DATABASE_URL takes mysql:// and sqlite:";
const LIVE_CHANGES: &str = "live changes are server-sent events at /api/events/stream";

pub const OLD_NAMES: &[OldName] = &[
    accepted("SQLALCHEMY_DATABASE_URI", "DATABASE_URL", database_url)
        .noting("without the name of a driver, such as +pymysql"),
    // RABBITMQ_HOST and RABBITMQ_PORT form one value; see `variables::broker`.
    accepted("RABBITMQ_HOST", "AMQP_URI", str::to_owned),
    accepted("RABBITMQ_PORT", "AMQP_URI", str::to_owned),
    accepted("FLASK_CERT", "TLS", str::to_owned),
    accepted("FLASK_ENV", "APP_ENV", app_env),
    accepted("MONGODB_COLLECTIONS", "MONGODB_COLLECTION", str::to_owned),
    renamed("MAIL_SERVER", "EMAIL_HOST"),
    renamed("MAIL_PORT", "EMAIL_PORT"),
    renamed("MAIL_USERNAME", "EMAIL_USER"),
    renamed("MAIL_PASSWORD", "EMAIL_APP_PASSWORD"),
    renamed("MAIL_USE_SSL", "EMAIL_SMTP_TLS").noting("True there is implicit here"),
    renamed("MAIL_USE_TLS", "EMAIL_SMTP_TLS").noting("True there is required here"),
    renamed("MAIL_DEFAULT_SENDER", "EMAIL_FROM"),
    renamed("TWILIO_ACCOUNT_SID", "SMS_ACCOUNT_SID").noting("SMS_BASE_URL=https://api.twilio.com is needed too"),
    renamed("TWILIO_AUTH_TOKEN", "SMS_AUTH_TOKEN"),
    renamed("TWILIO_FROM_NUMBER", "SMS_FROM"),
    renamed("FCM_SERVER_KEY", "PUSH_CREDENTIALS_FILE")
        .noting("a key there, the file of a Google service account's key here"),
    renamed("ACCESS_TOKEN_EXPIRE", "ACCESS_TOKEN_MINUTES").noting("seconds there, 1 to 60 minutes here"),
    renamed("CELLPHONE_VALIDATION_CODE_EXP_SECS", "SMS_CODE_MINUTES").noting("seconds there, 1 to 10 minutes here"),
    renamed("GITHUB_CLIENT_ID", "SOCIAL_GITHUB_CLIENT_ID"),
    renamed("GITHUB_OAUTH_CLIENT_SECRET", "SOCIAL_GITHUB_CLIENT_SECRET"),
    renamed("GITHUB_CLIENT_SECRET", "SOCIAL_GITHUB_CLIENT_SECRET"),
    renamed("GOOGLE_CLIENT_ID", "SOCIAL_GOOGLE_CLIENT_ID").noting("SOCIAL_GOOGLE_CLIENT_SECRET is needed too"),
    renamed("GOOGLE_OAUTH_CLIENT_SECRET", "SOCIAL_GOOGLE_CLIENT_SECRET"),
    renamed("LINKEDIN_CLIENT_ID", "SOCIAL_LINKEDIN_CLIENT_ID"),
    renamed("LINKEDIN_OAUTH_CLIENT_SECRET", "SOCIAL_LINKEDIN_CLIENT_SECRET"),
    renamed("FACEBOOK_CLIENT_ID", "SOCIAL_FACEBOOK_CLIENT_ID"),
    renamed("FACEBOOK_CLIENT_SECRET", "SOCIAL_FACEBOOK_CLIENT_SECRET"),
    renamed("MYSQL_HOST", "DATABASE_URL"),
    renamed("MYSQL_USER", "DATABASE_URL"),
    renamed("MYSQL_PASSWORD", "DATABASE_URL"),
    renamed("MYSQL_PORT", "DATABASE_URL"),
    renamed("MYSQL_DATABASE", "DATABASE_URL"),
    renamed("RABBITMQ_USER", "AMQP_URI"),
    renamed("RABBITMQ_PASSWORD", "AMQP_URI"),
    renamed("RABBITMQ_VHOST", "AMQP_URI"),
    renamed("BROKER_PATH", "AMQP_URI").noting("the whole address here, amqp://USER:PASSWORD@HOST:PORT/VHOST"),
    renamed("MQ_EXCHANGE", "EXCHANGE_NAME"),
    renamed("APP_SETTINGS", "APP_ENV")
        .noting("a class there; development, testing, staging or production here, and development unless set"),
    gone("DB_USERNAME", NO_POSTGRES),
    gone("DB_PASSWORD", NO_POSTGRES),
    gone("DB_DATABASE", NO_POSTGRES),
    gone("POSTGRES_USER", NO_POSTGRES),
    gone("POSTGRES_PASSWORD", NO_POSTGRES),
    gone("POSTGRES_DB", NO_POSTGRES),
    gone("JWT_SECRET_KEY", NO_SHARED_SECRET),
    gone("SECURITY_PASSWORD_SALT", "each password has a salt of its own"),
    gone("REDIS_URL", "no Redis is needed"),
    gone("PUSHER_APP_ID", LIVE_CHANGES),
    gone("PUSHER_API_KEY", LIVE_CHANGES),
    gone("PUSHER_API_SECRET", LIVE_CHANGES),
    gone("PUSHER_CLUSTER", LIVE_CHANGES),
    gone("FLASK_APP", "there is nothing to choose: the command is the program"),
    renamed("ROLLBAR_ACCESS_TOKEN", "SENTRY_DSN"),
];

/// Variables that name the servers of the separate services; the all-in-one process uses none of them.
pub(super) const ENGINES: &[&str] = &[
    "DATABASE_URL",
    "AMQP_URI",
    "MONGODB_URI",
    "LOG_DATABASE_URL",
    "EMAIL_DATABASE_URL",
    "SQLALCHEMY_DATABASE_URI",
    "RABBITMQ_HOST",
];

/// Converts a `SQLAlchemy` URL: drops the driver's name and the character set, which is always utf8mb4 here.
fn database_url(value: &str) -> String {
    // Our own form of a file, or no address at all.
    let Some((scheme, rest)) = value.split_once("://").filter(|(scheme, _)| !scheme.contains(':')) else {
        return value.to_owned();
    };
    let engine = scheme.split_once('+').map_or(scheme, |(engine, _)| engine);
    if engine == "sqlite" {
        // Three slashes before a path from here, four before one from the root.
        return format!("sqlite:{}", rest.strip_prefix('/').unwrap_or(rest));
    }
    // Is refused as it stands: a part of the password must not be dropped as a parameter.
    if login::is_unclear("DATABASE_URL", OsStr::new(value)) {
        return value.to_owned();
    }
    let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
    let kept: Vec<&str> = query.split('&').filter(|part| !part.is_empty() && !part.starts_with("charset=")).collect();
    let query = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
    format!("{engine}://{address}{query}")
}

fn app_env(value: &str) -> String {
    let name = if value == "test" { "testing" } else { value };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_of_sqlalchemy_loses_its_driver_and_its_character_set() {
        for (old, ours) in [
            ("mysql+pymysql://root:pass@localhost:3306/mybank", "mysql://root:pass@localhost:3306/mybank"),
            ("mysql+mysqlconnector://u:p%2B@h/db?charset=utf8mb4", "mysql://u:p%2B@h/db"),
            ("mysql://u:p@h/db?charset=utf8&ssl-mode=required", "mysql://u:p@h/db?ssl-mode=required"),
            ("sqlite:///app.db", "sqlite:app.db"),
            ("sqlite:////var/app.db", "sqlite:/var/app.db"),
            ("sqlite:./app.db", "sqlite:./app.db"),
            ("postgresql+psycopg2://u:p@h/db", "postgresql://u:p@h/db"),
            ("mysql+pymysql://u:1/x?charset=y@h/db", "mysql+pymysql://u:1/x?charset=y@h/db"),
        ] {
            assert_eq!(database_url(old), ours);
        }
    }

    #[test]
    fn a_value_that_ours_cannot_have_stays_as_it_is_for_the_checks_of_ours() {
        assert_eq!(database_url("mybank.db"), "mybank.db");
        assert_eq!(["test", "prod", "Production"].map(app_env), ["testing", "prod", "Production"]);
    }

    #[test]
    fn the_migration_page_has_each_name_and_what_becomes_of_it() {
        let page = include_str!("../../../docs/migrating.md");
        for old in OLD_NAMES {
            let row = page.lines().find(|line| line.starts_with("| ") && line.contains(&format!("`{}`", old.name)));
            let row = row.unwrap_or_else(|| panic!("{} is in no table of the page", old.name));
            let expected = match old.treatment {
                Treatment::Accepted { ours, .. } => format!("`{ours}` | taken"),
                Treatment::Renamed { ours } => format!("`{ours}` | named in a warning"),
                Treatment::Gone { because } => format!("not there | {because}"),
            };
            assert!(row.contains(&expected), "{expected} in {row}");
            assert!(row.contains(&old.note()), "{} in {row}", old.note());
        }
    }

    #[test]
    fn no_name_is_there_twice_and_none_is_one_of_ours() {
        let mut names: Vec<&str> = OLD_NAMES.iter().map(|old| old.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), OLD_NAMES.len());
        let ours = |old: &OldName| match old.treatment {
            Treatment::Accepted { ours, .. } | Treatment::Renamed { ours } => Some(ours),
            Treatment::Gone { .. } => None,
        };
        assert!(OLD_NAMES.iter().filter_map(ours).all(|ours| !names.contains(&ours)));
    }
}
