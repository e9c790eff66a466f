//! Wrong configuration, as an operator sees it: one line that names the variable, within seconds, at the start and in
//! `doctor`.

use std::net::TcpListener;

use crate::engine::variable;
use crate::mongod::Mongod;
use crate::process::place;

/// The start fails with a line about the variable that has this text in it, and `doctor` fails with it, too.
fn assert_refused(name: &'static str, value: &str, hint: &str) {
    let place = place().with(name, value);
    for line in [place.refusal(), place.diagnosis(name)] {
        assert!(line.contains(name) && line.contains(hint), "no {name} or no {hint:?} in: {line}");
    }
}

#[test]
fn a_broker_that_refuses_the_login_or_a_right_is_reported() {
    let right = variable(&["AMQP_URI"]);
    assert_refused("AMQP_URI", &right.replace(":bank-of-tests@", ":hunter2@"), "refused the login");
    assert_refused("AMQP_URI", &right.replace("/%2f", "/nowhere"), "nowhere");
    let stranger = place().with("AMQP_URI", right.replace("bank:bank-of-tests@", "guest-book:guest-book@"));
    let line = stranger.refusal();
    assert!(line.contains("AMQP_URI") && line.contains("guest-book"), "{line}");
}

/// The service waits for them, so only `doctor` reports them.
#[test]
fn the_doctor_reports_a_broker_or_a_store_that_is_not_there() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let line = place().with("AMQP_URI", format!("amqp://bank:hunter2@{closed}/%2f")).diagnosis("AMQP_URI");
    assert!(line.contains(&closed.to_string()), "{line}");
    let uri = format!("mongodb://email:hunter2@{closed}/email?replicaSet=rs0");
    let line = place().with("EMAIL_DATABASE_URL", &uri).diagnosis("EMAIL_DATABASE_URL");
    assert!(line.contains("no primary is reachable; is MongoDB running ") && !line.contains('{'), "{line}");
}

#[test]
fn a_malformed_address_of_a_broker_a_store_or_a_mail_server_is_reported() {
    for (name, value) in [
        ("AMQP_URI", "kafka://bank:hunter2@127.0.0.1"),
        ("AMQP_URI", "amqp:hunter2"),
        ("EMAIL_DATABASE_URL", "postgres://email:hunter2@127.0.0.1/email"),
        ("MAIL_URL", "pigeon://email:hunter2@127.0.0.1"),
    ] {
        let line = place().with(name, value).refusal();
        assert!(line.contains(name), "{line}");
    }
}

#[test]
fn a_certificate_of_an_unknown_authority_is_reported() {
    assert_refused("AMQP_URI", &variable(&["AMQPS_URI"]), "AMQP_CA_FILE");
    let folder = tempfile::tempdir().unwrap();
    assert_refused("EMAIL_DATABASE_URL", &format!("{}&tls=true", crate::engine::database_url(&folder)), "tlsCAFile");
}

#[test]
fn a_store_that_refuses_the_login_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let uri = crate::engine::database_url(&folder).replace("mongodb://", "mongodb://nobody:hunter2@");
    assert_refused("EMAIL_DATABASE_URL", &format!("{uri}&authSource=admin"), "password");
}

#[test]
fn a_store_without_a_replica_set_is_reported_with_the_remedy() {
    let server = Mongod::alone();
    assert_refused("EMAIL_DATABASE_URL", &server.uri(), "start mongod with --replSet");
}
