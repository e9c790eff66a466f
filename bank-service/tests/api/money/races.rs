//! Many callers at once: money is spent once, a hold ends once, a key has one effect.

use futures_util::future::{join, join_all};
use serde_json::json;

use super::support::{account, card, numbers, order, uuid, verified};
use crate::harness::Answer;
use crate::resources::fixture::Fixture;

const PATH: &str = "/api/transfers";

/// How many answers have this outcome.
fn count(answers: &[Answer], outcome: (u16, &str)) -> usize {
    answers.iter().filter(|answer| answer.outcome() == outcome).count()
}

#[actix_web::test]
async fn fifty_callers_drain_an_account_and_never_overdraw_it() {
    let fixture = Fixture::new().await;
    let attempts = (0..50).map(|number| {
        let token = if number % 5 == 0 { fixture.admin.token.as_str() } else { fixture.ada.token() };
        fixture.app.post(token, PATH, fixture.to_bob(20))
    });
    let answers = join_all(attempts).await;
    let done = count(&answers, (201, ""));
    assert_eq!((done, count(&answers, (422, "insufficient_funds"))), (26, 24), "520 is twenty-six times twenty");
    assert_eq!(fixture.figures(fixture.ada.account).await, [0, 0, 0]);
    assert_eq!(fixture.figures(fixture.bob.account).await, [1040, 0, 1040]);
    let balances = numbers(&fixture.entries(fixture.ada.account).await, "balance_after");
    assert_eq!(balances, (0..=26).map(|left| left * 20).collect::<Vec<i64>>(), "each saw those before it");
    verified(&fixture.app).await;
}

#[actix_web::test]
async fn of_thirty_captures_and_voids_of_a_hold_one_is_done() {
    let fixture = Fixture::new().await;
    let hold = fixture.hold(100).await;
    let attempts = (0..30).map(|number| {
        let token = if number % 3 == 0 { fixture.admin.token.as_str() } else { fixture.bob.token() };
        let (how, body) = if number % 2 == 0 { ("capture", json!({"amount": 60})) } else { ("void", json!({})) };
        fixture.change(token, &hold, how, body)
    });
    let answers = join_all(attempts).await;
    let (captured, voided) = (count(&answers, (201, "")), count(&answers, (200, "")));
    assert_eq!((captured + voided, count(&answers, (409, "hold_ended"))), (1, 29));
    let (left, status) = if captured == 1 { (460, "captured") } else { (520, "voided") };
    assert_eq!(fixture.figures(fixture.ada.account).await, [left, 0, left]);
    assert_eq!(fixture.transfer(&hold).await["status"], status);
    verified(&fixture.app).await;
}

#[actix_web::test]
async fn of_many_holds_and_transfers_at_once_none_gets_money_twice() {
    let fixture = Fixture::new().await;
    let attempts = (0..40).map(|number| {
        let mut body = fixture.to_bob(30);
        body["hold"] = json!(number % 2 == 0);
        fixture.app.post(fixture.ada.token(), PATH, body)
    });
    let answers = join_all(attempts).await;
    assert_eq!((count(&answers, (201, "")), count(&answers, (422, "insufficient_funds"))), (17, 23));
    let [balance, held, available] = fixture.figures(fixture.ada.account).await;
    assert_eq!((balance - held, available), (10, 10));
    verified(&fixture.app).await;
}

#[actix_web::test]
async fn twenty_equal_keys_among_other_transfers_are_one_transfer() {
    let fixture = Fixture::new().await;
    let (ada, body) = (fixture.ada.token(), fixture.to_bob(10));
    let attempts = (0..40).map(|number| {
        let key = if number % 2 == 0 { "once".to_owned() } else { format!("key-{number}") };
        let (fixture, body) = (&fixture, &body);
        async move { (number, fixture.keyed(ada, PATH, &key, body).await) }
    });
    let mut equal = Vec::new();
    for (number, answer) in join_all(attempts).await {
        let body = answer.expect(201);
        if number % 2 == 0 {
            equal.push(body);
        }
    }
    assert!(equal.len() == 20 && equal.iter().all(|body| *body == equal[0]), "{equal:?}");
    assert_eq!(fixture.figures(fixture.ada.account).await, [310, 0, 310], "twenty-one times ten");
    verified(&fixture.app).await;
}

#[actix_web::test]
async fn of_many_reversals_at_once_none_exceeds_the_transfer() {
    let fixture = Fixture::new().await;
    let sent = uuid(&fixture.pay(100).await);
    let reason = json!({"amount": 30, "description": "a mistake"});
    let attempts = (0..20).map(|_| fixture.change(&fixture.admin.token, &sent, "reverse", reason.clone()));
    let answers = join_all(attempts).await;
    assert_eq!((count(&answers, (201, "")), count(&answers, (422, "validation_failed"))), (3, 17));
    assert_eq!(fixture.transfer(&sent).await["reversed_amount"], 90);
    assert_eq!(fixture.figures(fixture.ada.account).await, [510, 0, 510]);
    verified(&fixture.app).await;
}

#[actix_web::test]
async fn transfers_both_ways_at_once_do_not_stop_each_other() {
    let fixture = Fixture::new().await;
    let (ada, bob) = (&fixture.ada, &fixture.bob);
    let attempts = (0..60).map(|number| {
        let (from, to) = if number % 2 == 0 { (ada, bob) } else { (bob, ada) };
        fixture.app.post(from.token(), PATH, order(&account(from.account), &account(to.account), 1))
    });
    assert_eq!(count(&join_all(attempts).await, (201, "")), 60);
    assert_eq!(
        (fixture.figures(ada.account).await, fixture.figures(bob.account).await),
        ([520, 0, 520], [520, 0, 520])
    );
    verified(&fixture.app).await;
}

/// Money reaches the card and goes on to its account, or stays with its sender; none is lost.
#[actix_web::test]
async fn a_card_that_is_deleted_while_money_comes_loses_none() {
    let fixture = Fixture::new().await;
    let (app, ada, bob) = (&fixture.app, &fixture.ada, &fixture.bob);
    // Fewer than the unknown recipients that a customer may name in an hour.
    let attempts = (0..15).map(|_| app.post(ada.token(), PATH, order(&account(ada.account), &card(bob.card), 10)));
    let path = format!("/api/cards/{}", bob.card);
    let (answers, deleted) = join(join_all(attempts), app.delete(bob.token(), &path)).await;
    let (done, refused) = (count(&answers, (201, "")), count(&answers, (422, "unknown_recipient")));
    assert_eq!(done + refused, 15, "{answers:?}");
    let last = deleted.item(200)["balance"].as_i64().unwrap();
    let moved = i64::try_from(done).unwrap() * 10;
    assert_eq!(last, 100 + moved, "the card as it was");
    assert_eq!(fixture.figures(ada.account).await, [520 - moved, 0, 520 - moved]);
    assert_eq!(fixture.figures(bob.account).await, [620 + moved, 0, 620 + moved]);
    verified(app).await;
}

#[actix_web::test]
async fn cards_that_are_issued_while_their_account_is_deleted_go_with_it_or_are_refused() {
    let fixture = Fixture::new().await;
    let (app, admin) = (&fixture.app, fixture.admin.token.as_str());
    let path = format!("/api/accounts/{}", fixture.ada.account);
    let cards = format!("{path}/cards");
    let issuing = join_all((0..30).map(|_| app.post(admin, &cards, json!({"balance": 5}))));
    let (issued, deleted) = join(issuing, app.delete(admin, &path)).await;
    deleted.expect(200);
    assert_eq!(count(&issued, (201, "")) + count(&issued, (404, "not_found")), 30, "{issued:?}");
    let left = fixture.list(admin, "/api/cards").await;
    assert_eq!(left.len(), 1, "Bob's alone: {left:?}");
    verified(app).await;
}
