//! The service refuses a database of another system and leaves it unchanged.

use bank_service::store::{DatabaseUrl, migrations};
use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};
use mysql_async::prelude::Queryable as _;

use crate::database;

const THEIRS: &str = "CREATE TABLE users (id INTEGER PRIMARY KEY, email VARCHAR(100) UNIQUE)";

#[actix_web::test]
async fn a_database_with_tables_of_another_system_is_refused_by_its_name_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let url = database::of(folder.path()).await;
    let file = folder.path().join("bank.sqlite");
    if database::on_server() {
        let mut connection = mysql_async::Conn::from_url(url.expose()).await.unwrap();
        connection.query_drop(THEIRS).await.unwrap();
    } else {
        SqliteConnection::establish(file.to_str().unwrap()).unwrap().batch_execute(THEIRS).unwrap();
    }
    let before = std::fs::read(&file).ok();
    let parsed = url.expose().parse::<DatabaseUrl>().unwrap();
    for is_up in [true, false] {
        let url_of_theirs = parsed.clone();
        let act = move || {
            if is_up {
                migrations::upgrade(&url_of_theirs).map(drop)
            } else {
                migrations::downgrade(&url_of_theirs).map(drop)
            }
        };
        let error = tokio::task::spawn_blocking(act).await.unwrap().unwrap_err().to_string();
        let name = url.expose().rsplit('/').next().unwrap();
        assert!(error.contains(name) && error.contains("nothing was changed"), "{error}");
    }
    assert_eq!(std::fs::read(&file).ok(), before);
    if database::on_server() {
        let mut connection = mysql_async::Conn::from_url(url.expose()).await.unwrap();
        let tables: Vec<String> = connection.query("SHOW TABLES").await.unwrap();
        assert_eq!(tables, ["users"]);
    }
}
