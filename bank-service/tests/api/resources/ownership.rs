//! A user gets the same answer for a foreign item and a missing one; staff get different ones.

use reqwest::Method;
use serde_json::{Value, json};

use super::fixture::Fixture;

const MISSING: i64 = 4711;

/// Every way to access another user's items: method, path for an id of each kind, body.
fn reaches(client: i64, account: i64, card: i64, bank: i64) -> Vec<(Method, String, Value)> {
    let balance = || json!({"balance": 1});
    vec![
        (Method::GET, format!("/api/clients/{client}"), Value::Null),
        (Method::PUT, format!("/api/clients/{client}"), json!({"name": "Mallory"})),
        (Method::DELETE, format!("/api/clients/{client}"), Value::Null),
        (Method::GET, format!("/api/clients/{client}/accounts"), Value::Null),
        (Method::POST, format!("/api/clients/{client}/accounts"), json!({"bank_id": bank})),
        (Method::POST, "/api/accounts".to_owned(), json!({"bank_id": bank, "client_id": client})),
        (Method::POST, format!("/api/banks/{bank}/accounts"), json!({"client_id": client})),
        (Method::GET, format!("/api/accounts/{account}"), Value::Null),
        (Method::PUT, format!("/api/accounts/{account}"), balance()),
        (Method::DELETE, format!("/api/accounts/{account}"), Value::Null),
        (Method::GET, format!("/api/accounts/{account}/cards"), Value::Null),
        (Method::POST, format!("/api/accounts/{account}/cards"), balance()),
        (Method::GET, format!("/api/cards/{card}"), Value::Null),
        (Method::PUT, format!("/api/cards/{card}"), balance()),
        (Method::DELETE, format!("/api/cards/{card}"), Value::Null),
        (Method::GET, format!("/api/accounts/cards/{card}"), Value::Null),
        (Method::PUT, format!("/api/accounts/cards/{card}"), balance()),
        (Method::DELETE, format!("/api/accounts/cards/{card}"), Value::Null),
    ]
}

#[actix_web::test]
async fn a_foreign_item_and_a_missing_one_are_refused_alike_and_unchanged() {
    let fixture = Fixture::new().await;
    let (app, bob) = (&fixture.app, &fixture.bob);
    let before = fixture.snapshot().await;
    let foreign = reaches(bob.client, bob.account, bob.card, fixture.bank);
    let missing = reaches(MISSING, MISSING, MISSING, fixture.bank);
    for ((method, path, body), (_, missing_path, missing_body)) in foreign.into_iter().zip(missing) {
        let send = async |path: &str, body: &Value| {
            let request = app.request(method.clone(), path, Some(fixture.ada.token()));
            let request = if body.is_null() { request } else { request.json(body) };
            let mut answer = app.send(request).await;
            answer.body.as_object_mut().unwrap().remove("request_id");
            answer
        };
        let (answer, missing) = (send(&path, &body).await, send(&missing_path, &missing_body).await);
        assert_eq!(answer.outcome(), (403, "access_denied"), "{method} {path}");
        assert_eq!(answer.body, missing.body, "{method} {path}");
    }
    assert_eq!(fixture.snapshot().await, before);
}

#[actix_web::test]
async fn staff_learns_that_an_item_is_missing() {
    let fixture = Fixture::new().await;
    let manager = fixture.app.manager(&fixture.admin).await;
    for (method, path, body) in reaches(MISSING, MISSING, MISSING, fixture.bank) {
        let in_body = body.get("client_id").is_some();
        let request = fixture.app.request(method.clone(), &path, Some(&fixture.admin.token));
        let request = if body.is_null() { request } else { request.json(&body) };
        let answer = fixture.app.send(request).await;
        if in_body {
            assert_eq!(answer.outcome(), (422, "validation_failed"), "{method} {path}");
            assert!(answer.body["errors"]["client_id"].is_array());
        } else {
            assert_eq!(answer.outcome(), (404, "not_found"), "{method} {path}");
        }
        if method == Method::GET {
            assert_eq!(fixture.app.get(&manager.token, &path).await.outcome(), (404, "not_found"), "{path}");
        }
    }
}

#[actix_web::test]
async fn lists_show_an_owner_its_own_items_and_staff_all() {
    let fixture = Fixture::new().await;
    let manager = fixture.app.manager(&fixture.admin).await;
    let stranger = fixture.app.user("stranger@example.com").await;
    let at_bank = format!("/api/banks/{}/accounts", fixture.bank);
    for path in ["/api/accounts", at_bank.as_str(), "/api/cards"] {
        let total = async |token: &str| fixture.app.get(token, path).await.expect(200)["total"].clone();
        assert_eq!(total(&manager.token).await, 2, "{path}");
        assert_eq!(total(&stranger.token).await, 0, "{path}");
        let own = fixture.app.get(fixture.ada.token(), path).await.expect(200);
        let expected = if path.ends_with("cards") { fixture.ada.card } else { fixture.ada.account };
        assert_eq!((&own["total"], &own["results"][0]["id"]), (&json!(1), &json!(expected)), "{path}");
    }
    // A filter by a foreign parent gives no access either.
    let path = format!("/api/accounts?client_id={}", fixture.bob.client);
    assert_eq!(fixture.app.get(fixture.ada.token(), &path).await.expect(200)["total"], 0);
}

#[actix_web::test]
async fn a_user_makes_a_client_of_itself_only() {
    let fixture = Fixture::new().await;
    let (app, user) = (&fixture.app, fixture.app.user("new@example.com").await);
    let other = app.user("other@example.com").await;
    for id in [other.id, MISSING] {
        let body = json!({"name": "Other", "user_id": id});
        assert_eq!(app.post(&user.token, "/api/clients", body).await.outcome(), (403, "access_denied"));
    }
    let item = app.post(&user.token, "/api/clients", json!({"name": "New", "user_id": user.id})).await.item(201);
    assert_eq!((&item["user_id"], &item["social_status_id"]), (&json!(user.id), &Value::Null));
    let again = app.post(&user.token, "/api/clients", json!({"name": "New"})).await;
    assert_eq!(again.outcome(), (409, "conflict"));
    let body = json!({"name": "Other", "user_id": other.id});
    app.post(&fixture.admin.token, "/api/clients", body).await.expect(201);
    let answer = app.post(&fixture.admin.token, "/api/clients", json!({"name": "X", "user_id": MISSING})).await;
    assert!(answer.body["errors"]["user_id"].is_array(), "{}", answer.body);
}

#[actix_web::test]
async fn fifty_attempts_at_once_make_one_client() {
    let fixture = Fixture::new().await;
    let user = fixture.app.user("new@example.com").await;
    let attempts = (0..50).map(|_| fixture.app.post(&user.token, "/api/clients", json!({"name": "New"})));
    let answers = futures_util::future::join_all(attempts).await;
    assert_eq!(answers.iter().filter(|answer| answer.status.as_u16() == 201).count(), 1);
    assert!(answers.iter().all(|answer| matches!(answer.outcome(), (201, _) | (409, "conflict"))));
    let path = format!("/api/clients?user_id={}", user.id);
    assert_eq!(fixture.app.get(&fixture.admin.token, &path).await.expect(200)["total"], 1);
}
