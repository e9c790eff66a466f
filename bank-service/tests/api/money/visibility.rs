//! A customer learns of a transfer, and never what the other side has.

use std::time::Duration;

use serde_json::{Value, json};

use super::support::{account, card, order, uuid, verified};
use crate::resources::fixture::{Fixture, Owner};

/// The balances that this owner has had, of seven digits each, so that nothing else looks like them.
async fn balances(fixture: &Fixture, owner: &Owner) -> Vec<String> {
    let paths = [format!("/api/accounts/{}/entries", owner.account), format!("/api/cards/{}/entries", owner.card)];
    let mut all = Vec::new();
    for path in paths {
        for kind in ["transfer", "adjustment", "reversal", "hold"] {
            for entry in fixture.list(&fixture.admin.token, &format!("{path}?kind={kind}")).await {
                all.push(entry["balance_after"].to_string());
            }
        }
    }
    all.retain(|balance| balance.len() == 7);
    all
}

/// Everything that this owner may read, as text.
async fn readable(fixture: &Fixture, owner: &Owner, transfers: &[String]) -> Vec<String> {
    let mut paths: Vec<String> = transfers.iter().map(|id| format!("/api/transfers/{id}")).collect();
    for (kind, id) in [("accounts", owner.account), ("cards", owner.card)] {
        paths.extend([
            format!("/api/{kind}/{id}"),
            format!("/api/{kind}/{id}/balance"),
            format!("/api/{kind}/{id}/entries?page_size=100"),
            format!("/api/{kind}/{id}/entries?page_size=100&kind=hold"),
        ]);
    }
    paths.extend(["accounts", "cards", "transfers"].map(|list| format!("/api/{list}?page_size=100")));
    let mut all = Vec::new();
    for path in paths {
        all.push(fixture.app.get(owner.token(), &path).await.expect(200).to_string());
    }
    all
}

#[actix_web::test]
async fn no_answer_shows_a_customer_what_the_other_side_has() {
    let fixture = Fixture::new().await;
    let (app, ada, bob) = (&fixture.app, &fixture.ada, &fixture.bob);
    let set = async |owner: &Owner, kind: &str, id: i64, balance: i64| {
        app.put(owner.token(), &format!("/api/{kind}/{id}"), json!({"balance": balance})).await.expect(200);
    };
    set(ada, "accounts", ada.account, 7_654_321).await;
    set(ada, "cards", ada.card, 6_543_219).await;
    set(bob, "accounts", bob.account, 3_456_789).await;
    set(bob, "cards", bob.card, 2_345_678).await;
    let (mut of_ada, mut of_bob) = (Vec::<Value>::new(), Vec::<Value>::new());
    let cards = order(&card(ada.card), &card(bob.card), 13);
    let back = order(&account(bob.account), &account(ada.account), 17);
    let too_much = order(&account(bob.account), &account(ada.account), 9_999_999);
    let batch = json!({"transfers": [fixture.to_bob(11), cards, fixture.to_bob(9_999_999)]});
    let done = fixture.keyed(ada.token(), "/api/transfers/batch", "k", &batch).await.expect(200);
    let mut transfers =
        vec![uuid(&done["results"][0]["transfer"]["item"]), uuid(&done["results"][1]["transfer"]["item"])];
    of_ada.push(done);
    let (captured, voided, expired) = (fixture.hold(101).await, fixture.hold(103).await, fixture.hold(107).await);
    let back = app.post(bob.token(), "/api/transfers", back).await.expect(201);
    transfers.push(uuid(&back["item"]));
    of_bob.push(back);
    of_bob.push(app.post(bob.token(), "/api/transfers", too_much).await.expect(422));
    for (hold, how, amount) in
        [(&captured, "capture", 102), (&captured, "capture", 19), (&voided, "void", 0), (&voided, "void", 0)]
    {
        let body = if amount > 0 { json!({"amount": amount}) } else { json!({}) };
        of_bob.push(fixture.change(bob.token(), hold, how, body).await.body);
    }
    let reason = json!({"amount": 5, "description": "a mistake"});
    fixture.change(&fixture.admin.token, &transfers[0], "reverse", reason).await.expect(201);
    app.clock.advance(Duration::from_mins(1));
    of_bob.push(fixture.change(bob.token(), &expired, "capture", json!({})).await.expect(409));
    let repeated = fixture.keyed(ada.token(), "/api/transfers/batch", "k", &batch).await;
    of_ada.push(repeated.expect(200));
    transfers.extend([captured, voided, expired]);

    for (owner, answers, other) in [(ada, of_ada, bob), (bob, of_bob, ada)] {
        let secrets = balances(&fixture, other).await;
        assert!(secrets.len() >= 6, "{secrets:?}");
        let answers = answers.iter().map(Value::to_string).chain(readable(&fixture, owner, &transfers).await);
        for answer in answers {
            let seen: Vec<&String> = secrets.iter().filter(|secret| answer.contains(secret.as_str())).collect();
            assert!(seen.is_empty(), "{seen:?} in {answer}");
        }
    }
    verified(app).await;
}
