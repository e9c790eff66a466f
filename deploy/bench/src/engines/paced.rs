//! From the sending of a `POST` to the entry in the log as a reader of the live stream sees it, at a fixed pace: a slow answer
//! does not slow the next request down, so no wait is missing from the figures.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;
use futures_util::StreamExt;
use serde_json::{Value, json};
use service_kit::task;

use crate::percentile;
use crate::prepare::Caller;

/// After the last request.
const WAIT_LIMIT: Duration = Duration::from_secs(20);

#[derive(Debug, Args)]
pub(crate) struct Target {
    #[arg(long)]
    bank: String,
    #[arg(long)]
    log: String,
    #[arg(long)]
    email: String,
    #[arg(long)]
    password: String,
    #[arg(long)]
    account: i64,
    /// Requests a second
    #[arg(long, default_value_t = 500)]
    rate: u32,
    #[arg(long, default_value_t = 10)]
    seconds: u32,
}

type Times = Arc<Mutex<HashMap<i64, Instant>>>;

pub(crate) async fn run(target: Target) -> anyhow::Result<String> {
    let caller = Arc::new(Caller::login(&target.bank, &target.email, &target.password).await?);
    let (sent, seen) = (Times::default(), Times::default());
    let stream = follow(&caller, &target.log).await?;
    let reader = task::spawn("reader", read(stream, Arc::clone(&seen)));
    let path: Arc<str> = format!("/api/accounts/{}/cards", target.account).into();
    let total = target.rate * target.seconds;
    let begun = Instant::now();
    let mut requests = Vec::new();
    for number in 0..total {
        let due = begun + Duration::from_secs(1) * number / target.rate;
        tokio::time::sleep_until(due.into()).await;
        requests.push(task::spawn("request", post(Arc::clone(&caller), Arc::clone(&path), due, Arc::clone(&sent))));
    }
    for request in requests {
        request.await??;
    }
    let deadline = Instant::now() + WAIT_LIMIT;
    let wanted = usize::try_from(total)?;
    while lock(&seen).len() < wanted && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    reader.abort();
    report(&lock(&sent), &lock(&seen), target.rate)
}

fn lock(times: &Times) -> std::sync::MutexGuard<'_, HashMap<i64, Instant>> {
    times.lock().unwrap_or_else(PoisonError::into_inner)
}

fn report(sent: &HashMap<i64, Instant>, seen: &HashMap<i64, Instant>, rate: u32) -> anyhow::Result<String> {
    let known = sent.iter().filter_map(|(id, due)| Some(seen.get(id)?.saturating_duration_since(*due)));
    let mut times: Vec<Duration> = known.collect();
    if times.len() < sent.len() {
        bail!("the stream delivered {} of {} cards", times.len(), sent.len());
    }
    times.sort_unstable();
    let [half, most] = [50, 99].map(|percent| percentile(&times, percent).as_millis());
    Ok(format!("pace={rate} events={} p50_ms={half} p99_ms={most}", times.len()))
}

async fn post(caller: Arc<Caller>, path: Arc<str>, due: Instant, sent: Times) -> anyhow::Result<()> {
    let id = caller.create(&path, &json!({"balance": 1})).await?;
    lock(&sent).insert(id, due);
    Ok(())
}

async fn follow(caller: &Caller, log: &str) -> anyhow::Result<reqwest::Response> {
    // A client of its own: the shared one gives an exchange ten seconds.
    let http = service_kit::http::client(Duration::from_mins(5));
    let url = format!("{log}/api/logs/stream?event_type=card.created");
    let answer = http.get(url).bearer_auth(caller.token()).send().await?;
    answer.error_for_status().context("the stream")
}

async fn read(stream: reqwest::Response, seen: Times) {
    let mut chunks = stream.bytes_stream();
    let mut rest = String::new();
    while let Some(Ok(chunk)) = chunks.next().await {
        let now = Instant::now();
        rest.push_str(&String::from_utf8_lossy(&chunk));
        while let Some((line, after)) = rest.split_once('\n') {
            let entry = line.strip_prefix("data:").and_then(|json| serde_json::from_str::<Value>(json).ok());
            if let Some(id) = entry.and_then(|entry| entry.pointer("/data/id").and_then(Value::as_i64)) {
                lock(&seen).entry(id).or_insert(now);
            }
            rest = after.to_owned();
        }
    }
}
