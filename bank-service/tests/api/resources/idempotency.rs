//! `Idempotency-Key`: the same key and body give the same response, and the work is done once.

use serde_json::{Value, json};

use super::fixture::Fixture;
use crate::harness::Answer;

async fn post(fixture: &Fixture, token: &str, path: &str, key: &str, body: Value) -> Answer {
    let request = fixture.app.request(reqwest::Method::POST, path, Some(token)).header("Idempotency-Key", key);
    fixture.app.send(request.json(&body)).await
}

#[actix_web::test]
async fn every_creation_can_be_repeated() {
    let fixture = Fixture::new().await;
    let user = fixture.app.user("new@example.com").await;
    let (admin, ada) = (fixture.admin.token.as_str(), fixture.ada.token());
    let cases = [
        (admin, "/api/banks".to_owned(), json!({"name": "New Bank"}), json!({"name": "Another"})),
        (admin, "/api/cities".to_owned(), json!({"name": "New City"}), json!({"name": "Another"})),
        (admin, "/api/social-statuses".to_owned(), json!({"name": "new"}), json!({"name": "another"})),
        (
            admin,
            format!("/api/banks/{}/branches", fixture.bank),
            json!({"city_id": fixture.city}),
            json!({"city_id": 2_000_000}),
        ),
        (user.token.as_str(), "/api/clients".to_owned(), json!({"name": "New"}), json!({"name": "Another"})),
        (
            ada,
            "/api/accounts".to_owned(),
            json!({"bank_id": fixture.bank}),
            json!({"bank_id": fixture.bank, "balance": 4}),
        ),
        (ada, format!("/api/accounts/{}/cards", fixture.ada.account), json!({"balance": 3}), json!({"balance": 4})),
    ];
    for (number, (token, path, body, other)) in cases.into_iter().enumerate() {
        let key = format!("key-{number}");
        let first = post(&fixture, token, &path, &key, body.clone()).await;
        let location = first.headers["location"].to_str().unwrap().to_owned();
        let first = first.expect(201);
        assert_eq!(fixture.app.get(token, &location).await.expect(200), first["item"], "{path}: is where it says");
        let after = fixture.snapshot().await;
        let again = post(&fixture, token, &path, &key, body).await.expect(201);
        assert_eq!(first, again, "{path}");
        assert_eq!(fixture.snapshot().await, after, "{path}: one item, one event");
        let other = post(&fixture, token, &path, &key, other).await;
        assert_eq!(other.outcome(), (422, "idempotency_key_reused"), "{path}: {}", other.body);
    }
}

#[actix_web::test]
async fn an_item_created_below_v1_is_located_there_also_when_it_is_repeated() {
    let fixture = Fixture::new().await;
    let (admin, ada) = (fixture.admin.token.as_str(), fixture.ada.token());
    let cards = format!("/api/accounts/{}/cards", fixture.ada.account);
    for (token, path, body, list) in [
        (admin, "/api/cities", json!({"name": "New City"}), "/api/cities"),
        (ada, cards.as_str(), json!({"balance": 3}), "/api/cards"),
        (ada, "/api/transfers", fixture.to_bob(1), "/api/transfers"),
    ] {
        for prefix in ["/v1", "/v1", ""] {
            let answer = post(&fixture, token, &format!("{prefix}{path}"), path, body.clone()).await;
            let location = answer.headers["location"].to_str().unwrap().to_owned();
            let id = answer.item(201)["id"].to_string();
            assert_eq!(location, format!("{prefix}{list}/{}", id.trim_matches('"')), "{path}");
            fixture.app.get(token, &location).await.expect(200);
        }
    }
}

#[actix_web::test]
async fn a_key_is_for_one_body_and_one_caller() {
    let fixture = Fixture::new().await;
    let path = |account: i64| format!("/api/accounts/{account}/cards");
    let (ada, bob) = (&fixture.ada, &fixture.bob);
    let first = post(&fixture, ada.token(), &path(ada.account), "k", json!({"balance": 1})).await.item(201);
    let reused = post(&fixture, ada.token(), &path(ada.account), "k", json!({"balance": 2})).await;
    assert_eq!(reused.outcome(), (422, "idempotency_key_reused"));
    let other = post(&fixture, bob.token(), &path(bob.account), "k", json!({"balance": 1})).await.item(201);
    assert_ne!(first["id"], other["id"]);
    for same in [format!("/v1{}", path(ada.account)), format!("{}/", path(ada.account))] {
        let again = post(&fixture, ada.token(), &same, "k", json!({"balance": 1})).await.item(201);
        assert_eq!(again, first, "{same}");
    }
    for bad in ["", &"x".repeat(256)] {
        let answer = post(&fixture, ada.token(), &path(ada.account), bad, json!({"balance": 1})).await;
        assert_eq!(answer.outcome(), (422, "validation_failed"));
    }
    let request = fixture.app.request(reqwest::Method::POST, &path(ada.account), Some(ada.token()));
    let twice = request.header("Idempotency-Key", "k").header("Idempotency-Key", "l").json(&json!({"balance": 1}));
    assert_eq!(fixture.app.send(twice).await.outcome(), (422, "validation_failed"));
}

#[actix_web::test]
async fn fifty_repetitions_at_once_make_one_card() {
    let fixture = Fixture::new().await;
    let path = format!("/api/accounts/{}/cards", fixture.ada.account);
    let attempts = (0..50).map(|_| post(&fixture, fixture.ada.token(), &path, "once", json!({"balance": 1})));
    let bodies: Vec<Value> =
        futures_util::future::join_all(attempts).await.into_iter().map(|answer| answer.expect(201)).collect();
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    assert_eq!(fixture.app.get(fixture.ada.token(), &path).await.expect(200)["total"], 2);
    let created = fixture.app.event_types(0).await.iter().filter(|kind| *kind == "card.created").count();
    assert_eq!(created, 3, "two of the world, and one");
}

/// On an engine with parallel transactions, the second of two sees the first one's name before its response.
#[actix_web::test]
async fn fifty_repetitions_at_once_of_what_there_can_be_once_are_answered_alike() {
    let fixture = Fixture::new().await;
    let user = fixture.app.user("new@example.com").await;
    let cases = [
        (fixture.admin.token.as_str(), "/api/banks", json!({"name": "New Bank"})),
        (fixture.admin.token.as_str(), "/api/cities", json!({"name": "New City"})),
        (fixture.admin.token.as_str(), "/api/social-statuses", json!({"name": "new"})),
        (user.token.as_str(), "/api/clients", json!({"name": "New"})),
    ];
    for (token, path, body) in cases {
        let attempts = (0..50).map(|_| post(&fixture, token, path, path, body.clone()));
        let bodies: Vec<Value> =
            futures_util::future::join_all(attempts).await.into_iter().map(|answer| answer.expect(201)).collect();
        assert!(bodies.iter().all(|body| *body == bodies[0]), "{path}");
        let another = post(&fixture, token, path, "another", body).await;
        assert_eq!(another.outcome(), (409, "conflict"), "{path}: what is taken is taken");
    }
}
