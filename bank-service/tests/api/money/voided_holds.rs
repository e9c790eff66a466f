//! Holds that their recipients give up: a sender who makes many is stopped for a while.

use std::time::Duration;

use serde_json::json;

use super::support::{account, card, order, uuid, verified};
use crate::resources::fixture::Fixture;

const PATH: &str = "/api/transfers";
/// How many holds of a sender its recipients may give up in an hour.
const LIMIT: usize = 20;

/// Holds a cent of Ada's for Bob, who gives it up.
async fn hold_and_void(fixture: &Fixture) {
    let hold = fixture.hold(1).await;
    fixture.change(fixture.bob.token(), &hold, "void", json!({})).await.expect(200);
}

/// Whether Ada may send nothing at the moment.
async fn is_stopped(fixture: &Fixture) -> bool {
    let answer = fixture.app.post(fixture.ada.token(), PATH, fixture.to_bob(1)).await;
    match answer.outcome() {
        (201, _) => false,
        (429, "too_many_requests") => true,
        other => panic!("{other:?}"),
    }
}

#[actix_web::test]
async fn twenty_voided_holds_within_an_hour_stop_their_sender_alone_and_for_a_while() {
    let fixture = Fixture::new().await;
    let (app, ada, bob) = (&fixture.app, &fixture.ada, &fixture.bob);
    for number in 0..LIMIT {
        assert!(!is_stopped(&fixture).await, "after {number}");
        hold_and_void(&fixture).await;
    }
    let before = fixture.state().await;
    let refused = app.post(ada.token(), PATH, fixture.to_bob(1)).await;
    assert_eq!(refused.outcome(), (429, "too_many_requests"));
    assert_eq!(refused.headers["retry-after"], "180");
    assert_eq!(fixture.state().await, before);
    app.post(bob.token(), PATH, order(&account(bob.account), &account(ada.account), 1)).await.expect(201);
    app.post(&fixture.admin.token, PATH, fixture.to_bob(1)).await.expect(201);
    app.clock.advance(Duration::from_mins(3));
    assert!(!is_stopped(&fixture).await, "one more each three minutes");
    hold_and_void(&fixture).await;
    assert!(is_stopped(&fixture).await);
    verified(app).await;
}

#[actix_web::test]
async fn a_void_that_is_repeated_counts_once() {
    let fixture = Fixture::new().await;
    let bob = fixture.bob.token();
    for _ in 0..LIMIT - 2 {
        hold_and_void(&fixture).await;
    }
    let hold = fixture.hold(1).await;
    let path = format!("{PATH}/{hold}/void");
    for _ in 0..LIMIT {
        fixture.keyed(bob, &path, "once", &json!({})).await.expect(200);
        assert_eq!(fixture.change(bob, &hold, "void", json!({})).await.outcome(), (409, "hold_ended"));
    }
    assert!(!is_stopped(&fixture).await, "nineteen holds were given up");
    hold_and_void(&fixture).await;
    assert!(is_stopped(&fixture).await);
    verified(&fixture.app).await;
}

#[actix_web::test]
async fn holds_between_ones_own_do_not_count() {
    let fixture = Fixture::new().await;
    let (app, ada) = (&fixture.app, &fixture.ada);
    let mut body = order(&account(ada.account), &card(ada.card), 1);
    body["hold"] = json!(true);
    for _ in 0..=LIMIT {
        let hold = uuid(&app.post(ada.token(), PATH, body.clone()).await.item(201));
        fixture.change(ada.token(), &hold, "void", json!({})).await.expect(200);
    }
    assert!(!is_stopped(&fixture).await);
    verified(app).await;
}
