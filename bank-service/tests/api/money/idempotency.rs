//! `Idempotency-Key` where money moves: one effect for each key of a caller, however late it is repeated.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::support::{account, order, uuid, verified};
use crate::harness::Answer;
use crate::resources::fixture::Fixture;

const PATH: &str = "/api/transfers";

/// A body with the money held for as long as a hold may last.
fn held(mut body: Value) -> Value {
    body["hold"] = json!(true);
    body["expires_in"] = json!(2_592_000);
    body
}

/// Every route that moves money at the moment: the caller's token, the path, a body, and the status.
async fn routes(fixture: &Fixture) -> Vec<(String, String, Value, u16)> {
    let (ada, bob, admin) = (fixture.ada.token(), fixture.bob.token(), fixture.admin.token.as_str());
    let (hold, sent) = (fixture.hold(10).await, uuid(&fixture.pay(20).await));
    let at_account = |what: &str| format!("/api/accounts/{}/{what}", fixture.ada.account);
    [
        (ada, PATH.to_owned(), fixture.to_bob(1), 201),
        (ada, PATH.to_owned(), held(fixture.to_bob(2)), 201),
        (admin, PATH.to_owned(), fixture.to_bob(3), 201),
        (bob, format!("{PATH}/{hold}/capture"), json!({"amount": 4}), 201),
        (admin, format!("{PATH}/{sent}/reverse"), json!({"amount": 5, "description": "a mistake"}), 201),
        (admin, at_account("deposits"), json!({"amount": 6}), 201),
        (admin, at_account("withdrawals"), json!({"amount": 7}), 201),
    ]
    .into_iter()
    .map(|(token, path, body, status)| (token.to_owned(), path, body, status))
    .collect()
}

#[actix_web::test]
async fn an_equal_request_gets_the_first_answer_and_is_done_once() {
    let fixture = Fixture::new().await;
    for (number, (token, path, body, status)) in routes(&fixture).await.into_iter().enumerate() {
        let key = format!("key-{number}");
        let first = fixture.keyed(&token, &path, &key, &body).await;
        let location = first.headers.get("location").cloned();
        let first = first.expect(status);
        // The balance has changed since, and the answer has not.
        fixture.pay(1).await;
        let after = fixture.state().await;
        let again = fixture.keyed(&token, &path, &key, &body).await;
        assert_eq!(again.headers.get("location").cloned(), location, "{path}");
        assert_eq!(again.expect(status), first, "{path}");
        let versioned = fixture.keyed(&token, &format!("/v1{path}"), &key, &body).await;
        assert_eq!(versioned.expect(status), first, "{path}: one route, however it is written");
        let mut other = body.clone();
        other["amount"] = json!(9);
        let other = fixture.keyed(&token, &path, &key, &other).await;
        assert_eq!(other.outcome(), (422, "idempotency_key_reused"), "{path}");
        assert_eq!(fixture.state().await, after, "{path}");
    }
    verified(&fixture.app).await;
}

#[actix_web::test]
async fn a_repeated_void_gets_the_first_answer() {
    let fixture = Fixture::new().await;
    let path = format!("{PATH}/{}/void", fixture.hold(10).await);
    let first = fixture.keyed(fixture.bob.token(), &path, "once", &json!({})).await.expect(200);
    let after = fixture.state().await;
    assert_eq!(fixture.keyed(fixture.bob.token(), &path, "once", &json!({})).await.expect(200), first);
    assert_eq!(fixture.keyed(fixture.bob.token(), &path, "twice", &json!({})).await.outcome(), (409, "hold_ended"));
    assert_eq!(fixture.state().await, after);
}

#[actix_web::test]
async fn a_repeated_hold_is_answered_as_it_was_made_whatever_became_of_it() {
    let fixture = Fixture::new().await;
    let (ada, bob) = (fixture.ada.token(), fixture.bob.token());
    for (how, body) in [("capture", json!({"amount": 7})), ("void", json!({}))] {
        let order = held(fixture.to_bob(10));
        let first = fixture.keyed(ada, PATH, how, &order).await.expect(201);
        let done = fixture.change(bob, &uuid(&first["item"]), how, body).await;
        assert!(done.status.is_success(), "{}", done.body);
        let after = fixture.state().await;
        let again = fixture.keyed(ada, PATH, how, &order).await.expect(201);
        assert_eq!(again, first);
        assert_eq!((&again["item"]["status"], &again["own"]["held"]), (&json!("held"), &json!(10)), "{how}");
        assert_eq!(fixture.state().await, after);
    }
}

#[actix_web::test]
async fn a_reversed_transfer_is_answered_as_it_was_made() {
    let fixture = Fixture::new().await;
    let first = fixture.keyed(fixture.ada.token(), PATH, "k", &fixture.to_bob(10)).await.expect(201);
    let reason = json!({"description": "a mistake"});
    fixture.change(&fixture.admin.token, &uuid(&first["item"]), "reverse", reason).await.expect(201);
    let again = fixture.keyed(fixture.ada.token(), PATH, "k", &fixture.to_bob(10)).await.expect(201);
    assert_eq!(again, first);
    assert_eq!(fixture.figures(fixture.ada.account).await, [520, 0, 520], "and is not done again");
}

#[actix_web::test]
async fn a_refused_request_is_decided_anew_under_its_key() {
    let fixture = Fixture::new().await;
    let ada = fixture.ada.token();
    let body = fixture.to_bob(600);
    for _ in 0..2 {
        let refused = fixture.keyed(ada, PATH, "k", &body).await;
        assert_eq!(refused.outcome(), (422, "insufficient_funds"));
    }
    fixture.deposit(fixture.ada.account, 80).await;
    let done = fixture.keyed(ada, PATH, "k", &body).await.expect(201);
    assert_eq!(done["own"]["balance"], 0);
    assert_eq!(fixture.keyed(ada, PATH, "k", &body).await.expect(201), done, "and from now on it is done");
    verified(&fixture.app).await;
}

#[actix_web::test]
async fn a_key_belongs_to_its_caller() {
    let fixture = Fixture::new().await;
    let (ada, bob) = (&fixture.ada, &fixture.bob);
    let of_bob = order(&account(bob.account), &account(ada.account), 10);
    let one = fixture.keyed(ada.token(), PATH, "k", &fixture.to_bob(10)).await.item(201);
    let two = fixture.keyed(bob.token(), PATH, "k", &of_bob).await.item(201);
    let three = fixture.keyed(&fixture.admin.token, PATH, "k", &fixture.to_bob(10)).await.item(201);
    assert!(one["id"] != two["id"] && one["id"] != three["id"], "{one} {two} {three}");
    assert_eq!(fixture.figures(ada.account).await, [510, 0, 510]);
    for bad in ["", &"x".repeat(256)] {
        let refused = fixture.keyed(ada.token(), PATH, bad, &fixture.to_bob(10)).await;
        assert!(refused.body["errors"]["Idempotency-Key"].is_array(), "{}", refused.body);
    }
}

#[actix_web::test]
async fn a_key_never_lapses() {
    let mut fixture = Fixture::new().await;
    let body = fixture.to_bob(10);
    let first = fixture.keyed(fixture.ada.token(), PATH, "k", &body).await.expect(201);
    for days in [1, 30] {
        fixture.advance(Duration::from_hours(24 * days + 1)).await;
        let after = fixture.state().await;
        assert_eq!(fixture.keyed(fixture.ada.token(), PATH, "k", &body).await.expect(201), first, "{days} days");
        let other = fixture.keyed(fixture.ada.token(), PATH, "k", &fixture.to_bob(11)).await;
        assert_eq!(other.outcome(), (422, "idempotency_key_reused"), "{days} days");
        assert_eq!(fixture.state().await, after, "{days} days");
    }
    assert_eq!(fixture.figures(fixture.ada.account).await, [510, 0, 510]);
    verified(&fixture.app).await;
}

/// Every route that opens something with money, and a body.
fn openings(fixture: &Fixture) -> [(String, Value); 4] {
    let (bank, client) = (fixture.bank, fixture.ada.client);
    [
        (format!("/api/accounts/{}/cards", fixture.ada.account), json!({"balance": 5})),
        ("/api/accounts".to_owned(), json!({"balance": 5, "bank_id": bank})),
        (format!("/api/banks/{bank}/accounts"), json!({"balance": 5})),
        (format!("/api/clients/{client}/accounts"), json!({"balance": 5, "bank_id": bank})),
    ]
}

#[actix_web::test]
async fn a_key_moves_money_once_be_it_by_a_transfer_or_by_an_opening() {
    let mut fixture = Fixture::new().await;
    let openings = openings(&fixture);
    for (path, body) in &openings {
        let ada = fixture.ada.token();
        fixture.keyed(ada, PATH, &format!("paid:{path}"), &fixture.to_bob(1)).await.expect(201);
        let first = fixture.keyed(ada, path, &format!("opened:{path}"), body).await.expect(201);
        let again = fixture.keyed(ada, path, &format!("opened:{path}"), body).await.expect(201);
        assert_eq!(again, first, "{path}: within 24 hours");
    }
    for hours in [0, 25] {
        fixture.advance(Duration::from_hours(hours)).await;
        let (ada, before) = (fixture.ada.token(), fixture.state().await);
        for (path, body) in &openings {
            let opening = fixture.keyed(ada, path, &format!("paid:{path}"), body).await;
            assert_eq!(opening.outcome(), (422, "idempotency_key_reused"), "{path}, {hours} hours");
            let transfer = fixture.keyed(ada, PATH, &format!("opened:{path}"), &fixture.to_bob(1)).await;
            assert_eq!(transfer.outcome(), (422, "idempotency_key_reused"), "{path}, {hours} hours");
            if hours > 0 {
                let late = fixture.keyed(ada, path, &format!("opened:{path}"), body).await;
                assert_eq!(late.outcome(), (422, "idempotency_key_reused"), "{path}");
            }
        }
        assert_eq!(fixture.state().await, before, "{hours} hours");
    }
    verified(&fixture.app).await;
}

#[actix_web::test]
async fn a_key_of_a_void_moves_no_money_and_one_that_moved_money_voids_nothing() {
    let fixture = Fixture::new().await;
    let (hold, path) = (fixture.hold(10).await, |hold: &str| format!("{PATH}/{hold}/void"));
    let bob = fixture.bob.token();
    fixture.keyed(bob, &path(&hold), "voided", &json!({})).await.expect(200);
    let (other, of_bob) =
        (fixture.hold(10).await, order(&account(fixture.bob.account), &account(fixture.ada.account), 1));
    let before = fixture.state().await;
    let capture = format!("{PATH}/{other}/capture");
    for (path, body) in [(capture.clone(), json!({"amount": 4})), (PATH.to_owned(), of_bob), (path(&other), json!({}))]
    {
        let refused = fixture.keyed(bob, &path, "voided", &body).await;
        assert_eq!(refused.outcome(), (422, "idempotency_key_reused"), "{path}");
    }
    assert_eq!(fixture.state().await, before);
    fixture.keyed(bob, &capture, "captured", &json!({"amount": 4})).await.expect(201);
    let refused = fixture.keyed(bob, &path(&hold), "captured", &json!({})).await;
    assert_eq!(refused.outcome(), (422, "idempotency_key_reused"));
    verified(&fixture.app).await;
}

#[actix_web::test]
async fn a_key_that_moved_money_creates_nothing_and_one_that_created_something_moves_none() {
    let mut fixture = Fixture::new().await;
    let admin = fixture.admin.token.clone();
    let moving = [
        (PATH, fixture.to_bob(1)),
        ("/api/transfers/batch", json!({"transfers": [fixture.to_bob(2), fixture.to_bob(3)], "atomic": false})),
        ("/api/transfers/batch", json!({"transfers": [fixture.to_bob(4)], "atomic": true})),
    ];
    let cards = format!("/api/accounts/{}/cards", fixture.ada.account);
    let creating = [
        ("/api/banks", json!({"name": "Other Bank"})),
        ("/api/roles", json!({"name": "auditor"})),
        (cards.as_str(), json!({"balance": 0})),
    ];
    for (number, (path, body)) in moving.iter().enumerate() {
        let done = fixture.keyed(&admin, path, &format!("moved-{number}"), body).await;
        assert!(done.status.is_success(), "{path}: {}", done.body);
    }
    for (number, (path, body)) in creating.iter().enumerate() {
        fixture.keyed(&admin, path, &format!("created-{number}"), body).await.expect(201);
    }
    let before = fixture.state().await;
    for (create, body) in &creating {
        for number in 0..moving.len() {
            let refused = fixture.keyed(&admin, create, &format!("moved-{number}"), body).await;
            assert_eq!(refused.outcome(), (422, "idempotency_key_reused"), "{create} under moved-{number}");
        }
    }
    for (path, body) in &moving {
        for number in 0..creating.len() {
            let refused = fixture.keyed(&admin, path, &format!("created-{number}"), body).await;
            assert!(is_reused(&refused), "{path} under created-{number}: {}", refused.body);
        }
    }
    assert_eq!(fixture.state().await, before);
    fixture.advance(Duration::from_hours(25)).await;
    let refused = fixture.keyed(&fixture.admin.token, "/api/banks", "moved-0", &creating[0].1).await;
    assert_eq!(refused.outcome(), (422, "idempotency_key_reused"), "a transfer keeps its key for good");
    verified(&fixture.app).await;
}

/// Whether a request was refused for its key: as a whole, or each transfer of a batch.
fn is_reused(answer: &Answer) -> bool {
    const CODE: &str = "idempotency_key_reused";
    let results = answer.body["results"].as_array();
    let faults = answer.body["errors"].as_object();
    answer.outcome() == (422, CODE)
        || results.is_some_and(|results| results.iter().all(|result| result["error"] == CODE))
        || faults.is_some_and(|faults| faults.values().all(|fault| fault[0].as_str().unwrap().starts_with(CODE)))
}

#[actix_web::test]
async fn the_key_of_a_batch_is_for_no_other_batch_and_for_no_transfer_alone() {
    let fixture = Fixture::new().await;
    let (ada, batch) = (fixture.ada.token(), "/api/transfers/batch");
    let first = json!({"transfers": [fixture.to_bob(600), fixture.to_bob(20)]});
    let done = fixture.keyed(ada, batch, "batch", &first).await.expect(200);
    assert_eq!((&done["results"][0]["status"], &done["results"][1]["status"]), (&json!(422), &json!(201)));
    fixture.keyed(ada, PATH, "alone", &fixture.to_bob(1)).await.expect(201);
    let before = fixture.state().await;
    // The first transfer of the batch was refused: none keeps its key.
    let others = json!({"transfers": [fixture.to_bob(5)]});
    for (path, key, body) in [(batch, "batch", &others), (PATH, "batch", &fixture.to_bob(5)), (batch, "alone", &others)]
    {
        let refused = fixture.keyed(ada, path, key, body).await;
        assert!(is_reused(&refused), "{path} under {key}: {}", refused.body);
    }
    assert_eq!(fixture.state().await, before);
    fixture.deposit(fixture.ada.account, 200).await;
    let again = fixture.keyed(ada, batch, "batch", &first).await.expect(200);
    assert_eq!(again["results"][0]["status"], 201, "the same batch goes on where it stopped");
    verified(&fixture.app).await;
}

#[actix_web::test]
async fn of_a_transfer_and_openings_at_once_under_one_key_one_is_done() {
    let fixture = Fixture::new().await;
    let mut requests = vec![(PATH.to_owned(), fixture.to_bob(1))];
    requests.extend(openings(&fixture));
    let ada = fixture.ada.token();
    let answers = join_all(requests.iter().map(|(path, body)| fixture.keyed(ada, path, "once", body))).await;
    let outcomes: Vec<(u16, &str)> = answers.iter().map(Answer::outcome).collect();
    let count = |outcome: (u16, &str)| outcomes.iter().filter(|one| **one == outcome).count();
    assert_eq!((count((201, "")), count((422, "idempotency_key_reused"))), (1, 4), "{outcomes:?}");
    verified(&fixture.app).await;
}

#[actix_web::test]
async fn a_key_is_required_under_stricter_rules() {
    let fixture = Fixture::new().await;
    let routes = routes(&fixture).await;
    let void = format!("{PATH}/{}/void", fixture.hold(8).await);
    let fixture = fixture.restarted(|config| config.money.require_idempotency_key = Some(true)).await;
    let before = fixture.state().await;
    let all = routes.iter().map(|(token, path, body, _)| (token.as_str(), path.as_str(), body.clone()));
    for (token, path, body) in all.chain([(fixture.bob.token(), void.as_str(), json!({}))]) {
        let refused = fixture.app.post(token, path, body).await;
        assert_eq!(refused.outcome(), (422, "validation_failed"), "{path}");
        assert!(refused.body["errors"]["Idempotency-Key"].is_array(), "{path}: {}", refused.body);
    }
    assert_eq!(fixture.state().await, before);
    for (number, (token, path, body, status)) in routes.iter().enumerate() {
        fixture.keyed(token, path, &number.to_string(), body).await.expect(*status);
    }
    fixture.keyed(fixture.bob.token(), &void, "void", &json!({})).await.expect(200);
    verified(&fixture.app).await;
}

#[actix_web::test]
async fn twenty_equal_requests_at_once_are_one_transfer() {
    let fixture = Fixture::new().await;
    let (ada, body) = (fixture.ada.token(), fixture.to_bob(30));
    let answers = join_all((0..20).map(|_| fixture.keyed(ada, PATH, "once", &body))).await;
    let bodies: Vec<Value> = answers.into_iter().map(|answer| answer.expect(201)).collect();
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    assert_eq!(fixture.figures(fixture.ada.account).await, [490, 0, 490]);
    assert_eq!(fixture.list(ada, "/api/transfers?kind=transfer").await.len(), 1);
    verified(&fixture.app).await;
}
