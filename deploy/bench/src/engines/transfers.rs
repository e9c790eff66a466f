//! The statements of a batch of transfers through the driver alone, as bank-service's writer makes them: keys, rows locked, time,
//! then balances, transfers, entries and events, in one transaction. One connection, everything prepared once, in a tight loop.

use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder, Row, Statement, TxOpts, Value};
use service_kit::ids;

use crate::per_second;

/// Transfers in a transaction, each between two accounts that no other one of them has.
const GROUP: usize = 64;
const ACCOUNTS: usize = 2_000;
/// Has no divisor in common with [`ACCOUNTS`]: neighbours in a group are no neighbours in the table.
const STRIDE: usize = 769;
/// The ledger account of the first, which nobody else uses.
const FIRST: i64 = 2_000_000;
const MONEY: i64 = 1_000_000_000;
/// The size of a transfer's event as the outbox keeps it.
const MESSAGE_BYTES: usize = 1_200;
/// The first statement of the service's sessions.
const SETUP: &str = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";

const ACCOUNT: &str = "id, kind, bank_id, client_id, user_id, currency, balance, held, min_balance, seq, posted_at, opened_at, \
    closed_at, iban";
const TRANSFER: &str = "id, from_id, to_id, amount, currency, kind, status, reference, description, captured_amount, \
    reversed_amount, hold_id, reverses_id, from_name, to_name, from_seq, to_seq, created_at, posted_at, ended_at, expires_at, \
    open_until, actor, event_id, request_key, request_hash";
const ENTRY: &str =
    "ledger_id, seq, transfer_id, amount, held_change, balance_after, held_after, min_balance_after, posted_at";
const EVENT: &str = "event_id, event_type, message, created_at, due_at, sealed";
const CHANGED: &str = " ON DUPLICATE KEY UPDATE balance = VALUES(balance), held = VALUES(held), \
    min_balance = VALUES(min_balance), seq = VALUES(seq), posted_at = VALUES(posted_at), closed_at = VALUES(closed_at)";
const HOLDER: &str = "COALESCE((SELECT clients.name FROM clients WHERE clients.id = ledger_accounts.client_id), \
    (SELECT banks.name FROM banks WHERE banks.id = ledger_accounts.bank_id), '')";

#[derive(Debug, Args)]
pub(crate) struct Target {
    /// A database with the schema of bank-service, of nobody else's use
    #[arg(long)]
    database_url: String,
    #[arg(long, default_value_t = 5)]
    seconds: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Account {
    id: i64,
    balance: i64,
    seq: i64,
}

struct Statements {
    keys: Statement,
    lock: Statement,
    now: Statement,
    accounts: Statement,
    transfers: Statement,
    entries: Statement,
    events: Statement,
}

/// The values of a group, row after row. Accounts and entries are two statements each.
#[derive(Default)]
struct Rows {
    accounts: [Vec<Value>; 2],
    transfers: Vec<Value>,
    entries: [Vec<Value>; 2],
    events: Vec<Value>,
}

pub(crate) async fn run(target: &Target) -> anyhow::Result<String> {
    let opts = Opts::from_url(&target.database_url).context("--database-url")?;
    let mut conn = Conn::new(OptsBuilder::from_opts(opts).setup(vec![SETUP])).await?;
    let mut accounts = accounts(&mut conn).await?;
    let statements = Statements::prepare(&mut conn).await?;
    let message = "x".repeat(MESSAGE_BYTES);
    let (begun, limit) = (Instant::now(), Duration::from_secs(target.seconds));
    let mut turn = 0;
    while begun.elapsed() < limit {
        statements.commit(&mut conn, &mut accounts, turn, &message).await?;
        turn += 1;
    }
    let rate = per_second(u64::try_from(turn * GROUP)?, begun.elapsed());
    conn.disconnect().await?;
    Ok(format!("rate={rate}"))
}

/// The accounts as they are, made on the first run.
async fn accounts(conn: &mut Conn) -> anyhow::Result<Vec<Account>> {
    conn.query_drop("TRUNCATE TABLE outbox").await?;
    let values = |number: usize| anyhow::Ok(account_row(FIRST + 2 * i64::try_from(number)?, MONEY, 0, &Value::NULL));
    let insert = insert("ledger_accounts", ACCOUNT, 1, " ON DUPLICATE KEY UPDATE id = id");
    let rows = (0..ACCOUNTS).map(values).collect::<Result<Vec<_>, _>>()?;
    let mut tx = conn.start_transaction(TxOpts::default()).await?;
    tx.exec_batch(insert, rows).await?;
    tx.commit().await?;
    let select = "SELECT id, balance, seq FROM ledger_accounts WHERE id >= ? ORDER BY id LIMIT ?";
    let found: Vec<(i64, i64, i64)> = conn.exec(select, (FIRST, ACCOUNTS)).await?;
    Ok(found.into_iter().map(|(id, balance, seq)| Account { id, balance, seq }).collect())
}

impl Statements {
    async fn prepare(conn: &mut Conn) -> anyhow::Result<Self> {
        let marks = |many: usize| vec!["?"; many].join(", ");
        let (keys, ids) = (marks(GROUP), marks(2 * GROUP));
        let keys = format!("SELECT {TRANSFER} FROM transfers WHERE request_key IN ({keys})");
        let lock = format!(
            "SELECT {ACCOUNT}, {HOLDER} FROM ledger_accounts WHERE id IN ({ids}) ORDER BY id FOR UPDATE SKIP LOCKED"
        );
        Ok(Self {
            keys: conn.prep(keys).await?,
            lock: conn.prep(lock).await?,
            now: conn.prep("SELECT UTC_TIMESTAMP(6)").await?,
            accounts: conn.prep(insert("ledger_accounts", ACCOUNT, GROUP, CHANGED)).await?,
            transfers: conn.prep(insert("transfers", TRANSFER, GROUP, "")).await?,
            entries: conn.prep(insert("ledger_entries", ENTRY, GROUP, "")).await?,
            events: conn.prep(insert("outbox", EVENT, GROUP, "")).await?,
        })
    }

    /// One transaction.
    async fn commit(
        &self,
        conn: &mut Conn,
        accounts: &mut [Account],
        turn: usize,
        message: &str,
    ) -> anyhow::Result<()> {
        let places = places(turn);
        let keys: Vec<Value> = (0..GROUP).map(|_| request_key().into()).collect();
        let locked = places.iter().filter_map(|place| accounts.get(*place)).map(|account| account.id.into()).collect();
        let mut tx = conn.start_transaction(TxOpts::default()).await?;
        tx.exec::<Row, _, Vec<Value>>(&self.keys, keys.clone()).await?;
        tx.exec::<Row, _, Vec<Value>>(&self.lock, locked).await?;
        let now: Option<Value> = tx.exec_first(&self.now, ()).await?;
        let rows = rows(accounts, &places, &keys, &now.context("the time")?, message)?;
        for accounts in rows.accounts {
            tx.exec_drop(&self.accounts, accounts).await?;
        }
        tx.exec_drop(&self.transfers, rows.transfers).await?;
        for entries in rows.entries {
            tx.exec_drop(&self.entries, entries).await?;
        }
        tx.exec_drop(&self.events, rows.events).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// `INSERT` of so many rows.
fn insert(table: &str, columns: &str, rows: usize, end: &str) -> String {
    let row = format!("({})", vec!["?"; columns.split(',').count()].join(", "));
    format!("INSERT INTO {table} ({columns}) VALUES {}{end}", vec![row; rows].join(", "))
}

/// The accounts of a group, by their places: those of two neighbours move money.
fn places(turn: usize) -> Vec<usize> {
    (0..2 * GROUP).map(|number| (turn * 2 * GROUP + number) * STRIDE % ACCOUNTS).collect()
}

fn request_key() -> String {
    format!("{:0>64}", ids::new_uuid().simple())
}

/// Moves 1 from one to the other of each two accounts.
fn rows(
    accounts: &mut [Account],
    places: &[usize],
    keys: &[Value],
    now: &Value,
    message: &str,
) -> anyhow::Result<Rows> {
    let mut rows = Rows::default();
    for (pair, key) in places.chunks(2).zip(keys) {
        let (id, mut sides) = (ids::new_uuid().to_string(), Vec::with_capacity(2));
        let halves = rows.accounts.iter_mut().zip(&mut rows.entries);
        for ((place, amount), (account_rows, entries)) in pair.iter().zip([-1, 1]).zip(halves) {
            let account = accounts.get_mut(*place).context("an account")?;
            account.balance += amount;
            account.seq += 1;
            let Account { id: ledger_id, balance, seq } = *account;
            account_rows.extend(account_row(ledger_id, balance, seq, now));
            entries.extend([ledger_id, seq].map(Value::from));
            entries.push(id.as_str().into());
            entries.extend([amount, 0, balance, 0, 0].map(Value::from));
            entries.push(now.clone());
            sides.push(*account);
        }
        let [from, to] = sides.as_slice() else { anyhow::bail!("a transfer has two sides") };
        rows.transfers.extend(transfer_row(&id, from, to, key, now));
        let event: [Value; 6] =
            [id.into(), "transfer.posted".into(), message.into(), now.clone(), "1970-01-01".into(), Value::NULL];
        rows.events.extend(event);
    }
    Ok(rows)
}

fn account_row(id: i64, balance: i64, seq: i64, posted_at: &Value) -> Vec<Value> {
    let mut row: Vec<Value> = vec![id.into(), "account".into(), 9.into(), 9.into(), 9.into(), "EUR".into()];
    row.extend([balance, 0, 0, seq].map(Value::from));
    row.extend([posted_at.clone(), "2026-01-01".into(), Value::NULL, Value::NULL]);
    row
}

fn transfer_row(id: &str, from: &Account, to: &Account, key: &Value, now: &Value) -> Vec<Value> {
    let none = || Value::NULL;
    let mut row: Vec<Value> = vec![id.into(), from.id.into(), to.id.into(), 1.into()];
    row.extend(["EUR", "transfer", "posted"].map(Value::from));
    row.extend([none(), none(), none(), 0.into(), none(), none(), "Client".into(), "Client".into()]);
    row.extend([from.seq.into(), to.seq.into(), now.clone(), now.clone(), none(), none(), none()]);
    row.extend([9.into(), id.into(), key.clone(), key.clone()]);
    row
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_group_takes_each_account_once_and_another_group_takes_others() {
        let [first, second] = [0, 1].map(|turn| places(turn).into_iter().collect::<BTreeSet<_>>());
        assert_eq!((first.len(), second.len()), (2 * GROUP, 2 * GROUP));
        assert!(first.is_disjoint(&second) && first.iter().all(|place| *place < ACCOUNTS));
    }

    #[test]
    fn every_mark_of_a_statement_has_a_value_and_no_money_is_made() {
        let mut accounts: Vec<Account> = (1..=2_000).map(|id| Account { id, balance: 10, seq: 3 }).collect();
        let keys: Vec<Value> = (0..GROUP).map(|_| request_key().into()).collect();
        let rows = rows(&mut accounts, &places(0), &keys, &Value::NULL, "x").unwrap();
        let marks = |table, columns, end| insert(table, columns, GROUP, end).matches('?').count();
        for (account, entries) in rows.accounts.iter().zip(&rows.entries) {
            assert_eq!(account.len(), marks("ledger_accounts", ACCOUNT, CHANGED));
            assert_eq!(entries.len(), marks("ledger_entries", ENTRY, ""));
        }
        assert_eq!(rows.transfers.len(), marks("transfers", TRANSFER, ""));
        assert_eq!(rows.events.len(), marks("outbox", EVENT, ""));
        assert_eq!(accounts.iter().map(|account| account.balance).sum::<i64>(), 20_000);
        assert_eq!(accounts.iter().filter(|account| account.seq == 4).count(), 2 * GROUP);
        assert!(keys.iter().collect::<Vec<_>>().windows(2).all(|pair| pair[0] != pair[1]));
    }
}
