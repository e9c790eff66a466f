//! Holds: money that is kept, and then moved or free again, once.

use std::time::Duration;

use bank_service::operations::ledger::expire_holds;
use reqwest::Method;
use serde_json::{Value, json};

use super::support::{account, card, numbers, order, uuid, verified};
use crate::resources::fixture::Fixture;

#[actix_web::test]
async fn held_money_cannot_be_spent_and_what_is_not_captured_is_free_again() {
    let fixture = Fixture::new().await;
    let (app, ada, bob) = (&fixture.app, &fixture.ada, &fixture.bob);
    let mut body = fixture.to_bob(100);
    (body["hold"], body["reference"]) = (json!(true), json!("HOTEL-7"));
    let made = app.post(ada.token(), "/api/transfers", body).await.expect(201);
    let (hold, id) = (&made["item"], uuid(&made["item"]));
    assert_eq!(
        (&hold["status"], &hold["posted_at"], &hold["captured_amount"]),
        (&json!("held"), &Value::Null, &Value::Null)
    );
    assert_eq!(
        made["own"],
        json!({"account_id": ada.account, "balance": 520, "held": 100, "available": 420, "seq": 2})
    );
    assert_eq!(
        (fixture.figures(ada.account).await, fixture.figures(bob.account).await),
        ([520, 100, 420], [520, 0, 520])
    );
    let more = app.post(ada.token(), "/api/transfers", fixture.to_bob(421)).await;
    assert_eq!((more.outcome(), &more.body["available"]), ((422, "insufficient_funds"), &json!(420)));

    app.clock.advance(Duration::from_secs(1));
    let captured = fixture.change(bob.token(), &id, "capture", json!({"amount": 60})).await;
    let location = captured.headers["location"].to_str().unwrap().to_owned();
    let captured = captured.expect(201);
    let item = &captured["item"];
    assert_eq!(location, format!("/api/transfers/{}", uuid(item)));
    assert_eq!((&item["status"], &item["kind"], &item["amount"]), (&json!("posted"), &json!("transfer"), &json!(60)));
    assert_eq!(
        (&item["hold_id"], &item["reference"], &item["expires_at"]),
        (&json!(id), &json!("HOTEL-7"), &Value::Null)
    );
    assert_eq!(
        captured["own"],
        json!({"account_id": bob.account, "balance": 580, "held": 0, "available": 580, "seq": 2})
    );
    assert_eq!(
        (fixture.figures(ada.account).await, fixture.figures(bob.account).await),
        ([460, 0, 460], [580, 0, 580])
    );
    let ended = app.get(ada.token(), &format!("/api/transfers/{id}")).await.expect(200);
    assert_eq!((&ended["status"], &ended["captured_amount"]), (&json!("captured"), &json!(60)));
    assert_eq!((&ended["ended_at"], &ended["posted_at"]), (&json!("2026-01-16T17:10:27Z"), &Value::Null));
    let entries = fixture.entries(ada.account).await;
    assert_eq!((numbers(&entries, "seq"), numbers(&entries, "amount")), (vec![3, 1], vec![-60, 520]));
    verified(app).await;
}

#[actix_web::test]
async fn a_hold_is_ended_by_its_receiver_and_by_staff() {
    let fixture = Fixture::new().await;
    let (app, ada, bob) = (&fixture.app, fixture.ada.token(), fixture.bob.token());
    let (manager, carol) = (app.manager(&fixture.admin).await, app.user("carol@example.com").await);
    let hold = fixture.hold(10).await;
    let before = fixture.state().await;
    for how in ["capture", "void"] {
        for refused in [ada, &carol.token] {
            assert_eq!(fixture.change(refused, &hold, how, json!({})).await.outcome(), (403, "access_denied"), "{how}");
        }
        let missing = "01937f2a-1b3c-7d4e-8f5a-6b7c8d9e0f1a";
        assert_eq!(fixture.change(bob, missing, how, json!({})).await.outcome(), (403, "access_denied"), "{how}");
        assert_eq!(
            fixture.change(&manager.token, missing, how, json!({})).await.outcome(),
            (404, "not_found"),
            "{how}"
        );
    }
    assert_eq!(fixture.state().await, before);
    for token in [bob, &manager.token] {
        let captured = fixture.change(token, &fixture.hold(10).await, "capture", json!({})).await.item(201);
        assert_eq!(captured["amount"], 10, "all of it, unless less is asked for");
        let voided = fixture.change(token, &fixture.hold(10).await, "void", json!({})).await.expect(200);
        assert_eq!((&voided["msg"], &voided["item"]["status"]), (&json!("item updated"), &json!("voided")));
        assert!(voided["item"]["ended_at"].is_string() && voided["item"]["captured_amount"].is_null(), "{voided}");
    }
    assert_eq!(fixture.figures(fixture.ada.account).await, [500, 10, 490], "the first hold is still open");
    verified(app).await;
}

#[actix_web::test]
async fn a_sender_voids_a_hold_between_its_own() {
    let fixture = Fixture::new().await;
    let (app, ada) = (&fixture.app, &fixture.ada);
    let mut body = order(&account(ada.account), &card(ada.card), 10);
    body["hold"] = json!(true);
    let hold = uuid(&app.post(ada.token(), "/api/transfers", body).await.item(201));
    let request = app.request(Method::POST, &format!("/api/transfers/{hold}/void"), Some(ada.token()));
    assert_eq!(app.send(request).await.item(200)["status"], "voided", "without a body");
    assert_eq!(fixture.figures(ada.account).await, [520, 0, 520]);
}

#[actix_web::test]
async fn a_hold_ends_once() {
    let fixture = Fixture::new().await;
    let bob = fixture.bob.token();
    for first in ["capture", "void"] {
        let hold = fixture.hold(10).await;
        let done = fixture.change(bob, &hold, first, json!({})).await;
        assert!(done.status.is_success(), "{}", done.body);
        let before = fixture.state().await;
        for second in ["capture", "void"] {
            for token in [bob, &fixture.admin.token] {
                let refused = fixture.change(token, &hold, second, json!({})).await;
                assert_eq!(refused.outcome(), (409, "hold_ended"), "{second} after {first}");
            }
        }
        assert_eq!(fixture.state().await, before);
    }
    let posted = uuid(&fixture.pay(10).await);
    for how in ["capture", "void"] {
        assert_eq!(fixture.change(bob, &posted, how, json!({})).await.outcome(), (409, "hold_ended"), "it is no hold");
    }
    verified(&fixture.app).await;
}

#[actix_web::test]
async fn more_than_is_held_is_not_captured() {
    let fixture = Fixture::new().await;
    let hold = fixture.hold(10).await;
    let before = fixture.state().await;
    let refused = fixture.change(fixture.bob.token(), &hold, "capture", json!({"amount": 11})).await;
    assert_eq!(refused.outcome(), (422, "validation_failed"));
    assert!(refused.body["errors"]["amount"].is_array(), "{}", refused.body);
    assert_eq!(fixture.state().await, before);
    fixture.change(fixture.bob.token(), &hold, "capture", json!({"amount": 10})).await.expect(201);
    verified(&fixture.app).await;
}

#[actix_web::test]
async fn a_capture_without_a_body_takes_all_that_is_held() {
    let fixture = Fixture::new().await;
    let (app, bob) = (&fixture.app, fixture.bob.token());
    let capture = |hold: &str| app.request(Method::POST, &format!("/api/transfers/{hold}/capture"), Some(bob));
    let hold = fixture.hold(10).await;
    for text in ["{}", "amount=4"] {
        let refused = capture(&hold).header("Content-Type", "text/plain").body(text);
        assert_eq!(app.send(refused).await.outcome(), (415, "unsupported_media_type"), "{text}");
    }
    assert_eq!(app.send(capture(&hold)).await.item(201)["amount"], 10);
    for nothing in ["", " ", "null", "{}"] {
        let request = capture(&fixture.hold(10).await).header("Content-Type", "application/json").body(nothing);
        assert_eq!(app.send(request).await.item(201)["amount"], 10, "{nothing:?}");
    }
    let hold = fixture.hold(10).await;
    let keyed = || capture(&hold).header("Idempotency-Key", "once");
    let first = app.send(keyed()).await.item(201);
    assert_eq!(app.send(keyed()).await.item(201), first);
    let other = app.send(keyed().json(&json!({"amount": 4}))).await;
    assert_eq!(other.outcome(), (422, "idempotency_key_reused"), "the key covers the body");
    assert_eq!(fixture.figures(fixture.ada.account).await, [460, 0, 460]);
    verified(app).await;
}

#[actix_web::test]
async fn a_void_takes_no_fields() {
    let fixture = Fixture::new().await;
    let (app, bob) = (&fixture.app, fixture.bob.token());
    let hold = fixture.hold(10).await;
    let void = |hold: &str| {
        let request = app.request(Method::POST, &format!("/api/transfers/{hold}/void"), Some(bob));
        request.header("Content-Type", "application/json")
    };
    for (bad, outcome) in [
        (r#"{"amount":4}"#, (422, "validation_failed")),
        ("[]", (422, "validation_failed")),
        ("{", (400, "malformed_request")),
    ] {
        assert_eq!(app.send(void(&hold).body(bad)).await.outcome(), outcome, "{bad}");
    }
    assert_eq!(fixture.figures(fixture.ada.account).await, [520, 10, 510], "nothing was given up");
    for nothing in ["", " ", "null", "{}"] {
        app.send(void(&fixture.hold(10).await).body(nothing)).await.expect(200);
    }
    verified(app).await;
}

#[actix_web::test]
async fn a_hold_runs_out_at_its_time_whether_or_not_it_was_ended() {
    let fixture = Fixture::new().await;
    let (app, bob) = (&fixture.app, fixture.bob.token());
    let (in_time, late) = (fixture.hold(20).await, fixture.hold(30).await);
    assert_eq!(fixture.transfer(&late).await["expires_at"], "2026-01-16T17:11:26Z");
    app.clock.advance(Duration::from_micros(59_999_999));
    fixture.change(bob, &in_time, "capture", json!({})).await.expect(201);
    app.clock.advance(Duration::from_micros(1));
    for how in ["capture", "void"] {
        assert_eq!(fixture.change(bob, &late, how, json!({})).await.outcome(), (409, "hold_ended"), "{how}");
    }
    let state = &app.running.state;
    expire_holds(&state.ledger, &state.ctx_anonymous()).await.unwrap();
    let ended = fixture.transfer(&late).await;
    assert_eq!((&ended["status"], &ended["ended_at"]), (&json!("expired"), &json!("2026-01-16T17:11:26Z")));
    assert_eq!(ended["captured_amount"], Value::Null);
    assert_eq!(fixture.figures(fixture.ada.account).await, [500, 0, 500]);
    for how in ["capture", "void"] {
        assert_eq!(fixture.change(bob, &late, how, json!({})).await.outcome(), (409, "hold_ended"), "{how}");
    }
    verified(app).await;
}

#[actix_web::test]
async fn a_transfer_gets_the_money_of_a_hold_that_ran_out_at_once() {
    let fixture = Fixture::new().await;
    let holds = [fixture.hold(300).await, fixture.hold(200).await];
    let refused = fixture.app.post(fixture.ada.token(), "/api/transfers", fixture.to_bob(520)).await;
    assert_eq!((refused.outcome(), &refused.body["available"]), ((422, "insufficient_funds"), &json!(20)));
    fixture.app.clock.advance(Duration::from_mins(1));
    fixture.pay(520).await;
    assert_eq!(fixture.figures(fixture.ada.account).await, [0, 0, 0]);
    for hold in &holds {
        assert_eq!(fixture.transfer(hold).await["status"], "expired");
    }
    let kinds: Vec<String> = fixture.transfer_events(0).await.into_iter().map(|(kind, _)| kind).collect();
    let last = &kinds[kinds.len() - 3..];
    assert_eq!(last, ["transfer.expired", "transfer.expired", "transfer.posted"], "each hold has its event");
    verified(&fixture.app).await;
}

#[actix_web::test]
async fn a_transfer_gets_the_money_of_any_number_of_holds_that_ran_out() {
    let fixture = Fixture::new().await;
    for _ in 0..130 {
        fixture.hold(4).await;
    }
    assert_eq!(fixture.figures(fixture.ada.account).await, [520, 520, 0]);
    fixture.app.clock.advance(Duration::from_mins(1));
    fixture.pay(520).await;
    assert_eq!(fixture.figures(fixture.ada.account).await, [0, 0, 0]);
    verified(&fixture.app).await;
}

#[actix_web::test]
async fn each_effect_on_a_hold_is_one_event() {
    let fixture = Fixture::new().await;
    let (app, bob) = (&fixture.app, fixture.bob.token());
    let from = app.events().await.len();
    let (captured, voided, expired) = (fixture.hold(100).await, fixture.hold(20).await, fixture.hold(3).await);
    let capture = uuid(&fixture.change(bob, &captured, "capture", json!({"amount": 60})).await.item(201));
    fixture.change(bob, &voided, "void", json!({})).await.expect(200);
    app.clock.advance(Duration::from_mins(1));
    expire_holds(&app.running.state.ledger, &app.running.state.ctx_anonymous()).await.unwrap();
    let events = fixture.transfer_events(from).await;
    let shown: Vec<_> = events
        .iter()
        .map(|(kind, data)| {
            let figures = [&data["from"]["balance_after"], &data["from"]["held_after"], &data["to"]["balance_after"]];
            (kind.as_str(), data["id"].as_str().unwrap(), figures.map(|figure| figure.as_i64().unwrap()))
        })
        .collect();
    let expected: [(&str, &str, [i64; 3]); 6] = [
        ("transfer.held", captured.as_str(), [520, 100, 520]),
        ("transfer.held", voided.as_str(), [520, 120, 520]),
        ("transfer.held", expired.as_str(), [520, 123, 520]),
        ("transfer.captured", capture.as_str(), [460, 23, 580]),
        ("transfer.voided", voided.as_str(), [460, 3, 580]),
        ("transfer.expired", expired.as_str(), [460, 0, 580]),
    ];
    assert_eq!(shown, expected);
    assert_eq!((&events[3].1["hold_id"], &events[3].1["status"]), (&json!(captured), &json!("posted")));
    assert_eq!((&events[0].1["expires_at"], &events[0].1["posted_at"]), (&json!("2026-01-16T17:11:26"), &Value::Null));
    verified(app).await;
}
