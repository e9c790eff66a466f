//! Entries and balances of the past, and what is left of them after the end.

use std::time::Duration;

use serde_json::{Value, json};

use super::support::{numbers, uuid, verified};
use crate::resources::fixture::Fixture;

/// A time of the tests' day.
fn at(time: &str) -> String {
    format!("2026-01-16T{time}Z")
}

/// Ada's account with an entry at the start of each of six minutes: the opening at 17:10:26, a transfer of 100, a
/// deposit of 30, a hold of 50, a limit of 10, and a withdrawal of 5 at 17:15:26.
async fn six_minutes() -> Fixture {
    let fixture = Fixture::new().await;
    let (app, admin) = (&fixture.app, &fixture.admin.token);
    let path = format!("/api/accounts/{}", fixture.ada.account);
    let minute = Duration::from_mins(1);
    app.clock.advance(minute);
    fixture.pay(100).await;
    app.clock.advance(minute);
    fixture.deposit(fixture.ada.account, 30).await;
    app.clock.advance(minute);
    let mut hold = fixture.to_bob(50);
    hold["hold"] = json!(true);
    app.post(fixture.ada.token(), "/api/transfers", hold).await.expect(201);
    app.clock.advance(minute);
    app.put(admin, &path, json!({"overdraft_limit": 10})).await.expect(200);
    app.clock.advance(minute);
    app.post(admin, &format!("{path}/withdrawals"), json!({"amount": 5})).await.expect(201);
    fixture
}

/// The numbers of the entries that a query finds.
async fn seqs(fixture: &Fixture, query: &str) -> Vec<i64> {
    let path = format!("/api/accounts/{}/entries?{query}", fixture.ada.account);
    numbers(&fixture.list(fixture.ada.token(), &path).await, "seq")
}

#[actix_web::test]
async fn entries_are_listed_from_the_newest_or_the_oldest_and_filtered() {
    let fixture = six_minutes().await;
    for (query, expected) in [
        ("order=desc".to_owned(), vec![6, 3, 2, 1]),
        ("order=asc".to_owned(), vec![1, 2, 3, 6]),
        ("kind=opening".to_owned(), vec![1]),
        ("kind=transfer".to_owned(), vec![2]),
        ("kind=deposit".to_owned(), vec![3]),
        ("kind=hold".to_owned(), vec![4]),
        ("kind=limit".to_owned(), vec![5]),
        ("kind=withdrawal".to_owned(), vec![6]),
        ("kind=adjustment".to_owned(), vec![]),
        ("kind=closing".to_owned(), vec![]),
        ("kind=reversal".to_owned(), vec![]),
        (format!("from={}&to={}", at("17:11:26"), at("17:12:26")), vec![3, 2]),
        (format!("from={}", at("17:11:27")), vec![6, 3]),
        (format!("to={}", at("17:11:25")), vec![1]),
        (format!("from={}&kind=hold", at("17:13:26")), vec![4]),
        (format!("from={}&order=asc", at("17:12:26")), vec![3, 6]),
    ] {
        assert_eq!(seqs(&fixture, &query).await, expected, "{query}");
    }
    let path = format!("/api/accounts/{}/entries", fixture.ada.account);
    let page = fixture.app.get(fixture.ada.token(), &format!("{path}?page_size=3")).await.expect(200);
    assert_eq!((&page["total"], &page["pages"]), (&json!(4), &json!(2)));
    let hold = fixture.list(fixture.ada.token(), &format!("{path}?kind=hold")).await.swap_remove(0);
    assert_eq!((&hold["kind"], &hold["amount"], &hold["balance_after"]), (&json!("hold"), &json!(0), &json!(450)));
    assert_eq!(hold["counterparty"]["name"], "Bob");
    for (query, field) in [
        ("kind=x", "kind"),
        ("order=up", "order"),
        ("from=now", "from"),
        ("to=", "to"),
        ("from=2026-12-01&to=2026-01-01", "to"),
        ("x=1", "x"),
    ] {
        let refused = fixture.app.get(fixture.ada.token(), &format!("{path}?{query}")).await;
        assert_eq!(refused.outcome(), (422, "validation_failed"), "{query}");
        assert!(refused.body["errors"][field].is_array(), "{query}: {}", refused.body);
    }
}

/// Walks through all entries by pages of two; after each of the first three a new entry is posted.
async fn walk(fixture: &Fixture, order: &str) -> Vec<i64> {
    let path = format!("/api/accounts/{}/entries?order={order}&page_size=2", fixture.ada.account);
    let (mut seen, mut after) = (Vec::new(), String::new());
    for number in 0.. {
        let page = fixture.app.get(fixture.ada.token(), &format!("{path}&after={after}")).await.expect(200);
        seen.extend(numbers(page["results"].as_array().unwrap(), "seq"));
        let Some(cursor) = page["cursor"].as_str() else { break };
        cursor.clone_into(&mut after);
        if number < 3 {
            fixture.pay(1).await;
        }
    }
    seen
}

#[actix_web::test]
async fn a_walk_has_no_gaps_though_entries_are_added() {
    let fixture = Fixture::new().await;
    for _ in 0..6 {
        fixture.pay(1).await;
    }
    assert_eq!(walk(&fixture, "desc").await, (1..=7).rev().collect::<Vec<i64>>(), "to the past: those of its start");
    assert_eq!(
        walk(&fixture, "asc").await,
        (1..=13).collect::<Vec<i64>>(),
        "to the present: those that came meanwhile, too"
    );
}

#[actix_web::test]
async fn a_balance_is_that_after_the_last_entry_up_to_a_time() {
    let fixture = six_minutes().await;
    let path = format!("/api/accounts/{}/balance", fixture.ada.account);
    let get = async |query: &str| fixture.app.get(fixture.ada.token(), &format!("{path}{query}")).await;
    for (time, balance, held, available, seq) in [
        ("17:10:25", 0, 0, 0, 0),
        ("17:10:26", 520, 0, 520, 1),
        ("17:11:25", 520, 0, 520, 1),
        ("17:11:26", 420, 0, 420, 2),
        ("17:12:00", 420, 0, 420, 2),
        ("17:13:26", 450, 50, 400, 4),
        ("17:14:26", 450, 50, 410, 5),
        ("17:15:26", 445, 50, 405, 6),
    ] {
        let expected = json!({
            "balance": balance, "held": held, "available": available, "currency": "EUR", "at": at(time), "seq": seq,
        });
        assert_eq!(get(&format!("?at={}", at(time))).await.expect(200), expected, "{time}");
    }
    assert_eq!(get("").await.expect(200), get(&format!("?at={}", at("17:15:26"))).await.expect(200), "now");
    for (query, field) in
        [("?at=2026-01-16T17:15:27Z", "at"), ("?at=yesterday", "at"), ("?at=", "at"), ("?to=2026", "to")]
    {
        let refused = get(query).await;
        assert_eq!(refused.outcome(), (422, "validation_failed"), "{query}");
        assert!(refused.body["errors"][field].is_array(), "{query}: {}", refused.body);
    }
    let of_card = fixture.app.get(fixture.ada.token(), &format!("/api/cards/{}/balance", fixture.ada.card)).await;
    let of_card = of_card.expect(200);
    assert_eq!((&of_card["balance"], &of_card["seq"]), (&json!(100), &json!(1)));
    verified(&fixture.app).await;
}

#[actix_web::test]
async fn history_is_for_its_owner_and_staff() {
    let fixture = Fixture::new().await;
    let (app, ada) = (&fixture.app, &fixture.ada);
    let manager = app.manager(&fixture.admin).await;
    for what in ["entries", "balance"] {
        for (kind, id) in [("accounts", ada.account), ("cards", ada.card)] {
            let path = format!("/api/{kind}/{id}/{what}");
            for token in [ada.token(), &manager.token, &fixture.admin.token] {
                app.get(token, &path).await.expect(200);
            }
            assert_eq!(app.get(fixture.bob.token(), &path).await.outcome(), (403, "access_denied"), "{path}");
            let missing = format!("/api/{kind}/4711/{what}");
            assert_eq!(app.get(fixture.bob.token(), &missing).await.outcome(), (403, "access_denied"), "{missing}");
            assert_eq!(app.get(&manager.token, &missing).await.outcome(), (404, "not_found"), "{missing}");
        }
    }
    for path in ["/api/ledger/accounts", "/api/ledger/trial-balance"] {
        assert_eq!(app.get(ada.token(), path).await.outcome(), (403, "access_denied"), "{path}");
    }
}

#[actix_web::test]
async fn after_the_end_history_is_for_staff_and_the_other_side_keeps_its_own() {
    let fixture = Fixture::new().await;
    let (app, ada, bob) = (&fixture.app, &fixture.ada, &fixture.bob);
    let manager = app.manager(&fixture.admin).await;
    let sent = format!("/api/transfers/{}", uuid(&fixture.pay(100).await));
    let of_bob = app.get(bob.token(), &sent).await.expect(200);
    app.clock.advance(Duration::from_mins(1));
    app.delete(ada.token(), &format!("/api/clients/{}", ada.client)).await.expect(200);
    let entries = format!("/api/accounts/{}/entries", ada.account);
    for path in [
        &entries,
        &format!("/api/accounts/{}/balance", ada.account),
        &format!("/api/cards/{}/entries", ada.card),
        &sent,
    ] {
        assert_eq!(app.get(ada.token(), path).await.outcome(), (403, "access_denied"), "{path}");
        app.get(&manager.token, path).await.expect(200);
    }
    assert_eq!(fixture.list(ada.token(), "/api/transfers").await, Vec::<Value>::new());
    let closed = format!("/api/ledger/accounts?closed=true&user_id={}", ada.person.id);
    let closed = fixture.list(&manager.token, &closed).await;
    let mut items: Vec<_> =
        closed.iter().map(|found| (found["kind"].as_str().unwrap(), found["item_id"].clone())).collect();
    items.sort_by_key(|(kind, _)| *kind);
    assert_eq!(items, [("account", json!(ada.account)), ("card", json!(ada.card))]);
    for found in &closed {
        assert_eq!((&found["balance"], &found["closed_at"]), (&json!(0), &json!(at("17:11:26"))), "{found}");
        assert_eq!((&found["client_id"], &found["bank_id"]), (&json!(ada.client), &json!(fixture.bank)));
    }
    let open = format!("/api/ledger/accounts?closed=false&user_id={}", ada.person.id);
    assert_eq!(fixture.list(&manager.token, &open).await, Vec::<Value>::new());
    assert_eq!(app.get(bob.token(), &sent).await.expect(200), of_bob);
    let newest = fixture.list(bob.token(), &format!("/api/accounts/{}/entries", bob.account)).await.swap_remove(0);
    assert_eq!((&newest["amount"], &newest["counterparty"]["name"]), (&json!(100), &json!("Ada")), "as it was then");
    verified(app).await;
}
