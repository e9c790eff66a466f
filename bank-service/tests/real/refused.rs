//! Unusable servers: one line that names the variable, within seconds, at the start and in `doctor`.

use std::net::TcpListener;
use std::process::Command;

use stand_ins::place::variable;

use crate::process::place;

/// Asserts that the start fails with a line about the variable that contains these texts, and that `doctor` fails with it, too.
fn assert_refused(name: &'static str, value: &str, hints: &[&str]) {
    let place = place().with(name, value);
    let line = place.refusal();
    assert!(line.contains(name), "{name} is not named: {line}");
    let report = String::from_utf8(place.run(&["doctor"]).stdout).unwrap();
    let found = report.lines().find(|line| line.starts_with("FAIL") && line.contains(name));
    let found = found.unwrap_or_else(|| panic!("doctor finds nothing wrong with {name}"));
    for hint in hints {
        assert!(line.contains(hint), "no {hint:?} in: {line}");
        assert!(found.contains(hint), "no {hint:?} in doctor's: {found}");
    }
}

#[test]
fn a_database_that_refuses_the_login_or_is_not_there_is_reported() {
    let right = variable("DATABASE_URL");
    assert_refused(
        "DATABASE_URL",
        &right.replace(":bank-of-tests@", ":hunter2@"),
        &["the server refuses the connection: Access denied"],
    );
    let (server, _) = right.rsplit_once('/').unwrap();
    assert_refused("DATABASE_URL", &format!("{server}/no_such_database"), &["no_such_database"]);
    // For an unknown user, MySQL requests any authentication method, even one that no client supports.
    for stranger in ["nobody", "somebody", "no_such_user", "bank2"] {
        let url = right.replace("bank:bank-of-tests@", &format!("{stranger}:hunter2@"));
        assert_refused("DATABASE_URL", &url, &["Access denied"]);
    }
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_refused("DATABASE_URL", &format!("mysql://bank:hunter2@{closed}/bank"), &["refused"]);
    assert_refused("DATABASE_URL", "mysql://bank:hunter2@no-such-host.invalid/bank", &[]);
    // Accepts connections, but never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("mysql://bank:hunter2@{}/bank", silent.local_addr().unwrap());
    assert_refused("DATABASE_URL", &url, &["no answer"]);
}

#[test]
fn a_malformed_url_is_reported() {
    for (name, value) in [
        ("DATABASE_URL", "postgres://bank:hunter2@127.0.0.1/bank".to_owned()),
        ("DATABASE_URL", "mysql://bank:hunter2@127.0.0.1".to_owned()),
        ("DATABASE_URL", format!("{}?ssl-mode=sometimes", variable("DATABASE_URL"))),
        ("AMQP_URI", "kafka://bank:hunter2@127.0.0.1".to_owned()),
        ("AMQP_URI", "amqp:hunter2".to_owned()),
    ] {
        let line = place().with(name, value).refusal();
        assert!(line.contains(name), "{line}");
    }
}

#[test]
fn a_broker_that_refuses_the_login_or_a_right_is_reported() {
    let right = variable("AMQP_URI");
    assert_refused("AMQP_URI", &right.replace(":bank-of-tests@", ":hunter2@"), &["refused the login"]);
    assert_refused("AMQP_URI", &right.replace("/%2f", "/nowhere"), &["nowhere"]);
    let stranger = right.replace("bank:bank-of-tests@", "guest-book:guest-book@");
    assert_refused("AMQP_URI", &stranger, &["guest-book", "topic_exchange"]);
}

/// A user of the broker, removed at the end of the test.
struct BrokerUser(&'static str);

impl BrokerUser {
    /// It may do everything with these names.
    fn with_rights_to(name: &'static str, names: &str) -> Self {
        ctl(&["add_user", name, "secret"]);
        let user = Self(name);
        ctl(&["set_permissions", name, names, names, names]);
        user
    }
}

impl Drop for BrokerUser {
    fn drop(&mut self) {
        ctl(&["delete_user", self.0]);
    }
}

fn ctl(arguments: &[&str]) {
    let output = Command::new(variable("RABBITMQ_CTL")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_missing_right_to_the_queue_of_text_messages_is_reported() {
    let user = BrokerUser::with_rights_to("real-rights", "^(topic_exchange|amq[.]default|bank-service[.]acks.*)$");
    let uri = variable("AMQP_URI").replace("bank:bank-of-tests@", &format!("{}:secret@", user.0));
    assert_refused("AMQP_URI", &uri, &["real-rights", "bank-service.sms"]);
}

#[test]
fn a_certificate_of_an_unknown_authority_is_reported() {
    let database = format!("{}?ssl-mode=verify-identity", variable("DATABASE_URL"));
    assert_refused("DATABASE_URL", &database, &["certificate"]);
    assert_refused("AMQP_URI", &variable("AMQPS_URI"), &["certificate", "AMQP_CA_FILE"]);
}
