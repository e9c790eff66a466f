//! The process without its broker.

use serde_json::json;
use stand_ins::place::Place;

#[actix_rt::test]
async fn a_service_is_not_ready_without_its_broker_and_requests_are_answered_all_the_same() {
    let variables = [("EMAIL_DATABASE_URL", "sqlite:email.sqlite"), ("MAIL_URL", "mailbox:mailbox")];
    let place = Place::new(env!("CARGO_BIN_EXE_email-service"), &variables);
    let readiness = place.readiness_without_broker("EMAIL_BIND").await;
    assert_eq!(readiness, (503, json!({"mailer": "up", "store": "up", "broker": "down"})));
}
