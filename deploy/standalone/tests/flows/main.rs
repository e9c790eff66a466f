//! Each flow of identity end to end over HTTP, on both engines: bank-service on MySQL or MariaDB with RabbitMQ, log-service on
//! MongoDB and email-service by SMTP as three processes, and the all-in-one process on SQLite. Mails are read from a real
//! mail server; text messages, push notifications and social logins go to stand-ins that check their requests. At the end every
//! secret of the flows is searched for in logs, tables, documents, dead letters and answers, where none may be. One request is also
//! followed as a trace.
//!
//! Needs `DATABASE_URL`, `AMQP_URI`, `RABBITMQ_CTL`, `MONGODB_URI`, `SMTP_HOST`, `SMTP_PORT` and `SMTP_API_URL`, as
//! `deploy/local/with.sh` sets them; a missing one fails the tests. The binaries of the three services have to be built.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests fail by panicking"
)]

#[path = "../shared/binaries.rs"]
mod binaries;
mod canary;
mod cases;
mod dump;
mod embedded;
mod fixture;
mod inbox;
mod process;
mod real;
mod secrets;
mod traces;

use std::time::Instant;

use fixture::Fixture;

/// Runs one flow, and prints how long it took.
async fn flow(fixture: &Fixture, name: &str, run: impl Future<Output = ()>) {
    let begun = Instant::now();
    println!("{} {name}: begins", fixture.name);
    run.await;
    println!("{} {name}: done in {} ms", fixture.name, begun.elapsed().as_millis());
}

async fn every_flow(fixture: &Fixture) {
    flow(fixture, "registration", cases::addresses::register_and_verify(fixture)).await;
    flow(fixture, "e-mail change", cases::addresses::change(fixture)).await;
    flow(fixture, "reset by link", cases::passwords::reset_by_link(fixture)).await;
    flow(fixture, "reset by code", cases::passwords::reset_by_code(fixture)).await;
    flow(fixture, "second factor", cases::second_factor::set_up_and_log_in(fixture)).await;
    flow(fixture, "phone", cases::phone::verify(fixture)).await;
    flow(fixture, "devices", cases::devices::push(fixture)).await;
    flow(fixture, "providers", cases::social::log_in(fixture)).await;
    flow(fixture, "linking", cases::social::link(fixture)).await;
    flow(fixture, "sessions", cases::sessions::end(fixture)).await;
    flow(fixture, "import", cases::import::log_in(fixture)).await;
    flow(fixture, "what is given up", cases::given_up::dead_letters(fixture)).await;
    flow(fixture, "secrets", canary::search(fixture)).await;
    assert_eq!(fixture.providers.complaints(), Vec::<String>::new());
}

#[actix_web::test]
async fn every_flow_goes_through_three_processes_on_real_servers() {
    every_flow(&real::start().await).await;
}

#[actix_web::test]
async fn every_flow_goes_through_the_all_in_one_process() {
    every_flow(&embedded::start().await).await;
}
