//! Creating, reading, renaming, moving; `ETag` and `If-Match`; both mounts.

use reqwest::Method;
use serde_json::{Value, json};

use super::fixture::{Fixture, id};
use crate::harness::{Answer, TestApp};

#[actix_web::test]
async fn a_named_thing_is_created_read_renamed_and_deleted() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    for list in ["/api/banks", "/api/cities", "/api/social-statuses"] {
        let made = app.post(&admin.token, list, json!({"name": "  Zoe\u{308}\u{2019}s Place "})).await.expect(201);
        let item = json!({"id": 1, "name": "Zo\u{eb}\u{2019}s Place"});
        assert_eq!(made, json!({"msg": "item created", "item": item}), "{list}");
        let path = format!("{list}/1");
        assert_eq!(app.get(&admin.token, &path).await.expect(200), item);
        let renamed = app.put(&admin.token, &path, json!({"name": "Other"})).await.expect(200);
        assert_eq!(renamed, json!({"msg": "item updated", "item": {"id": 1, "name": "Other"}}));
        app.post(&admin.token, list, json!({"name": "Taken"})).await.expect(201);
        let taken = app.put(&admin.token, &path, json!({"name": "Taken"})).await;
        assert_eq!(taken.outcome(), (409, "conflict"));
        assert_eq!(app.post(&admin.token, list, json!({"name": "Taken"})).await.outcome(), (409, "conflict"));
        let gone = app.delete(&admin.token, &path).await.expect(200);
        assert_eq!(gone, json!({"msg": "item deleted", "item": {"id": 1, "name": "Other"}}));
        assert_eq!(app.get(&admin.token, &path).await.outcome(), (404, "not_found"));
        assert_eq!(app.delete(&admin.token, &path).await.outcome(), (404, "not_found"));
    }
}

#[actix_web::test]
async fn every_item_has_the_fields_of_the_contract() {
    let fixture = Fixture::new().await;
    let get = async |path: String| fixture.app.get(&fixture.admin.token, &path).await.expect(200);
    let (ada, bank) = (&fixture.ada, fixture.bank);
    let branch = json!({"id": fixture.branch, "bank_id": bank, "city_id": fixture.city});
    assert_eq!(get(format!("/api/branches/{}", fixture.branch)).await, branch);
    let client = json!({"id": ada.client, "name": "Ada", "social_status_id": fixture.status, "user_id": ada.person.id});
    assert_eq!(get(format!("/api/clients/{}", ada.client)).await, client);
    let ibans = bank_service::domain::iban::IbanScheme::new("DE", None).unwrap();
    let account = json!({
        "id": ada.account, "balance": 520, "currency": "EUR", "client_id": ada.client, "bank_id": bank,
        "held": 0, "available": 520, "iban": ibans.of(ada.account).unwrap().as_str(), "overdraft_limit": 0,
    });
    assert_eq!(get(format!("/api/accounts/{}", ada.account)).await, account);
    let card = json!({"id": ada.card, "balance": 100, "account_id": ada.account, "held": 0, "available": 100});
    assert_eq!(get(format!("/api/cards/{}", ada.card)).await, card);
    assert_eq!(get(format!("/api/accounts/cards/{}", ada.card)).await, card);
    assert_eq!(get(format!("/v1/api/cards/{}", ada.card)).await, card);
    let list = get(format!("/v1/api/accounts/{}/cards", ada.account)).await;
    assert_eq!(list["results"], json!([card]));
    assert!(list["next"].as_str().unwrap().starts_with("/v1/api/accounts/"));
}

#[actix_web::test]
async fn an_account_is_opened_on_each_of_three_routes() {
    let fixture = Fixture::new().await;
    let (app, token, client, bank) = (&fixture.app, fixture.ada.token(), fixture.ada.client, fixture.bank);
    let open = async |path: String, body: Value| app.post(token, &path, body).await.item(201);
    let body = json!({"client_id": client, "bank_id": bank, "balance": 7, "currency": "JPY"});
    let item = open("/api/accounts".to_owned(), body).await;
    assert_eq!((&item["balance"], &item["currency"]), (&json!(7), &json!("JPY")));
    let item = open(format!("/api/banks/{bank}/accounts"), json!({})).await;
    assert_eq!((&item["client_id"], &item["balance"], &item["currency"]), (&json!(client), &json!(0), &json!("EUR")));
    let item = open(format!("/api/clients/{client}/accounts"), json!({"bank_id": bank, "client_id": client})).await;
    assert_eq!(item["bank_id"], bank);
    let contradiction = app.post(token, &format!("/api/banks/{bank}/accounts"), json!({"bank_id": bank + 1})).await;
    assert!(contradiction.body["errors"]["bank_id"].is_array(), "{}", contradiction.body);
    // The administrator has no client.
    let nobody = app.post(&fixture.admin.token, "/api/accounts", json!({"bank_id": bank})).await;
    assert!(nobody.body["errors"]["client_id"].is_array(), "{}", nobody.body);
}

#[actix_web::test]
async fn what_a_body_refers_to_must_exist() {
    let fixture = Fixture::new().await;
    let (app, token, admin) = (&fixture.app, fixture.ada.token(), &fixture.admin.token);
    let fault = async |answer: Answer, field: &str| {
        assert_eq!(answer.outcome(), (422, "validation_failed"), "{}", answer.body);
        assert!(answer.body["errors"][field].is_array(), "{}", answer.body);
    };
    fault(app.post(token, "/api/accounts", json!({"bank_id": 4711})).await, "bank_id").await;
    let branches = format!("/api/banks/{}/branches", fixture.bank);
    fault(app.post(admin, &branches, json!({"city_id": 4711})).await, "city_id").await;
    fault(app.put(admin, &format!("/api/branches/{}", fixture.branch), json!({"city_id": 4711})).await, "city_id")
        .await;
    let client = format!("/api/clients/{}", fixture.ada.client);
    fault(app.put(token, &client, json!({"social_status_id": 4711})).await, "social_status_id").await;
    for path in ["/api/banks/4711/branches", "/api/banks/4711/accounts"] {
        let body = if path.ends_with("accounts") { json!({}) } else { json!({"city_id": fixture.city}) };
        assert_eq!(app.get(admin, path).await.outcome(), (404, "not_found"));
        let token = if path.ends_with("accounts") { token } else { admin };
        assert_eq!(app.post(token, path, body).await.outcome(), (404, "not_found"));
    }
}

#[actix_web::test]
async fn an_update_changes_the_given_fields_only_and_an_empty_one_nothing() {
    let fixture = Fixture::new().await;
    let (app, token) = (&fixture.app, fixture.ada.token());
    let path = format!("/api/clients/{}", fixture.ada.client);
    let item = app.put(token, &path, json!({"name": "Ada Lovelace"})).await.item(200);
    assert_eq!((&item["name"], &item["social_status_id"]), (&json!("Ada Lovelace"), &json!(fixture.status)));
    let item = app.put(token, &path, json!({"social_status_id": null})).await.item(200);
    assert_eq!((&item["name"], &item["social_status_id"]), (&json!("Ada Lovelace"), &Value::Null));
    let before = fixture.snapshot().await;
    for (path, body) in [
        (path, json!({})),
        (format!("/api/accounts/{}", fixture.ada.account), json!({"balance": 520})),
        (format!("/api/cards/{}", fixture.ada.card), json!({})),
    ] {
        let answer = app.put(token, &path, body).await;
        assert_eq!(answer.status.as_u16(), 200, "{path}");
    }
    let admin = &fixture.admin.token;
    app.put(admin, &format!("/api/banks/{}", fixture.bank), json!({})).await.expect(200);
    app.put(admin, &format!("/api/branches/{}", fixture.branch), json!({})).await.expect(200);
    assert_eq!(fixture.snapshot().await, before, "nothing changed, and no event says so");
}

#[actix_web::test]
async fn a_stale_change_is_refused_and_a_current_one_is_not() {
    let fixture = Fixture::new().await;
    let path = format!("/api/cards/{}", fixture.ada.card);
    let change = async |method: Method, tag: &str| {
        let request = fixture.app.request(method.clone(), &path, Some(fixture.ada.token())).header("If-Match", tag);
        let request = if method == Method::PUT { request.json(&json!({"balance": 7})) } else { request };
        fixture.app.send(request).await
    };
    let read = fixture.app.get(fixture.ada.token(), &path).await;
    assert_eq!(read.headers["etag"], "\"2\"", "its first balance is a change");
    let done = change(Method::PUT, "\"2\"").await;
    assert_eq!((done.status.as_u16(), &done.headers["etag"]), (200, &"\"3\"".parse().unwrap()));
    for stale in ["\"2\"", "W/\"3\"", "\"x\"", "\"a,b\"", "\"2,3\""] {
        assert_eq!(change(Method::PUT, stale).await.outcome(), (412, "precondition_failed"), "{stale}");
        assert_eq!(change(Method::DELETE, stale).await.outcome(), (412, "precondition_failed"), "{stale}");
    }
    for malformed in ["", " ", "2", ","] {
        assert_eq!(change(Method::DELETE, malformed).await.outcome(), (400, "malformed_request"), "{malformed:?}");
    }
    assert_eq!(change(Method::DELETE, "\"a,b\", \"2\", \"3\"").await.status.as_u16(), 200);
}

#[actix_web::test]
async fn every_resource_has_a_version() {
    let fixture = Fixture::new().await;
    let admin = &fixture.admin.token;
    let cases = [
        (format!("/api/banks/{}", fixture.bank), json!({"name": "X"})),
        (format!("/api/cities/{}", fixture.city), json!({"name": "X"})),
        (format!("/api/social-statuses/{}", fixture.status), json!({"name": "X"})),
        (format!("/api/branches/{}", fixture.branch), json!({"city_id": second_city(&fixture).await})),
        (format!("/api/clients/{}", fixture.ada.client), json!({"name": "X"})),
        (format!("/api/accounts/{}", fixture.ada.account), json!({"balance": 1})),
        (format!("/api/cards/{}", fixture.ada.card), json!({"balance": 1})),
    ];
    for (path, body) in cases {
        let before = fixture.app.get(admin, &path).await.headers["etag"].clone();
        let known = fixture.app.request(Method::GET, &path, Some(admin)).header("If-None-Match", before.clone());
        assert_eq!(fixture.app.send(known).await.status.as_u16(), 304, "{path}");
        assert_ne!(fixture.app.put(admin, &path, body.clone()).await.headers["etag"], before, "{path}");
        let request = fixture.app.request(Method::PUT, &path, Some(admin)).header("If-Match", before.clone());
        assert_eq!(fixture.app.send(request.json(&body)).await.outcome(), (412, "precondition_failed"), "{path}");
        let request = fixture.app.request(Method::DELETE, &path, Some(admin)).header("If-Match", before);
        assert_eq!(fixture.app.send(request).await.outcome(), (412, "precondition_failed"), "{path}");
    }
}

async fn second_city(fixture: &Fixture) -> i64 {
    id(&fixture.app.post(&fixture.admin.token, "/api/cities", json!({"name": "Porto"})).await.item(201))
}

/// An item's path, a body without a change where there can be one, and the caller's token.
type Target<'a> = (String, Option<Value>, &'a str);

/// The outcomes without a condition, and with one that no item matches.
async fn outcomes(fixture: &Fixture, method: &Method, target: &Target<'_>) -> [(u16, String); 2] {
    let (path, body, token) = target;
    let ask = async |condition: Option<&str>| {
        let mut request = fixture.app.request(method.clone(), path, Some(token));
        if let (Some(body), &Method::PUT) = (body, method) {
            request = request.json(body);
        }
        if let Some(tag) = condition {
            request = request.header("If-Match", tag);
        }
        let answer = fixture.app.send(request).await;
        let (status, error) = answer.outcome();
        (status, error.to_owned())
    };
    [ask(None).await, ask(Some("\"4711\"")).await]
}

/// RFC 9110, 13.2.1: a condition is evaluated only if the response without it would be a success.
#[actix_web::test]
async fn a_condition_does_not_come_before_existence_and_access() {
    let fixture = Fixture::new().await;
    let (admin, ada, bob) = (fixture.admin.token.as_str(), fixture.ada.token(), fixture.bob.token());
    let phone = json!({"device_id": "phone", "device_type": "android", "push_token": "a-push-token-of-ada"});
    let device = id(&fixture.app.post(ada, "/api/devices", phone).await.item(201));
    let lists = [
        "banks",
        "cities",
        "social-statuses",
        "branches",
        "clients",
        "accounts",
        "accounts/cards",
        "cards",
        "users",
        "roles",
    ];
    let mut targets: Vec<Target> =
        lists.iter().map(|list| (format!("/api/{list}/4711"), Some(json!({})), admin)).collect();
    for path in [
        format!("/api/clients/{}", fixture.ada.client),
        format!("/api/accounts/{}", fixture.ada.account),
        format!("/api/cards/{}", fixture.ada.card),
        format!("/api/users/{}", fixture.ada.person.id),
    ] {
        targets.push((path, Some(json!({})), bob));
    }
    targets.push((format!("/api/devices/{device}"), None, bob));
    targets.push(("/api/devices/4711".to_owned(), None, ada));
    targets.push((format!("/api/users/{}/mfa", fixture.ada.person.id), None, admin));
    targets.push((format!("/api/users/{}/mfa", fixture.admin.id), None, admin));
    for target in &targets {
        for method in [Method::DELETE, Method::PUT] {
            if method == Method::PUT && target.1.is_none() {
                continue;
            }
            let [without, with] = outcomes(&fixture, &method, target).await;
            assert!([403, 404].contains(&without.0), "{method} {}: {without:?}", target.0);
            assert_eq!(with, without, "{method} {}", target.0);
        }
    }
    let tagged = fixture.app.request(Method::DELETE, &format!("/api/devices/{device}"), Some(ada));
    let refused = fixture.app.send(tagged.header("If-Match", "\"1\"")).await;
    assert_eq!(refused.outcome(), (412, "precondition_failed"), "it is there, it is the caller's, and it has no tag");
}
