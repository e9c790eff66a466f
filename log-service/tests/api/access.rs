//! Access: the answers for each route and caller.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use service_kit::http::auth::SigningKey;

use crate::harness::{App, Who, event, send};

const OWNER: Who = Who::User(1);
const STRANGER: Who = Who::User(2);

/// The table: route, then the answers for no token, owner, stranger, manager, admin and service.
const TABLE: [(&str, &str, [u16; 6]); 11] = [
    ("GET", "", [403, 200, 200, 200, 200, 403]),
    ("POST", "", [403, 403, 403, 403, 403, 201]),
    ("GET", "/stream", [403, 200, 200, 200, 200, 403]),
    ("POST", "/stream/ticket", [403, 200, 200, 200, 200, 403]),
    ("GET", "/export", [403, 200, 200, 200, 200, 403]),
    ("POST", "/lookup", [403, 403, 403, 403, 403, 200]),
    ("GET", "/{id}", [403, 200, 403, 200, 200, 403]),
    ("GET", "/999999", [403, 403, 403, 404, 404, 403]),
    ("GET", "/no-id", [403, 403, 403, 404, 404, 403]),
    ("PUT", "/{id}", [403, 403, 403, 403, 200, 403]),
    ("DELETE", "/{id}", [403, 403, 403, 403, 200, 403]),
];
const CALLERS: [Who; 6] = [Who::Nobody, OWNER, STRANGER, Who::Manager, Who::Admin, Who::Service];

async fn status(app: &App, who: Who, method: &str, path: &str) -> u16 {
    let request = app.request(who, method.parse::<Method>().unwrap(), path);
    let request = match method {
        "POST" if path.ends_with("/lookup") => request.json(&json!({"event_ids": []})),
        "POST" => request.json(&event(Some(1), "posted")),
        "PUT" => request.json(&json!({"message": "changed"})),
        _ => request,
    };
    // Only the head: the stream has no end.
    let response = request.send().await.unwrap();
    if response.status() == 403 {
        let problem: Value = response.json().await.unwrap();
        assert_eq!(problem["msg"], "Access denied", "{who:?} {method} {path}");
        assert_eq!(problem["error"], "access_denied");
        return 403;
    }
    response.status().as_u16()
}

#[actix_web::test]
async fn the_table_of_rights_holds_on_both_paths() {
    let app = App::start().await;
    for root in ["/api/logs", "/logs"] {
        for (method, route, expected) in TABLE {
            for (who, expected) in CALLERS.into_iter().zip(expected) {
                let item = app.record(event(Some(1), "of user 1")).await;
                let path = format!("{root}{}", route.replace("{id}", item["id"].as_str().unwrap()));
                assert_eq!(status(&app, who, method, &path).await, expected, "{who:?} {method} {path}");
            }
        }
    }
    app.running.stop().await;
}

#[actix_web::test]
async fn a_user_finds_its_own_entries_only_whatever_it_filters_by() {
    let app = App::start().await;
    for user in [Some(1), Some(2), None] {
        app.record(event(user, &format!("of {user:?}"))).await;
    }
    assert_eq!(app.get(OWNER, "/api/logs").await.messages(), ["of Some(1)"]);
    assert_eq!(app.get(OWNER, "/api/logs").await.json()["total"], 1);
    assert_eq!(app.get(OWNER, "/api/logs?user_id=2").await.json()["total"], 0);
    assert_eq!(app.get(OWNER, "/api/logs?q=of").await.messages(), ["of Some(1)"]);
    assert_eq!(app.get(OWNER, "/api/logs?after=").await.messages(), ["of Some(1)"]);
    assert_eq!(app.get(Who::Manager, "/api/logs").await.messages().len(), 3);
    app.running.stop().await;
}

#[actix_web::test]
async fn a_refused_change_changes_nothing_and_its_body_is_not_read() {
    let app = App::start().await;
    let id = app.record(event(Some(1), "original")).await["id"].as_str().unwrap().to_owned();
    let path = format!("/api/logs/{id}");
    for who in [Who::Nobody, OWNER, Who::Manager, Who::Service] {
        let broken = app.request(who, Method::PUT, &path).body("{");
        assert_eq!(send(broken).await.error(), "access_denied", "{who:?}");
        assert_eq!(app.put(who, &path, &json!({"message": "changed"})).await.error(), "access_denied", "{who:?}");
        assert_eq!(app.delete(who, &path).await.error(), "access_denied", "{who:?}");
    }
    assert_eq!(app.get(Who::Admin, &path).await.json()["message"], "original");
    app.running.stop().await;
}

#[actix_web::test]
async fn a_bad_token_is_refused_as_such() {
    let app = App::start().await;
    let now = App::claims(Who::Admin).iat;
    let sign = |change: &dyn Fn(&mut service_kit::http::auth::Claims)| {
        let mut claims = App::claims(Who::Admin);
        change(&mut claims);
        app.key.sign(&claims).unwrap()
    };
    let forged = SigningKey::generate().sign(&App::claims(Who::Admin)).unwrap();
    for (what, token, expected) in [
        ("no JWT", "abc".to_owned(), "invalid_token"),
        ("unknown key", forged, "invalid_token"),
        ("for another service", sign(&|claims| claims.aud = vec!["email-service".to_owned()]), "invalid_token"),
        ("of another issuer", sign(&|claims| claims.iss = "somebody".to_owned()), "invalid_token"),
        ("not valid yet", sign(&|claims| claims.nbf = now + 60), "invalid_token"),
        ("expired", sign(&|claims| claims.exp = now - 60), "token_expired"),
        ("oversized", "a".repeat(5_000), "invalid_token"),
    ] {
        let answer = send(app.request(Who::Nobody, Method::GET, "/api/logs").bearer_auth(token)).await;
        assert_eq!((answer.status, answer.error().as_str()), (StatusCode::UNAUTHORIZED, expected), "{what}");
    }
    app.running.stop().await;
}

#[actix_web::test]
async fn a_token_of_nobody_in_particular_reads_nothing() {
    let app = App::start().await;
    app.record(event(None, "of nobody")).await;
    let mut claims = App::claims(Who::User(1));
    claims.user_id = None;
    let token = app.key.sign(&claims).unwrap();
    let answer = send(app.request(Who::Nobody, Method::GET, "/api/logs").bearer_auth(token)).await;
    assert_eq!(answer.error(), "access_denied");
    app.running.stop().await;
}
