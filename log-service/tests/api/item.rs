//! Reading, changing and removing one entry.

use serde_json::json;
use test_support::eventually;

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
    for found in ["/api/logs?q=ÄNDER", "/api/logs?q=DERUNG&source=urn:bank-service"] {
        assert_eq!(app.get(Who::User(1), found).await.json()["total"], 1, "{found}");
    }
    app.running.stop().await;
}

#[actix_web::test]
async fn read_only_unknown_and_wrong_fields_are_refused_at_once() {
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
    let long = "1".repeat(65);
    let numbers = ["01", "+1", "1.0", "0", "-1", "9223372036854775808", "18446744073709551617", &long];
    for id in numbers.into_iter().chain(["abc", "1%00", "%31%20", "1%2F2"]) {
        let answer = app.get(Who::Admin, &format!("/api/logs/{id}")).await;
        assert_eq!(answer.error(), "not_found", "{id}");
    }
    app.running.stop().await;
}

/// The `log.*` entries: type, author, and the edited entry.
async fn records(app: &App) -> Vec<(String, i64, String)> {
    let mut all = Vec::new();
    for kind in ["log.updated", "log.deleted"] {
        for log in
            app.get(Who::Manager, &format!("/api/logs?event_type={kind}")).await.json()["results"].as_array().unwrap()
        {
            assert_eq!(log["source"], "urn:log-service");
            let of = log["data"]["id"].as_str().unwrap().to_owned();
            all.push((kind.to_owned(), log["user_id"].as_i64().unwrap(), of));
        }
    }
    all
}

#[actix_web::test]
async fn what_is_changed_or_removed_leaves_a_record_of_who_did_it() {
    let app = App::start().await;
    let item = app.record(event(Some(1), "before")).await;
    let id = item["id"].as_str().unwrap().to_owned();
    let path = format!("/api/logs/{id}");
    app.put(Who::Admin, &path, &json!({})).await;
    assert_eq!(records(&app).await, [], "nothing was changed");
    app.put(Who::Admin, &path, &json!({"message": "secret after"})).await;
    app.delete(Who::Admin, &path).await;
    app.delete(Who::Admin, &path).await;
    let (updated, deleted) = ("log.updated".to_owned(), "log.deleted".to_owned());
    assert_eq!(records(&app).await, [(updated, 1000, id.clone()), (deleted, 1000, id)]);
    let log = &app.get(Who::Admin, "/api/logs?event_type=log.updated").await.json()["results"][0];
    let facts = json!({"id": item["id"], "event_id": item["event_id"], "event_type": "account.created", "user_id": 1, "fields": ["message"]});
    assert_eq!(log["data"], facts);
    app.running.stop().await;
}

#[actix_web::test]
async fn the_record_of_who_did_what_can_be_neither_changed_nor_removed() {
    let app = App::start().await;
    let mut login = event(Some(1), "Logged in");
    login["event_type"] = json!("security.logged_in");
    let login = app.record(login).await;
    let item = app.record(event(Some(1), "doomed")).await;
    app.delete(Who::Admin, &format!("/api/logs/{}", item["id"].as_str().unwrap())).await;
    let deleted = app.get(Who::Admin, "/api/logs?event_type=log.deleted").await.json()["results"][0].clone();
    for kept in [&login, &deleted] {
        let path = format!("/api/logs/{}", kept["id"].as_str().unwrap());
        let refused = app.put(Who::Admin, &path, &json!({"message": "forged"})).await;
        assert_eq!((refused.status.as_u16(), refused.error().as_str()), (403, "access_denied"));
        assert_eq!(app.put(Who::Admin, &path, &json!({})).await.error(), "access_denied");
        assert_eq!(app.delete(Who::Admin, &path).await.error(), "access_denied");
        assert_eq!(&app.get(Who::Admin, &path).await.json(), kept);
    }
    assert_eq!(records(&app).await.len(), 1, "a refusal leaves no record");
    app.running.stop().await;
}

#[actix_web::test]
async fn of_many_removals_at_once_one_counts_and_leaves_one_record() {
    let app = App::start().await;
    let item = app.record(event(Some(1), "doomed")).await;
    let path = format!("/api/logs/{}", item["id"].as_str().unwrap());
    let removals = (0..8).map(|_| app.delete(Who::Admin, &path));
    let answers = futures_util::future::join_all(removals).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert!(answers.iter().all(|answer| answer.status == 200 || answer.status == 404), "{answers:?}");
    // An entry is shown once it is settled that none comes before it any more.
    eventually("the record is shown", async || !records(&app).await.is_empty()).await;
    assert_eq!(records(&app).await.len(), 1);
    app.running.stop().await;
}
