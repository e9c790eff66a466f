//! The choice of an adapter, by the URL's scheme.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use chrono::TimeDelta;

use super::LogStore;
#[cfg(feature = "mongodb")]
use super::mongo::{self, MongoStore, MongoUrl};
use super::sqlite::{self, SqliteStore};

/// The location of the log. A further engine is a further variant here and an arm in [`connect`].
#[derive(Debug, Clone)]
pub enum StoreUrl {
    Sqlite(PathBuf),
    #[cfg(feature = "mongodb")]
    Mongo(MongoUrl),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreUrlError {
    #[error("not a SQLite file")]
    Scheme,
    #[error("not the name of a file")]
    Path,
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Sqlite(#[from] sqlite::OpenError),
    #[cfg(feature = "mongodb")]
    #[error(transparent)]
    Mongo(#[from] mongo::ConnectError),
}

impl FromStr for StoreUrl {
    type Err = StoreUrlError;

    /// `sqlite:<path>`; `sqlite://<path>` is the same. An in-memory database is refused: the log promises to survive.
    /// MongoDB has a variable of its own, see `MongoUrl`.
    fn from_str(text: &str) -> Result<Self, StoreUrlError> {
        let rest = text.strip_prefix("sqlite:").ok_or(StoreUrlError::Scheme)?;
        service_kit::sqlite::file_of(rest).map(Self::Sqlite).map_err(|_| StoreUrlError::Path)
    }
}

impl StoreUrl {
    /// The file, if it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            #[cfg(feature = "mongodb")]
            Self::Mongo(_) => None,
        }
    }

    /// The variable that chose the store.
    pub fn variable(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "LOG_DATABASE_URL",
            #[cfg(feature = "mongodb")]
            Self::Mongo(_) => "MONGODB_URI",
        }
    }
}

/// Opens the store and brings its schema up to date. An engine that can expire entries by itself gets the retention time.
#[cfg_attr(not(feature = "mongodb"), expect(unused_variables, reason = "only MongoDB removes entries by itself"))]
pub async fn connect(url: &StoreUrl, retention: Option<TimeDelta>) -> Result<Arc<dyn LogStore>, OpenError> {
    match url {
        StoreUrl::Sqlite(path) => Ok(Arc::new(SqliteStore::open(path).await?)),
        #[cfg(feature = "mongodb")]
        StoreUrl::Mongo(url) => Ok(Arc::new(MongoStore::connect(url, retention).await?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_of_sqlite_is_taken() {
        for (text, expected) in
            [("sqlite:./data/logs.sqlite", "./data/logs.sqlite"), ("sqlite:///var/logs.sqlite", "/var/logs.sqlite")]
        {
            let parsed = text.parse();
            assert!(matches!(&parsed, Ok(StoreUrl::Sqlite(path)) if path == &PathBuf::from(expected)), "{parsed:?}");
        }
        for bad in ["mongodb://localhost/logs", "postgres:x", "./logs.sqlite", ""] {
            assert_eq!(bad.parse::<StoreUrl>().err(), Some(StoreUrlError::Scheme), "{bad:?}");
        }
        for bad in ["sqlite:", "sqlite://", "sqlite::memory:", "sqlite:logs.sqlite?mode=ro", "sqlite:mongodb://h/l"] {
            assert_eq!(bad.parse::<StoreUrl>().err(), Some(StoreUrlError::Path), "{bad:?}");
        }
    }
}
