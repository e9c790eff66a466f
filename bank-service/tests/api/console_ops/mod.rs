//! The console: the screens of events, dead letters, the log, mails and health.

mod dead_letters;
mod flow;
mod health;
mod log;
mod mails;
mod services;
mod streams;

use services::Services;

use crate::harness::TestApp;

/// What people may have written into a name, a message or an answer.
const MARKUP: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";

async fn start() -> (TestApp, Services) {
    let services = Services::start();
    let app = TestApp::start_with(|config| {
        config.log_service_url.clone_from(&services.url);
        config.email_service_url = Some(services.url.clone());
    })
    .await;
    (app, services)
}

/// Publishes what waits in the outbox.
async fn publish(app: &TestApp) {
    app.running.relay(app.dead_letters.transport.clone()).drain().await.unwrap();
}

/// Fails if the page has the markup unescaped.
#[track_caller]
fn assert_harmless(page: &str) {
    assert!(page.contains("&lt;script&gt;alert(1)"), "the markup is not on the page at all: {page}");
    assert!(!page.contains("<script>alert") && !page.contains("<img"), "{page}");
}
