//! Reading, changing and removing one entry.

use serde_json::json;

use crate::harness::{App, Who, event};

#[actix_web::test]
async fn an_admin_changes_message_and_data_and_nothing_else() {
    let app = App::start().await;
    let item = app.record(event(Some(1), "before")).await;
    let path = format!("/api/logs/{}", item["id"].as_str().unwrap());

    let changed = app.put(Who::Admin, &path, &json!({"message": "Änderung"})).await.json();
    assert_eq!(changed["msg"], "item updated");
    let mut expected = item.clone();
    expected["message"] = json!("Änderung");
    assert_eq!(changed["item"], expected);

    expected["data"] = json!({"b": [1, null]});
    assert_eq!(app.put(Who::Admin, &path, &json!({"data": {"b": [1, null]}})).await.json()["item"], expected);
    assert_eq!(app.put(Who::Admin, &path, &json!({})).await.json()["item"], expected);
    assert_eq!(app.get(Who::User(1), &path).await.json(), expected);
    assert_eq!(app.get(Who::User(1), "/api/logs?q=ÄNDER").await.json()["total"], 1);
    app.running.stop().await;
}

#[actix_web::test]
async fn read_only_unknown_and_wrong_fields_are_refused_together() {
    let app = App::start().await;
    let item = app.record(event(Some(1), "before")).await;
    let path = format!("/api/logs/{}", item["id"].as_str().unwrap());
    let bad = json!({"id": "2", "user_id": 2, "message": "", "data": 1, "color": "red"});
    let named = app.put(Who::Admin, &path, &bad).await.faulty_fields();
    assert_eq!(named, ["color", "data", "id", "message", "user_id"]);
    assert_eq!(app.get(Who::Admin, &path).await.json(), item);
    app.running.stop().await;
}

#[actix_web::test]
async fn a_removed_entry_is_returned_once_and_then_gone() {
    let app = App::start().await;
    let item = app.record(event(Some(1), "doomed")).await;
    let path = format!("/api/logs/{}", item["id"].as_str().unwrap());
    let removed = app.delete(Who::Admin, &path).await;
    assert_eq!(removed.json(), json!({"msg": "item deleted", "item": item}));
    assert_eq!(app.delete(Who::Admin, &path).await.error(), "not_found");
    assert_eq!(app.get(Who::Manager, &path).await.error(), "not_found");
    assert_eq!(app.put(Who::Admin, &path, &json!({"message": "x"})).await.error(), "not_found");
    assert_eq!(app.get(Who::User(1), &path).await.error(), "access_denied");
    app.running.stop().await;
}

#[actix_web::test]
async fn no_form_of_an_id_is_another_entrys_alias_or_a_fault_of_ours() {
    let app = App::start().await;
    let item = app.record(event(Some(1), "one")).await;
    assert_eq!(item["id"], "1");
    for id in ["01", "+1", "1.0", "0", "-1", "abc", "9223372036854775808", "18446744073709551617", "1%00", "%31%20"] {
        let answer = app.get(Who::Admin, &format!("/api/logs/{id}")).await;
        assert_eq!(answer.error(), "not_found", "{id}");
    }
    app.running.stop().await;
}
