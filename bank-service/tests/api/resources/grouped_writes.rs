//! Cards that are issued at once share transactions, without a visible effect.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::{join, join_all};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use serde_json::json;
use test_support::eventually;

use super::fixture::{Fixture, id};
use crate::database;
use crate::harness::Answer;

#[actix_web::test]
async fn of_many_at_once_each_gets_the_answer_it_would_get_alone() {
    let fixture = Fixture::new().await;
    let cards = async || fixture.app.sql_number("SELECT COUNT(*) FROM cards").await;
    let events = "SELECT COUNT(*) FROM outbox WHERE event_type = 'card.created'";
    let before = (cards().await, fixture.app.sql_number(events).await);
    let attempts = (0..200).map(|number| {
        // Every fifth requests an account that is foreign, or does not exist.
        let (token, account, status) = match number % 10 {
            4 => (fixture.ada.token(), fixture.bob.account, 403),
            9 => (fixture.bob.token(), 999_999, 403),
            _ if number % 2 == 0 => (fixture.ada.token(), fixture.ada.account, 201),
            _ => (fixture.bob.token(), fixture.bob.account, 201),
        };
        let path = format!("/api/accounts/{account}/cards");
        let body = json!({"balance": number});
        let app = &fixture.app;
        async move { (number, account, status, app.post(token, &path, body).await) }
    });
    let mut made = BTreeSet::new();
    for (number, account, status, answer) in join_all(attempts).await {
        let body = answer.expect(status);
        if status == 201 {
            let item = &body["item"];
            assert_eq!((&item["balance"], &item["account_id"]), (&json!(number), &json!(account)));
            assert!(made.insert(id(item)), "{item}");
        }
    }
    assert_eq!(made.len(), 160);
    let after = (cards().await, fixture.app.sql_number(events).await);
    assert_eq!((after.0 - before.0, after.1 - before.1), (160, 160));
}

/// The statements that run in the test's database, besides this one.
async fn running_statements(connection: &mut Conn) -> u64 {
    let sql = "SELECT COUNT(*) FROM information_schema.processlist \
               WHERE db = DATABASE() AND command <> 'Sleep' AND id <> CONNECTION_ID()";
    connection.query_first(sql).await.unwrap().unwrap()
}

/// While a row is locked from elsewhere, the requests that need it wait, and the others do not.
async fn keeps_its_own(
    fixture: &Fixture,
    lock: &str,
    needs_it: impl AsyncFn() -> Answer,
    other: impl AsyncFn() -> Answer,
) {
    let url = fixture.app.running.state.settings.config.database_url.expose().to_owned();
    let mut holder = Conn::from_url(url).await.unwrap();
    holder.query_drop("BEGIN").await.unwrap();
    holder.query_drop(lock).await.unwrap();
    let answered = AtomicUsize::new(0);
    let held = join_all((0..4).map(async |_| {
        let answer = needs_it().await;
        answered.fetch_add(1, Ordering::SeqCst);
        answer
    }));
    let meanwhile = async {
        eventually("one waits for the lock", async || running_statements(&mut holder).await == 1).await;
        for answer in join_all((0..8).map(async |_| other().await)).await {
            answer.expect(201);
        }
        assert_eq!(answered.load(Ordering::SeqCst), 0, "the others had to wait for the lock, too");
        holder.query_drop("COMMIT").await.unwrap();
    };
    let (held, ()) = join(held, meanwhile).await;
    for answer in held {
        answer.expect(201);
    }
}

#[actix_web::test]
#[ignore = "on a server only: make test-real runs it"]
async fn who_waits_for_a_lock_does_not_keep_the_others() {
    assert!(database::on_server(), "TEST_DATABASE_URL names no server");
    let fixture = Fixture::new().await;
    let (app, ada, bob) = (&fixture.app, &fixture.ada, &fixture.bob);
    let issue = async |token: &str, account: i64| {
        app.post(token, &format!("/api/accounts/{account}/cards"), json!({"balance": 1})).await
    };
    let lock = format!("SELECT id FROM accounts WHERE id = {} FOR UPDATE", ada.account);
    keeps_its_own(
        &fixture,
        &lock,
        async || issue(ada.token(), ada.account).await,
        async || issue(bob.token(), bob.account).await,
    )
    .await;
    let send = async |token: &str, from: i64, to: i64| {
        let body = json!({"from": {"account_id": from}, "to": {"card_id": to}, "amount": 1});
        app.post(token, "/api/transfers", body).await
    };
    let lock = format!("SELECT id FROM ledger_accounts WHERE id = {} FOR UPDATE", 2 * ada.account);
    keeps_its_own(
        &fixture,
        &lock,
        async || send(ada.token(), ada.account, ada.card).await,
        async || send(bob.token(), bob.account, bob.card).await,
    )
    .await;
}
