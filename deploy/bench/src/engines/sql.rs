//! The statements of `POST /api/accounts/{id}/cards` through the driver alone: ownership check, card, its ledger account and event in one
//! transaction, prepared once, in a tight loop on each of as many connections as the service may use.

use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder, TxOpts};
use service_kit::task;

use crate::per_second;

/// The size of an event as the outbox keeps it.
const MESSAGE_BYTES: usize = 800;
const FIND_ACCOUNT: &str =
    "SELECT id, bank_id, client_id, user_id, currency, closed_at FROM ledger_accounts WHERE id = ? * 2";
const INSERT_CARD: &str = "INSERT INTO cards (id, account_id) VALUES (?, ?)";
const INSERT_LEDGER_ACCOUNT: &str = "INSERT INTO ledger_accounts \
    (id, kind, bank_id, client_id, user_id, currency, balance, held, min_balance, seq, opened_at) \
    VALUES (? * 2 + 1, 'card', 9, 9, 9, 'EUR', 0, 0, 0, 0, '2026-01-01')";
const INSERT_EVENT: &str = "INSERT INTO outbox (event_id, event_type, message, created_at, due_at) \
    VALUES (?, 'card.created', ?, '2026-01-01 00:00:00.000000', '2000-01-01 00:00:00.000000')";
const PARENTS: [&str; 6] = [
    "INSERT IGNORE INTO users (id, email, email_key, registered_on) VALUES (9, 'a@b', 'a@b', '2026-01-01')",
    "INSERT IGNORE INTO clients (id, name, user_id) VALUES (9, 'Client', 9)",
    "INSERT IGNORE INTO banks (id, name) VALUES (9, 'Bank')",
    "INSERT IGNORE INTO accounts (id, currency, client_id, bank_id) VALUES (9, 'EUR', 9, 9)",
    "INSERT IGNORE INTO ledger_accounts \
     (id, kind, bank_id, client_id, user_id, currency, balance, held, min_balance, seq, opened_at) \
     VALUES (18, 'account', 9, 9, 9, 'EUR', 0, 0, 0, 0, '2026-01-01')",
    "DELETE FROM outbox",
];
/// The first statement of the service's sessions.
const SETUP: &str = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";

#[derive(Debug, Args)]
pub(crate) struct Target {
    /// A database with the schema of bank-service, of nobody else's use
    #[arg(long)]
    database_url: String,
    #[arg(long, default_value_t = 32)]
    connections: u64,
    #[arg(long, default_value_t = 5)]
    seconds: u64,
}

pub(crate) async fn run(target: &Target) -> anyhow::Result<String> {
    let opts = Opts::from_url(&target.database_url).context("--database-url")?;
    let opts = OptsBuilder::from_opts(opts).setup(vec![SETUP]);
    let mut first = Conn::new(opts.clone()).await?;
    for parent in PARENTS {
        first.query_drop(parent).await?;
    }
    let highest: Option<Option<u64>> = first.query_first("SELECT MAX(id) FROM cards").await?;
    let base = highest.flatten().unwrap_or_default() + 1;
    first.disconnect().await?;
    let limit = Duration::from_secs(target.seconds);
    let mut conns = Vec::new();
    for _ in 0..target.connections {
        conns.push(Conn::new(opts.clone()).await?);
    }
    let begun = Instant::now();
    let (step, mut tasks) = (target.connections, Vec::new());
    for (conn, start) in conns.into_iter().zip(base..) {
        tasks.push(task::spawn("raw-sql", issue(conn, start, step, begun, limit)));
    }
    let mut count = 0;
    for task in tasks {
        count += task.await??;
    }
    Ok(format!("rate={}", per_second(count, begun.elapsed())))
}

async fn issue(mut conn: Conn, start: u64, step: u64, begun: Instant, limit: Duration) -> anyhow::Result<u64> {
    let message = "x".repeat(MESSAGE_BYTES);
    let (find, card) = (conn.prep(FIND_ACCOUNT).await?, conn.prep(INSERT_CARD).await?);
    let (money, event) = (conn.prep(INSERT_LEDGER_ACCOUNT).await?, conn.prep(INSERT_EVENT).await?);
    let (mut id, mut count) = (start, 0);
    while begun.elapsed() < limit {
        let mut tx = conn.start_transaction(TxOpts::default()).await?;
        let owner: Option<mysql_async::Row> = tx.exec_first(&find, (9,)).await?;
        owner.context("the account")?;
        tx.exec_drop(&card, (id, 9)).await?;
        tx.exec_drop(&money, (id,)).await?;
        tx.exec_drop(&event, (format!("00000000-0000-7000-8000-{id:012x}"), &message)).await?;
        tx.commit().await?;
        id += step;
        count += 1;
    }
    conn.disconnect().await?;
    Ok(count)
}
