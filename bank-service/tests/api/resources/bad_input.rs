//! Bad input gets a clear response and changes nothing.

use reqwest::Method;
use serde_json::{Value, json};

use super::fixture::Fixture;

/// Every route with a body: method, path, a valid body.
fn routes(fixture: &Fixture) -> Vec<(Method, String, Value)> {
    let (bank, ada) = (fixture.bank, &fixture.ada);
    let account = json!({"client_id": ada.client, "bank_id": bank, "balance": 5});
    vec![
        (Method::POST, "/api/banks".to_owned(), json!({"name": "Good Bank"})),
        (Method::PUT, format!("/api/banks/{bank}"), json!({"name": "Good Bank"})),
        (Method::POST, "/api/cities".to_owned(), json!({"name": "Good City"})),
        (Method::PUT, format!("/api/cities/{}", fixture.city), json!({"name": "Good City"})),
        (Method::POST, "/api/social-statuses".to_owned(), json!({"name": "good"})),
        (Method::PUT, format!("/api/social-statuses/{}", fixture.status), json!({"name": "good"})),
        (Method::POST, format!("/api/banks/{bank}/branches"), json!({"city_id": fixture.city})),
        (Method::PUT, format!("/api/branches/{}", fixture.branch), json!({"city_id": fixture.city})),
        (Method::POST, "/api/clients".to_owned(), json!({"name": "Good Client", "user_id": fixture.admin.id})),
        (Method::PUT, format!("/api/clients/{}", ada.client), json!({"name": "Good Client"})),
        (Method::POST, "/api/accounts".to_owned(), account.clone()),
        (Method::POST, format!("/api/banks/{bank}/accounts"), account.clone()),
        (Method::POST, format!("/api/clients/{}/accounts", ada.client), account),
        (Method::PUT, format!("/api/accounts/{}", ada.account), json!({"balance": 5})),
        (Method::POST, format!("/api/accounts/{}/cards", ada.account), json!({"balance": 5})),
        (Method::PUT, format!("/api/cards/{}", ada.card), json!({"balance": 5})),
    ]
}

/// Sends the valid body with one field set to a bad value, which the response must name.
async fn refuse(fixture: &Fixture, (method, path, good): &(Method, String, Value), field: &str, bad: Value) {
    let mut body = good.clone();
    body[field] = bad.clone();
    let request = fixture.app.request(method.clone(), path, Some(&fixture.admin.token)).json(&body);
    let answer = fixture.app.send(request).await;
    assert_eq!(answer.outcome(), (422, "validation_failed"), "{method} {path} {field}={bad}: {}", answer.body);
    assert!(answer.body["errors"][field].is_array(), "{method} {path} {field}={bad}: {}", answer.body);
}

#[actix_web::test]
async fn bad_values_are_named_and_change_nothing() {
    let fixture = Fixture::new().await;
    let before = fixture.snapshot().await;
    let two_to_63: Value = serde_json::from_str("9223372036854775808").unwrap();
    let balances = [
        json!(-1),
        json!(1.5),
        two_to_63.clone(),
        json!(9_007_199_254_740_992_i64),
        json!("5"),
        json!(true),
        json!([]),
        json!({}),
        Value::Null,
        json!(1e3),
        serde_json::from_str("-0").unwrap(),
    ];
    let names = [
        json!(""),
        json!("   "),
        json!("x".repeat(101)),
        json!(7),
        json!(["x"]),
        Value::Null,
        json!("26"),
        json!("a_b"),
        json!("a\u{0}b"),
        json!("<b>x</b>"),
        json!("'; DROP TABLE banks; --"),
        json!("a\u{202e}b"),
    ];
    let ids = [json!(0), json!(-1), json!("1"), json!(1.5), two_to_63, json!([1]), json!(true)];
    for route in routes(&fixture) {
        refuse(&fixture, &route, "id", json!(1)).await;
        refuse(&fixture, &route, "version", json!(1)).await;
        refuse(&fixture, &route, "no_such_field", json!(1)).await;
        let faults: &[(&str, &[Value])] = &[
            ("balance", &balances),
            ("name", &names),
            ("city_id", &ids),
            ("client_id", &ids),
            ("bank_id", &ids),
            ("user_id", &ids),
        ];
        for (field, bad) in faults.iter().filter(|(field, _)| route.2.get(*field).is_some()) {
            for value in *bad {
                refuse(&fixture, &route, field, value.clone()).await;
            }
        }
    }
    assert_eq!(fixture.snapshot().await, before);
}

#[actix_web::test]
async fn what_an_item_hangs_on_is_read_only() {
    let fixture = Fixture::new().await;
    let before = fixture.snapshot().await;
    for (path, fields) in [
        (format!("/api/branches/{}", fixture.branch), &["id", "bank_id"][..]),
        (format!("/api/clients/{}", fixture.ada.client), &["id", "user_id"]),
        (format!("/api/accounts/{}", fixture.ada.account), &["id", "client_id", "bank_id", "currency"]),
        (format!("/api/cards/{}", fixture.ada.card), &["id", "account_id"]),
    ] {
        for field in fields {
            let answer = fixture.app.put(&fixture.admin.token, &path, json!({*field: 1})).await;
            assert_eq!(answer.body["errors"][field], json!(["is read-only"]), "{path} {field}: {}", answer.body);
        }
    }
    for code in ["eur", "EURO", "XXX", "", "12E", "BGN"] {
        let body = json!({"client_id": fixture.ada.client, "bank_id": fixture.bank, "currency": code});
        let answer = fixture.app.post(&fixture.admin.token, "/api/accounts", body).await;
        assert!(answer.body["errors"]["currency"].is_array(), "{code}: {}", answer.body);
    }
    assert_eq!(fixture.snapshot().await, before);
}

#[actix_web::test]
async fn another_parent_than_that_of_the_path_is_one_of_all_faults() {
    let fixture = Fixture::new().await;
    let before = fixture.snapshot().await;
    for (path, parent) in [
        (format!("/api/banks/{}/branches", fixture.bank), "bank_id"),
        (format!("/api/banks/{}/accounts", fixture.bank), "bank_id"),
        (format!("/api/clients/{}/accounts", fixture.ada.client), "client_id"),
        (format!("/api/accounts/{}/cards", fixture.ada.account), "account_id"),
    ] {
        let answer = fixture.app.post(&fixture.admin.token, &path, json!({parent: 4711, "color": "red"})).await;
        assert_eq!(answer.outcome(), (422, "validation_failed"), "{path}");
        assert_eq!(answer.body["errors"][parent], json!(["is not the one in the path"]), "{path}: {}", answer.body);
        assert_eq!(answer.body["errors"]["color"], json!(["unknown field"]), "{path}: {}", answer.body);
    }
    assert_eq!(fixture.snapshot().await, before);
}

#[actix_web::test]
async fn all_that_an_item_refers_to_and_is_not_there_is_named_at_once() {
    let fixture = Fixture::new().await;
    let before = fixture.snapshot().await;
    let unknown = json!({"client_id": 4711, "bank_id": 4711});
    for (path, body, faults) in [
        ("/api/accounts".to_owned(), unknown.clone(), vec!["bank_id", "client_id"]),
        (format!("/api/clients/{}/accounts", fixture.ada.client), json!({"bank_id": 4711}), vec!["bank_id"]),
        (format!("/api/banks/{}/accounts", fixture.bank), json!({"client_id": 4711}), vec!["client_id"]),
        ("/api/accounts".to_owned(), json!({"bank_id": 4711}), vec!["bank_id", "client_id"]),
        (
            "/api/clients".to_owned(),
            json!({"name": "Ada", "user_id": 4711, "social_status_id": 4711}),
            vec!["social_status_id", "user_id"],
        ),
    ] {
        let answer = fixture.app.post(&fixture.admin.token, &path, body).await;
        assert_eq!(answer.outcome(), (422, "validation_failed"), "{path}");
        let named: Vec<&String> = answer.body["errors"].as_object().unwrap().keys().collect();
        assert_eq!(named, faults, "{path}: {}", answer.body);
    }
    // The path names the bank: it is not found, whatever the body names.
    let answer = fixture.app.post(&fixture.admin.token, "/api/banks/4711/accounts", json!({"client_id": 4711})).await;
    assert_eq!(answer.outcome(), (404, "not_found"));
    assert_eq!(fixture.snapshot().await, before);
}

#[actix_web::test]
async fn a_withdrawn_currency_opens_no_account_and_those_in_it_go_on() {
    let fixture = Fixture::new().await;
    let (admin, ada) = (&fixture.admin.token, &fixture.ada);
    let open = json!({"client_id": ada.client, "bank_id": fixture.bank, "currency": "ANG"});
    let refused = fixture.app.post(admin, "/api/accounts", open).await;
    assert_eq!(refused.outcome(), (422, "validation_failed"));
    assert_eq!(refused.body["errors"], json!({"currency": ["is withdrawn from ISO 4217; use XCG"]}));
    fixture.app.sql_change("UPDATE accounts SET currency = 'ANG'").await;
    fixture.app.sql_change("UPDATE ledger_accounts SET currency = 'ANG' WHERE kind = 'account'").await;
    let path = format!("/api/accounts/{}", ada.account);
    assert_eq!(fixture.app.get(admin, &path).await.expect(200)["currency"], "ANG");
    let changed = fixture.app.put(admin, &path, json!({"balance": 77})).await.item(200);
    assert_eq!((&changed["balance"], &changed["currency"]), (&json!(77), &json!("ANG")));
    assert_eq!(fixture.app.get(admin, "/api/accounts?currency=ANG").await.expect(200)["total"], 2);
}

#[actix_web::test]
async fn bodies_that_are_no_object_of_json_are_refused() {
    let fixture = Fixture::new().await;
    let before = fixture.snapshot().await;
    let deep = format!("{{\"name\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let large = format!("{{\"name\":\"{}\"}}", "x".repeat(65 * 1024));
    let bodies: [(&[u8], (u16, &str)); 11] = [
        (b"", (400, "malformed_request")),
        (b"{", (400, "malformed_request")),
        (b"name=x", (400, "malformed_request")),
        (b"{\"name\":\"\xff\"}", (400, "malformed_request")),
        (b"{\"name\":\"a\",\"name\":\"b\"}", (400, "malformed_request")),
        (b"{\"name\":NaN}", (400, "malformed_request")),
        (b"{\"name\":\"a\\ud800\"}", (400, "malformed_request")),
        (deep.as_bytes(), (400, "malformed_request")),
        (large.as_bytes(), (413, "payload_too_large")),
        (b"[]", (422, "validation_failed")),
        (b"null", (422, "validation_failed")),
    ];
    for (method, path, _) in routes(&fixture) {
        for (body, expected) in bodies {
            let request = fixture.app.request(method.clone(), &path, Some(&fixture.admin.token));
            let request = request.header("Content-Type", "application/json").body(body.to_vec());
            let answer = fixture.app.send(request).await;
            assert_eq!(answer.outcome(), expected, "{method} {path}");
            assert_eq!(answer.headers["content-type"], "application/problem+json");
        }
        let request = fixture.app.request(method.clone(), &path, Some(&fixture.admin.token)).body("name=x");
        let request = request.header("Content-Type", "application/x-www-form-urlencoded");
        assert_eq!(fixture.app.send(request).await.outcome(), (415, "unsupported_media_type"), "{method} {path}");
    }
    assert_eq!(fixture.snapshot().await, before);
}

#[actix_web::test]
async fn json_beyond_a_limit_is_refused_by_the_name_of_that_limit() {
    let fixture = Fixture::new().await;
    let deep = format!("{{\"name\":{}{}}}", "[".repeat(200), "]".repeat(200));
    for (body, limit) in [
        (r#"{"balance":1e400}"#.to_owned(), "The body holds a number beyond"),
        (format!("{{\"balance\":{}}}", "9".repeat(401)), "The body holds a number beyond"),
        (deep, "The body is nested deeper than 127 levels (line 1, column 135)."),
    ] {
        // One route with a required body, and one with an optional body.
        for path in ["/api/banks", "/api/devices/1/push-test"] {
            let request = fixture.app.request(Method::POST, path, Some(&fixture.admin.token));
            let request = request.header("Content-Type", "application/json").body(body.clone());
            let answer = fixture.app.send(request).await;
            assert_eq!(answer.outcome(), (400, "malformed_request"), "{path}");
            assert!(answer.body["detail"].as_str().unwrap().starts_with(limit), "{}", answer.body);
        }
    }
}

#[actix_web::test]
async fn what_cannot_be_an_id_names_nothing() {
    let fixture = Fixture::new().await;
    for list in ["banks", "cities", "social-statuses", "branches", "clients", "accounts", "cards"] {
        for id in ["0", "-1", "18446744073709551616", "9223372036854775808", "abc", "1.0", "%00", "+1", "1%20", "01"] {
            let path = format!("/api/{list}/{id}");
            assert_eq!(fixture.app.get(&fixture.admin.token, &path).await.outcome(), (404, "not_found"), "{path}");
            assert_eq!(fixture.app.delete(&fixture.admin.token, &path).await.outcome(), (404, "not_found"), "{path}");
        }
    }
    for path in ["/api/banks/0/branches", "/api/clients/x/accounts", "/api/accounts/-1/cards"] {
        assert_eq!(fixture.app.get(&fixture.admin.token, path).await.outcome(), (404, "not_found"), "{path}");
    }
}

#[actix_web::test]
async fn methods_that_a_route_does_not_have_are_refused() {
    let fixture = Fixture::new().await;
    for (method, path) in [
        (Method::PATCH, "/api/banks"),
        (Method::DELETE, "/api/banks"),
        (Method::POST, "/api/banks/1"),
        (Method::PUT, "/api/accounts/1/cards"),
        (Method::POST, "/api/cards"),
        (Method::POST, "/api/branches"),
    ] {
        let answer = fixture.app.send(fixture.app.request(method.clone(), path, Some(&fixture.admin.token))).await;
        assert_eq!(answer.outcome(), (405, "method_not_allowed"), "{method} {path}");
    }
}
