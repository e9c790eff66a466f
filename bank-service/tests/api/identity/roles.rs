//! `/api/roles`.

use serde_json::json;

use crate::harness::TestApp;

#[actix_web::test]
async fn three_roles_are_there_from_the_start() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let list = app.get(&admin.token, "/api/roles").await.expect(200);
    let names: Vec<_> = list["results"].as_array().unwrap().iter().map(|role| role["name"].clone()).collect();
    assert_eq!(names, ["user", "manager", "admin"]);
    let person = app.user("a@example.com").await;
    assert_eq!(app.get(&person.token, "/api/roles").await.outcome(), (403, "access_denied"));
}

#[actix_web::test]
async fn a_role_is_added_given_renamed_and_deleted() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let role = app.post(&admin.token, "/api/roles", json!({"name": "auditor"})).await.item(201);
    assert_eq!(role, json!({"id": 4, "name": "auditor"}));
    let again = app.post(&admin.token, "/api/roles", json!({"name": "auditor"})).await;
    assert_eq!(again.outcome(), (409, "conflict"));
    let person = app.with_roles(&admin, "a@example.com", &["auditor"]).await;
    let renamed = app.put(&admin.token, "/api/roles/4", json!({"name": "inspector"})).await.item(200);
    assert_eq!(renamed["name"], "inspector");
    let me = app.get(&person.token, "/auth/me").await.expect(200);
    assert_eq!(me["roles"], json!(["inspector"]));
    assert_eq!(app.delete(&admin.token, "/api/roles/4").await.outcome(), (409, "conflict"), "somebody holds it");
    app.put(&admin.token, &format!("/api/users/{}", person.id), json!({"roles": ["user"]})).await.expect(200);
    let deleted = app.delete(&admin.token, "/api/roles/4").await.expect(200);
    assert_eq!(deleted, json!({"msg": "item deleted", "item": {"id": 4, "name": "inspector"}}));
    assert_eq!(app.get(&admin.token, "/api/roles/4").await.outcome(), (404, "not_found"));
    let kinds = app.event_types(0).await;
    for kind in ["role.created", "role.updated", "role.deleted"] {
        assert!(kinds.contains(&kind.to_owned()), "{kind}");
    }
}

#[actix_web::test]
async fn built_in_roles_stay_as_they_are() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    for id in 1..=3 {
        let path = format!("/api/roles/{id}");
        assert_eq!(app.put(&admin.token, &path, json!({"name": "other"})).await.outcome(), (409, "conflict"));
        assert_eq!(app.delete(&admin.token, &path).await.outcome(), (409, "conflict"));
    }
    for name in ["Admin", "service", "", "two words"] {
        assert_eq!(app.post(&admin.token, "/api/roles", json!({"name": name})).await.status.as_u16(), 422, "{name}");
    }
}
