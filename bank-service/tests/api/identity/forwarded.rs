//! The client address of a request.

use serde_json::json;

use crate::harness::{PASSWORD, TestApp};

async fn login_from(app: &TestApp, email: &str, forwarded_for: &str) -> (u16, String) {
    let body = json!({"email": email, "password": PASSWORD});
    let request = app.client.post(app.url("/auth/login")).header("X-Forwarded-For", forwarded_for).json(&body);
    let answer = app.send(request).await;
    (answer.status.as_u16(), answer.body["access_token"].as_str().unwrap_or_default().to_owned())
}

#[actix_web::test]
async fn a_stranger_does_not_get_around_the_limit_by_claiming_other_addresses() {
    let app = TestApp::start_with(|config| config.rate_login_per_minute = 3).await;
    for n in 0..3 {
        assert_eq!(login_from(&app, "nobody@example.com", &format!("192.0.2.{n}")).await.0, 401);
    }
    assert_eq!(login_from(&app, "nobody@example.com", "192.0.2.9").await.0, 429);
}

#[actix_web::test]
async fn the_address_on_record_is_the_peers_unless_it_is_a_trusted_proxy() {
    for (trusted, expected) in [("", "127.0.0.1"), ("10.0.0.0/8", "127.0.0.1"), ("127.0.0.1", "192.0.2.7")] {
        let app = TestApp::start_with(|config| config.trusted_proxies = trusted.to_owned()).await;
        app.user("a@example.com").await;
        let (_, token) = login_from(&app, "a@example.com", "198.51.100.1, 192.0.2.7").await;
        let sessions = app.get(&token, "/auth/sessions").await.expect(200);
        assert_eq!(sessions["results"][1]["remote_addr"], expected, "{trusted:?}");
        let events = app.events().await;
        let audit = events.iter().rfind(|event| event.event_type.as_str() == "security.login_succeeded").unwrap();
        assert_eq!(audit.body.data["remote_addr"], expected, "{trusted:?}");
    }
}
