//! Money that moves at once: between customers, from and to outside, between accounts and cards.

use serde_json::{Value, json};
use uuid::Uuid;

use super::support::{account, card, numbers, order, uuid, verified};
use crate::resources::fixture::Fixture;

/// The time of the tests' clock, as answers show it.
const NOW: &str = "2026-01-16T17:10:26Z";

/// From Ada to Bob, with all that a transfer can have.
fn full(fixture: &Fixture) -> Value {
    let mut body = fixture.to_bob(100);
    body["currency"] = json!("EUR");
    body["reference"] = json!("INVOICE-7");
    body["description"] = json!("Rent for Märzstraße 7");
    body
}

#[actix_web::test]
async fn a_transfer_moves_money_and_answers_with_the_senders_side() {
    let fixture = Fixture::new().await;
    let (app, ada, bob) = (&fixture.app, &fixture.ada, &fixture.bob);
    let answer = app.post(ada.token(), "/api/transfers", full(&fixture)).await;
    let location = answer.headers["location"].to_str().unwrap().to_owned();
    let posted = answer.expect(201);
    let id = uuid(&posted["item"]);
    assert_eq!(location, format!("/api/transfers/{id}"));
    assert_eq!(Uuid::parse_str(&id).unwrap().get_version_num(), 7);
    let item = json!({
        "id": id, "from": {"account_id": ada.account}, "to": {"account_id": bob.account}, "amount": 100,
        "currency": "EUR", "kind": "transfer", "status": "posted", "reference": "INVOICE-7",
        "description": "Rent for Märzstraße 7", "captured_amount": null, "reversed_amount": 0, "hold_id": null,
        "reverses_id": null, "created_at": NOW, "posted_at": NOW, "ended_at": null, "expires_at": null,
    });
    let own = json!({"account_id": ada.account, "balance": 420, "held": 0, "available": 420, "seq": 2});
    assert_eq!(posted, json!({"msg": "item created", "item": item, "own": own}));
    assert_eq!(fixture.figures(ada.account).await, [420, 0, 420]);
    assert_eq!(fixture.figures(bob.account).await, [620, 0, 620]);
    let plain = fixture.pay(420).await;
    assert_eq!(
        (&plain["currency"], &plain["reference"], &plain["description"]),
        (&json!("EUR"), &Value::Null, &Value::Null)
    );
    assert_eq!(fixture.figures(ada.account).await, [0, 0, 0], "all of it can be spent");
    verified(app).await;
}

#[actix_web::test]
async fn each_side_has_an_entry_with_the_name_of_the_other() {
    let fixture = Fixture::new().await;
    let (ada, bob) = (&fixture.ada, &fixture.bob);
    let id = uuid(&fixture.app.post(ada.token(), "/api/transfers", full(&fixture)).await.item(201));
    for (owner, other, amount, after, name) in [(ada, bob, -100, 420, "Bob"), (bob, ada, 100, 620, "Ada")] {
        let entries = fixture.list(owner.token(), &format!("/api/accounts/{}/entries", owner.account)).await;
        assert_eq!(numbers(&entries, "seq"), [2, 1]);
        let mut entry = entries[0].clone();
        let counterparty = entry.as_object_mut().unwrap().remove("counterparty").unwrap();
        let expected = json!({
            "seq": 2, "transfer_id": id, "kind": "transfer", "amount": amount, "balance_after": after,
            "reference": "INVOICE-7", "description": "Rent for Märzstraße 7", "posted_at": NOW,
        });
        assert_eq!(entry, expected);
        let shown: Vec<&str> = counterparty.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(shown, ["iban_masked", "name"], "no id of a stranger");
        assert_eq!(counterparty["name"], name);
        let of_staff = fixture.entries(owner.account).await[0]["counterparty"].clone();
        assert_eq!((&of_staff["name"], &of_staff["account_id"]), (&json!(name), &json!(other.account)));
    }
}

#[actix_web::test]
async fn one_event_names_both_sides_after_the_transfer() {
    let fixture = Fixture::new().await;
    let (ada, bob) = (&fixture.ada, &fixture.bob);
    let from = fixture.app.events().await.len();
    let id = uuid(&fixture.app.post(ada.token(), "/api/transfers", full(&fixture)).await.item(201));
    assert_eq!(fixture.app.event_types(from).await, ["transfer.posted"]);
    let mut events = fixture.app.events().await.into_iter().skip(from);
    let event = events.find(|event| event.event_type.to_string() == "transfer.posted").unwrap();
    let data = &event.body.data;
    for (side, owner, after) in [("from", ada, 420), ("to", bob, 620)] {
        let expected = json!({
            "account_id": owner.account, "user_id": owner.person.id, "balance_after": after, "held_after": 0, "seq": 2,
        });
        assert_eq!(data[side], expected, "{side}");
    }
    for (field, value) in [
        ("id", json!(id)),
        ("amount", json!(100)),
        ("currency", json!("EUR")),
        ("kind", json!("transfer")),
        ("status", json!("posted")),
        ("reference", json!("INVOICE-7")),
        ("description", json!("Rent for Märzstraße 7")),
        ("posted_at", json!("2026-01-16T17:10:26")),
        ("hold_id", Value::Null),
        ("reverses_id", Value::Null),
        ("expires_at", Value::Null),
    ] {
        assert_eq!(data[field], value, "{field}");
    }
    assert_eq!(event.body.user_id.map(i64::from), Some(ada.person.id));
    assert_eq!(fixture.transfer(&id).await["event_id"], event.id.to_string());
}

#[actix_web::test]
async fn both_owners_and_staff_read_a_transfer_and_nobody_else() {
    let fixture = Fixture::new().await;
    let (app, admin) = (&fixture.app, &fixture.admin);
    let (manager, carol) = (app.manager(admin).await, app.user("carol@example.com").await);
    let item = fixture.pay(100).await;
    let path = format!("/api/transfers/{}", uuid(&item));
    for owner in [&fixture.ada, &fixture.bob] {
        assert_eq!(app.get(owner.token(), &path).await.expect(200), item);
    }
    for staff in [admin, &manager] {
        let mut shown = app.get(&staff.token, &path).await.expect(200);
        let fields = shown.as_object_mut().unwrap();
        assert_eq!(fields.remove("actor"), Some(json!(fixture.ada.person.id)));
        assert!(fields.remove("event_id").unwrap().is_string());
        assert_eq!(shown, item);
    }
    assert_eq!(app.get(&carol.token, &path).await.outcome(), (403, "access_denied"));
    for missing in ["01937f2a-1b3c-7d4e-8f5a-6b7c8d9e0f1a", "4711", "x"] {
        let path = format!("/api/transfers/{missing}");
        assert_eq!(app.get(&admin.token, &path).await.outcome(), (404, "not_found"), "{missing}");
    }
    let missing = app.get(&carol.token, "/api/transfers/01937f2a-1b3c-7d4e-8f5a-6b7c8d9e0f1a").await;
    assert_eq!(missing.outcome(), (403, "access_denied"), "as one that is foreign");
}

#[actix_web::test]
async fn staff_posts_what_comes_from_outside_and_goes_there() {
    let fixture = Fixture::new().await;
    let (app, ada) = (&fixture.app, &fixture.ada);
    let manager = app.manager(&fixture.admin).await;
    let cash = json!({"bank_id": fixture.bank, "system": "cash"});
    let path = |what: &str| format!("/api/accounts/{}/{what}", ada.account);
    let body = json!({"amount": 80, "reference": "CASH-1", "description": "At the counter"});
    let answer = app.post(&manager.token, &path("deposits"), body).await;
    assert!(answer.headers["location"].to_str().unwrap().starts_with("/api/transfers/"));
    let deposit = answer.expect(201);
    let item = &deposit["item"];
    assert_eq!((&item["kind"], &item["from"], &item["to"]), (&json!("deposit"), &cash, &account(ada.account)));
    assert_eq!((&item["reference"], &item["actor"]), (&json!("CASH-1"), &json!(manager.id)));
    assert_eq!((&deposit["own"]["account_id"], &deposit["own"]["balance"]), (&json!(ada.account), &json!(600)));
    let withdrawal = app.post(&manager.token, &path("withdrawals"), json!({"amount": 600})).await.expect(201);
    let item = &withdrawal["item"];
    assert_eq!((&item["kind"], &item["from"], &item["to"]), (&json!("withdrawal"), &account(ada.account), &cash));
    assert_eq!((&withdrawal["own"]["account_id"], &withdrawal["own"]["balance"]), (&json!(ada.account), &json!(0)));
    let entries = fixture.list(ada.token(), &path("entries")).await;
    assert_eq!(numbers(&entries, "amount"), [-600, 80, 520]);
    assert!(entries.iter().all(|entry| entry["counterparty"]["name"] == "First Bank"), "{entries:?}");
    let more = app.post(&manager.token, &path("withdrawals"), json!({"amount": 1})).await;
    assert_eq!((more.outcome(), &more.body["available"]), ((422, "insufficient_funds"), &json!(0)));
    for what in ["deposits", "withdrawals"] {
        let by_owner = app.post(ada.token(), &path(what), json!({"amount": 1})).await;
        assert_eq!(by_owner.outcome(), (403, "access_denied"), "{what}");
        let missing = app.post(&manager.token, &format!("/api/accounts/4711/{what}"), json!({"amount": 1})).await;
        assert_eq!(missing.outcome(), (404, "not_found"), "{what}");
    }
    verified(app).await;
}

#[actix_web::test]
async fn a_card_is_a_pot_of_its_own_on_either_side() {
    let fixture = Fixture::new().await;
    let (app, ada, bob) = (&fixture.app, &fixture.ada, &fixture.bob);
    for (from, to, amount, left) in [
        (
            card(ada.card),
            card(bob.card),
            30,
            json!({"card_id": ada.card, "balance": 70, "held": 0, "available": 70, "seq": 2}),
        ),
        (
            account(ada.account),
            card(ada.card),
            20,
            json!({"account_id": ada.account, "balance": 500, "held": 0, "available": 500, "seq": 2}),
        ),
        (
            card(ada.card),
            account(bob.account),
            90,
            json!({"card_id": ada.card, "balance": 0, "held": 0, "available": 0, "seq": 4}),
        ),
    ] {
        let posted = app.post(ada.token(), "/api/transfers", order(&from, &to, amount)).await.expect(201);
        assert_eq!((&posted["item"]["from"], &posted["item"]["to"]), (&from, &to));
        assert_eq!(posted["own"], left);
    }
    assert_eq!((fixture.card_balance(ada.card).await, fixture.card_balance(bob.card).await), (0, 130));
    let nothing_left = app.post(ada.token(), "/api/transfers", order(&card(ada.card), &card(bob.card), 1)).await;
    assert_eq!(nothing_left.outcome(), (422, "insufficient_funds"), "nothing is drawn from its account");
    assert_eq!(fixture.figures(ada.account).await, [500, 0, 500]);
    assert_eq!(fixture.figures(bob.account).await, [610, 0, 610]);
    let entries = fixture.list(ada.token(), &format!("/api/cards/{}/entries", ada.card)).await;
    assert_eq!(numbers(&entries, "amount"), [-90, 20, -30, 100]);
    assert_eq!(entries[0]["counterparty"]["name"], "Bob");
    verified(app).await;
}

#[actix_web::test]
async fn staff_moves_a_customers_money_and_is_named_as_the_actor() {
    let fixture = Fixture::new().await;
    let manager = fixture.app.manager(&fixture.admin).await;
    let posted = fixture.app.post(&manager.token, "/api/transfers", fixture.to_bob(20)).await.expect(201);
    assert_eq!(posted["item"]["actor"], manager.id);
    assert_eq!((&posted["own"]["account_id"], &posted["own"]["balance"]), (&json!(fixture.ada.account), &json!(500)));
    assert_eq!(fixture.figures(fixture.bob.account).await, [540, 0, 540]);
    verified(&fixture.app).await;
}
