//! Faults that are planted into a sound ledger: the check finds each, and names what it is about.

use serde_json::{Value, json};

use crate::database;
use crate::resources::fixture::Fixture;

/// SQLite refuses to change history; who plants faults takes that away first.
const TRIGGERS: [&str; 3] =
    ["DROP TRIGGER ledger_entries_stay", "DROP TRIGGER ledger_entries_remain", "DROP TRIGGER transfers_stay"];

/// A ledger with a transfer, a captured hold and a reversal.
async fn fixture() -> Fixture {
    let fixture = Fixture::new().await;
    let (app, ada, admin) = (&fixture.app, fixture.ada.token(), &fixture.admin.token);
    let side = |account: i64| json!({"account_id": account});
    let order =
        |amount: i64| json!({"from": side(fixture.ada.account), "to": side(fixture.bob.account), "amount": amount});
    let path = |transfer: &Value, verb: &str| format!("/api/transfers/{}/{verb}", transfer["id"].as_str().unwrap());
    let sent = app.post(ada, "/api/transfers", order(30)).await.item(201);
    let mut hold = order(20);
    hold["hold"] = json!(true);
    let hold = app.post(ada, "/api/transfers", hold).await.item(201);
    app.post(fixture.bob.token(), &path(&hold, "capture"), json!({"amount": 15})).await.expect(201);
    app.post(admin, &path(&sent, "reverse"), json!({"amount": 10, "description": "a mistake"})).await.expect(201);
    fixture
}

async fn violations(fixture: &Fixture) -> Vec<String> {
    let found = fixture.app.running.state.store.read(bank_service::store::ledger::verify).await.unwrap();
    assert_eq!(u64::try_from(found.listed.len()).unwrap(), found.violations);
    found.listed
}

#[actix_web::test]
async fn each_planted_fault_is_found_and_named() {
    let plants: [(&str, &[&'static str], &str); 8] = [
        ("a lost entry", &["DELETE FROM ledger_entries WHERE amount = -30"], "the one before it is"),
        ("an entry that was changed", &["UPDATE ledger_entries SET amount = -31 WHERE amount = -30"], "the sums are"),
        (
            "a posting that was doubled on one side, in the account too",
            &[
                "INSERT INTO ledger_entries SELECT ledger_id, seq + 1, transfer_id, 15, 0, balance_after + 15, held_after, \
                 min_balance_after, posted_at FROM ledger_entries WHERE ledger_id = 4 ORDER BY seq DESC LIMIT 1",
                "UPDATE ledger_accounts SET balance = balance + 15, seq = seq + 1 WHERE id = 4",
            ],
            "all EUR sum to 15 instead of 0",
        ),
        ("a balance", &["UPDATE ledger_accounts SET balance = balance + 5 WHERE id = 4"], "its entries say"),
        (
            "a hold that could be captured again",
            &["UPDATE transfers SET status = 'held', open_until = expires_at WHERE status = 'captured'"],
            "a hold that is held",
        ),
        (
            "a reversal that is forgotten",
            &["UPDATE transfers SET reversed_amount = 0 WHERE reversed_amount = 10"],
            "its reversals sum to 10",
        ),
        (
            "a transfer without an event",
            &["UPDATE transfers SET event_id = NULL WHERE kind = 'reversal'"],
            "it has no event",
        ),
        (
            "a transfer of another amount than its entries",
            &["UPDATE transfers SET amount = 31 WHERE amount = 30"],
            "instead of 31",
        ),
    ];
    for (what, statements, expected) in plants {
        let fixture = fixture().await;
        assert_eq!(violations(&fixture).await, Vec::<String>::new(), "before {what}");
        if !database::on_server() {
            for trigger in TRIGGERS {
                fixture.app.sql_change(trigger).await;
            }
        }
        for statement in statements {
            fixture.app.sql_change(statement).await;
        }
        let found = violations(&fixture).await;
        assert!(found.iter().any(|one| one.contains(expected)), "{what}: {found:?}");
    }
}
