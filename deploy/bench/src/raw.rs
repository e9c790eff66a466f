//! The statements of the hot paths on one bare connection: no HTTP, no token, no JSON, no framework.
//!
//! Schema, indexes, pragmas and SQL are those of bank-service; statements are prepared once.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use rusqlite::{Connection, Statement, params};

use crate::{HotPath, per_second, percentile};

const SCHEMA: [&str; 2] = [
    include_str!("../../../bank-service/migrations/common/2026-01-01-000001_schema/up.sql"),
    include_str!("../../../bank-service/migrations/sqlite/2026-01-01-000002_outbox/up.sql"),
];
const PRAGMAS: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; \
                       PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;";
const CARDS: i64 = 1000;
/// The size of an event as the outbox keeps it.
const MESSAGE_BYTES: usize = 800;

const FIND_CARD: &str = "SELECT c.id, c.balance, c.account_id, c.version, k.user_id FROM cards c \
    JOIN accounts a ON a.id = c.account_id JOIN clients k ON k.id = a.client_id WHERE c.id = ? LIMIT 1";
const FIND_ACCOUNT: &str = "SELECT a.id, a.balance, a.currency, a.client_id, a.bank_id, a.version, k.user_id \
    FROM accounts a JOIN clients k ON k.id = a.client_id WHERE a.id = ? LIMIT 1";
const COUNT_CARDS: &str = "SELECT COUNT(*) FROM cards WHERE account_id = ?";
const LIST_CARDS: &str =
    "SELECT id, balance, account_id, version FROM cards WHERE account_id = ? ORDER BY id LIMIT 5 OFFSET 0";
const INSERT_CARD: &str = "INSERT INTO cards (id, balance, account_id, version) VALUES (?, ?, ?, 1)";
const COUNT_UP: &str = "UPDATE sequences SET next_value = ? WHERE name = 'cards'";
const INSERT_EVENT: &str = "INSERT INTO outbox (event_id, event_type, message, created_at, due_at) \
    VALUES (?, 'card.created', ?, '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000')";

pub(crate) fn run(path: HotPath, group: u32, limit: Duration, folder: &Path) -> anyhow::Result<String> {
    let folder = tempfile::tempdir_in(folder).context("--folder")?;
    let conn = open(&folder.path().join("raw.sqlite"))?;
    match path {
        HotPath::GetCard => get_card(&conn, limit),
        HotPath::ListCards => list_cards(&conn, limit),
        HotPath::PostCard => post_card(&conn, group.max(1), limit),
    }
}

fn open(path: &Path) -> anyhow::Result<Connection> {
    let conn = Connection::open(path)?;
    conn.execute_batch(PRAGMAS)?;
    for schema in SCHEMA {
        conn.execute_batch(schema)?;
    }
    conn.execute_batch(
        "BEGIN; \
         INSERT INTO users (id, email, email_key, registered_on) VALUES (1, 'a@b', 'a@b', '2026-01-01'); \
         INSERT INTO clients (id, name, user_id) VALUES (1, 'Client', 1); \
         INSERT INTO banks (id, name) VALUES (1, 'Bank'); \
         INSERT INTO accounts (id, balance, currency, client_id, bank_id) VALUES (1, 0, 'EUR', 1, 1); \
         INSERT INTO sequences (name, next_value) VALUES ('cards', 1);",
    )?;
    for id in 1..=CARDS {
        conn.execute(INSERT_CARD, params![id, 100, 1])?;
    }
    conn.execute_batch("COMMIT")?;
    Ok(conn)
}

/// Repeats `work` until the time is over; gives the rate of the `items` that each turn processes.
fn measure(limit: Duration, items: u64, mut work: impl FnMut(i64) -> rusqlite::Result<()>) -> anyhow::Result<String> {
    let mut times = Vec::new();
    let begun = Instant::now();
    let mut number = 0;
    while begun.elapsed() < limit {
        let turn = Instant::now();
        work(number)?;
        times.push(turn.elapsed());
        number += 1;
    }
    let elapsed = begun.elapsed();
    let rate = per_second(u64::try_from(times.len())? * items, elapsed);
    times.sort_unstable();
    let [half, most] = [50, 99].map(|percent| percentile(&times, percent).as_micros());
    Ok(format!("rate={rate} p50_us={half} p99_us={most}"))
}

fn get_card(conn: &Connection, limit: Duration) -> anyhow::Result<String> {
    let mut find = conn.prepare(FIND_CARD)?;
    measure(limit, 1, |number| find.query_row([1 + number % CARDS], |row| row.get::<_, i64>(0)).map(drop))
}

fn list_cards(conn: &Connection, limit: Duration) -> anyhow::Result<String> {
    let mut account = conn.prepare(FIND_ACCOUNT)?;
    let mut count = conn.prepare(COUNT_CARDS)?;
    let mut list = conn.prepare(LIST_CARDS)?;
    measure(limit, 1, |_| {
        check_owner(&mut account)?;
        count.query_row([1], |row| row.get::<_, i64>(0))?;
        let rows = list.query_map([1], |row| row.get::<_, i64>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
        if rows.is_empty() { Err(rusqlite::Error::QueryReturnedNoRows) } else { Ok(()) }
    })
}

/// Ownership check, card, counter and event: one transaction, or `group` of them behind savepoints in one commit.
fn post_card(conn: &Connection, group: u32, limit: Duration) -> anyhow::Result<String> {
    let mut account = conn.prepare(FIND_ACCOUNT)?;
    let mut card = conn.prepare(INSERT_CARD)?;
    let mut count_up = conn.prepare(COUNT_UP)?;
    let mut event = conn.prepare(INSERT_EVENT)?;
    let [mut begin, mut commit] = [conn.prepare("BEGIN IMMEDIATE")?, conn.prepare("COMMIT")?];
    let [mut save, mut release] = [conn.prepare("SAVEPOINT job")?, conn.prepare("RELEASE job")?];
    let message = "x".repeat(MESSAGE_BYTES);
    let mut id = CARDS;
    measure(limit, group.into(), |_| {
        begin.execute([])?;
        for _ in 0..group {
            id += 1;
            save.execute([])?;
            check_owner(&mut account)?;
            card.execute(params![id, 100, 1])?;
            event.execute(params![format!("00000000-0000-7000-8000-{id:012x}"), message])?;
            release.execute([])?;
        }
        count_up.execute([id])?;
        commit.execute([]).map(drop)
    })
}

fn check_owner(account: &mut Statement<'_>) -> rusqlite::Result<()> {
    let owner: i64 = account.query_row([1], |row| row.get(6))?;
    if owner == 1 { Ok(()) } else { Err(rusqlite::Error::QueryReturnedNoRows) }
}
