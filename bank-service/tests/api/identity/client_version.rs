//! Clients that are too old.

use crate::harness::{Answer, TestApp};

async fn ask(app: &TestApp, path: &str, version: &str) -> Answer {
    app.send(app.client.get(app.url(path)).header("X-Client-Version", version)).await
}

#[actix_web::test]
async fn an_old_client_is_required_to_update() {
    let app = TestApp::start_with(|config| config.min_client_version = Some("1.4".to_owned())).await;
    for path in ["/api/banks", "/v1/auth/me", "/v1/.well-known/jwks.json"] {
        assert_eq!(ask(&app, path, "1.3.9").await.outcome(), (426, "client_too_old"), "{path}");
        assert_eq!(ask(&app, path, "newest").await.outcome(), (400, "malformed_request"), "{path}");
    }
    let metrics = app.send(app.client.get(app.url("/metrics"))).await.body.as_str().unwrap().to_owned();
    let counted = |route: &str, status: &str| {
        let wanted = [format!("route=\"{route}\""), format!("status=\"{status}\"")];
        metrics.lines().any(|line| wanted.iter().all(|label| line.contains(label)))
    };
    assert!(counted("/api/banks", "426") && counted("/api/banks", "400"), "{metrics}");
    assert!(!metrics.contains("route=\"unmatched\""), "{metrics}");
    assert_eq!(ask(&app, "/.well-known/jwks.json", "1.4.0").await.status.as_u16(), 200);
    assert_eq!(ask(&app, "/livez", "1.3.9").await.status.as_u16(), 200);
    assert_eq!(app.send(app.client.get(app.url("/.well-known/jwks.json"))).await.status.as_u16(), 200);
}

#[actix_web::test]
async fn without_a_least_version_every_client_will_do() {
    let app = TestApp::start().await;
    assert_eq!(ask(&app, "/.well-known/jwks.json", "newest").await.status.as_u16(), 200);
    assert_eq!(ask(&app, "/nowhere", "1").await.outcome(), (404, "not_found"));
    assert_eq!(ask(&app, "/auth/login", "1").await.outcome(), (405, "method_not_allowed"));
    assert_eq!(ask(&app, "/livez", "1").await.status.as_u16(), 200);
}
