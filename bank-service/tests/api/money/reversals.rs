//! Money that staff gives back.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::{account, numbers, order, uuid, verified};
use crate::harness::Answer;
use crate::resources::fixture::Fixture;

/// A reversal by the administrator; all that is left, if no amount is given.
async fn reverse(fixture: &Fixture, id: &str, amount: Option<i64>) -> Answer {
    let mut body = json!({"description": "a mistake"});
    if let Some(amount) = amount {
        body["amount"] = json!(amount);
    }
    fixture.change(&fixture.admin.token, id, "reverse", body).await
}

#[actix_web::test]
async fn a_transfer_is_given_back_in_parts_and_never_beyond_it() {
    let fixture = Fixture::new().await;
    let (ada, bob) = (&fixture.ada, &fixture.bob);
    let sent = uuid(&fixture.pay(100).await);
    let from = fixture.app.events().await.len();
    let answer = reverse(&fixture, &sent, Some(30)).await;
    let location = answer.headers["location"].to_str().unwrap().to_owned();
    let part = answer.expect(201);
    let item = &part["item"];
    assert_eq!(location, format!("/api/transfers/{}", uuid(item)));
    assert_eq!((&item["kind"], &item["status"], &item["amount"]), (&json!("reversal"), &json!("posted"), &json!(30)));
    assert_eq!((&item["reverses_id"], &item["description"]), (&json!(sent), &json!("a mistake")));
    assert_eq!((&item["from"], &item["to"]), (&account(bob.account), &account(ada.account)));
    assert_eq!((&part["own"]["account_id"], &part["own"]["balance"]), (&json!(bob.account), &json!(590)));
    let events = fixture.transfer_events(from).await;
    assert_eq!((events.len(), events[0].0.as_str()), (1, "transfer.reversed"));
    assert_eq!((&events[0].1["reverses_id"], &events[0].1["to"]["balance_after"]), (&json!(sent), &json!(450)));
    let before = fixture.state().await;
    let beyond = reverse(&fixture, &sent, Some(71)).await;
    assert_eq!(beyond.outcome(), (422, "validation_failed"));
    assert!(beyond.body["errors"]["amount"].is_array(), "{}", beyond.body);
    assert_eq!(fixture.state().await, before);
    assert_eq!(reverse(&fixture, &sent, None).await.item(201)["amount"], 70, "what is left");
    let of_owner = fixture.app.get(ada.token(), &format!("/api/transfers/{sent}")).await.expect(200);
    assert_eq!((&of_owner["reversed_amount"], &of_owner["status"]), (&json!(100), &json!("posted")));
    for amount in [None, Some(1)] {
        let nothing_left = reverse(&fixture, &sent, amount).await;
        assert!(nothing_left.body["errors"]["amount"].is_array(), "{}", nothing_left.body);
    }
    assert_eq!(
        (fixture.figures(ada.account).await, fixture.figures(bob.account).await),
        ([520, 0, 520], [520, 0, 520])
    );
    assert_eq!(numbers(&fixture.entries(ada.account).await, "amount"), [70, 30, -100, 520]);
    verified(&fixture.app).await;
}

#[actix_web::test]
async fn deposits_withdrawals_and_captures_are_given_back() {
    let fixture = Fixture::new().await;
    let (app, ada, bob) = (&fixture.app, &fixture.ada, &fixture.bob);
    let cash = json!({"bank_id": fixture.bank, "system": "cash"});
    let deposit = uuid(&fixture.deposit(ada.account, 80).await);
    let back = reverse(&fixture, &deposit, None).await.item(201);
    assert_eq!((&back["from"], &back["to"]), (&account(ada.account), &cash));
    let path = format!("/api/accounts/{}/withdrawals", ada.account);
    let withdrawal = uuid(&app.post(&fixture.admin.token, &path, json!({"amount": 20})).await.item(201));
    let back = reverse(&fixture, &withdrawal, None).await.item(201);
    assert_eq!((&back["from"], &back["to"]), (&cash, &account(ada.account)));
    let hold = fixture.hold(50).await;
    let capture = fixture.change(bob.token(), &hold, "capture", json!({"amount": 40})).await.item(201);
    let back = reverse(&fixture, &uuid(&capture), None).await.item(201);
    assert_eq!((&back["amount"], &back["hold_id"]), (&json!(40), &Value::Null));
    assert_eq!(
        (fixture.figures(ada.account).await, fixture.figures(bob.account).await),
        ([520, 0, 520], [520, 0, 520])
    );
    verified(app).await;
}

#[actix_web::test]
async fn only_what_moved_between_people_or_from_outside_is_given_back() {
    let fixture = Fixture::new().await;
    let (app, ada, bob) = (&fixture.app, &fixture.ada, &fixture.bob);
    let newest = async |account: i64| fixture.entries(account).await[0]["transfer_id"].as_str().unwrap().to_owned();
    let opening = newest(ada.account).await;
    app.put(ada.token(), &format!("/api/accounts/{}", ada.account), json!({"balance": 600})).await.expect(200);
    let adjustment = newest(ada.account).await;
    app.delete(ada.token(), &format!("/api/cards/{}", ada.card)).await.expect(200);
    let closing = newest(ada.account).await;
    let reversal = uuid(&reverse(&fixture, &uuid(&fixture.pay(10).await), None).await.item(201));
    let (held, voided, captured) = (fixture.hold(5).await, fixture.hold(6).await, fixture.hold(7).await);
    fixture.change(bob.token(), &voided, "void", json!({})).await.expect(200);
    fixture.change(bob.token(), &captured, "capture", json!({})).await.expect(201);
    let before = fixture.state().await;
    for (id, outcome) in [
        (opening, (422, "not_reversible")),
        (adjustment, (422, "not_reversible")),
        (closing, (422, "not_reversible")),
        (reversal, (422, "not_reversible")),
        (held, (409, "not_posted")),
        (voided, (409, "not_posted")),
        (captured, (409, "not_posted")),
        ("01937f2a-1b3c-7d4e-8f5a-6b7c8d9e0f1a".to_owned(), (404, "not_found")),
    ] {
        assert_eq!(reverse(&fixture, &id, None).await.outcome(), outcome, "{id}");
    }
    assert_eq!(fixture.state().await, before);
    verified(app).await;
}

#[actix_web::test]
async fn customers_give_nothing_back() {
    let fixture = Fixture::new().await;
    let sent = uuid(&fixture.pay(10).await);
    let before = fixture.state().await;
    for owner in [&fixture.ada, &fixture.bob] {
        let refused = fixture.change(owner.token(), &sent, "reverse", json!({"description": "mine"})).await;
        assert_eq!(refused.outcome(), (403, "access_denied"));
    }
    let path = format!("/api/transfers/{sent}/reverse");
    let anonymous = fixture.app.request(Method::POST, &path, None).json(&json!({"description": "mine"}));
    assert_eq!(fixture.app.send(anonymous).await.status.as_u16(), 403);
    assert_eq!(fixture.state().await, before);
}

/// The answer does not show what the receiver has.
#[actix_web::test]
async fn what_the_receiver_has_spent_is_not_given_back() {
    let fixture = Fixture::new().await;
    let (app, bob) = (&fixture.app, &fixture.bob);
    let sent = uuid(&fixture.pay(100).await);
    let deposit = uuid(&fixture.deposit(bob.account, 100).await);
    app.put(bob.token(), &format!("/api/accounts/{}", bob.account), json!({"balance": 77})).await.expect(200);
    let before = fixture.state().await;
    for id in [&sent, &deposit] {
        let refused = reverse(&fixture, id, None).await;
        assert_eq!(refused.outcome(), (422, "insufficient_funds"));
        assert!(refused.body.get("available").is_none() && !refused.body["detail"].as_str().unwrap().contains("77"));
    }
    assert_eq!(fixture.state().await, before);
    reverse(&fixture, &sent, Some(77)).await.expect(201);
    assert_eq!(fixture.figures(bob.account).await, [0, 0, 0]);
    verified(app).await;
}

#[actix_web::test]
async fn what_is_due_to_a_closed_account_goes_to_its_bank_and_nothing_is_taken_from_one() {
    let fixture = Fixture::new().await;
    let (app, ada, bob) = (&fixture.app, &fixture.ada, &fixture.bob);
    let sent = uuid(&fixture.pay(100).await);
    let back = order(&account(bob.account), &account(ada.account), 5);
    let to_closed = uuid(&app.post(bob.token(), "/api/transfers", back).await.item(201));
    app.delete(ada.token(), &format!("/api/accounts/{}", ada.account)).await.expect(200);
    let before = fixture.state().await;
    assert_eq!(reverse(&fixture, &to_closed, None).await.outcome(), (409, "account_closed"));
    assert_eq!(fixture.state().await, before);
    let back = reverse(&fixture, &sent, Some(40)).await.item(201);
    assert_eq!(
        (&back["from"], &back["to"]),
        (&account(bob.account), &json!({"bank_id": fixture.bank, "system": "closed"}))
    );
    assert_eq!(reverse(&fixture, &sent, None).await.item(201)["amount"], 60);
    assert_eq!(fixture.transfer(&sent).await["reversed_amount"], 100);
    assert_eq!(fixture.figures(bob.account).await, [515, 0, 515]);
    verified(app).await;
}
