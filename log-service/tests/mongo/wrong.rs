//! Wrong configuration, as an operator sees it: one line that names the variable, within seconds, at the start and in
//! `doctor`.

use std::net::TcpListener;

use stand_ins::place::variable;

use crate::backend;
use crate::process::place;
use crate::server::Mongod;

/// The start fails with a line about the variable that has this text in it, and `doctor` fails with it, too.
fn assert_refused(name: &'static str, value: &str, hint: &str) {
    let place = place().with(name, value);
    for line in [place.refusal(), place.diagnosis(name)] {
        assert!(line.contains(name) && line.contains(hint), "no {name} or no {hint:?} in: {line}");
    }
}

#[test]
fn a_broker_that_refuses_the_login_or_a_right_is_reported() {
    let right = variable("AMQP_URI");
    assert_refused("AMQP_URI", &right.replace(":bank-of-tests@", ":hunter2@"), "refused the login");
    assert_refused("AMQP_URI", &right.replace("/%2f", "/nowhere"), "nowhere");
    let stranger = place().with("AMQP_URI", right.replace("bank:bank-of-tests@", "guest-book:guest-book@"));
    let line = stranger.refusal();
    assert!(line.contains("AMQP_URI") && line.contains("guest-book"), "{line}");
}

/// The service waits for it, so only `doctor` reports it.
#[test]
fn the_doctor_reports_a_broker_that_is_not_there() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let line = place().with("AMQP_URI", format!("amqp://bank:hunter2@{closed}/%2f")).diagnosis("AMQP_URI");
    assert!(line.contains(&closed.to_string()), "{line}");
}

#[test]
fn a_malformed_address_of_a_broker_or_a_store_is_reported() {
    for (name, value) in [
        ("AMQP_URI", "kafka://bank:hunter2@127.0.0.1"),
        ("AMQP_URI", "amqp:hunter2"),
        ("MONGODB_URI", "postgres://log:hunter2@127.0.0.1/log"),
        ("LOG_DATABASE_URL", "postgres://log:hunter2@127.0.0.1/log"),
    ] {
        let line = place().with(name, value).refusal();
        assert!(line.contains(name), "{line}");
    }
}

#[test]
fn a_certificate_of_an_unknown_authority_is_reported() {
    assert_refused("AMQP_URI", &variable("AMQPS_URI"), "AMQP_CA_FILE");
    assert_refused("MONGODB_URI", &format!("{}&tls=true", backend::uri()), "tlsCAFile");
}

#[test]
fn a_store_that_is_not_there_is_reported() {
    assert_refused("MONGODB_URI", "mongodb://log:hunter2@127.0.0.1:1/?replicaSet=rs0", "no primary is reachable");
}

#[actix_web::test]
async fn a_store_without_a_replica_set_is_reported_with_the_remedy() {
    let server = Mongod::start_with(&[]).await;
    let uri = format!("mongodb://{}/", server.address());
    assert_refused("MONGODB_URI", &uri, "start mongod with --replSet");
}
