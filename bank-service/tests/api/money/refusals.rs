//! Requests that are refused: the answer names what is wrong, and nothing is changed.

use serde_json::{Value, json};

use super::support::{account, card, order, uuid, verified};
use crate::harness::Answer;
use crate::resources::fixture::Fixture;

/// Fails the test unless the request is refused for this field.
async fn refused_for(fixture: &Fixture, path: &str, body: Value, field: &str) {
    let shown = body.to_string();
    let answer = fixture.app.post(&fixture.admin.token, path, body).await;
    assert_eq!(answer.outcome(), (422, "validation_failed"), "{path} {shown}: {}", answer.body);
    let named: Vec<&str> = answer.body["errors"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(named, [field], "{path} {shown}: {}", answer.body);
}

/// The body with one field set.
fn with(body: &Value, field: &str, value: &Value) -> Value {
    let mut body = body.clone();
    body[field] = value.clone();
    body
}

/// The body without one field.
fn without(body: &Value, field: &str) -> Value {
    let mut body = body.clone();
    body.as_object_mut().unwrap().remove(field).unwrap();
    body
}

/// The routes that take an amount: path, a body that is accepted, and whether the amount may be left out.
async fn routes(fixture: &Fixture) -> Vec<(String, Value, bool)> {
    let (hold, posted) = (fixture.hold(100).await, uuid(&fixture.pay(100).await));
    let at_account = |what: &str| format!("/api/accounts/{}/{what}", fixture.ada.account);
    vec![
        ("/api/transfers".to_owned(), fixture.to_bob(10), false),
        (at_account("deposits"), json!({"amount": 10}), false),
        (at_account("withdrawals"), json!({"amount": 10}), false),
        (format!("/api/transfers/{hold}/capture"), json!({"amount": 10}), true),
        (format!("/api/transfers/{posted}/reverse"), json!({"amount": 10, "description": "a mistake"}), true),
    ]
}

#[actix_web::test]
async fn an_amount_is_a_whole_number_from_one_to_the_largest_that_json_has() {
    let fixture = Fixture::new().await;
    let routes = routes(&fixture).await;
    let before = fixture.state().await;
    let beyond: Value = serde_json::from_str("9223372036854775808").unwrap();
    let bad = [
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1e3),
        json!(9_007_199_254_740_992_i64),
        beyond,
        json!("1"),
        json!(true),
        json!([1]),
        Value::Null,
    ];
    for (path, body, is_optional) in &routes {
        for amount in &bad {
            refused_for(&fixture, path, with(body, "amount", amount), "amount").await;
        }
        if !is_optional {
            refused_for(&fixture, path, without(body, "amount"), "amount").await;
        }
        refused_for(&fixture, path, with(body, "fee", &json!(1)), "fee").await;
    }
    assert_eq!(fixture.state().await, before);
    for (path, body, _) in routes {
        fixture.app.post(&fixture.admin.token, &path, body).await.expect(201);
    }
    verified(&fixture.app).await;
}

#[actix_web::test]
async fn a_side_is_one_account_or_one_card() {
    let fixture = Fixture::new().await;
    let before = fixture.state().await;
    let good = fixture.to_bob(10);
    for side in [
        json!({}),
        json!({"account_id": fixture.ada.account, "card_id": fixture.ada.card}),
        json!({"account_id": fixture.ada.account, "iban": "X"}),
        json!({"bank_id": fixture.bank, "system": "cash"}),
        json!({"system": "cash"}),
        json!({"account_id": 0}),
        json!({"account_id": "1"}),
        json!({"card_id": null}),
        json!({"card_id": 1.5}),
        json!([1]),
        json!(1),
        Value::Null,
    ] {
        for field in ["from", "to"] {
            refused_for(&fixture, "/api/transfers", with(&good, field, &side), field).await;
        }
    }
    for field in ["from", "to"] {
        refused_for(&fixture, "/api/transfers", without(&good, field), field).await;
    }
    let all = json!({"from": {}, "amount": 0, "currency": "eur", "fee": 1});
    let all = fixture.app.post(&fixture.admin.token, "/api/transfers", all).await;
    let named: Vec<&str> = all.body["errors"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(named, ["amount", "currency", "fee", "from", "to"], "all faults at once");
    assert_eq!(fixture.state().await, before);
}

#[actix_web::test]
async fn a_debited_side_of_somebody_else_is_refused_before_any_other_field() {
    let fixture = Fixture::new().await;
    let (app, ada, bob) = (&fixture.app, &fixture.ada, &fixture.bob);
    let before = fixture.state().await;
    let faulty = |from: &Value| with(&order(from, &json!({}), 0), "fee", &json!(1));
    for foreign in [account(ada.account), card(ada.card), account(4711), card(4711)] {
        let refused = app.post(bob.token(), "/api/transfers", faulty(&foreign)).await;
        assert_eq!(refused.outcome(), (403, "access_denied"), "{foreign}");
        let by_staff = app.post(&fixture.admin.token, "/api/transfers", faulty(&foreign)).await;
        assert_eq!(by_staff.outcome(), (422, "validation_failed"), "{foreign}: staff is not refused for it");
    }
    for (own, named) in [
        (account(bob.account), vec!["amount", "fee", "to"]),
        (card(bob.card), vec!["amount", "fee", "to"]),
        (json!({}), vec!["amount", "fee", "from", "to"]),
    ] {
        let refused = app.post(bob.token(), "/api/transfers", faulty(&own)).await;
        assert_eq!(refused.outcome(), (422, "validation_failed"), "{own}");
        let faults: Vec<&str> = refused.body["errors"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(faults, named, "{own}");
    }
    assert_eq!(fixture.state().await, before);
}

#[actix_web::test]
async fn a_text_is_one_line_of_bounded_length() {
    let fixture = Fixture::new().await;
    let routes = routes(&fixture).await;
    let before = fixture.state().await;
    let bad = |longest: usize| {
        let lengths = ["x".repeat(longest + 1), "é".repeat(longest + 1), String::new(), "  ".to_owned()];
        let controls = ["a\nb", "a\rb", "a\tb", "a\u{0}b", "a\u{7f}b", "a\u{85}b"].map(str::to_owned);
        let noncharacters = ["\u{ffff}", "a\u{fffe}b", "a\u{fdd0}b", "a\u{1ffff}b"].map(str::to_owned);
        let texts = lengths.into_iter().chain(controls).chain(noncharacters).map(Value::String);
        texts.chain([json!(7), json!(["x"]), Value::Null]).collect::<Vec<_>>()
    };
    for (path, body, _) in routes.iter().filter(|(path, ..)| !path.ends_with("capture")) {
        for text in bad(140) {
            refused_for(&fixture, path, with(body, "description", &text), "description").await;
        }
        if !path.ends_with("reverse") {
            for text in bad(35) {
                refused_for(&fixture, path, with(body, "reference", &text), "reference").await;
            }
        }
    }
    let (reverse, body, _) = routes.last().unwrap();
    refused_for(&fixture, reverse, without(body, "description"), "description").await;
    assert_eq!(fixture.state().await, before);
    let mut longest = with(&fixture.to_bob(1), "reference", &json!("é".repeat(35)));
    longest["description"] = json!("é".repeat(140));
    let item = fixture.app.post(fixture.ada.token(), "/api/transfers", longest.clone()).await.item(201);
    assert_eq!((&item["reference"], &item["description"]), (&longest["reference"], &longest["description"]));
}

#[actix_web::test]
async fn a_hold_lasts_a_minute_to_thirty_days_and_only_a_hold_lasts() {
    let fixture = Fixture::new().await;
    let before = fixture.state().await;
    let hold = with(&fixture.to_bob(1), "hold", &json!(true));
    for seconds in [json!(59), json!(2_592_001), json!(0), json!(-60), json!(60.5), json!("60"), Value::Null] {
        refused_for(&fixture, "/api/transfers", with(&hold, "expires_in", &seconds), "expires_in").await;
    }
    let plain = with(&fixture.to_bob(1), "expires_in", &json!(60));
    refused_for(&fixture, "/api/transfers", with(&plain, "hold", &json!(false)), "expires_in").await;
    refused_for(&fixture, "/api/transfers", plain, "expires_in").await;
    for value in [json!("yes"), json!(1), Value::Null] {
        refused_for(&fixture, "/api/transfers", with(&hold, "hold", &value), "hold").await;
    }
    assert_eq!(fixture.state().await, before);
    for (seconds, end) in
        [(Some(60), "2026-01-16T17:11:26Z"), (Some(2_592_000), "2026-02-15T17:10:26Z"), (None, "2026-01-23T17:10:26Z")]
    {
        let body = seconds.map_or_else(|| hold.clone(), |seconds| with(&hold, "expires_in", &json!(seconds)));
        let item = fixture.app.post(fixture.ada.token(), "/api/transfers", body).await.item(201);
        assert_eq!(item["expires_at"], end);
    }
}

#[actix_web::test]
async fn a_batch_has_one_to_500_transfers() {
    let fixture = Fixture::new().await;
    let before = fixture.state().await;
    let good = fixture.to_bob(1);
    for transfers in [json!([]), json!(vec![good.clone(); 501]), json!(good), Value::Null] {
        for is_atomic in [true, false] {
            let body = json!({"transfers": transfers, "atomic": is_atomic});
            let answer = fixture.keyed(fixture.ada.token(), "/api/transfers/batch", "k", &body).await;
            assert_eq!(answer.outcome(), (422, "validation_failed"), "{}", answer.body);
            assert!(answer.body["errors"]["transfers"].is_array(), "{}", answer.body);
        }
    }
    let faulty = json!({"transfers": [good], "atomic": 1});
    let answer = fixture.keyed(fixture.ada.token(), "/api/transfers/batch", "k", &faulty).await;
    assert!(answer.body["errors"]["atomic"].is_array(), "{}", answer.body);
    assert_eq!(fixture.state().await, before);
}

#[actix_web::test]
async fn each_fault_of_each_transfer_of_a_batch_is_named_by_its_index() {
    let fixture = Fixture::new().await;
    let before = fixture.state().await;
    let good = fixture.to_bob(1);
    let two_faults = with(&with(&good, "from", &json!({})), "fee", &json!(1));
    let transfers = json!([good, with(&good, "amount", &json!(0)), 1, good, two_faults]);
    let expected = ["transfers[1].amount", "transfers[2]", "transfers[4].fee", "transfers[4].from"];
    for is_atomic in [true, false] {
        let body = json!({"transfers": transfers, "atomic": is_atomic});
        let answer = fixture.keyed(fixture.ada.token(), "/api/transfers/batch", "k", &body).await;
        assert_eq!(answer.outcome(), (422, "validation_failed"), "{}", answer.body);
        let named: Vec<&str> = answer.body["errors"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(named, expected, "{}", answer.body);
    }
    assert_eq!(fixture.state().await, before);
}

/// The outcome of a transfer by Ada.
async fn by_ada(fixture: &Fixture, body: &Value) -> Answer {
    fixture.app.post(fixture.ada.token(), "/api/transfers", body.clone()).await
}

#[actix_web::test]
async fn what_is_wrong_with_the_senders_own_side_is_named() {
    let fixture = Fixture::new().await;
    let (app, ada, bob) = (&fixture.app, &fixture.ada, &fixture.bob);
    fixture.hold(100).await;
    let full = format!("/api/accounts/{}", bob.account);
    app.put(bob.token(), &full, json!({"balance": 9_007_199_254_740_991_i64})).await.expect(200);
    let before = fixture.state().await;
    let dollars = |body: &Value| with(body, "currency", &json!("USD"));
    for (body, outcome) in [
        (order(&account(bob.account), &account(ada.account), 1), (403, "access_denied")),
        (order(&card(bob.card), &account(bob.account), 1), (403, "access_denied")),
        (order(&account(4711), &account(ada.account), 1), (403, "access_denied")),
        (order(&card(4711), &account(ada.account), 1), (403, "access_denied")),
        (dollars(&order(&account(ada.account), &account(ada.account), 900)), (422, "same_account")),
        (dollars(&order(&account(ada.account), &account(4711), 900)), (422, "currency_mismatch")),
        (order(&account(ada.account), &account(4711), 900), (422, "insufficient_funds")),
        (order(&account(ada.account), &card(bob.card), 421), (422, "insufficient_funds")),
        (fixture.to_bob(1), (422, "balance_out_of_range")),
    ] {
        let answer = by_ada(&fixture, &body).await;
        assert_eq!(answer.outcome(), outcome, "{body}: {}", answer.body);
        let available = (outcome.1 == "insufficient_funds").then(|| json!(420));
        assert_eq!(answer.body.get("available"), available.as_ref(), "{body}: what can be spent beside the hold");
    }
    let missing =
        app.post(&fixture.admin.token, "/api/transfers", order(&account(4711), &account(ada.account), 1)).await;
    assert_eq!(missing.outcome(), (404, "not_found"), "staff is answered more precisely");
    assert_eq!(fixture.state().await, before);
    verified(app).await;
}
