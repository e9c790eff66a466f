//! Clients that create banks, accounts and cards and move money, repeat unanswered requests, and record the answers.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use system_tests::money::{Book, Caller, Mover, Pot, Pots};
use tokio::task::JoinHandle;

use crate::process::{ADMIN, PASSWORD, Urls};

const TIME_LIMIT: Duration = Duration::from_secs(5);
/// The repetitions of a request before the test fails.
const MAX_ATTEMPTS: u32 = 600;
const PAUSE: Duration = Duration::from_millis(20);
/// More than the clients take from the account that they share.
const SHARED: i64 = 1_000_000_000;

/// The requests and their answers.
pub(crate) struct Ledger {
    pub(crate) urls: Urls,
    pub(crate) http: Client,
    token: String,
    client_id: i64,
    bank_id: i64,
    first_account: i64,
    stopped: AtomicBool,
    pub(crate) requests: AtomicU64,
    pub(crate) repeated: AtomicU64,
    pub(crate) banks: Mutex<Vec<(i64, String)>>,
    pub(crate) money: Book,
}

/// Logs in. The first start makes the administrator just after its ports are open, so a refusal is retried, as is a busy
/// service.
async fn log_in(http: &Client, urls: &Urls, login: &Value) -> anyhow::Result<String> {
    let mut attempts = 0;
    loop {
        let answer = http.post(format!("{}/auth/login", urls.bank)).json(login).send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        attempts += 1;
        if matches!(status.as_u16(), 401 | 503) && attempts < MAX_ATTEMPTS {
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        let tokens: Value = serde_json::from_str(&text)?;
        let token = tokens["access_token"].as_str().map(str::to_owned);
        return token.with_context(|| format!("the login was refused: {status} {}", tokens["error"]));
    }
}

impl Ledger {
    /// Logs in and makes the client that accounts are opened for.
    pub(crate) async fn prepare(urls: Urls) -> anyhow::Result<Self> {
        let http = Client::builder().no_proxy().timeout(TIME_LIMIT).build()?;
        let login = json!({"email": ADMIN, "password": PASSWORD});
        let token = log_in(&http, &urls, &login).await?;
        let mut ledger = Self {
            urls,
            http,
            token,
            client_id: 0,
            bank_id: 0,
            first_account: 0,
            stopped: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            repeated: AtomicU64::new(0),
            banks: Mutex::default(),
            money: Book::default(),
        };
        ledger.client_id = ledger.create("/api/clients", "client", json!({"name": "Kill Test"})).await?;
        ledger.bank_id = ledger.create("/api/banks", "bank", json!({"name": "Bank Zero"})).await?;
        lock(&ledger.banks).push((ledger.bank_id, "Bank Zero".to_owned()));
        ledger.first_account = ledger.open_account("account", SHARED).await?;
        Ok(ledger)
    }

    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    async fn open_account(&self, key: &str, balance: i64) -> anyhow::Result<i64> {
        let body = json!({"client_id": self.client_id, "bank_id": self.bank_id, "balance": balance});
        let id = self.create("/api/accounts", key, body).await?;
        self.money.opened(Pot::Account(id), balance);
        Ok(id)
    }

    async fn open_card(&self, key: &str, balance: i64) -> anyhow::Result<i64> {
        let path = format!("/api/accounts/{}/cards", self.first_account);
        let id = self.create(&path, key, json!({"balance": balance})).await?;
        self.money.opened(Pot::Card(id), balance);
        Ok(id)
    }

    async fn create(&self, path: &str, key: &str, body: Value) -> anyhow::Result<i64> {
        let answer = self.send(path, key, &body).await?;
        answer["item"]["id"].as_i64().with_context(|| format!("no id in {answer}"))
    }
}

impl Caller for Ledger {
    /// Repeats until there is an answer, always under the same key.
    async fn send(&self, path: &str, key: &str, body: &Value) -> anyhow::Result<Value> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        for _ in 0..MAX_ATTEMPTS {
            let request = self.http.post(format!("{}{path}", self.urls.bank)).bearer_auth(&self.token);
            let answer = request.header("Idempotency-Key", key).json(body).send().await;
            let Ok(answer) = answer else {
                self.repeated.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            let status = answer.status();
            let Ok(text) = answer.text().await else { continue };
            match status {
                StatusCode::CREATED | StatusCode::OK => return Ok(serde_json::from_str(&text)?),
                StatusCode::SERVICE_UNAVAILABLE => tokio::time::sleep(PAUSE).await,
                _ => bail!("POST {path} was answered {status}: {text}"),
            }
        }
        bail!("POST {path} was not answered in {MAX_ATTEMPTS} tries")
    }
}

pub(crate) fn lock<T>(list: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    list.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A client that runs until it is stopped.
pub(crate) fn spawn(ledger: std::sync::Arc<Ledger>, number: u32) -> JoinHandle<anyhow::Result<()>> {
    #[expect(clippy::disallowed_methods, reason = "a test program: the task's outcome is awaited and reported")]
    tokio::spawn(async move {
        let letters = ["A", "B", "C", "D", "E", "F", "G", "H"];
        let mine = letters[usize::try_from(number)? % letters.len()];
        for round in 0_i64.. {
            if ledger.stopped.load(Ordering::Relaxed) {
                break;
            }
            let name = format!("Bank {mine}{}", word(round));
            let bank = ledger.create("/api/banks", &format!("bank-{mine}-{round}"), json!({"name": name})).await?;
            lock(&ledger.banks).push((bank, name));
            let account = ledger.open_account(&format!("account-{mine}-{round}"), round).await?;
            let card = ledger.open_card(&format!("card-{mine}-{round}"), round).await?;
            let mover = Mover { caller: &*ledger, book: &ledger.money };
            let shared = Pot::Account(ledger.first_account);
            let pots = Pots { shared, account: Pot::Account(account), card: Pot::Card(card) };
            mover.round(&format!("money-{mine}-{round}"), round.unsigned_abs(), pots).await?;
        }
        Ok(())
    })
}

/// A number in letters of the alphabet, since names have no digits.
fn word(mut number: i64) -> String {
    let mut letters = String::new();
    loop {
        let digit = u8::try_from(number % 26).unwrap_or_default();
        letters.insert(0, char::from(b'a' + digit));
        number /= 26;
        if number == 0 {
            return letters;
        }
    }
}
