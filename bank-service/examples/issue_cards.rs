//! How fast cards are issued on MySQL or MariaDB, beside the same five statements on bare connections.
//!
//! `SERVERS=mariadb deploy/local/with.sh cargo run --release -p bank-service --example issue_cards`
//!
//! Three loops in turns: bare with kept statements (the ceiling), bare with inserts that are prepared anew each time (what a
//! query builder does by itself), and the service's own operation on its store. No HTTP and no tokens: those are the bench's.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::float_arithmetic,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a measurement prints, and ends where something is wrong"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bank_service::domain::balance::Balance;
use bank_service::domain::policy::Scope;
use bank_service::operations::cards;
use bank_service::store::{DatabaseUrl, Store, migrations};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder};
use service_kit::clock::{Clock, SystemClock};
use service_kit::http::envelope::created_body;
use shared_events::AccountId;

const WORKERS: usize = 16;
const TURN: Duration = Duration::from_secs(3);
const TURNS: usize = 3;
const FIND: &str = "SELECT a.id, a.balance, a.currency, a.client_id, a.bank_id, a.version, k.user_id \
    FROM accounts a JOIN clients k ON k.id = a.client_id WHERE a.id = ? LIMIT 1";
const CARD: &str = "INSERT INTO cards (id, balance, account_id, version) VALUES (?, ?, ?, ?)";
const EVENT: &str = "INSERT INTO outbox (event_id, event_type, message, created_at, due_at, sealed) \
    VALUES (?, 'card.created', ?, '2026-01-01', '1970-01-01', NULL)";

static NEXT_CARD: AtomicI64 = AtomicI64::new(1_000_000_000);

#[tokio::main]
async fn main() {
    let url = std::env::var_os("DATABASE_URL").and_then(|url| url.into_string().ok()).expect("DATABASE_URL");
    seed(&url).await;
    let store = {
        let url: DatabaseUrl = url.parse().unwrap();
        tokio::task::spawn_blocking(move || {
            migrations::upgrade(&url).unwrap();
            Store::connect(&url).unwrap()
        })
    };
    let store = store.await.unwrap();
    fill(&url).await;
    let (mut bare, mut anew, mut ours) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..TURNS {
        bare.push(turn(|_| issue_bare(url.clone(), true)).await);
        anew.push(turn(|_| issue_bare(url.clone(), false)).await);
        ours.push(turn(|_| issue(store.clone())).await);
    }
    let (bare, anew, ours) = (median(bare), median(anew), median(ours));
    println!("cards a second, {WORKERS} at a time, medians of {TURNS} turns of {} s:", TURN.as_secs());
    println!("  bare, statements kept      {bare:8.0}");
    println!("  bare, inserts anew         {anew:8.0}  {:.2} of it", anew / bare);
    println!("  the service's operation    {ours:8.0}  {:.2} of it", ours / bare);
}

/// A database of its own would need rights; the tables of an earlier run are thrown away instead.
async fn seed(url: &str) {
    let opts = Opts::from_url(url).unwrap();
    let name = opts.db_name().unwrap().to_owned();
    let mut conn = Conn::new(opts).await.unwrap();
    conn.query_drop(format!("DROP DATABASE {name}")).await.unwrap();
    conn.query_drop(format!("CREATE DATABASE {name}")).await.unwrap();
}

async fn fill(url: &str) {
    let mut conn = Conn::from_url(url).await.unwrap();
    for sql in [
        "INSERT INTO users (id, email, email_key, registered_on) VALUES (1, 'a@b', 'a@b', '2026-01-01')",
        "INSERT INTO clients (id, name, user_id) VALUES (1, 'Client', 1)",
        "INSERT INTO banks (id, name) VALUES (1, 'Bank')",
        "INSERT INTO accounts (id, balance, currency, client_id, bank_id) VALUES (1, 0, 'EUR', 1, 1)",
    ] {
        conn.query_drop(sql).await.unwrap();
    }
}

/// `HANDS` hands work for `TURN`; gives what they did a second.
async fn turn<W>(worker: impl Fn(usize) -> W) -> f64
where
    W: Future<Output = u64> + Send + 'static,
{
    let began = Instant::now();
    let handles: Vec<_> = (0..WORKERS).map(|number| service_kit::task::spawn("hand", worker(number))).collect();
    let mut done = 0;
    for handle in handles {
        done += handle.await.unwrap();
    }
    done as f64 / began.elapsed().as_secs_f64()
}

async fn issue_bare(url: String, kept: bool) -> u64 {
    let opts = OptsBuilder::from_opts(Opts::from_url(&url).unwrap()).stmt_cache_size(if kept { 32 } else { 0 });
    let mut conn = Conn::new(opts).await.unwrap();
    conn.query_drop("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await.unwrap();
    let find = conn.prep(FIND).await.unwrap();
    let message = "x".repeat(900);
    let (began, mut done) = (Instant::now(), 0);
    while began.elapsed() < TURN {
        let card = NEXT_CARD.fetch_add(1, Ordering::Relaxed);
        conn.query_drop("BEGIN").await.unwrap();
        conn.exec_drop(&find, (1,)).await.unwrap();
        conn.exec_drop(CARD, (card, 100, 1, 1)).await.unwrap();
        conn.exec_drop(EVENT, (format!("{card:036}"), &message)).await.unwrap();
        conn.query_drop("COMMIT").await.unwrap();
        done += 1;
    }
    done
}

async fn issue(store: Store) -> u64 {
    let (account, done) = (AccountId::try_new(1).unwrap(), Arc::new(AtomicU64::new(0)));
    let began = Instant::now();
    while began.elapsed() < TURN {
        let balance = Balance::try_new(100).unwrap();
        let ctx = store.ctx(SystemClock.now());
        let issued = store
            .create(&ctx, None, created_body, move |db, ctx| cards::issue_card(db, ctx, Scope::All, account, balance));
        issued.await.unwrap();
        done.fetch_add(1, Ordering::Relaxed);
    }
    done.load(Ordering::Relaxed)
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or_default()
}
