//! The state from outside: tables, outbox, log entries, mails, queues. None of it is a service's own report.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};
use mysql_async::prelude::Queryable as _;
use serde_json::Value;
use shared_events::routing::{ACK_QUEUE, EMAIL_QUEUE, LOG_QUEUE};
use system_tests::money::{Found, FoundTransfer, Money, Pot};

use crate::ledger::{Entity, Ledger, OPENED};
use crate::sink::Accepted;

const PAGES: usize = 100_000;
pub(crate) const QUEUES: [&str; 3] = [LOG_QUEUE, EMAIL_QUEUE, ACK_QUEUE];
const RETRIES: [&str; 4] = ["retry.5s", "retry.30s", "retry.2m", "retry.10m"];

/// An event of an outbox row.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) kind: String,
    /// The id of its subject.
    pub(crate) about: Option<i64>,
    /// The id of the transfer that it is about.
    pub(crate) transfer: Option<String>,
    pub(crate) sent: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) kind: String,
    pub(crate) received_micros: i64,
    /// Its place in the log, in the order in which entries were recorded.
    pub(crate) place: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct MailReceipt {
    pub(crate) sent: bool,
    pub(crate) posted: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) rows: BTreeMap<(Entity, i64), String>,
    pub(crate) events: BTreeMap<String, Event>,
    pub(crate) receipts: BTreeMap<String, MailReceipt>,
    pub(crate) entries: BTreeMap<String, Vec<Entry>>,
    pub(crate) mails: BTreeMap<String, Vec<Accepted>>,
    /// Messages that wait in queues and retry queues.
    pub(crate) waiting: u32,
    pub(crate) dead: BTreeMap<String, u32>,
    pub(crate) ledger: Found,
}

/// Id, kind, status, amount, both ledger accounts, reference or description.
type TransferRow = (String, String, String, i64, i64, i64, Option<String>);

/// The databases of one environment.
pub(crate) struct Tables {
    pool: mysql_async::Pool,
}

impl Tables {
    pub(crate) fn new(url: &str) -> anyhow::Result<Self> {
        Ok(Self { pool: mysql_async::Pool::from_url(url)? })
    }

    /// The rows of each kind, with the value that a client requested.
    pub(crate) async fn rows(&self) -> anyhow::Result<BTreeMap<(Entity, i64), String>> {
        let mut connection = self.pool.get_conn().await.context("database")?;
        let mut rows = BTreeMap::new();
        for (entity, sql) in [
            (Entity::Bank, "SELECT id, name FROM banks"),
            (Entity::City, "SELECT id, name FROM cities"),
            (Entity::Client, "SELECT id, name FROM clients"),
        ] {
            let found: Vec<(i64, String)> = connection.query(sql).await?;
            rows.extend(found.into_iter().map(|(id, value)| ((entity, id), value)));
        }
        for (entity, sql) in [(Entity::Account, "SELECT id FROM accounts"), (Entity::Card, "SELECT id FROM cards")] {
            let found: Vec<i64> = connection.query(sql).await?;
            rows.extend(found.into_iter().map(|id| ((entity, id), OPENED.to_owned())));
        }
        Ok(rows)
    }

    /// The ledger, without the events about it.
    pub(crate) async fn ledger(&self) -> anyhow::Result<Found> {
        let mut connection = self.pool.get_conn().await.context("database")?;
        let sql = "SELECT id, balance, held FROM ledger_accounts WHERE id > 0";
        let found: Vec<(i64, i64, i64)> = connection.query(sql).await?;
        let money = |(id, balance, held)| Some((Pot::of_ledger_account(id)?, Money { balance, held }));
        let money = found.into_iter().filter_map(money).collect();
        let sql = "SELECT id, kind, status, amount, from_id, to_id, COALESCE(reference, description) FROM transfers";
        let found: Vec<TransferRow> = connection.query(sql).await?;
        let transfer = |(id, kind, status, amount, from, to, name): TransferRow| {
            let (from, to) = (Pot::of_ledger_account(from), Pot::of_ledger_account(to));
            FoundTransfer { id, kind, status, amount, from, to, name }
        };
        Ok(Found { money, transfers: found.into_iter().map(transfer).collect(), events: BTreeMap::new() })
    }

    /// Changes the database as a fault of the service would; returns how many rows.
    pub(crate) async fn change(&self, sql: &str) -> anyhow::Result<u64> {
        let mut connection = self.pool.get_conn().await.context("database")?;
        connection.query_drop(sql).await?;
        Ok(connection.affected_rows())
    }

    /// Keeps all others from a table until it is released, or dropped.
    pub(crate) async fn lock(&self, table: &str) -> anyhow::Result<TableLock> {
        let mut connection = self.pool.get_conn().await.context("database")?;
        connection.query_drop(format!("LOCK TABLES {table} WRITE")).await?;
        Ok(TableLock(connection))
    }

    pub(crate) async fn events(&self) -> anyhow::Result<BTreeMap<String, Event>> {
        let mut connection = self.pool.get_conn().await.context("database")?;
        let sql = "SELECT event_id, event_type, message, due_at IS NULL FROM outbox";
        let found: Vec<(String, String, String, bool)> = connection.query(sql).await?;
        let event = |(id, kind, message, sent): (String, String, String, bool)| {
            let message: Value = serde_json::from_str(&message).unwrap_or_default();
            let body = message["body"].as_str().and_then(|body| serde_json::from_str::<Value>(body).ok());
            let subject = body.map(|body| body["data"]["id"].clone()).unwrap_or_default();
            let transfer = subject.as_str().filter(|_| kind.starts_with("transfer.")).map(str::to_owned);
            (id, Event { about: subject.as_i64(), transfer, kind, sent })
        };
        Ok(found.into_iter().map(event).collect())
    }

    pub(crate) async fn receipts(&self) -> anyhow::Result<BTreeMap<String, MailReceipt>> {
        let mut connection = self.pool.get_conn().await.context("database")?;
        // An event that is only mailed is not posted to the log.
        let sql = "SELECT r.event_id, r.state, r.posted_at IS NOT NULL OR o.event_type = 'email.requested' \
                   FROM mail_receipts r JOIN outbox o ON o.event_id = r.event_id";
        let found: Vec<(String, String, bool)> = connection.query(sql).await?;
        let receipt = |(id, state, posted): (String, String, bool)| (id, MailReceipt { sent: state == "sent", posted });
        Ok(found.into_iter().map(receipt).collect())
    }

    /// The ids of the events about each bank, in the order in which they were committed.
    pub(crate) async fn bank_events(&self) -> anyhow::Result<BTreeMap<i64, Vec<String>>> {
        let mut connection = self.pool.get_conn().await.context("database")?;
        let sql = "SELECT event_id, message FROM outbox WHERE event_type LIKE 'bank.%' ORDER BY id";
        let found: Vec<(String, String)> = connection.query(sql).await?;
        let mut events: BTreeMap<i64, Vec<String>> = BTreeMap::new();
        for (id, message) in found {
            let message: Value = serde_json::from_str(&message).unwrap_or_default();
            let body = message["body"].as_str().and_then(|body| serde_json::from_str::<Value>(body).ok());
            if let Some(about) = body.and_then(|body| body["data"]["id"].as_i64()) {
                events.entry(about).or_default().push(id);
            }
        }
        Ok(events)
    }

    /// The whole message of one event of a kind, as the outbox keeps it.
    pub(crate) async fn message_of(&self, kind: &str) -> anyhow::Result<(String, String)> {
        let mut connection = self.pool.get_conn().await.context("database")?;
        let sql = "SELECT event_id, message FROM outbox WHERE event_type = ? AND due_at IS NULL ORDER BY id LIMIT 1";
        let found: Option<(String, String)> = connection.exec_first(sql, (kind,)).await?;
        found.with_context(|| format!("no {kind} was published yet"))
    }
}

/// A table that one connection has for itself.
pub(crate) struct TableLock(mysql_async::Conn);

impl TableLock {
    pub(crate) async fn release(mut self) -> anyhow::Result<()> {
        Ok(self.0.query_drop("UNLOCK TABLES").await?)
    }
}

/// All log entries by event id, over the log's own HTTP API.
pub(crate) async fn entries(ledger: &Ledger, log: &str) -> anyhow::Result<BTreeMap<String, Vec<Entry>>> {
    let mut entries: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
    let mut places = 0..;
    let mut cursor = String::new();
    for _ in 0..PAGES {
        let url = format!("{log}/api/logs?page_size=100&after={cursor}");
        let token = ledger.token().await.context("nobody gives a token")?;
        let answer = ledger.http.get(&url).bearer_auth(token).send().await?;
        let status = answer.status();
        let page: Value = answer.json().await.with_context(|| url.clone())?;
        if !status.is_success() {
            bail!("GET {url} was answered {status}: {page}");
        }
        let results = page["results"].as_array().cloned().unwrap_or_default();
        for row in &results {
            let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
            let place = places.next().unwrap_or(usize::MAX);
            let entry = Entry { kind: text("event_type"), received_micros: micros(&text("received_at")), place };
            entries.entry(text("event_id")).or_default().push(entry);
        }
        match page["cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => return Ok(entries),
        }
    }
    bail!("the log has no end")
}

fn micros(text: &str) -> i64 {
    text.parse::<chrono::DateTime<chrono::Utc>>().map_or(0, |time| time.timestamp_micros())
}

/// The number of messages in the queues, and in those of dead letters.
pub(crate) async fn queues(uri: &str) -> anyhow::Result<(u32, BTreeMap<String, u32>)> {
    let connection = Connection::connect(uri, ConnectionProperties::default()).await.context("RabbitMQ")?;
    let (mut waiting, mut dead) = (0, BTreeMap::new());
    for queue in QUEUES {
        waiting += count(&connection, queue).await?;
        for retry in RETRIES {
            waiting += count(&connection, &format!("{queue}.{retry}")).await?;
        }
        dead.insert(queue.to_owned(), count(&connection, &format!("{queue}.dead")).await?);
    }
    connection.close(200, "OK".into()).await.ok();
    Ok((waiting, dead))
}

/// The number of messages in a queue; none if it does not exist.
async fn count(connection: &Connection, queue: &str) -> anyhow::Result<u32> {
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let channel = connection.create_channel().await?;
    let declared = channel.queue_declare(queue.into(), options, FieldTable::default()).await;
    let count = declared.map_or(0, |queue| queue.message_count());
    channel.close(200, "OK".into()).await.ok();
    Ok(count)
}
