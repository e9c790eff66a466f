//! Passwords and tokens appear in no table, no event and no response.

use serde_json::json;

use crate::harness::TestApp;

const CANARY: &str = "canary-4f1d-do-not-print-me";

#[actix_web::test]
async fn no_password_and_no_token_is_kept_readable() {
    let app = TestApp::start().await;
    let credentials = json!({"email": "a@example.com", "password": CANARY});
    let register = app.client.post(app.url("/auth/register")).header("Idempotency-Key", "k").json(&credentials);
    let registered = app.send(register).await;
    let tokens = app.post_anonymous("/auth/login", credentials).await.expect(200);
    let refresh = tokens["refresh_token"].as_str().unwrap().to_owned();
    let refreshed = app.post_anonymous("/auth/refresh", json!({"refresh_token": refresh})).await.expect(200);
    app.login("a@example.com", &format!("{CANARY}-wrong")).await;
    assert!(!registered.expect(201).to_string().contains(CANARY));

    let secrets = [CANARY, refresh.as_str(), refreshed["refresh_token"].as_str().unwrap()];
    let signature = tokens["access_token"].as_str().unwrap().rsplit('.').next().unwrap().to_owned();
    for event in app.events().await {
        let text = format!("{} {}", event.body.message, event.body.data);
        assert!(!secrets.iter().any(|secret| text.contains(secret)) && !text.contains(&signature), "{text}");
    }
    assert!(app.holds("a@example.com").await, "the database was not read");
    for secret in secrets.iter().copied().chain([signature.as_str()]) {
        assert!(!app.holds(secret).await, "a secret is readable in the database");
    }
}
