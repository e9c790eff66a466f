//! The HTTP API as staff uses it.

use std::time::Duration;

use serde_json::json;
use shared_events::Event;
use shared_events::events::{AccountCreated, BankCreated, UserCreated};

use crate::doubles::Scripted;
use crate::support::{App, Options, event};
use email_service::mailer::SendError;

async fn app_with_mails() -> App {
    let app = App::start().await;
    app.publish_until_accepted(&event(&AccountCreated::example())).await;
    app.publish_until_accepted(&event(&BankCreated::example())).await;
    app.publish_until_accepted(&event(&UserCreated::example())).await;
    app
}

#[actix_rt::test]
async fn deliveries_are_listed_and_read_with_masked_recipients() {
    let app = app_with_mails().await;
    let list = app.get("/api/emails").await;
    assert_eq!((&list["total"], &list["pages"]), (&3.into(), &1.into()));
    assert_eq!(list["next"], "/api/emails?page_number=1&page_size=5");
    let first = &list["results"][0];
    let expected = json!({
        "id": 1, "event_id": event(&AccountCreated::example()).id.to_string(), "event_type": "account.created",
        "recipient": "j***@example.com", "state": "sent", "attempts": 1, "answer": "stored in the mailbox folder",
        "message_id": format!("<{}@bank.localhost>", event(&AccountCreated::example()).id),
        "created_at": "2025-01-16T17:10:30Z", "updated_at": "2025-01-16T17:10:30Z",
    });
    assert_eq!(*first, expected);
    assert_eq!(app.get("/api/emails/1").await, *first);
    assert_eq!(app.get("/emails/1").await, *first);
    let (alias, _) = app.request("GET", "/api/emails/01", Some(&app.token(&["admin"])), None).await;
    assert_eq!(alias, 404, "an id has one form");
    assert_eq!(app.get("/emails").await["next"], "/emails?page_number=1&page_size=5");
    app.stop().await;
}

#[actix_rt::test]
async fn a_delivery_that_the_client_has_already_is_not_sent_again() {
    let app = app_with_mails().await;
    let ask = async |method: &str, path: &str, tag: Option<&str>| {
        let request = app.client.request(method.parse().unwrap(), format!("{}{path}", app.running.url()));
        let request = request.bearer_auth(app.token(&["manager"]));
        let request = if let Some(tag) = tag { request.header("If-None-Match", tag) } else { request };
        let response = request.send().await.unwrap();
        let tag = response.headers().get("etag").map(|tag| tag.to_str().unwrap().to_owned());
        (response.status().as_u16(), tag, response.text().await.unwrap())
    };
    let (status, tag, body) = ask("GET", "/api/emails/1", None).await;
    let known = tag.clone().expect("a tag");
    assert!(status == 200 && body.contains("account.created"), "{body}");
    for (method, path, given, expected) in [
        ("HEAD", "/api/emails/1", None, 200),
        ("GET", "/api/emails/1", Some(known.as_str()), 304),
        ("HEAD", "/emails/1", Some(known.as_str()), 304),
        ("GET", "/emails/1", Some("*"), 304),
    ] {
        assert_eq!(ask(method, path, given).await, (expected, tag.clone(), String::new()), "{method} {path} {given:?}");
    }
    let (status, other, _) = ask("GET", "/api/emails/2", Some(&known)).await;
    assert!(status == 200 && other != tag, "{status} {other:?}");
    for path in ["/api/emails", "/api/emails/9"] {
        let status = if path == "/api/emails" { 200 } else { 404 };
        let (answered, _, text) = ask("HEAD", path, Some("*")).await;
        assert_eq!((answered, text.as_str()), (status, ""), "{path}");
    }
    app.stop().await;
}

#[actix_rt::test]
async fn lists_are_filtered_and_walked() {
    let app = app_with_mails().await;
    let total = async |query: &str| app.get(&format!("/api/emails?{query}")).await["total"].as_i64().unwrap();
    assert_eq!(total("event_type=bank.created").await, 1);
    assert_eq!(total("state=sent").await, 3);
    assert_eq!(total("state=failed").await, 0);
    assert_eq!(total(&format!("event_id={}", event(&UserCreated::example()).id)).await, 1);
    let first = app.get("/api/emails?after=&page_size=2").await;
    let next = app.get(first["next"].as_str().unwrap()).await;
    assert_eq!((first["results"].as_array().unwrap().len(), next["results"][0]["id"].as_i64()), (2, Some(3)));
    app.stop().await;
}

#[actix_rt::test]
async fn a_bad_query_is_refused_with_all_its_faults() {
    let app = App::start().await;
    let token = app.token(&["admin"]);
    for (query, faults) in [
        ("state=lost&event_id=7", vec!["event_id", "state"]),
        ("recipient=a@b.c", vec!["recipient"]),
        ("page_number=0&page_size=1000", vec!["page_number", "page_size"]),
        ("page_number=01&page_size=%2B5", vec!["page_number", "page_size"]),
        ("state=lost&color=red&event_id=7&page_size=0", vec!["color", "event_id", "page_size", "state"]),
        ("state=sent&state=failed&event_type=", vec!["event_type", "state"]),
        ("event_type=%00&after=AQ", vec!["after", "event_type"]),
    ] {
        let (status, body) = app.request("GET", &format!("/api/emails?{query}"), Some(&token), None).await;
        assert_eq!((status, &body["error"]), (422, &"validation_failed".into()), "{query}");
        let named: Vec<&str> = body["errors"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(named, faults);
    }
    for id in ["0", "-1", "abc", "99", "18446744073709551616", "1%2F2", "1%00"] {
        let (status, body) = app.request("GET", &format!("/api/emails/{id}"), Some(&token), None).await;
        assert_eq!((status, &body["error"]), (404, &"not_found".into()), "{id}");
    }
    app.stop().await;
}

#[actix_rt::test]
async fn a_preview_renders_and_sends_nothing() {
    let app = App::start().await;
    let data = json!({"id": 7, "name": "<b>", "balance": 1, "currency": "KWD"});
    let (status, body) = app.post("/api/emails/preview", &json!({"template": "account.created", "data": data})).await;
    assert_eq!(status, 200);
    assert_eq!(body["subject"], "Your account no. 7 is open");
    assert!(body["text"].as_str().unwrap().contains("Hello <b>,"));
    assert!(body["html"].as_str().unwrap().contains("Hello &lt;b&gt;,"));
    assert!(body["text"].as_str().unwrap().contains("0.001 KWD"));
    assert!(app.mails().is_empty() && app.records().await.is_empty());
    app.stop().await;
}

#[actix_rt::test]
async fn a_bad_preview_is_refused_with_all_its_faults() {
    let app = App::start().await;
    for (body, faults) in [
        (json!({}), vec!["data", "template"]),
        (json!({"template": "no", "data": [], "x": 1}), vec!["data", "template", "x"]),
        (json!({"template": "notice", "data": {"subject": 7}, "x": 1}), vec!["data.subject", "data.text", "x"]),
        (json!({"template": "account.created", "data": {"balance": 1.5}}), vec!["data.balance"]),
    ] {
        let (status, answer) = app.post("/api/emails/preview", &body).await;
        assert_eq!((status, &answer["error"]), (422, &"validation_failed".into()), "{body}");
        let named: Vec<&str> = answer["errors"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(named, faults);
    }
    app.stop().await;
}

#[actix_rt::test]
async fn a_test_mail_is_sent_now() {
    let app = App::start().await;
    let (status, body) = app.post("/api/emails/test", &json!({"to": "john.doe@example.com"})).await;
    assert_eq!((status, &body["msg"]), (201, &"item created".into()));
    assert_eq!((&body["item"]["state"], &body["item"]["recipient"]), (&"sent".into(), &"j***@example.com".into()));
    assert_eq!(app.mail().header("Subject"), "Test mail");
    assert_eq!(app.records().await[0], body["item"]);
    let (status, answer) = app.post("/api/emails/test", &body["item"]).await;
    assert_eq!(status, 422);
    for field in body["item"].as_object().unwrap().keys() {
        assert_eq!(answer["errors"][field], json!(["is read-only"]), "{field}");
    }
    let (status, body) = app.post("/api/emails/test", &json!({"to": "nobody"})).await;
    assert_eq!(status, 422);
    assert!(body["errors"]["to"].is_array());
    app.stop().await;
}

#[actix_rt::test]
async fn an_idempotency_key_sends_once() {
    let app = App::start().await;
    let post = async |to: &str| {
        let request = app
            .client
            .post(format!("{}/api/emails/test", app.running.url()))
            .bearer_auth(app.token(&["manager"]))
            .header("Idempotency-Key", "k1")
            .json(&json!({"to": to}));
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json::<serde_json::Value>().await.unwrap())
    };
    let first = post("a@b.example").await;
    assert_eq!((first.0, post("a@b.example").await), (201, first.clone()));
    assert_eq!(post("c@b.example").await.0, 422);
    assert_eq!(app.mails().len(), 1);
    app.stop().await;
}

#[actix_rt::test]
async fn one_user_has_ten_test_mails_in_a_minute() {
    let app = App::start().await;
    let to = json!({"to": "a@b.example"});
    for _ in 0..10 {
        assert_eq!(app.post("/api/emails/test", &to).await.0, 201);
    }
    let request = app.client.post(format!("{}/emails/test", app.running.url())).bearer_auth(app.token(&["admin"]));
    let refused = request.json(&to).send().await.unwrap();
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (429, "6"));
    let refused: serde_json::Value = refused.json().await.unwrap();
    assert_eq!(refused["error"], "too_many_requests");
    assert_eq!(app.mails().len(), 10);
    let mut another = app.claims(&["manager"]);
    another.sub = "8".to_owned();
    assert_eq!(app.request("POST", "/api/emails/test", Some(&app.sign(&another)), Some(&to)).await.0, 201);
    app.clock.advance(Duration::from_secs(6));
    assert_eq!(app.post("/api/emails/test", &to).await.0, 201);
    app.stop().await;
}

#[actix_rt::test]
async fn a_test_mail_that_cannot_be_sent_is_reported() {
    let refused = Err(SendError::Permanent("550 no".to_owned()));
    let unavailable = Err(SendError::Unavailable("no route".to_owned()));
    let later = Err(SendError::Transient("450 4.2.0 greylisted".to_owned()));
    let mailer = Scripted::new([refused, unavailable, later]);
    let app = App::start_with(Options { mailer: Some(mailer), ..Options::default() }).await;
    let (status, body) = app.post("/api/emails/test", &json!({"to": "a@b.example"})).await;
    assert_eq!((status, &body["item"]["state"]), (201, &"rejected".into()));
    let (status, body) = app.post("/api/emails/test", &json!({"to": "a@b.example"})).await;
    assert_eq!((status, &body["error"]), (503, &"unavailable".into()));
    assert!(body["detail"].as_str().unwrap().ends_with(": no route"), "{body}");
    let (status, body) = app.post("/api/emails/test", &json!({"to": "a@b.example"})).await;
    assert_eq!(status, 503);
    assert!(body["detail"].as_str().unwrap().ends_with(": 450 4.2.0 greylisted"), "{body}");
    app.stop().await;
}

#[actix_rt::test]
async fn the_service_describes_itself() {
    let app = App::start().await;
    let (status, document) = app.request("GET", "/openapi.json", None, None).await;
    assert_eq!(status, 200);
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    for path in ["/api/emails", "/api/emails/{id}", "/api/emails/preview", "/api/emails/test"] {
        assert!(paths.contains(&&path.to_owned()), "{paths:?}");
    }
    let statuses = document["paths"]["/api/emails/test"]["post"]["responses"].as_object().unwrap();
    for status in ["201", "429", "default"] {
        assert!(statuses.contains_key(status), "{status}");
    }
    for path in ["/livez", "/readyz", "/ping"] {
        assert_eq!(app.request("GET", path, None, None).await.0, 200, "{path}");
    }
    app.publish_until_accepted(&event(&UserCreated::example())).await;
    let (_, metrics) = app.request("GET", "/metrics", None, None).await;
    for name in ["bank_emails_total", "bank_email_send_seconds_bucket"] {
        assert!(metrics.as_str().unwrap().contains(name), "{name}");
    }
    app.stop().await;
}
