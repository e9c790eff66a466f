//! The limit of an account's overdraft: set by staff, used by the owner.

use serde_json::{Value, json};

use super::support::{account, order, verified};
use crate::resources::fixture::{Fixture, id};

#[actix_web::test]
async fn staff_sets_the_limit_and_the_owner_does_not() {
    let fixture = Fixture::new().await;
    let (app, ada) = (&fixture.app, &fixture.ada);
    let manager = app.manager(&fixture.admin).await;
    let path = format!("/api/accounts/{}", ada.account);
    let before = fixture.state().await;
    let both = json!({"balance": 5, "overdraft_limit": 300});
    for (token, body) in [
        (ada.token(), json!({"overdraft_limit": 300})),
        (ada.token(), both.clone()),
        (fixture.bob.token(), json!({"overdraft_limit": 300})),
        (manager.token.as_str(), both.clone()),
    ] {
        let shown = body.to_string();
        assert_eq!(app.put(token, &path, body).await.outcome(), (403, "access_denied"), "{shown}");
    }
    for bad in [json!(-1), json!(1.5), json!("1"), json!(9_007_199_254_740_992_i64), Value::Null] {
        let refused = app.put(&manager.token, &path, json!({"overdraft_limit": bad})).await;
        assert_eq!(refused.outcome(), (422, "validation_failed"), "{bad}");
        assert!(refused.body["errors"]["overdraft_limit"].is_array(), "{bad}: {}", refused.body);
    }
    let of_card =
        app.put(&fixture.admin.token, &format!("/api/cards/{}", ada.card), json!({"overdraft_limit": 1})).await;
    assert_eq!(of_card.outcome(), (422, "validation_failed"), "a card has none");
    assert_eq!(fixture.state().await, before);

    let from = app.events().await.len();
    let item = app.put(&manager.token, &path, json!({"overdraft_limit": 300})).await.item(200);
    assert_eq!(
        (&item["overdraft_limit"], &item["balance"], &item["available"]),
        (&json!(300), &json!(520), &json!(820))
    );
    assert_eq!(app.event_types(from).await, ["account.updated"], "no money has moved");
    let entries = fixture.list(ada.token(), &format!("{path}/entries?kind=limit")).await;
    let expected = json!([{
        "seq": 2, "transfer_id": null, "kind": "limit", "amount": 0, "balance_after": 520, "counterparty": null,
        "reference": null, "description": null, "posted_at": "2026-01-16T17:10:26Z",
    }]);
    assert_eq!(Value::Array(entries), expected);
    let before = fixture.state().await;
    app.put(&manager.token, &path, json!({"overdraft_limit": 300})).await.expect(200);
    assert_eq!(fixture.state().await, before, "equal is no change");
    let item = app.put(&fixture.admin.token, &path, both).await.item(200);
    assert_eq!((&item["balance"], &item["available"]), (&json!(5), &json!(305)), "an administrator sets both");
    verified(app).await;
}

#[actix_web::test]
async fn an_overdraft_is_used_up_to_its_limit_which_is_not_lowered_below_that() {
    let fixture = Fixture::new().await;
    let (app, ada) = (&fixture.app, &fixture.ada);
    let path = format!("/api/accounts/{}", ada.account);
    let set = async |limit: i64| app.put(&fixture.admin.token, &path, json!({"overdraft_limit": limit})).await;
    set(300).await.expect(200);
    assert_eq!(fixture.app.get(ada.token(), &path).await.expect(200)["available"], 820);
    fixture.pay(700).await;
    assert_eq!(fixture.figures(ada.account).await, [-180, 0, 120]);
    fixture.hold(50).await;
    assert_eq!(fixture.figures(ada.account).await, [-180, 50, 70]);
    let before = fixture.state().await;
    let more = app.post(ada.token(), "/api/transfers", fixture.to_bob(71)).await;
    assert_eq!((more.outcome(), &more.body["available"]), ((422, "insufficient_funds"), &json!(70)));
    for limit in [0, 179, 229] {
        assert_eq!(set(limit).await.outcome(), (422, "overdraft_in_use"), "{limit}");
    }
    assert_eq!(fixture.state().await, before);
    set(230).await.expect(200);
    assert_eq!(fixture.figures(ada.account).await, [-180, 50, 0]);
    fixture.deposit(ada.account, 180).await;
    assert_eq!(fixture.figures(ada.account).await, [0, 50, 180]);
    let entries = fixture.entries(ada.account).await;
    assert_eq!((&entries[1]["amount"], &entries[1]["balance_after"]), (&json!(-700), &json!(-180)));
    verified(app).await;
}

#[actix_web::test]
async fn what_is_available_is_shown_up_to_the_largest_amount_and_decided_exactly() {
    const LARGEST: i64 = 9_007_199_254_740_991;
    let fixture = Fixture::new().await;
    let (app, ada, bob) = (&fixture.app, &fixture.ada, &fixture.bob);
    let path = format!("/api/accounts/{}", ada.account);
    let item = app.put(&fixture.admin.token, &path, json!({"overdraft_limit": LARGEST})).await.item(200);
    assert_eq!((&item["balance"], &item["available"]), (&json!(520), &json!(LARGEST)));
    assert_eq!(fixture.figures(ada.account).await, [520, 0, LARGEST]);
    let balance = app.get(ada.token(), &format!("{path}/balance")).await.expect(200);
    assert_eq!(balance["available"], LARGEST);
    let empty = id(&app.post(bob.token(), "/api/accounts", json!({"bank_id": fixture.bank})).await.item(201));
    let pay = async |amount: i64| {
        let body = order(&account(ada.account), &account(empty), amount);
        app.post(ada.token(), "/api/transfers", body).await
    };
    assert_eq!(pay(20).await.expect(201)["own"]["available"], LARGEST, "500 beyond it");
    assert_eq!(pay(LARGEST - 20).await.expect(201)["own"]["available"], 520, "the limit is used up to 520");
    assert_eq!(fixture.figures(ada.account).await, [520 - LARGEST, 0, 520]);
    verified(app).await;
}
