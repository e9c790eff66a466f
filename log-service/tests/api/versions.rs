//! `ETag`, `If-None-Match` and `If-Match` of an entry.

use reqwest::Method;
use serde_json::json;

use crate::harness::{Answer, App, Who, event, send};

async fn with(app: &App, method: Method, path: &str, header: &str, tag: &str) -> Answer {
    let request = app.request(Who::Admin, method.clone(), path).header(header, tag);
    send(if method == Method::PUT { request.json(&json!({"message": "changed"})) } else { request }).await
}

fn tag(answer: &Answer) -> String {
    answer.headers["etag"].to_str().unwrap().to_owned()
}

async fn recorded(app: &App) -> String {
    format!("/api/logs/{}", app.record(event(Some(1), "before")).await["id"].as_str().unwrap())
}

#[actix_web::test]
async fn an_entry_that_the_client_has_already_is_not_sent_again() {
    let app = App::start().await;
    let path = recorded(&app).await;
    let first = tag(&app.get(Who::Admin, &path).await);
    assert_eq!(tag(&app.get(Who::User(1), &path).await), first, "of the entry, whoever reads it");
    for known in [first.clone(), format!("W/{first}"), format!("\"x\", {first}"), "*".to_owned()] {
        for method in [Method::GET, Method::HEAD] {
            let answer = with(&app, method, &path, "If-None-Match", &known).await;
            assert_eq!(
                (answer.status.as_u16(), answer.text.as_str(), tag(&answer)),
                (304, "", first.clone()),
                "{known}"
            );
        }
    }
    let head = send(app.request(Who::Admin, Method::HEAD, &path)).await;
    assert_eq!((head.status.as_u16(), tag(&head), head.text.as_str()), (200, first.clone(), ""));

    let changed = app.put(Who::Admin, &path, &json!({"message": "after"})).await;
    assert_ne!(tag(&changed), first);
    let answer = with(&app, Method::GET, &path, "If-None-Match", &first).await;
    assert_eq!((answer.status.as_u16(), tag(&answer)), (200, tag(&changed)));
    let nobody = app.request(Who::User(2), Method::GET, &path).header("If-None-Match", "*");
    assert_eq!(send(nobody).await.error(), "access_denied", "a condition opens nothing");
    app.running.stop().await;
}

#[actix_web::test]
async fn a_change_is_applied_to_the_state_that_it_was_decided_on_only() {
    let app = App::start().await;
    let path = recorded(&app).await;
    let first = tag(&app.get(Who::Admin, &path).await);
    let done = with(&app, Method::PUT, &path, "If-Match", &first).await;
    assert_eq!(done.status, 200, "{}", done.text);
    let current = tag(&done);
    assert_eq!(tag(&app.get(Who::Admin, &path).await), current);
    for stale in [first.clone(), format!("W/{current}"), "\"1\"".to_owned()] {
        for method in [Method::PUT, Method::DELETE] {
            let refused = with(&app, method, &path, "If-Match", &stale).await;
            assert_eq!((refused.status.as_u16(), refused.error().as_str()), (412, "precondition_failed"), "{stale}");
        }
    }
    let nothing = app.request(Who::Admin, Method::PUT, &path).header("If-Match", &first).json(&json!({}));
    assert_eq!(send(nothing).await.error(), "precondition_failed");
    for malformed in ["", "1", ","] {
        let refused = with(&app, Method::DELETE, &path, "If-Match", malformed).await;
        assert_eq!((refused.status.as_u16(), refused.error().as_str()), (400, "malformed_request"), "{malformed:?}");
    }
    let records = app.get(Who::Admin, "/api/logs?event_type=log.updated").await.json();
    assert_eq!(records["total"], 1, "a refusal leaves no record");
    assert_eq!(with(&app, Method::DELETE, &path, "If-Match", &format!("{first}, {current}")).await.status, 200);
    assert_eq!(with(&app, Method::DELETE, &path, "If-Match", "*").await.error(), "not_found");
    app.running.stop().await;
}

/// RFC 9110, 13.2.1: a condition counts only where the answer without it would be a success.
#[actix_web::test]
async fn a_condition_does_not_come_before_existence_and_access() {
    let app = App::start().await;
    let path = recorded(&app).await;
    let mut login = event(Some(1), "Logged in");
    login["event_type"] = json!("security.logged_in");
    let kept = format!("/api/logs/{}", app.record(login).await["id"].as_str().unwrap());
    for (who, path, expected) in [
        (Who::Admin, "/api/logs/4711", "not_found"),
        (Who::Admin, "/api/logs/no_id", "not_found"),
        (Who::Admin, kept.as_str(), "access_denied"),
        (Who::Manager, path.as_str(), "access_denied"),
        (Who::User(1), path.as_str(), "access_denied"),
    ] {
        for method in [Method::PUT, Method::DELETE] {
            for body in [json!({}), json!({"message": "changed"})] {
                let request = app.request(who, method.clone(), path).header("If-Match", "\"4711\"");
                let answer = send(if method == Method::PUT { request.json(&body) } else { request }).await;
                assert_eq!(answer.error(), expected, "{method} {path}");
            }
        }
    }
    app.running.stop().await;
}

#[actix_web::test]
async fn of_many_changes_of_one_state_one_is_applied() {
    let app = App::start().await;
    let path = recorded(&app).await;
    let first = tag(&app.get(Who::Admin, &path).await);
    let changes = (0..8).map(|n| {
        let body = json!({"message": format!("change {n}")});
        send(app.request(Who::Admin, Method::PUT, &path).header("If-Match", &first).json(&body))
    });
    let answers = futures_util::future::join_all(changes).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 412].contains(status)), "{statuses:?}");
    app.running.stop().await;
}
