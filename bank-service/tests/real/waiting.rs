//! Events wait until the expected queues exist; `/readyz` names the missing ones.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stand_ins::place::variable;

use crate::process::place;

#[tokio::test]
async fn readiness_names_the_queues_that_are_waited_for_and_requests_are_answered_all_the_same() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let place = place()
        .with("BANK_BIND", &address)
        .with("AMQP_URI", variable("AMQP_URI"))
        .with("EXCHANGE_NAME", "real.waiting")
        .with("CALLBACK_QUEUE", "real.waiting.acks")
        .with("EXPECTED_QUEUES", "real.waiting.acks, real.waiting.nobody");
    let _server = place.start();
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let report = report(&address).await;
        let status_and_dependencies = report.as_ref().map(|(status, body)| (*status, body["dependencies"].clone()));
        let expected = json!({
            "database": "up", "broker": "down", "queue real.waiting.acks": "up", "queue real.waiting.nobody": "down",
        });
        if status_and_dependencies == Some((503, expected)) {
            return;
        }
        assert!(Instant::now() < deadline, "{report:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn report(address: &str) -> Option<(u16, Value)> {
    let answer = reqwest::get(format!("http://{address}/readyz")).await.ok()?;
    Some((answer.status().as_u16(), answer.json().await.ok()?))
}
