//! Access: staff has all rights, a service may read, any other caller has none.

use serde_json::{Value, json};
use service_kit::http::auth::SigningKey;

use crate::support::App;

fn routes() -> Vec<(&'static str, String, Option<Value>, u16)> {
    let preview = json!({"template": "test", "data": {}});
    let test = json!({"to": "a@b.example"});
    let mut all = Vec::new();
    for prefix in ["/api/emails", "/emails"] {
        all.push(("GET", prefix.to_owned(), None, 200));
        all.push(("GET", format!("{prefix}/1"), None, 200));
        all.push(("POST", format!("{prefix}/preview"), Some(preview.clone()), 200));
        all.push(("POST", format!("{prefix}/test"), Some(test.clone()), 201));
    }
    all
}

#[actix_rt::test]
async fn staff_gets_in_and_a_service_may_read() {
    let app = App::start().await;
    app.post("/api/emails/test", &json!({"to": "first@b.example"})).await;
    let before = app.mails().len();
    for (method, path, body, _) in routes() {
        let (status, answer) = app.request(method, &path, None, body.as_ref()).await;
        assert_eq!((status, &answer["error"]), (403, &"access_denied".into()), "{method} {path}");
        for roles in [&["user"][..], &["service"], &["auditor"], &[]] {
            if roles == ["service"] && method == "GET" {
                continue;
            }
            let (status, answer) = app.request(method, &path, Some(&app.token(roles)), body.as_ref()).await;
            assert_eq!((status, &answer["error"]), (403, &"access_denied".into()), "{method} {path} {roles:?}");
        }
    }
    assert_eq!(app.mails().len(), before, "nothing was sent");
    for (method, path, body, expected) in routes() {
        for role in ["manager", "admin", "service"] {
            if role == "service" && method != "GET" {
                continue;
            }
            let (status, answer) = app.request(method, &path, Some(&app.token(&[role])), body.as_ref()).await;
            assert_eq!(status, expected, "{method} {path} {role}: {answer}");
        }
    }
    app.stop().await;
}

#[actix_rt::test]
async fn a_bad_token_is_refused_before_anything_is_read() {
    let app = App::start().await;
    let mut elsewhere = app.claims(&["admin"]);
    elsewhere.aud = vec!["bank-service".to_owned()];
    let mut old = app.claims(&["admin"]);
    old.exp -= 2_000;
    let forged = SigningKey::generate().sign(&app.claims(&["admin"])).unwrap();
    for (token, error) in [
        (app.sign(&elsewhere), "invalid_token"),
        (forged, "invalid_token"),
        ("x.y.z".to_owned(), "invalid_token"),
        (app.sign(&old), "token_expired"),
    ] {
        let (status, answer) = app.request("POST", "/api/emails/test", Some(&token), Some(&json!([]))).await;
        assert_eq!((status, &answer["error"]), (401, &error.into()));
    }
    let (status, _) = app.request("POST", "/api/emails/test", None, Some(&json!("not a request"))).await;
    assert_eq!(status, 403);
    app.stop().await;
}

#[actix_rt::test]
async fn a_wrong_method_or_body_is_a_problem() {
    let app = App::start().await;
    let token = app.token(&["admin"]);
    for (method, path) in [("DELETE", "/api/emails/1"), ("GET", "/api/emails/test"), ("PUT", "/api/emails")] {
        let (status, answer) = app.request(method, path, Some(&token), None).await;
        assert_eq!((status, &answer["error"]), (405, &"method_not_allowed".into()), "{method} {path}");
    }
    let post = async |content_type: &str, body: Vec<u8>| {
        let request = app.client.post(format!("{}/api/emails/preview", app.running.url())).bearer_auth(&token);
        request.header("Content-Type", content_type).body(body).send().await.unwrap().status().as_u16()
    };
    assert_eq!(post("text/plain", b"{}".to_vec()).await, 415);
    assert_eq!(post("application/json", b"{".to_vec()).await, 400);
    assert_eq!(post("application/json", vec![b' '; 100_000]).await, 413);
    app.stop().await;
}
