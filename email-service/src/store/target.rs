//! The choice of the store: `EMAIL_DATABASE_URL`, whose scheme determines the adapter.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

#[cfg(feature = "mongodb")]
use mongodb::options::ConnectionString;
#[cfg(feature = "mongodb")]
use service_kit::config::Secret;
use service_kit::sqlite::file_of;

#[cfg(feature = "mongodb")]
use super::MongoStore;
use super::{DeliveryStore, SqliteStore, StoreError};

const FORMS: &str = "expected sqlite:<file> or mongodb://host/database";

#[cfg(feature = "mongodb")]
const MONGODB_FORM: &str =
    "expected mongodb://user:password@host:27017/database?replicaSet=rs0, special characters percent-encoded";

/// The location of the delivery records.
#[derive(Debug, Clone)]
pub enum StoreTarget {
    /// One process with a file of its own.
    Sqlite(PathBuf),
    /// Any number of replicas.
    #[cfg(feature = "mongodb")]
    Mongo { uri: Secret },
}

impl StoreTarget {
    /// The file, if it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(file) => Some(file),
            #[cfg(feature = "mongodb")]
            Self::Mongo { .. } => None,
        }
    }

    pub async fn open(&self) -> Result<Arc<dyn DeliveryStore>, StoreError> {
        match self {
            Self::Sqlite(file) => {
                let file = file.clone();
                // Opening reads and writes files, so it runs off the async threads.
                let opened = tokio::task::spawn_blocking(move || SqliteStore::open(&file)).await;
                Ok(Arc::new(opened.map_err(|error| StoreError::Open(error.into()))??))
            }
            #[cfg(feature = "mongodb")]
            Self::Mongo { uri } => Ok(Arc::new(MongoStore::open(uri).await?)),
        }
    }
}

impl FromStr for StoreTarget {
    type Err = String;

    /// The error does not show the text, which may hold a password.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("sqlite", rest)) => file_of(rest).map(Self::Sqlite).map_err(|fault| format!("{fault}; {FORMS}")),
            #[cfg(not(feature = "mongodb"))]
            Some(("mongodb" | "mongodb+srv", _)) => {
                Err("this program is built without the feature mongodb, so without MongoDB; email-service has it"
                    .to_owned())
            }
            #[cfg(feature = "mongodb")]
            Some(("mongodb" | "mongodb+srv", rest)) => {
                // It may name several hosts, which url::Url cannot parse.
                let path = rest.strip_prefix("//").and_then(|rest| rest.split_once('/')).map(|(_, path)| path);
                let database = path.map(|path| path.split('?').next().unwrap_or_default());
                if database.is_none_or(str::is_empty) {
                    return Err(format!("names no database; {FORMS}"));
                }
                // The driver's text may quote a part of the password.
                ConnectionString::parse(text).map_err(|_| format!("cannot be read; {MONGODB_FORM}"))?;
                Ok(Self::Mongo { uri: Secret::new(text) })
            }
            _ => Err(format!("its scheme is not known; {FORMS}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(not(feature = "mongodb"))]
    #[test]
    fn a_program_without_the_driver_refuses_mongodb_and_names_the_feature() {
        let fault = "mongodb://u:hunter2@h/bank".parse::<StoreTarget>().unwrap_err();
        assert!(fault.contains("feature mongodb") && !fault.contains("hunter2"), "{fault}");
    }

    #[cfg(feature = "mongodb")]
    #[test]
    fn the_scheme_picks_the_store_and_no_fault_shows_a_password() {
        assert!(matches!("sqlite:./a".parse(), Ok(StoreTarget::Sqlite(file)) if file.to_str() == Some("./a")));
        assert!(matches!("sqlite:///a/b".parse(), Ok(StoreTarget::Sqlite(file)) if file.to_str() == Some("/a/b")));
        let replicas = "mongodb://u:hunter2@a:1,b:2/bank?replicaSet=rs0";
        assert!(matches!(replicas.parse(), Ok(StoreTarget::Mongo { .. })));
        for bad in [
            "",
            "sqlite:",
            "sqlite::memory:",
            "sqlite:a.sqlite?key=hunter2",
            "sqlite:mongodb://u:hunter2@a/bank",
            "mongodb://u:hunter2@x@a/bank",
            "mongodb://u:hunter2@a",
            "mongodb://u:hunter2@a/?x=y",
            "mongodb://u:hunter2@a:port/bank",
            "mongodb://u:hunter2@a:99999/bank",
            "mongodb://u:hunter2@a/bank?maxPoolSize=hunter2",
            "mysql://u:hunter2@a/b",
        ] {
            let error = bad.parse::<StoreTarget>().unwrap_err();
            assert!(error.contains("expected") && !error.contains("hunter2"), "{error}");
        }
    }
}
