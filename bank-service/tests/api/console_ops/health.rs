//! `/console/health`.

use super::start;
use crate::console::browser::Browser;
use crate::harness::{SECRET_KEY, TestApp};

#[actix_web::test]
async fn the_services_are_shown_with_versions_dependencies_and_paused_queues() {
    let (app, _services) = start().await;
    let browser = Browser::of_admin(&app).await;
    let page = browser.get("/console/health").await.expect(200).text;
    for part in ["bank-service", "database up", "log-service", "email-service", "store up", "9.8.7", "q1", "Outbox"] {
        assert!(page.contains(part), "{part} in {page}");
    }
    for caption in ["Services", "Queues", "Settings"] {
        let repeated = format!("<caption class=\"visually-hidden\">{caption}</caption>");
        assert!(page.contains(&repeated), "{caption} in {page}");
    }
    assert!(page.contains("<noscript>"), "{page}");
    assert!(page.contains("sse-connect=\"/console/health/stream\"") && page.len() < 60_000, "{}", page.len());
}

#[actix_web::test]
async fn the_settings_are_for_administrators_and_without_secrets() {
    let (app, _services) = start().await;
    let admin = app.admin().await;
    let browser = Browser::of_admin(&app).await;
    let page = browser.get("/console/health").await.expect(200).text;
    assert!(page.contains("DATABASE_URL") && !page.contains(SECRET_KEY), "{page}");
    app.manager(&admin).await;
    let browser = Browser::of(&app, "manager@example.com").await;
    let page = browser.get("/console/health").await.expect(200).text;
    assert!(page.contains("Outbox") && !page.contains("DATABASE_URL"), "{page}");
}

#[actix_web::test]
async fn services_that_do_not_answer_are_silent_beside_everything_else() {
    // Nothing listens at port 1.
    let app = TestApp::start_with(|config| config.log_service_url = "http://127.0.0.1:1".to_owned()).await;
    let browser = Browser::of_admin(&app).await;
    let page = browser.get("/console/health").await.expect(200).text;
    assert!(page.contains("silent") && page.contains("EMAIL_SERVICE_URL is not set"), "{page}");
    assert!(page.contains("database up"), "{page}");
}
