//! Recipients that are not there: customers learn no more than that, and cannot try many.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::support::{account, card, numbers, order, verified};
use crate::harness::Answer;
use crate::resources::fixture::{Fixture, id};

/// How many unknown recipients a customer may name in an hour.
const LIMIT: usize = 20;

async fn open(fixture: &Fixture, token: &str, currency: &str) -> i64 {
    let body = json!({"bank_id": fixture.bank, "currency": currency});
    id(&fixture.app.post(token, "/api/accounts", body).await.item(201))
}

/// A transfer of Ada's to an account that is not there.
fn to_nobody(fixture: &Fixture) -> Value {
    order(&account(fixture.ada.account), &account(4711), 1)
}

#[actix_web::test]
async fn a_customer_learns_nothing_of_a_recipient_and_staff_learns_what_is_wrong() {
    let fixture = Fixture::new().await;
    let (app, ada, bob) = (&fixture.app, &fixture.ada, &fixture.bob);
    let closed = open(&fixture, bob.token(), "EUR").await;
    app.delete(bob.token(), &format!("/api/accounts/{closed}")).await.expect(200);
    let (foreign, own) = (open(&fixture, bob.token(), "USD").await, open(&fixture, ada.token(), "USD").await);
    let before = fixture.state().await;
    let send = async |token: &str, to: &Value| -> Answer {
        let mut answer = app.post(token, "/api/transfers", order(&account(ada.account), to, 1)).await;
        answer.body.as_object_mut().unwrap().remove("request_id");
        answer
    };
    let missing = send(ada.token(), &account(4711)).await;
    assert_eq!(missing.outcome(), (422, "unknown_recipient"));
    for (to, for_staff) in [
        (account(4711), (422, "unknown_recipient")),
        (card(4711), (422, "unknown_recipient")),
        (account(closed), (409, "account_closed")),
        (account(foreign), (422, "currency_mismatch")),
    ] {
        assert_eq!(send(ada.token(), &to).await.body, missing.body, "{to}: one answer for all of them");
        assert_eq!(send(&fixture.admin.token, &to).await.outcome(), for_staff, "{to}");
    }
    assert_eq!(send(ada.token(), &account(own)).await.outcome(), (422, "currency_mismatch"), "its own account");
    for what in ["deposits", "withdrawals"] {
        let path = format!("/api/accounts/{closed}/{what}");
        let refused = app.post(&fixture.admin.token, &path, json!({"amount": 1})).await;
        assert_eq!(refused.outcome(), (409, "account_closed"), "{what}");
    }
    assert_eq!(fixture.state().await, before);
    verified(app).await;
}

#[actix_web::test]
async fn a_customer_names_twenty_unknown_recipients_an_hour_and_staff_any_number() {
    let fixture = Fixture::new().await;
    let (app, ada, bob) = (&fixture.app, &fixture.ada, &fixture.bob);
    let send = async |token: &str| app.post(token, "/api/transfers", to_nobody(&fixture)).await;
    let before = fixture.state().await;
    for _ in 0..LIMIT {
        assert_eq!(send(ada.token()).await.outcome(), (422, "unknown_recipient"));
    }
    let refused = send(ada.token()).await;
    assert_eq!(refused.outcome(), (429, "too_many_requests"));
    assert_eq!(refused.headers["retry-after"], "180");
    for _ in 0..=LIMIT {
        assert_eq!(send(&fixture.admin.token).await.outcome(), (422, "unknown_recipient"), "staff is not limited");
    }
    let of_bob = order(&account(bob.account), &account(4711), 1);
    let others = app.post(bob.token(), "/api/transfers", of_bob).await;
    assert_eq!(others.outcome(), (422, "unknown_recipient"), "each user has a limit of its own");
    assert_eq!(fixture.state().await, before);
    app.clock.advance(Duration::from_mins(3));
    assert_eq!(send(ada.token()).await.outcome(), (422, "unknown_recipient"), "one more each three minutes");
    assert_eq!(send(ada.token()).await.outcome(), (429, "too_many_requests"));
    app.clock.advance(Duration::from_mins(3));
    fixture.pay(1).await;
    verified(app).await;
}

#[actix_web::test]
async fn an_own_closed_account_or_card_is_named_and_does_not_count() {
    let fixture = Fixture::new().await;
    let (app, ada) = (&fixture.app, &fixture.ada);
    let closed = open(&fixture, ada.token(), "EUR").await;
    for path in [format!("/api/accounts/{closed}"), format!("/api/cards/{}", ada.card)] {
        app.delete(ada.token(), &path).await.expect(200);
    }
    let before = fixture.state().await;
    for _ in 0..LIMIT {
        for to in [account(closed), card(ada.card)] {
            let refused = app.post(ada.token(), "/api/transfers", order(&account(ada.account), &to, 1)).await;
            assert_eq!(refused.outcome(), (409, "account_closed"), "{to}");
        }
    }
    assert_eq!(fixture.state().await, before);
    fixture.pay(1).await;
    verified(app).await;
}

/// Each transfer of a batch counts, whether or not the batch is atomic.
#[actix_web::test]
async fn unknown_recipients_of_a_batch_count_as_well() {
    for is_atomic in [false, true] {
        let fixture = Fixture::new().await;
        let body = json!({"transfers": vec![to_nobody(&fixture); LIMIT], "atomic": is_atomic});
        let path = "/api/transfers/batch";
        let status = if is_atomic { 422 } else { 200 };
        fixture.keyed(fixture.ada.token(), path, "first", &body).await.expect(status);
        let single = fixture.app.post(fixture.ada.token(), "/api/transfers", to_nobody(&fixture)).await;
        assert_eq!(single.outcome(), (429, "too_many_requests"), "atomic: {is_atomic}");
        let again = fixture.keyed(fixture.ada.token(), path, "second", &body).await;
        if is_atomic {
            assert_eq!(again.outcome(), (429, "too_many_requests"));
        } else {
            assert_eq!(numbers(again.expect(200)["results"].as_array().unwrap(), "status"), [429; LIMIT]);
        }
    }
}

#[actix_web::test]
async fn once_the_limit_is_used_up_money_still_moves_between_own_accounts_and_cards() {
    let fixture = Fixture::new().await;
    let (app, ada) = (&fixture.app, &fixture.ada);
    let own = open(&fixture, ada.token(), "EUR").await;
    for _ in 0..LIMIT {
        app.post(ada.token(), "/api/transfers", to_nobody(&fixture)).await.expect(422);
    }
    let orders = [account(own), card(ada.card)].map(|to| order(&account(ada.account), &to, 1));
    for order in &orders {
        app.post(ada.token(), "/api/transfers", order.clone()).await.expect(201);
    }
    for is_atomic in [false, true] {
        let body = json!({"transfers": orders, "atomic": is_atomic});
        let key = is_atomic.to_string();
        let done = fixture.keyed(ada.token(), "/api/transfers/batch", &key, &body).await.expect(200);
        assert_eq!(numbers(done["results"].as_array().unwrap(), "status"), [201, 201], "{done}");
    }
    let before = fixture.state().await;
    let refused = app.post(ada.token(), "/api/transfers", fixture.to_bob(1)).await;
    assert_eq!(refused.outcome(), (429, "too_many_requests"), "to a stranger that is there, too");
    let mixed = json!({"transfers": [orders[0], fixture.to_bob(1)], "atomic": true});
    let refused = fixture.keyed(ada.token(), "/api/transfers/batch", "mixed", &mixed).await;
    assert_eq!(refused.outcome(), (429, "too_many_requests"));
    assert_eq!(fixture.state().await, before);
    verified(app).await;
}

#[actix_web::test]
async fn once_the_limit_is_used_up_each_transfer_of_a_batch_is_refused_by_itself() {
    let fixture = Fixture::new().await;
    let (app, ada, batch) = (&fixture.app, &fixture.ada, "/api/transfers/batch");
    let begun = json!({"transfers": [fixture.to_bob(1), to_nobody(&fixture)]});
    let done = fixture.keyed(ada.token(), batch, "begun", &begun).await.expect(200);
    assert_eq!(numbers(done["results"].as_array().unwrap(), "status"), [201, 422], "{done}");
    for _ in 1..LIMIT {
        app.post(ada.token(), "/api/transfers", to_nobody(&fixture)).await.expect(422);
    }
    let again = fixture.keyed(ada.token(), batch, "begun", &begun).await.expect(200);
    assert_eq!(again["results"][0], done["results"][0], "what was done is answered as before");
    assert_eq!(again["results"][1]["error"], "too_many_requests", "{again}");
    let to_card = order(&account(ada.account), &card(ada.card), 1);
    let mixed = json!({"transfers": [to_card, fixture.to_bob(1)]});
    let answer = fixture.keyed(ada.token(), batch, "mixed", &mixed).await.expect(200);
    assert_eq!(numbers(answer["results"].as_array().unwrap(), "status"), [201, 429], "{answer}");
    assert_eq!(fixture.figures(fixture.bob.account).await[0], 521);
    verified(app).await;
}

#[actix_web::test]
async fn once_the_limit_is_used_up_what_was_done_is_still_answered_under_its_key() {
    let fixture = Fixture::new().await;
    let (app, ada) = (&fixture.app, &fixture.ada);
    let (path, batch) = ("/api/transfers", "/api/transfers/batch");
    let (single, several) = (fixture.to_bob(10), json!({"transfers": [fixture.to_bob(1), fixture.to_bob(2)]}));
    let done = fixture.keyed(ada.token(), path, "k", &single).await.expect(201);
    let all_done = fixture.keyed(ada.token(), batch, "b", &several).await.expect(200);
    for _ in 0..LIMIT {
        app.post(ada.token(), path, to_nobody(&fixture)).await.expect(422);
    }
    let before = fixture.state().await;
    assert_eq!(fixture.keyed(ada.token(), path, "k", &single).await.expect(201), done);
    assert_eq!(fixture.keyed(ada.token(), batch, "b", &several).await.expect(200), all_done);
    let other_body = fixture.keyed(ada.token(), path, "k", &fixture.to_bob(11)).await;
    assert_eq!(other_body.outcome(), (422, "idempotency_key_reused"));
    let new = fixture.keyed(ada.token(), path, "another", &single).await;
    assert_eq!(new.outcome(), (429, "too_many_requests"), "nothing was done under this key");
    let new = fixture.keyed(ada.token(), batch, "another", &several).await.expect(200);
    assert_eq!(numbers(new["results"].as_array().unwrap(), "status"), [429, 429], "{new}");
    assert_eq!(fixture.state().await, before);
    verified(app).await;
}

#[actix_web::test]
async fn an_atomic_batch_with_more_unknown_recipients_than_are_left_names_no_fault() {
    let fixture = Fixture::new().await;
    let (app, ada) = (&fixture.app, &fixture.ada);
    let send = async |key: &str, count: usize| {
        let mut transfers = vec![to_nobody(&fixture); count];
        transfers.push(fixture.to_bob(1));
        let body = json!({"transfers": transfers, "atomic": true});
        fixture.keyed(ada.token(), "/api/transfers/batch", key, &body).await
    };
    let before = fixture.state().await;
    let within = send("within", LIMIT - 1).await;
    assert_eq!(within.outcome(), (422, "validation_failed"));
    assert_eq!(within.body["errors"].as_object().unwrap().len(), LIMIT - 1);
    let beyond = send("beyond", 2).await;
    assert_eq!((beyond.outcome(), beyond.body.get("errors")), ((429, "too_many_requests"), None));
    let single = app.post(ada.token(), "/api/transfers", to_nobody(&fixture)).await;
    assert_eq!(single.outcome(), (429, "too_many_requests"), "what was left is used up");
    assert_eq!(fixture.state().await, before);
}

#[actix_web::test]
async fn of_many_unknown_recipients_at_once_no_more_are_answered_than_one_after_another() {
    let fixture = Fixture::new().await;
    let send = |_| fixture.app.post(fixture.ada.token(), "/api/transfers", to_nobody(&fixture));
    let answers = join_all((0..2 * LIMIT).map(send)).await;
    let count = |outcome: (u16, &str)| answers.iter().filter(|answer| answer.outcome() == outcome).count();
    assert_eq!((count((422, "unknown_recipient")), count((429, "too_many_requests"))), (LIMIT, LIMIT));
}
