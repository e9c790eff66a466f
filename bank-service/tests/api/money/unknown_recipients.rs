//! Recipients that are not there: customers learn no more than that, and cannot try many.

use std::time::Duration;

use serde_json::{Value, json};

use super::support::{account, card, order, verified};
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
        assert_eq!(again.outcome(), (429, "too_many_requests"), "atomic: {is_atomic}");
    }
}
