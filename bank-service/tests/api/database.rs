//! The database of a test: a SQLite file, or its own database on the server that `TEST_DATABASE_URL` names (MySQL or
//! MariaDB).

use std::fmt::Write;
use std::path::Path;

use mysql_async::prelude::Queryable;
use service_kit::config::Secret;

/// The same folder gives the same database, so that a test can restart a service on its data.
pub(crate) async fn of(folder: &Path) -> Secret {
    let Some(server) = server() else {
        return Secret::new(format!("sqlite:{}", folder.join("bank.sqlite").display()));
    };
    let mut url = url::Url::parse(&server).expect("TEST_DATABASE_URL: not a URL");
    let mut name = "test_".to_owned();
    for byte in folder.to_string_lossy().bytes().rev().take(24) {
        write!(name, "{byte:02x}").expect("a text takes any text");
    }
    let mut connection = mysql_async::Conn::from_url(&server).await.expect("TEST_DATABASE_URL: the server to answer");
    connection.query_drop(format!("CREATE DATABASE IF NOT EXISTS {name}")).await.expect("a database for the test");
    connection.disconnect().await.expect("the server to say goodbye");
    url.set_path(&name);
    Secret::new(url.as_str())
}

/// Whether the tests run on a server instead of a file.
pub(crate) fn on_server() -> bool {
    server().is_some()
}

#[expect(clippy::disallowed_methods, reason = "the test's own setting, not the service's configuration")]
fn server() -> Option<String> {
    std::env::var("TEST_DATABASE_URL").ok()
}
