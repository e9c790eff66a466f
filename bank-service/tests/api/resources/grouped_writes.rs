//! Cards that are issued at once share transactions, without a visible effect.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use serde_json::json;
use test_support::eventually;
use tokio::sync::Semaphore;

use super::fixture::{Fixture, id};
use crate::database;

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

/// How many transactions of the group commit run at once.
const TRANSACTIONS: u64 = 4;

/// The statements that run in the test's database, besides this one.
async fn running_statements(connection: &mut Conn) -> u64 {
    let sql = "SELECT COUNT(*) FROM information_schema.processlist \
               WHERE db = DATABASE() AND command <> 'Sleep' AND id <> CONNECTION_ID()";
    connection.query_first(sql).await.unwrap().unwrap()
}

/// A locked row delays the requests that need it, and others only briefly.
#[actix_web::test]
#[ignore = "on a server only: make test-real runs it"]
async fn who_waits_for_a_lock_does_not_keep_the_others() {
    assert!(database::on_server(), "TEST_DATABASE_URL names no server");
    let fixture = Fixture::new().await;
    let url = fixture.app.running.state.settings.config.database_url.expose().to_owned();
    let mut holder = Conn::from_url(url).await.unwrap();
    holder.query_drop("BEGIN").await.unwrap();
    let hold = format!("SELECT id FROM accounts WHERE id = {} FOR UPDATE", fixture.ada.account);
    holder.query_drop(hold).await.unwrap();
    let issue = async |token: &str, account: i64| {
        let path = format!("/api/accounts/{account}/cards");
        fixture.app.post(token, &path, json!({"balance": 1})).await
    };
    // One after the other, so that each has a transaction of its own, up to the most that may run at once.
    let (turn, answered) = (Semaphore::new(0), AtomicUsize::new(0));
    let held = join_all((0..TRANSACTIONS).map(async |_| {
        turn.acquire().await.unwrap().forget();
        let answer = issue(fixture.ada.token(), fixture.ada.account).await;
        answered.fetch_add(1, Ordering::SeqCst);
        answer
    }));
    let meanwhile = async {
        for waiting in 1..=TRANSACTIONS {
            turn.add_permits(1);
            eventually("it waits for the lock", async || running_statements(&mut holder).await == waiting).await;
        }
        for answer in join_all((0..8).map(|_| issue(fixture.bob.token(), fixture.bob.account))).await {
            answer.expect(201);
        }
        assert_eq!(answered.load(Ordering::SeqCst), 0, "the others had to wait for the lock, too");
        holder.query_drop("COMMIT").await.unwrap();
    };
    let (held, ()) = futures_util::future::join(held, meanwhile).await;
    for answer in held {
        answer.expect(201);
    }
}
