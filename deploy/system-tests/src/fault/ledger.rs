//! Clients that create banks, accounts, cards and cities and move money, repeat unanswered requests, and record the answers.
//!
//! Each request has an `Idempotency-Key` and is repeated until it is answered: in the end each has taken effect once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use system_tests::money::{Book, Caller, Mover, Pot, Pots};

pub(crate) const ADMIN: &str = "admin@bank.localhost";
pub(crate) const PASSWORD: &str = "a password for the fault test";
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// The longest time that a request is repeated before the test fails: longer than any outage.
const RETRY_LIMIT: Duration = Duration::from_mins(4);
const PAUSE: Duration = Duration::from_millis(50);
/// A token lives for 15 minutes.
const TOKEN_KEPT: Duration = Duration::from_mins(5);
/// More than the clients take from the account that they share.
const SHARED: u32 = 1_000_000_000;
/// The record of an opened account or card: its money is in the [`Book`].
pub(crate) const OPENED: &str = "opened";

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Entity {
    Bank,
    Account,
    Card,
    City,
    Client,
}

impl Entity {
    pub(crate) const ALL: [Self; 5] = [Self::Bank, Self::Account, Self::Card, Self::City, Self::Client];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bank => "bank",
            Self::Account => "account",
            Self::Card => "card",
            Self::City => "city",
            Self::Client => "client",
        }
    }
}

/// The requests and their answers.
pub(crate) struct Ledger {
    /// Addresses of the replicas of bank-service.
    banks: Mutex<Vec<String>>,
    pub(crate) http: Client,
    token: Mutex<Option<(String, Instant)>>,
    parents: Mutex<Parents>,
    accepted: Mutex<BTreeMap<(Entity, i64), String>>,
    pub(crate) money: Book,
    pub(crate) stopped: AtomicBool,
    turn: AtomicUsize,
    serial: AtomicU32,
    pub(crate) requests: AtomicU64,
    pub(crate) repeated: AtomicU64,
    /// Answers of 5xx other than 503, which no client should get.
    pub(crate) odd: Mutex<BTreeMap<u16, u64>>,
}

#[derive(Clone, Copy, Default)]
struct Parents {
    client: i64,
    bank: i64,
    account: i64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ledger {
    /// Makes the bank, the client and the account that the other items belong to.
    pub(crate) async fn prepare(banks: Vec<String>) -> anyhow::Result<Self> {
        let ledger = Self {
            banks: Mutex::new(banks),
            http: Client::builder().no_proxy().timeout(TIME_LIMIT).build()?,
            token: Mutex::default(),
            parents: Mutex::default(),
            accepted: Mutex::default(),
            money: Book::default(),
            stopped: AtomicBool::new(false),
            turn: AtomicUsize::new(0),
            serial: AtomicU32::new(0),
            requests: AtomicU64::new(0),
            repeated: AtomicU64::new(0),
            odd: Mutex::default(),
        };
        let bank = ledger.bank().await?;
        let client = ledger.client().await?;
        *lock(&ledger.parents) = Parents { client, bank, account: 0 };
        let account = ledger.account_with(SHARED).await?;
        lock(&ledger.parents).account = account;
        Ok(ledger)
    }

    /// Everything that was answered with an id, with its requested value.
    pub(crate) fn accepted(&self) -> BTreeMap<(Entity, i64), String> {
        lock(&self.accepted).clone()
    }

    /// A unique number.
    fn serial(&self) -> u32 {
        self.serial.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) async fn bank(&self) -> anyhow::Result<i64> {
        let name = format!("Bank {}", word(self.serial()));
        self.named_bank(&name).await
    }

    pub(crate) async fn named_bank(&self, name: &str) -> anyhow::Result<i64> {
        self.create(Entity::Bank, "/api/banks", json!({ "name": name }), name.to_owned()).await
    }

    pub(crate) async fn city(&self) -> anyhow::Result<i64> {
        let name = format!("City {}", word(self.serial()));
        self.create(Entity::City, "/api/cities", json!({ "name": name }), name.clone()).await
    }

    async fn client(&self) -> anyhow::Result<i64> {
        let name = format!("Client {}", word(self.serial()));
        self.create(Entity::Client, "/api/clients", json!({ "name": name }), name.clone()).await
    }

    pub(crate) async fn account(&self) -> anyhow::Result<i64> {
        self.account_with(self.serial()).await
    }

    async fn account_with(&self, balance: u32) -> anyhow::Result<i64> {
        let parents = *lock(&self.parents);
        let body = json!({ "client_id": parents.client, "bank_id": parents.bank, "balance": balance });
        let id = self.create(Entity::Account, "/api/accounts", body, OPENED.to_owned()).await?;
        self.money.opened(Pot::Account(id), balance.into());
        Ok(id)
    }

    pub(crate) async fn card(&self) -> anyhow::Result<i64> {
        let balance = self.serial();
        let path = format!("/api/accounts/{}/cards", lock(&self.parents).account);
        let id = self.create(Entity::Card, &path, json!({ "balance": balance }), OPENED.to_owned()).await?;
        self.money.opened(Pot::Card(id), balance.into());
        Ok(id)
    }

    /// Moves money between this account, this card and the account that all clients share.
    pub(crate) async fn move_money(&self, account: i64, card: i64) -> anyhow::Result<()> {
        let (round, shared) = (self.serial(), lock(&self.parents).account);
        let pots = Pots { shared: Pot::Account(shared), account: Pot::Account(account), card: Pot::Card(card) };
        let mover = Mover { caller: self, book: &self.money };
        mover.round(&format!("money-{round}"), round.into(), pots).await
    }

    /// One transfer from the account that all share; its id.
    pub(crate) async fn pay(&self, to: Pot, amount: i64) -> anyhow::Result<String> {
        let (key, shared) = (format!("pay-{}", self.serial()), Pot::Account(lock(&self.parents).account));
        Mover { caller: self, book: &self.money }.transfer(&key, (shared, to, amount)).await
    }

    async fn create(&self, entity: Entity, path: &str, body: Value, value: String) -> anyhow::Result<i64> {
        let key = format!("{}-{}", entity.name(), self.serial());
        let item = self.post(path, &key, &body).await?;
        let id = item["item"]["id"].as_i64().with_context(|| format!("no id in {item}"))?;
        lock(&self.accepted).insert((entity, id), value);
        Ok(id)
    }

    /// Repeats until there is an answer, always under the same key.
    pub(crate) async fn post(&self, path: &str, key: &str, body: &Value) -> anyhow::Result<Value> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let begun = Instant::now();
        while begun.elapsed() < RETRY_LIMIT {
            let Some(token) = self.token().await else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            let request = self.http.post(format!("{}{path}", self.address())).bearer_auth(token);
            let answer = request.header("Idempotency-Key", key).json(body).send().await;
            let answered = match answer {
                Ok(answer) => (answer.status(), answer.text().await.ok()),
                Err(_) => (StatusCode::SERVICE_UNAVAILABLE, None),
            };
            match answered {
                (StatusCode::CREATED | StatusCode::OK, Some(text)) => return Ok(serde_json::from_str(&text)?),
                (StatusCode::CREATED | StatusCode::OK | StatusCode::SERVICE_UNAVAILABLE, _) => {}
                (status, _) if status.is_server_error() => *lock(&self.odd).entry(status.as_u16()).or_default() += 1,
                (StatusCode::UNAUTHORIZED, _) => *lock(&self.token) = None,
                (status, text) => bail!("POST {path} was answered {status}: {}", text.unwrap_or_default()),
            }
            self.repeated.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(PAUSE).await;
        }
        bail!("POST {path} was not answered in {} s", RETRY_LIMIT.as_secs())
    }

    /// The replicas in turn.
    fn address(&self) -> String {
        let (turn, banks) = (self.turn.fetch_add(1, Ordering::Relaxed), lock(&self.banks));
        banks.get(turn % banks.len().max(1)).cloned().unwrap_or_default()
    }

    /// From now on requests go to this replica too.
    pub(crate) fn add_replica(&self, url: String) {
        lock(&self.banks).push(url);
    }

    /// Renames a bank; a repetition may be applied twice.
    pub(crate) async fn rename(&self, bank: i64) -> anyhow::Result<()> {
        let name = format!("Bank {}", word(self.serial()));
        let begun = Instant::now();
        while begun.elapsed() < RETRY_LIMIT {
            if let Some(token) = self.token().await {
                let request = self.http.put(format!("{}/api/banks/{bank}", self.address())).bearer_auth(token);
                let answer = request.json(&json!({ "name": name })).send().await;
                if answer.is_ok_and(|answer| answer.status().is_success()) {
                    lock(&self.accepted).insert((Entity::Bank, bank), name);
                    return Ok(());
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
        bail!("bank {bank} could not be renamed")
    }

    /// A token that is valid for a while; none while no service issues one.
    pub(crate) async fn token(&self) -> Option<String> {
        if let Some((token, since)) = lock(&self.token).clone()
            && since.elapsed() < TOKEN_KEPT
        {
            return Some(token);
        }
        let login = json!({ "email": ADMIN, "password": PASSWORD });
        let answer = self.http.post(format!("{}/auth/login", self.address())).json(&login).send().await.ok()?;
        let tokens: Value = answer.json().await.ok()?;
        let token = tokens["access_token"].as_str()?.to_owned();
        *lock(&self.token) = Some((token.clone(), Instant::now()));
        Some(token)
    }

    pub(crate) fn odd(&self) -> BTreeMap<u16, u64> {
        lock(&self.odd).clone()
    }
}

impl Caller for Ledger {
    async fn send(&self, path: &str, key: &str, body: &Value) -> anyhow::Result<Value> {
        self.post(path, key, body).await
    }
}

/// A number in letters of the alphabet, since names have no digits.
pub(crate) fn word(mut number: u32) -> String {
    let mut letters = String::new();
    loop {
        letters.insert(0, char::from(b'a' + u8::try_from(number % 26).unwrap_or_default()));
        number /= 26;
        if number == 0 {
            return letters;
        }
    }
}
