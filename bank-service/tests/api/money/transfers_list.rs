//! Lists of transfers, and the ledger as a whole.

use std::time::Duration;

use serde_json::{Value, json};

use super::support::{account, card, order, uuid, verified};
use crate::resources::fixture::{Fixture, id};

/// The ids of the transfers that a query finds.
async fn found(fixture: &Fixture, token: &str, query: &str) -> Vec<String> {
    fixture.list(token, &format!("/api/transfers?{query}")).await.iter().map(uuid).collect()
}

#[actix_web::test]
async fn an_owner_lists_its_own_transfers_and_staff_all_the_newest_first() {
    let fixture = Fixture::new().await;
    let (ada, bob, admin) = (fixture.ada.token(), fixture.bob.token(), fixture.admin.token.as_str());
    let carol = fixture.app.user("carol@example.com").await;
    let first = uuid(&fixture.pay(1).await);
    let own = order(&account(fixture.ada.account), &card(fixture.ada.card), 2);
    let second = uuid(&fixture.app.post(ada, "/api/transfers", own).await.item(201));
    let all = found(&fixture, admin, "").await;
    assert_eq!(all.len(), 6, "four first balances, and two transfers");
    assert_eq!(all[..2], [second.clone(), first.clone()]);
    assert!(all.is_sorted_by(|newer, older| newer > older), "{all:?}");
    assert_eq!(found(&fixture, ada, "").await, [&all[..2], &all[4..]].concat(), "its own first balances came first");
    assert_eq!(found(&fixture, bob, "").await, [&all[1..2], &all[2..4]].concat());
    assert_eq!(found(&fixture, &carol.token, "").await, Vec::<String>::new());
    let listed = fixture.list(ada, "/api/transfers?kind=transfer").await.swap_remove(1);
    assert_eq!(listed, fixture.app.get(ada, &format!("/api/transfers/{first}")).await.expect(200));
}

#[actix_web::test]
async fn transfers_are_filtered_by_side_kind_status_reference_and_time() {
    let fixture = Fixture::new().await;
    let (app, ada, bob) = (&fixture.app, &fixture.ada, &fixture.bob);
    app.clock.advance(Duration::from_mins(1));
    let mut body = fixture.to_bob(1);
    body["reference"] = json!("INVOICE-7");
    let paid = uuid(&app.post(ada.token(), "/api/transfers", body).await.item(201));
    app.clock.advance(Duration::from_mins(1));
    let of_card = order(&card(ada.card), &card(bob.card), 2);
    let of_card = uuid(&app.post(ada.token(), "/api/transfers", of_card).await.item(201));
    let (held, ended) = (fixture.hold(3).await, fixture.hold(4).await);
    let captured = uuid(&fixture.change(bob.token(), &ended, "capture", json!({})).await.item(201));
    let deposit = uuid(&fixture.deposit(ada.account, 5).await);
    for (query, mut expected) in [
        (format!("kind=transfer&account_id={}", ada.account), vec![&captured, &ended, &held, &paid]),
        (format!("kind=transfer&card_id={}", ada.card), vec![&of_card]),
        (format!("account_id={}&card_id={}", ada.account, ada.card), vec![]),
        ("account_id=4711".to_owned(), vec![]),
        ("kind=deposit".to_owned(), vec![&deposit]),
        ("kind=withdrawal".to_owned(), vec![]),
        ("status=held".to_owned(), vec![&held]),
        ("status=captured".to_owned(), vec![&ended]),
        ("status=expired".to_owned(), vec![]),
        ("status=posted&kind=transfer".to_owned(), vec![&captured, &of_card, &paid]),
        ("reference=INVOICE-7".to_owned(), vec![&paid]),
        ("reference=INVOICE-8".to_owned(), vec![]),
        ("from=2026-01-16T17:11:26Z&to=2026-01-16T17:11:26Z".to_owned(), vec![&paid]),
        ("from=2026-01-16T17:11:27Z".to_owned(), vec![&deposit, &captured, &ended, &held, &of_card]),
        ("to=2026-01-16T17:10:25Z".to_owned(), vec![]),
    ] {
        assert_eq!(found(&fixture, ada.token(), &query).await.iter().collect::<Vec<_>>(), expected, "{query}");
        if !query.contains("_id=") {
            // The deposit is the only one of these that Bob has no side of.
            expected.retain(|id| **id != deposit);
            assert_eq!(found(&fixture, bob.token(), &query).await.iter().collect::<Vec<_>>(), expected, "{query}");
        }
    }
    let of_bob = format!("kind=opening&account_id={}", bob.account);
    assert_eq!(found(&fixture, ada.token(), &of_bob).await, Vec::<String>::new(), "a filter opens nothing foreign");
    for (query, field) in [
        ("account_id=x", "account_id"),
        ("from=now", "from"),
        ("from=2026-12-01&to=2026-01-01", "to"),
        ("kind=foo", "kind"),
        ("status=foo", "status"),
        ("actor=1", "actor"),
        ("page_size=0", "page_size"),
    ] {
        let refused = app.get(ada.token(), &format!("/api/transfers?{query}")).await;
        assert_eq!(refused.outcome(), (422, "validation_failed"), "{query}");
        assert!(refused.body["errors"][field].is_array(), "{query}: {}", refused.body);
    }
}

#[actix_web::test]
async fn a_walk_by_cursor_shows_what_the_pages_show() {
    let fixture = Fixture::new().await;
    let own = order(&account(fixture.ada.account), &card(fixture.ada.card), 1);
    for _ in 0..5 {
        fixture.pay(1).await;
        fixture.app.post(fixture.ada.token(), "/api/transfers", own.clone()).await.expect(201);
    }
    let (of_ada, of_bob) =
        (format!("account_id={}", fixture.ada.account), format!("account_id={}", fixture.bob.account));
    let (of_card, unknown) = (format!("card_id={}", fixture.ada.card), "account_id=4711".to_owned());
    let of_kind = "kind=transfer".to_owned();
    let queries = [String::new(), of_ada, of_bob, of_card, of_kind, unknown];
    let (ada, admin) = (fixture.ada.token(), fixture.admin.token.as_str());
    for (token, query) in queries.iter().flat_map(|query| [(ada, query), (admin, query)]) {
        let pages = found(&fixture, token, query).await;
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let path = format!("/api/transfers?page_size=2&after={after}&{query}");
            let page = fixture.app.get(token, &path).await.expect(200);
            seen.extend(page["results"].as_array().unwrap().iter().map(uuid));
            let Some(cursor) = page["cursor"].as_str() else { break };
            cursor.clone_into(&mut after);
        }
        assert_eq!(seen, pages, "{query}");
    }
}

#[actix_web::test]
async fn a_walk_of_the_ledger_accounts_begins_with_those_of_the_bank() {
    let fixture = Fixture::new().await;
    let admin = &fixture.admin.token;
    let ids = |page: &Value| page["results"].as_array().unwrap().iter().map(id).collect::<Vec<_>>();
    let pages = fixture.app.get(admin, "/api/ledger/accounts?page_size=100").await.expect(200);
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/ledger/accounts?page_size=1&after={after}");
        let page = fixture.app.get(admin, &path).await.expect(200);
        seen.extend(ids(&page));
        let Some(cursor) = page["cursor"].as_str() else { break };
        cursor.clone_into(&mut after);
    }
    assert_eq!(seen, ids(&pages));
    assert!(seen[0] < 0, "a bank's own have negative ids: {seen:?}");
}

#[actix_web::test]
async fn the_trial_balance_is_balanced_after_every_kind_of_transfer() {
    let fixture = Fixture::new().await;
    let (app, ada, bob, admin) = (&fixture.app, &fixture.ada, &fixture.bob, &fixture.admin.token);
    let second = id(&app.post(admin, "/api/banks", json!({"name": "Second Bank"})).await.item(201));
    let body = json!({"client_id": bob.client, "bank_id": second, "balance": 10});
    let abroad = id(&app.post(bob.token(), "/api/accounts", body).await.item(201));
    let to_abroad = order(&account(ada.account), &account(abroad), 100);
    let sent = uuid(&app.post(ada.token(), "/api/transfers", to_abroad).await.item(201));
    fixture.deposit(ada.account, 50).await;
    app.post(admin, &format!("/api/accounts/{}/withdrawals", bob.account), json!({"amount": 20})).await.expect(201);
    let hold = fixture.hold(30).await;
    fixture.change(bob.token(), &hold, "capture", json!({"amount": 25})).await.expect(201);
    let reason = json!({"amount": 40, "description": "a mistake"});
    fixture.change(admin, &sent, "reverse", reason).await.expect(201);
    app.put(bob.token(), &format!("/api/cards/{}", bob.card), json!({"balance": 300})).await.expect(200);
    let open = fixture.hold(7).await;
    app.delete(bob.token(), &format!("/api/cards/{}", bob.card)).await.expect(200);

    let balance = app.get(admin, "/api/ledger/trial-balance").await.expect(200);
    assert_eq!(balance["balanced"], true);
    let lines = balance["lines"].as_array().unwrap();
    let sum = |field: &str| lines.iter().map(|line| line[field].as_i64().unwrap()).sum::<i64>();
    assert_eq!(sum("debit"), sum("credit"));
    assert_eq!(sum("held"), 7, "{open} is open");
    let of = |bank: i64, kind: &str| {
        let line = lines.iter().find(|line| line["bank_id"] == bank && line["kind"] == kind);
        line.map(|line| ["accounts", "debit", "credit"].map(|field| line[field].as_i64().unwrap()))
    };
    assert_eq!(of(second, "account"), Some([1, 0, 70]));
    assert_eq!(of(second, "opening"), Some([1, 10, 0]));
    assert_eq!(of(fixture.bank, "card"), Some([2, 0, 100]), "the deleted one counts, with nothing in it");
    // Ada has 520 - 100 + 50 - 25 + 40, and Bob 520 - 20 + 25 + 300.
    assert_eq!(of(fixture.bank, "account"), Some([2, 0, 485 + 825]));
    let interbank = json!([
        {"bank_id": fixture.bank, "currency": "EUR", "interbank": 60},
        {"bank_id": second, "currency": "EUR", "interbank": -60},
    ]);
    assert_eq!(balance["interbank"], interbank, "what the first bank owes the second");
    assert_eq!(app.get(admin, "/api/ledger/trial-balance?currency=EUR").await.expect(200), balance);
    let dollars = app.get(admin, "/api/ledger/trial-balance?currency=USD").await.expect(200);
    assert_eq!(dollars, json!({"lines": [], "interbank": [], "balanced": true}));
    for query in ["currency=eur", "currency=", "bank_id=1"] {
        let refused = app.get(admin, &format!("/api/ledger/trial-balance?{query}")).await;
        assert_eq!(refused.outcome(), (422, "validation_failed"), "{query}");
    }
    let of_bank = fixture.list(admin, &format!("/api/ledger/accounts?bank_id={second}")).await;
    let customers: Vec<&Value> = of_bank.iter().filter(|found| found["kind"] == "account").collect();
    assert_eq!((customers.len(), &customers[0]["item_id"], &customers[0]["balance"]), (1, &json!(abroad), &json!(70)));
    verified(app).await;
}
