//! `DATABASE_URL`: the scheme picks the engine.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::DatabaseUrlError;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `sqlite:./data/bank.sqlite`
    Sqlite(PathBuf),
    /// `mysql://user:password@host:3306/database`
    #[cfg(feature = "mysql")]
    Mysql(String),
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;
    fn from_str(text: &str) -> Result<Self, DatabaseUrlError> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            return service_kit::sqlite::file_of(path).map(Self::Sqlite).map_err(|fault| DatabaseUrlError::Parameter {
                reason: format!("{fault}; expected sqlite:PATH, such as sqlite:./data/bank.sqlite"),
            });
        }
        let url = ::url::Url::parse(text).map_err(|_| DatabaseUrlError::Form)?;
        let has_database = url.path().len() > 1;
        if url.scheme() == "mysql" && url.host_str().is_some() && has_database {
            #[cfg(not(feature = "mysql"))]
            return Err(DatabaseUrlError::Parameter {
                reason: "this program is built without the feature mysql, so without MySQL; bank-service has it"
                    .to_owned(),
            });
            #[cfg(feature = "mysql")]
            super::mysql::parse(text).map(|_| Self::Mysql(text.to_owned()))
        } else if url.scheme().starts_with("postgres") {
            Err(DatabaseUrlError::Postgres)
        } else {
            Err(DatabaseUrlError::Form)
        }
    }
}

impl DatabaseUrl {
    /// The path of a SQLite file.
    pub fn file(&self) -> Option<&Path> {
        match self {
            #[cfg(feature = "mysql")]
            Self::Mysql(_) => None,
            Self::Sqlite(path) => Some(path),
        }
    }

    /// Whether both name the same file, or databases of the same name; a server may have several addresses.
    pub fn is_same_database(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Sqlite(one), Self::Sqlite(other)) => one == other,
            #[cfg(feature = "mysql")]
            (Self::Mysql(one), Self::Mysql(other)) => {
                let name = |url: &str| ::url::Url::parse(url).ok().map(|url| url.path().to_owned());
                name(one) == name(other)
            }
            #[cfg(feature = "mysql")]
            (Self::Sqlite(_), Self::Mysql(_)) | (Self::Mysql(_), Self::Sqlite(_)) => false,
        }
    }

    /// For messages and logs: without the password.
    pub fn redacted(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite:{}", path.display()),
            #[cfg(feature = "mysql")]
            Self::Mysql(text) => ::url::Url::parse(text).map_or_else(
                |_| "mysql:".to_owned(),
                |url| {
                    format!(
                        "mysql://{}:{}{}",
                        url.host_str().unwrap_or_default(),
                        url.port().unwrap_or(3306),
                        url.path()
                    )
                },
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_picks_the_engine_and_others_are_refused() {
        assert_eq!("sqlite:./a.sqlite".parse(), Ok(DatabaseUrl::Sqlite("./a.sqlite".into())));
        assert_eq!("sqlite:///tmp/a.sqlite".parse(), Ok(DatabaseUrl::Sqlite("/tmp/a.sqlite".into())));
        #[cfg(feature = "mysql")]
        assert!(matches!("mysql://u:p@h/bank".parse(), Ok(DatabaseUrl::Mysql(_))));
        for bad in ["", "mysql://h", "bank.sqlite"] {
            assert_eq!(bad.parse::<DatabaseUrl>(), Err(DatabaseUrlError::Form), "{bad:?}");
        }
        for bad in ["sqlite:", "sqlite::memory:", "sqlite:a.sqlite?mode=hunter2", "sqlite:mysql://u:hunter2@h/b"] {
            let fault = bad.parse::<DatabaseUrl>().unwrap_err().to_string();
            assert!(fault.contains("expected sqlite:PATH") && !fault.contains("hunter2"), "{bad:?}: {fault}");
        }
        for bad in ["postgres://h/bank", "postgresql://u:p@h/bank", "postgresql+psycopg2://u:p@h/bank"] {
            assert_eq!(bad.parse::<DatabaseUrl>(), Err(DatabaseUrlError::Postgres), "{bad:?}");
        }
    }

    #[cfg(not(feature = "mysql"))]
    #[test]
    fn a_program_without_the_driver_refuses_a_server_and_names_the_feature() {
        let error = "mysql://u:hunter2@h/bank".parse::<DatabaseUrl>().unwrap_err().to_string();
        assert!(error.contains("feature mysql") && !error.contains("hunter2"), "{error}");
    }

    #[cfg(feature = "mysql")]
    #[test]
    fn the_password_is_not_shown() {
        let url: DatabaseUrl = "mysql://bank:hunter2@db.example:3307/bank".parse().unwrap();
        assert_eq!(url.redacted(), "mysql://db.example:3307/bank");
    }
}
