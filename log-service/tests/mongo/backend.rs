//! The suite's stores: databases of the server that `MONGODB_URI` names.

use log_service::config::Config;
use mongodb::bson::Document;
use mongodb::{Client, Collection};
use service_kit::config::Secret;
use service_kit::ids;

/// A database for one test alone; dropped with its last user.
pub(crate) struct Place {
    uri: String,
    database: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self::on(&uri())
    }

    pub(crate) fn on(uri: &str) -> Self {
        Self { uri: uri.to_owned(), database: format!("log-test-{}", ids::new_uuid().simple()) }
    }

    /// A service on a free port with this store.
    pub(crate) fn config(&self) -> Config {
        let mut config = Config::new("127.0.0.1:0", "sqlite:not-used");
        config.mongodb_uri = Some(Secret::new(self.uri.as_str()));
        config.mongodb_name.clone_from(&self.database);
        config
    }

    /// A collection of this database, without the service.
    pub(crate) async fn collection(&self, name: &str) -> Collection<Document> {
        Client::with_uri_str(&self.uri).await.unwrap().database(&self.database).collection(name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let (uri, database) = (self.uri.clone(), self.database.clone());
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let client = Client::with_uri_str(format!("{uri}&serverSelectionTimeoutMS=2000")).await?;
                client.database(&database).drop().await
            })
        });
        if !std::thread::panicking() {
            dropping.join().unwrap().unwrap();
        }
    }
}

/// The server for the tests. Without it they cannot run, which is a failure, not a pass.
#[expect(clippy::disallowed_methods, reason = "the address of the server is not the service's configuration")]
pub(crate) fn uri() -> String {
    let uri = std::env::var("MONGODB_URI").unwrap_or_default();
    assert!(!uri.is_empty(), "MONGODB_URI is not set; it has to name a MongoDB replica set (see deploy/local/with.sh)");
    if uri.contains('?') { uri } else { format!("{}/?", uri.trim_end_matches('/')) }
}

/// The authority of the server's certificate, in PEM form.
#[expect(clippy::disallowed_methods, reason = "a file of the test's server is not the service's configuration")]
pub(crate) fn ca_file() -> String {
    std::env::var("MONGODB_CA_FILE").expect("MONGODB_CA_FILE is not set (see deploy/local/with.sh)")
}
