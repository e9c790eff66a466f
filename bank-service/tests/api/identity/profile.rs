//! The caller's profile.

use serde_json::{Value, json};

use super::devices;
use crate::harness::{Answer, TestApp};

#[actix_web::test]
async fn me_shows_user_and_holdings() {
    let app = TestApp::start().await;
    let person = app.user("a@example.com").await;
    let me = app.get(&person.token, "/auth/me").await.expect(200);
    assert_eq!((&me["id"], &me["email"]), (&json!(person.id), &json!("a@example.com")));
    assert_eq!((&me["client_id"], &me["account_ids"]), (&Value::Null, &json!([])));
}

#[actix_web::test]
async fn a_profile_changes_field_by_field() {
    let app = TestApp::start().await;
    let person = app.user("a@example.com").await;
    let names = json!({"first_name": "Zoë", "last_name": "O'Neil", "username": "zoe.1", "language": "pt-BR"});
    let item = app.put(&person.token, "/auth/me", names).await.item(200);
    assert_eq!((&item["first_name"], &item["language"]), (&json!("Zoë"), &json!("pt-BR")));
    let item = app.put(&person.token, "/auth/me", json!({"username": null, "country": "pt"})).await.item(200);
    assert_eq!(
        (&item["username"], &item["last_name"], &item["country"]),
        (&Value::Null, &json!("O'Neil"), &json!("PT"))
    );
    assert_eq!(app.event_types(0).await, ["user.created", "user.updated", "user.updated"]);
    for unassigned in ["ZZ", "XX", "XK", "EU", "uk", "PRT"] {
        let answer = app.put(&person.token, "/auth/me", json!({"country": unassigned})).await;
        assert_eq!(answer.outcome(), (422, "validation_failed"), "{unassigned}");
        assert!(answer.body["errors"]["country"].is_array(), "{unassigned}: {}", answer.body);
    }
    app.put(&person.token, "/auth/me", json!({"country": "PT"})).await.expect(200);
    app.put(&person.token, "/auth/me", json!({})).await.expect(200);
    assert_eq!(app.event_types(0).await.len(), 3, "without a change nobody hears of it");
}

#[actix_web::test]
async fn what_is_not_ones_own_to_change_is_refused() {
    let app = TestApp::start().await;
    let person = app.user("a@example.com").await;
    let body = json!({"roles": ["admin"], "email": "b@example.com", "is_blocked": false, "id": 7, "shoe_size": 42});
    let answer = app.put(&person.token, "/auth/me", body).await;
    assert_eq!(answer.outcome(), (422, "validation_failed"));
    assert_eq!(answer.body["errors"]["roles"], json!(["is read-only"]));
    assert_eq!(answer.body["errors"]["shoe_size"], json!(["unknown field"]));
    let me = app.get(&person.token, "/auth/me").await.expect(200);
    assert_eq!((&me["roles"], &me["email"]), (&json!(["user"]), &json!("a@example.com")));
}

#[actix_web::test]
async fn an_item_that_is_sent_back_names_each_field_that_is_read_only() {
    let app = TestApp::start().await;
    let (admin, person) = (app.admin().await, app.user("a@example.com").await);
    let own = ["first_name", "last_name", "username", "language", "country"];
    let cases = [
        ("/auth/me".to_owned(), &person.token, &own[..]),
        (format!("/api/users/{}", person.id), &admin.token, &["email", "roles", "is_blocked"]),
    ];
    for (path, token, settable) in cases {
        let item = app.get(token, &path).await.expect(200);
        let answer = app.put(token, &path, item.clone()).await;
        assert_read_only(&answer, &item, settable);
    }
}

#[actix_web::test]
async fn a_new_item_names_each_field_that_the_server_sets() {
    let app = TestApp::start().await;
    let (admin, person) = (app.admin().await, app.user("a@example.com").await);
    let user = app.get(&admin.token, &format!("/api/users/{}", person.id)).await.expect(200);
    let role = app.get(&admin.token, "/api/roles/1").await.expect(200);
    let device = devices::body("phone", "a-push-token-of-ada");
    let device = app.post(&person.token, "/api/devices", device).await.item(201);
    let names = ["email", "roles", "is_blocked", "first_name", "last_name", "username", "language", "country"];
    for (path, item, settable) in [
        ("/auth/register", &user, &names[..]),
        ("/api/users", &user, &["email", "roles"]),
        ("/api/roles", &role, &["name"]),
        ("/api/devices", &device, &["device_id", "device_type"]),
    ] {
        let answer = app.post(&admin.token, path, item.clone()).await;
        assert_read_only(&answer, item, settable);
    }
}

/// Each field of the item is a fault, but those that can be set.
#[track_caller]
fn assert_read_only(answer: &Answer, item: &Value, settable: &[&str]) {
    assert_eq!(answer.outcome(), (422, "validation_failed"));
    for field in item.as_object().unwrap().keys() {
        let expected = if settable.contains(&field.as_str()) { Value::Null } else { json!(["is read-only"]) };
        assert_eq!(answer.body["errors"][field], expected, "{field}: {}", answer.body);
    }
}
