//! Cards and transfers at once: they share transactions, and none is answered or refused for another one.

use std::collections::BTreeSet;

use bank_service::config::LedgerWriterMode;
use futures_util::future::{join, join_all};
use serde_json::json;

use super::support::verified;
use crate::resources::fixture::{Fixture, id};

const PATH: &str = "/api/transfers";
const CREATED: &str = "SELECT COUNT(*) FROM outbox WHERE event_type = 'card.created'";

fn cards_of(account: i64) -> String {
    format!("/api/accounts/{account}/cards")
}

/// Issues 64 cards of Ada's, every other one with money, while 32 transfers of hers are posted.
async fn cards_and_transfers(fixture: &Fixture) {
    let (app, ada, path) = (&fixture.app, &fixture.ada, cards_of(fixture.ada.account));
    let balance = |number: i64| if number % 2 == 0 { 0 } else { number };
    let before = (app.sql_number(CREATED).await, fixture.system("opening").await);
    let cards = (0..64).map(|number| app.post(ada.token(), &path, json!({"balance": balance(number)})));
    let transfers = (0..32).map(|_| app.post(ada.token(), PATH, fixture.to_bob(10)));
    let (cards, transfers) = join(join_all(cards), join_all(transfers)).await;
    let mut ids = BTreeSet::new();
    for (number, answer) in (0..).zip(cards) {
        let card = answer.item(201);
        let expected = (&json!(balance(number)), &json!(ada.account));
        assert_eq!((&card["balance"], &card["account_id"]), expected, "each its own: {card}");
        assert!(ids.insert(id(&card)), "{card} comes twice");
        assert_eq!(fixture.card_balance(id(&card)).await, balance(number));
    }
    for answer in transfers {
        answer.expect(201);
    }
    assert_eq!(fixture.figures(ada.account).await, [200, 0, 200], "cards take nothing from their account");
    assert_eq!(app.sql_number(CREATED).await - before.0, 64);
    let opened = fixture.system("opening").await.0 - before.1.0;
    assert_eq!(opened, 1024, "the odd numbers below 64");
    verified(app).await;
}

#[actix_web::test]
async fn cards_and_transfers_at_once_are_all_done() {
    cards_and_transfers(&Fixture::new().await).await;
}

#[actix_web::test]
async fn so_they_are_each_in_a_transaction_of_its_own() {
    let direct = |config: &mut bank_service::config::Config| config.money.ledger_writer = LedgerWriterMode::Direct;
    cards_and_transfers(&Fixture::new().await.restarted(direct).await).await;
}

#[actix_web::test]
async fn a_refused_request_fails_no_other_one() {
    let fixture = Fixture::new().await;
    let (app, ada, admin) = (&fixture.app, fixture.ada.token(), fixture.admin.token.as_str());
    let (own, foreign, missing) = (cards_of(fixture.ada.account), cards_of(fixture.bob.account), cards_of(999_999));
    fixture.keyed(ada, &own, "used", &json!({"balance": 1})).await.expect(201);
    let before = app.sql_number(CREATED).await;
    let attempt = async |number: i64| match number % 8 {
        0 => ((403, "access_denied"), app.post(ada, &foreign, json!({"balance": 2})).await),
        1 => ((403, "access_denied"), app.post(ada, &missing, json!({})).await),
        2 => ((404, "not_found"), app.post(admin, &missing, json!({"balance": 2})).await),
        3 => ((422, "idempotency_key_reused"), fixture.keyed(ada, &own, "used", &json!({"balance": 2})).await),
        4 => ((422, "insufficient_funds"), app.post(ada, PATH, fixture.to_bob(10_000)).await),
        5 => ((201, ""), app.post(ada, PATH, fixture.to_bob(1)).await),
        6 => ((201, ""), app.post(ada, &own, json!({"balance": 3})).await),
        _ => ((201, ""), app.post(admin, &foreign, json!({})).await),
    };
    for (number, (expected, answer)) in (0..).zip(join_all((0..64).map(attempt)).await) {
        assert_eq!(answer.outcome(), expected, "{number}: {}", answer.body);
    }
    assert_eq!(app.sql_number(CREATED).await - before, 16);
    assert_eq!(fixture.figures(fixture.ada.account).await, [512, 0, 512]);
    verified(app).await;
}

#[actix_web::test]
async fn equal_keys_at_once_are_one_card() {
    let fixture = Fixture::new().await;
    let (app, ada, path) = (&fixture.app, fixture.ada.token(), cards_of(fixture.ada.account));
    let before = app.sql_number(CREATED).await;
    let (body, other) = (json!({"balance": 7}), json!({"balance": 8}));
    let equal = join_all((0..30).map(|_| fixture.keyed(ada, &path, "once", &body)));
    let others = join_all((0..10).map(|number| {
        let (fixture, path, other) = (&fixture, &path, &other);
        async move { fixture.keyed(ada, path, &format!("key-{number}"), other).await }
    }));
    let (equal, others) = join(equal, others).await;
    let first = equal[0].body.clone();
    for answer in equal {
        assert_eq!(answer.headers["location"], format!("/api/cards/{}", id(&first["item"])));
        assert_eq!(answer.expect(201), first);
    }
    let ids: BTreeSet<i64> = others.into_iter().map(|answer| id(&answer.item(201))).collect();
    assert_eq!((ids.len(), ids.contains(&id(&first["item"]))), (10, false));
    assert_eq!(app.sql_number(CREATED).await - before, 11);
    let reused = fixture.keyed(ada, &path, "once", &other).await;
    assert_eq!(reused.outcome(), (422, "idempotency_key_reused"));
    verified(app).await;
}

#[actix_web::test]
async fn a_refused_request_keeps_no_key() {
    let fixture = Fixture::new().await;
    let (ada, body) = (fixture.ada.token(), json!({"balance": 7}));
    let refused = fixture.keyed(ada, &cards_of(fixture.bob.account), "k", &body).await;
    assert_eq!(refused.outcome(), (403, "access_denied"));
    let card = fixture.keyed(ada, &cards_of(fixture.ada.account), "k", &body).await.item(201);
    assert_eq!(fixture.card_balance(id(&card)).await, 7);
    verified(&fixture.app).await;
}
