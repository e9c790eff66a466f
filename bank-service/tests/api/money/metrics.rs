//! The metrics of the ledger.

use bank_service::operations::ledger::refresh_held;
use serde_json::json;
use test_support::eventually;

use super::support::uuid;
use crate::resources::fixture::Fixture;

impl Fixture {
    /// The value of a metric; none if it is not there.
    fn metric(&self, name: &str) -> Option<i64> {
        let text = self.app.running.state.metrics.render();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.map(|value| value.parse().unwrap())
    }

    fn transfers(&self, kind: &str, result: &str) -> Option<i64> {
        self.metric(&format!("bank_ledger_transfers_total{{kind=\"{kind}\",result=\"{result}\"}}"))
    }
}

#[actix_web::test]
async fn what_is_done_with_money_and_what_is_refused_is_counted_by_kind_and_result() {
    let fixture = Fixture::new().await;
    let (app, ada, bob, admin) = (&fixture.app, &fixture.ada, &fixture.bob, fixture.admin.token.as_str());
    let path = "/api/transfers";
    let sent = uuid(&fixture.pay(5).await);
    let [captured, voided] = [fixture.hold(3).await, fixture.hold(2).await];
    fixture.change(bob.token(), &captured, "capture", json!({})).await.expect(201);
    fixture.change(bob.token(), &voided, "void", json!({})).await.expect(200);
    fixture.change(bob.token(), &voided, "void", json!({})).await.expect(409);
    fixture.change(admin, &sent, "reverse", json!({"description": "a mistake"})).await.expect(201);
    fixture.deposit(ada.account, 7).await;
    app.post(ada.token(), path, fixture.to_bob(10_000)).await.expect(422);
    for (amount, status) in [(1, 201), (1, 201), (2, 422)] {
        fixture.keyed(ada.token(), path, "key", &fixture.to_bob(amount)).await.expect(status);
    }
    app.post(ada.token(), &format!("/api/accounts/{}/cards", bob.account), json!({"balance": 1})).await.expect(403);
    app.put(ada.token(), &format!("/api/accounts/{}", ada.account), json!({"balance": 1})).await.expect(200);
    app.delete(ada.token(), &format!("/api/cards/{}", ada.card)).await.expect(200);
    for (kind, result, count) in [
        ("opening", "posted", 4),
        ("opening", "access_denied", 1),
        ("transfer", "posted", 2),
        ("transfer", "held", 2),
        ("transfer", "captured", 1),
        ("transfer", "voided", 1),
        ("transfer", "hold_ended", 1),
        ("transfer", "insufficient_funds", 1),
        ("transfer", "replayed", 1),
        ("transfer", "idempotency_key_reused", 1),
        ("reversal", "posted", 1),
        ("deposit", "posted", 1),
        ("adjustment", "posted", 1),
        ("closing", "posted", 1),
    ] {
        assert_eq!(fixture.transfers(kind, result), Some(count), "{kind} {result}");
    }
    assert_eq!(fixture.transfers("transfer", "failed"), None);
}

#[actix_web::test]
async fn batches_are_measured_and_nothing_is_left_in_the_queue() {
    let fixture = Fixture::new().await;
    let before = fixture.metric("bank_ledger_batch_size_sum").unwrap();
    futures_util::future::join_all((0..40).map(|_| fixture.pay(1))).await;
    assert_eq!(fixture.metric("bank_ledger_batch_size_sum").unwrap() - before, 40);
    let batches = fixture.metric("bank_ledger_batch_size_count").unwrap();
    assert_eq!(fixture.metric("bank_ledger_commit_seconds_count"), Some(batches));
    assert_eq!(fixture.metric("bank_ledger_queue_depth"), Some(0));
}

#[actix_web::test]
async fn what_is_held_is_shown_by_currency() {
    let fixture = Fixture::new().await;
    let shows = async |held: i64| {
        refresh_held(&fixture.app.running.state.ledger).await.unwrap();
        fixture.metric("bank_ledger_held_minor_units{currency=\"EUR\"}") == Some(held)
    };
    let (hold, _) = (fixture.hold(30).await, fixture.hold(12).await);
    eventually("both are held", async || shows(42).await).await;
    fixture.change(fixture.bob.token(), &hold, "void", json!({})).await.expect(200);
    eventually("one is held", async || shows(12).await).await;
}
