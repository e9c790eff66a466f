//! The broker over TLS: the certificates that are trusted, and the reports of those that are not.

use std::path::PathBuf;
use std::time::Duration;

use service_kit::config::{Faults, Secret};
use service_kit::messaging::amqp::{AmqpError, check_at_start, probe};
use service_kit::messaging::{AmqpSettings, BrokerOptions, HandlerResult, PublishResult};
use test_support::eventually;

use crate::scripted::{Scripted, message};
use crate::support::{BrokerFixture, variable};

/// The settings that `AMQP_URI` and `AMQP_CA_FILE` would give.
fn settings(ca: Option<PathBuf>) -> AmqpSettings {
    let amqp_uri = Some(Secret::new(variable("AMQPS_URI")));
    let options = BrokerOptions { amqp_uri, amqp_ca_file: ca, ..BrokerOptions::default() };
    let mut faults = Faults::new();
    let settings = options.check(&mut faults);
    faults.finish().unwrap();
    settings.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_come_and_go_by_tls() {
    let ca_pem = settings(Some(variable("AMQPS_CA_FILE").into())).ca_pem;
    let fixture = BrokerFixture::at(&variable("AMQPS_URI"), |settings| settings.ca_pem = ca_pem).await;
    let consumer = Scripted::always(HandlerResult::Done);
    fixture.subscribe(fixture.queue("q"), &consumer).await;
    assert_eq!(fixture.publish(&message(1)).await, PublishResult::Accepted);
    eventually("it is heard", async || consumer.calls() == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_authority_is_refused_at_the_start_and_the_variable_is_named() {
    let mut settings = settings(None);
    settings.request_limit = Duration::from_secs(5);
    let error = probe(&settings, &[]).await.unwrap_err();
    assert!(matches!(error, AmqpError::Untrusted { .. }) && error.to_string().contains("AMQP_CA_FILE"), "{error:?}");
    assert_eq!(check_at_start(&settings, &[]).await, Err(error));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_to_a_port_without_it_is_reported_in_bounded_time() {
    let plain = crate::support::broker_uri().replace("amqp://", "amqps://");
    let mut settings = AmqpSettings::parse(&plain, "x").unwrap();
    settings.request_limit = Duration::from_secs(5);
    let error = probe(&settings, &[]).await.unwrap_err();
    assert!(matches!(error, AmqpError::Unreachable { .. } | AmqpError::TimedOut { .. }), "{error}");
}
