//! Devices: their owners, and the owners of their push tokens.

use bank_service::store::StoreError;
use bank_service::store::schema::devices;
use diesel::prelude::*;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Person, TestApp};

pub(super) fn body(device: &str, token: &str) -> Value {
    json!({"device_id": device, "device_type": "android", "push_token": token})
}

/// Registers a device and returns its id.
pub(super) async fn register(app: &TestApp, person: &Person, device: &str, token: &str) -> i64 {
    app.post(&person.token, "/api/devices", body(device, token)).await.item(201)["id"].as_i64().unwrap()
}

async fn list(app: &TestApp, person: &Person) -> Vec<Value> {
    app.get(&person.token, "/api/devices").await.expect(200)["results"].as_array().unwrap().clone()
}

#[actix_web::test]
async fn a_device_is_its_owners_alone() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.user("ada@example.com").await, app.user("bob@example.com").await);
    let item = app.post(&ada.token, "/api/devices", body("phone", "a-push-token-of-ada")).await.item(201);
    let expected = json!({"id": 1, "device_id": "phone", "device_type": "android", "has_push_token": true,
        "registered_on": "2026-01-16T17:10:26Z"});
    assert_eq!(item, expected);
    assert_eq!((list(&app, &ada).await, list(&app, &bob).await), (vec![expected.clone()], vec![]));
    for path in ["/api/devices/1", "/api/devices/2"] {
        assert_eq!(app.delete(&bob.token, path).await.outcome(), (403, "access_denied"));
        assert_eq!(
            app.post(&bob.token, &format!("{path}/push-test"), Value::Null).await.outcome(),
            (403, "access_denied")
        );
    }
    let tagged = app.request(Method::DELETE, "/api/devices/1", Some(&ada.token)).header("If-Match", "\"1\"");
    assert_eq!(app.send(tagged).await.outcome(), (412, "precondition_failed"), "a device has no tag");
    assert_eq!(app.delete(&ada.token, "/api/devices/1").await.item(200), expected);
    assert_eq!(list(&app, &ada).await, Vec::<Value>::new());
    let types: Vec<String> = app.events().await.iter().map(|event| event.event_type.to_string()).collect();
    assert!(types.ends_with(&["security.device_registered".to_owned(), "security.device_removed".to_owned()]));
}

#[actix_web::test]
async fn all_faults_of_a_registration_come_at_once() {
    let app = TestApp::start().await;
    let ada = app.user("ada@example.com").await;
    let bad = json!({"device_id": "a b", "device_type": "fridge", "push_token": "short", "user_id": 7});
    let answer = app.post(&ada.token, "/api/devices", bad).await;
    assert_eq!(answer.outcome(), (422, "validation_failed"));
    let names: Vec<_> = answer.body["errors"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(names, ["device_id", "device_type", "push_token", "user_id"]);
    assert_eq!(
        app.post_anonymous("/api/devices", body("x", "a-push-token-of-ada")).await.outcome(),
        (403, "access_denied")
    );
}

#[actix_web::test]
async fn a_device_that_registers_again_is_the_same_device() {
    let app = TestApp::start().await;
    let ada = app.user("ada@example.com").await;
    let first = register(&app, &ada, "phone", "the-first-token-of-ada").await;
    assert_eq!(register(&app, &ada, "phone", "the-second-token-of-ada").await, first);
    assert_eq!(register(&app, &ada, "phone", "the-second-token-of-ada").await, first);
    assert_eq!(list(&app, &ada).await.len(), 1);
}

#[actix_web::test]
async fn of_many_registrations_at_once_ten_are_kept() {
    let app = TestApp::start().await;
    let ada = app.user("ada@example.com").await;
    let requests = (0..20).map(|i| {
        let (app, ada) = (&app, &ada);
        async move {
            let body = body(&format!("device-{i}"), &format!("push-token-number-{i:03}"));
            app.post(&ada.token, "/api/devices", body).await.status.as_u16()
        }
    });
    let statuses = join_all(requests).await;
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 10, "{statuses:?}");
    assert!(statuses.iter().all(|status| [201, 409, 503].contains(status)), "{statuses:?}");
    assert_eq!(list(&app, &ada).await.len(), 10);
}

#[actix_web::test]
async fn a_push_token_belongs_to_who_registered_it_last() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.user("ada@example.com").await, app.user("bob@example.com").await);
    let adas = register(&app, &ada, "phone", "one-token-for-the-two").await;
    let bobs = register(&app, &bob, "phone", "one-token-for-the-two").await;
    assert_eq!(list(&app, &ada).await[0]["has_push_token"], false);
    assert_eq!(list(&app, &bob).await[0]["has_push_token"], true);
    let test = |id: i64| format!("/api/devices/{id}/push-test");
    assert_eq!(app.post(&ada.token, &test(adas), Value::Null).await.outcome(), (409, "conflict"));
    app.post(&bob.token, &test(bobs), Value::Null).await.expect(202);
    register(&app, &ada, "phone", "one-token-for-the-two").await;
    assert_eq!(list(&app, &bob).await[0]["has_push_token"], false);
}

#[actix_web::test]
async fn notifications_are_tried_out_five_times_a_minute() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.user("ada@example.com").await, app.user("bob@example.com").await);
    let adas = register(&app, &ada, "phone", "a-push-token-of-ada").await;
    let bobs = register(&app, &bob, "phone", "a-push-token-of-bob").await;
    let test = |id: i64| format!("/api/devices/{id}/push-test");
    for _ in 0..5 {
        app.post(&ada.token, &test(adas), Value::Null).await.expect(202);
    }
    let answer = app.post(&ada.token, &test(adas), Value::Null).await;
    assert_eq!(answer.outcome(), (429, "too_many_requests"));
    assert_eq!(answer.headers["retry-after"], "12");
    app.post(&bob.token, &test(bobs), Value::Null).await.expect(202);
    app.clock.advance(std::time::Duration::from_secs(12));
    app.post(&ada.token, &test(adas), Value::Null).await.expect(202);
}

#[actix_web::test]
async fn of_many_who_register_one_token_at_once_one_has_it() {
    let app = TestApp::start().await;
    let people = [app.user("a@example.com").await, app.user("b@example.com").await, app.user("c@example.com").await];
    let requests = (0..30).map(|i| {
        let (app, person) = (&app, &people[i % 3]);
        async move {
            let body = body(&format!("device-{}", i % 5), "one-token-for-all-of-them");
            app.post(&person.token, "/api/devices", body).await.status.as_u16()
        }
    });
    let statuses = join_all(requests).await;
    assert!(statuses.iter().all(|status| [201, 503].contains(status)), "{statuses:?}");
    let mut holders = 0;
    for person in &people {
        holders += list(&app, person).await.iter().filter(|device| device["has_push_token"] == true).count();
    }
    assert_eq!(holders, 1);
}

#[actix_web::test]
async fn a_push_token_is_nowhere_in_the_clear() {
    let app = TestApp::start().await;
    let ada = app.user("ada@example.com").await;
    let token = "canary-push-token-0123456789";
    let id = register(&app, &ada, "phone", token).await;
    app.post(&ada.token, &format!("/api/devices/{id}/push-test"), Value::Null).await.expect(202);
    let read = |db: &mut bank_service::store::Db| {
        let row = devices::table.select((devices::sealed_push_token, devices::push_token_hash));
        row.first::<(Option<Vec<u8>>, Option<String>)>(db).map_err(StoreError::from)
    };
    let (sealed, hash) = app.running.state.store.read(read).await.unwrap();
    assert!(!sealed.unwrap().windows(token.len()).any(|part| part == token.as_bytes()));
    assert!(!hash.unwrap().contains("canary"));
    for event in app.events().await {
        assert!(!serde_json::to_string(&event.body).unwrap().contains("canary"), "{}", event.event_type);
    }
}

#[actix_web::test]
async fn a_user_who_goes_takes_its_devices_along() {
    let app = TestApp::start().await;
    let (admin, ada) = (app.admin().await, app.user("ada@example.com").await);
    register(&app, &ada, "phone", "a-push-token-of-ada").await;
    app.delete(&admin.token, &format!("/api/users/{}", ada.id)).await.expect(200);
    register(&app, &admin, "phone", "a-push-token-of-ada").await;
}
