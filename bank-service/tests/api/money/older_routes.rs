//! What the routes of accounts and cards do to their money: first balances, balances set by hand, and the end.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::{card, numbers, order, verified};
use crate::resources::fixture::{Fixture, id};

/// The largest balance.
const LARGEST: i64 = 9_007_199_254_740_991;

/// The types of the events since `from`, sorted.
async fn types(fixture: &Fixture, from: usize) -> Vec<String> {
    let mut types = fixture.app.event_types(from).await;
    types.sort();
    types
}

#[actix_web::test]
async fn a_first_balance_comes_from_the_banks_opening() {
    let fixture = Fixture::new().await;
    let (app, ada) = (&fixture.app, &fixture.ada);
    let (opened, before) = (fixture.system("opening").await, app.events().await.len());
    assert_eq!(opened, (1240, 0), "what the accounts and cards of the fixture began with");
    let body = json!({"bank_id": fixture.bank, "balance": 77});
    let account = app.post(ada.token(), "/api/accounts", body).await.item(201);
    assert_eq!((&account["balance"], &account["available"]), (&json!(77), &json!(77)));
    assert_eq!(types(&fixture, before).await, ["account.created", "transfer.posted"]);
    let entries = fixture.entries(id(&account)).await;
    assert_eq!((entries.len(), &entries[0]["kind"], &entries[0]["amount"]), (1, &json!("opening"), &json!(77)));
    let counterparty = &entries[0]["counterparty"];
    assert_eq!((&counterparty["bank_id"], &counterparty["system"]), (&json!(fixture.bank), &json!("opening")));

    let from = app.events().await.len();
    let cards = format!("/api/accounts/{}/cards", ada.account);
    let card = app.post(ada.token(), &cards, json!({"balance": 23})).await.item(201);
    assert_eq!(types(&fixture, from).await, ["card.created", "transfer.posted"]);
    assert_eq!((fixture.card_balance(id(&card)).await, fixture.figures(ada.account).await), (23, [520, 0, 520]));
    assert_eq!(fixture.system("opening").await, (1340, 0));

    let from = app.events().await.len();
    let empty = app.post(ada.token(), "/api/accounts", json!({"bank_id": fixture.bank})).await.item(201);
    app.post(ada.token(), &cards, json!({"balance": 0})).await.expect(201);
    assert_eq!(types(&fixture, from).await, ["account.created", "card.created"], "nothing is posted of nothing");
    assert_eq!(fixture.entries(id(&empty)).await, Vec::<Value>::new());
    verified(app).await;
}

#[actix_web::test]
async fn a_balance_that_is_set_is_posted_as_the_difference() {
    let fixture = Fixture::new().await;
    let (app, ada) = (&fixture.app, &fixture.ada);
    for (path, entries, kind, first) in [
        (format!("/api/accounts/{}", ada.account), format!("/api/accounts/{}/entries", ada.account), "account", 520),
        (format!("/api/cards/{}", ada.card), format!("/api/cards/{}/entries", ada.card), "card", 100),
    ] {
        for (balance, difference) in [(600, 600 - first), (40, -560), (0, -40)] {
            let from = app.events().await.len();
            let item = app.put(ada.token(), &path, json!({"balance": balance})).await.item(200);
            assert_eq!((&item["balance"], &item["available"]), (&json!(balance), &json!(balance)));
            let updated = format!("{kind}.updated");
            assert_eq!(types(&fixture, from).await, [updated.as_str(), "transfer.posted"]);
            let newest = fixture.list(ada.token(), &entries).await.swap_remove(0);
            assert_eq!((&newest["kind"], &newest["amount"]), (&json!("adjustment"), &json!(difference)));
            let unchanged = fixture.state().await;
            app.put(ada.token(), &path, json!({"balance": balance})).await.expect(200);
            assert_eq!(fixture.state().await, unchanged, "equal is no change, and no event");
        }
    }
    assert_eq!(fixture.system("adjustments").await, (0, 620));
    verified(app).await;
}

#[actix_web::test]
async fn a_balance_is_not_set_below_what_is_held() {
    let fixture = Fixture::new().await;
    let (app, ada, bob) = (&fixture.app, &fixture.ada, &fixture.bob);
    fixture.hold(100).await;
    let mut of_card = order(&card(ada.card), &card(bob.card), 100);
    of_card["hold"] = json!(true);
    app.post(ada.token(), "/api/transfers", of_card).await.expect(201);
    let before = fixture.state().await;
    let paths = [format!("/api/accounts/{}", ada.account), format!("/api/cards/{}", ada.card)];
    for path in &paths {
        for token in [ada.token(), fixture.admin.token.as_str()] {
            let refused = app.put(token, path, json!({"balance": 99})).await;
            assert_eq!(refused.outcome(), (422, "validation_failed"), "{path}");
            assert!(refused.body["errors"]["balance"].is_array(), "{path}: {}", refused.body);
        }
    }
    assert_eq!(fixture.state().await, before);
    for path in &paths {
        let item = app.put(ada.token(), path, json!({"balance": 100})).await.item(200);
        assert_eq!((&item["balance"], &item["held"], &item["available"]), (&json!(100), &json!(100), &json!(0)));
    }
    verified(app).await;
}

#[actix_web::test]
async fn the_money_of_a_deleted_card_goes_to_its_account() {
    let fixture = Fixture::new().await;
    let (app, ada) = (&fixture.app, &fixture.ada);
    let path = format!("/api/cards/{}", ada.card);
    let from = app.events().await.len();
    let deleted = app.delete(ada.token(), &path).await.item(200);
    assert_eq!((id(&deleted), &deleted["balance"]), (ada.card, &json!(100)), "as it was");
    assert_eq!(types(&fixture, from).await, ["account.updated", "card.deleted", "transfer.posted"]);
    let events = app.events().await;
    let updated = events.iter().skip(from).find(|event| event.event_type.to_string() == "account.updated").unwrap();
    assert_eq!((&updated.body.data["id"], &updated.body.data["balance"]), (&json!(ada.account), &json!(620)));
    assert_eq!(fixture.figures(ada.account).await, [620, 0, 620]);
    let newest = fixture.entries(ada.account).await.swap_remove(0);
    assert_eq!((&newest["kind"], &newest["amount"]), (&json!("closing"), &json!(100)));
    let empty = app.post(ada.token(), &format!("/api/accounts/{}/cards", ada.account), json!({})).await.item(201);
    let from = app.events().await.len();
    app.delete(ada.token(), &format!("/api/cards/{}", id(&empty))).await.expect(200);
    assert_eq!(types(&fixture, from).await, ["card.deleted"], "an empty card changes no account");
    verified(app).await;
}

#[actix_web::test]
async fn the_money_of_a_deleted_account_goes_to_the_banks_closed() {
    let fixture = Fixture::new().await;
    let (app, ada) = (&fixture.app, &fixture.ada);
    let deleted = app.delete(ada.token(), &format!("/api/accounts/{}", ada.account)).await.item(200);
    assert_eq!((id(&deleted), &deleted["balance"]), (ada.account, &json!(520)), "as it was");
    assert_eq!(fixture.system("closed").await, (0, 620), "its cards' money, too");
    let entries = fixture.entries(ada.account).await;
    assert_eq!(
        (numbers(&entries, "amount"), numbers(&entries, "balance_after")),
        (vec![-620, 100, 520], vec![0, 620, 520])
    );
    assert_eq!((&entries[0]["kind"], &entries[0]["counterparty"]["system"]), (&json!("closing"), &json!("closed")));
    verified(app).await;
}

/// Fills Ada's account, so that the 100 of her card do not fit into it.
async fn with_a_full_account() -> Fixture {
    let fixture = Fixture::new().await;
    let path = format!("/api/accounts/{}", fixture.ada.account);
    fixture.app.put(fixture.ada.token(), &path, json!({"balance": LARGEST})).await.expect(200);
    fixture
}

#[actix_web::test]
async fn a_card_whose_money_does_not_fit_into_its_account_is_not_deleted() {
    let fixture = with_a_full_account().await;
    let (app, ada) = (&fixture.app, &fixture.ada);
    let path = format!("/api/cards/{}", ada.card);
    let before = fixture.state().await;
    assert_eq!(app.delete(ada.token(), &path).await.outcome(), (422, "balance_out_of_range"));
    assert_eq!(fixture.state().await, before);
    fixture.pay(100).await;
    app.delete(ada.token(), &path).await.expect(200);
    assert_eq!(fixture.figures(ada.account).await, [LARGEST, 0, LARGEST]);
    verified(app).await;
}

#[actix_web::test]
async fn the_money_of_a_card_that_does_not_fit_goes_to_the_banks_closed_with_its_account() {
    for of in ["account", "client", "bank", "user"] {
        let fixture = with_a_full_account().await;
        let (app, ada) = (&fixture.app, &fixture.ada);
        let path = match of {
            "account" => format!("/api/accounts/{}", ada.account),
            "client" => format!("/api/clients/{}", ada.client),
            "bank" => format!("/api/banks/{}", fixture.bank),
            _ => format!("/api/users/{}", ada.person.id),
        };
        let answer = app.delete(&fixture.admin.token, &path).await;
        assert_eq!(answer.outcome(), (200, ""), "{path}: {}", answer.body);
        let of_card = fixture.list(&fixture.admin.token, &format!("/api/cards/{}/entries", ada.card)).await;
        for (entries, amount) in [(of_card, -100), (fixture.entries(ada.account).await, -LARGEST)] {
            let newest = (&entries[0]["kind"], &entries[0]["amount"], &entries[0]["counterparty"]["system"]);
            assert_eq!(newest, (&json!("closing"), &json!(amount), &json!("closed")), "{path}");
        }
        verified(app).await;
    }
}

#[actix_web::test]
async fn the_holds_in_favour_of_a_deleted_account_are_voided() {
    let fixture = Fixture::new().await;
    let (app, ada, bob) = (&fixture.app, &fixture.ada, &fixture.bob);
    let hold = fixture.hold(100).await;
    let from = app.events().await.len();
    app.delete(bob.token(), &format!("/api/accounts/{}", bob.account)).await.expect(200);
    assert_eq!(fixture.transfer(&hold).await["status"], "voided");
    assert_eq!(fixture.figures(ada.account).await, [520, 0, 520], "the money is free again");
    assert!(types(&fixture, from).await.contains(&"transfer.voided".to_owned()));
    verified(app).await;
}

#[actix_web::test]
async fn every_entry_is_a_new_version_of_its_item() {
    let fixture = Fixture::new().await;
    let (app, ada, bob) = (&fixture.app, &fixture.ada, &fixture.bob);
    let path = format!("/api/accounts/{}", ada.account);
    let tag = async || app.get(ada.token(), &path).await.headers["etag"].to_str().unwrap().to_owned();
    let put = async |tag: &str, balance: i64| {
        let request = app.request(Method::PUT, &path, Some(ada.token())).header("If-Match", tag);
        app.send(request.json(&json!({"balance": balance}))).await
    };
    let mut tags = vec![tag().await];
    fixture.pay(10).await;
    tags.push(tag().await);
    fixture.deposit(ada.account, 10).await;
    tags.push(tag().await);
    let hold = fixture.hold(10).await;
    tags.push(tag().await);
    fixture.change(bob.token(), &hold, "void", json!({})).await.expect(200);
    tags.push(tag().await);
    app.put(&fixture.admin.token, &path, json!({"overdraft_limit": 5})).await.expect(200);
    tags.push(tag().await);
    assert_eq!(tags, ["\"2\"", "\"3\"", "\"4\"", "\"5\"", "\"6\"", "\"7\""]);
    let before = fixture.state().await;
    for stale in &tags[..5] {
        assert_eq!(put(stale.as_str(), 7).await.outcome(), (412, "precondition_failed"), "{stale}");
        let request = app.request(Method::DELETE, &path, Some(ada.token())).header("If-Match", stale);
        assert_eq!(app.send(request).await.outcome(), (412, "precondition_failed"), "{stale}");
    }
    assert_eq!(fixture.state().await, before);
    let done = put(tags[5].as_str(), 7).await;
    assert_eq!((done.status.as_u16(), &done.headers["etag"]), (200, &"\"8\"".parse().unwrap()));
    verified(app).await;
}
