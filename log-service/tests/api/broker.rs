//! The process without its broker.

use serde_json::json;
use stand_ins::place::Place;

#[actix_web::test]
async fn a_service_is_not_ready_without_its_broker_and_requests_are_answered_all_the_same() {
    let place = Place::new(env!("CARGO_BIN_EXE_log-service"), &[("LOG_DATABASE_URL", "sqlite:log.sqlite")]);
    let readiness = place.readiness_without_broker("LOG_BIND").await;
    assert_eq!(readiness, (503, json!({"log_store": "up", "broker": "down"})));
}
