//! The process without its broker.

use std::net::TcpListener;
use std::time::Duration;

use serde_json::{Value, json};
use stand_ins::place::Place;
use test_support::found;

/// Nothing listens there.
const CLOSED: &str = "amqp://bank:secret@127.0.0.1:1/%2f";

#[actix_rt::test]
async fn a_service_is_not_ready_without_its_broker_and_requests_are_answered_all_the_same() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let variables = [("EMAIL_DATABASE_URL", "sqlite:email.sqlite"), ("MAIL_URL", "mailbox:mailbox")];
    let place = Place::new(env!("CARGO_BIN_EXE_email-service"), &variables);
    let place = place.with("EMAIL_BIND", &address).with("AMQP_URI", CLOSED);
    let _server = place.start();
    let ((status, report), _) = found("the broker is down", Duration::from_mins(1), async || {
        let answer = reqwest::get(format!("http://{address}/readyz")).await.ok()?;
        let status = answer.status().as_u16();
        let report: Value = answer.json().await.ok()?;
        (report["dependencies"]["broker"] == "down").then_some((status, report))
    })
    .await;
    let expected = json!({"mailer": "up", "store": "up", "broker": "down"});
    assert_eq!((status, report["dependencies"].clone()), (503, expected));
    assert_eq!(reqwest::get(format!("http://{address}/ping")).await.unwrap().status(), 200);
}
