//! The database and the broker over TLS.

use mysql_async::prelude::Queryable;
use stand_ins::place::variable;

use crate::process::place;

/// A user who may log in over TLS only, on its own database.
async fn tls_only(database: &str) -> String {
    let right = variable("DATABASE_URL");
    let mut connection = mysql_async::Conn::from_url(&right).await.unwrap();
    connection.query_drop(format!("DROP DATABASE IF EXISTS {database}")).await.unwrap();
    connection.query_drop(format!("CREATE DATABASE {database}")).await.unwrap();
    connection.disconnect().await.unwrap();
    right.replace("bank:bank-of-tests@", "tls_only:tls_only@").replace("/bank", &format!("/{database}"))
}

#[tokio::test]
async fn the_database_is_reached_by_tls_and_its_certificate_is_checked() {
    let url = tls_only("real_tls").await;
    let refused = place().with("DATABASE_URL", &url).refusal();
    assert!(refused.contains("Access denied"), "{refused}");
    let ca = variable("DATABASE_CA_FILE");
    for query in [format!("ssl-ca={ca}"), format!("ssl-mode=verify-ca&ssl-ca={ca}"), "ssl-mode=required".to_owned()] {
        let output = place().with("DATABASE_URL", format!("{url}?{query}")).run(&["db", "upgrade"]);
        assert!(output.status.success(), "{query}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn the_broker_is_reached_by_tls() {
    let place = place().with("AMQP_URI", variable("AMQPS_URI")).with("AMQP_CA_FILE", variable("AMQPS_CA_FILE"));
    let report = String::from_utf8(place.run(&["doctor"]).stdout).unwrap();
    assert!(report.lines().any(|line| line.starts_with("ok") && line.contains("AMQP_URI: amqps://")), "{report}");
}
