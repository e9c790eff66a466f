//! Items to measure with, owned by a plain user, so that the owner's check is part of the measurement: an account with cards, or
//! many accounts with money.

use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use reqwest::Client;
use serde_json::{Value, json};

const TIME_LIMIT: Duration = Duration::from_secs(10);
const CARDS: usize = 1000;
/// They log in in turns; the first owns the account.
const USERS: usize = 32;
const PASSWORD: &str = "a password for the bench";

#[derive(Debug, Args)]
pub(crate) struct Target {
    /// bank-service
    #[arg(long)]
    bank: String,
    /// The administrator's address
    #[arg(long)]
    email: String,
    /// The administrator's password
    #[arg(long)]
    password: String,
}

#[derive(Debug, Args)]
pub(crate) struct Accounts {
    #[command(flatten)]
    target: Target,
    /// How many
    #[arg(long = "accounts", default_value_t = 2_000)]
    count: i64,
    /// The money of each
    #[arg(long, default_value_t = 1_000_000_000)]
    balance: i64,
}

pub(crate) struct Caller {
    pub(crate) http: Client,
    bank: String,
    token: String,
}

impl Caller {
    pub(crate) async fn login(bank: &str, email: &str, password: &str) -> anyhow::Result<Self> {
        let http = service_kit::http::client(TIME_LIMIT);
        let body = json!({"email": email, "password": password});
        let answer = http.post(format!("{bank}/auth/login")).json(&body).send().await?;
        let tokens: Value = answer.json().await?;
        let token = tokens.get("access_token").and_then(Value::as_str).context("the login was refused")?.to_owned();
        Ok(Self { http, bank: bank.to_owned(), token })
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Creates an item and gives its id.
    pub(crate) async fn create(&self, path: &str, body: &Value) -> anyhow::Result<i64> {
        let request = self.http.post(format!("{}{path}", self.bank)).bearer_auth(&self.token).json(body);
        let answer = request.send().await.with_context(|| format!("POST {path}"))?;
        let status = answer.status();
        let body: Value = answer.json().await.with_context(|| format!("POST {path}"))?;
        match body.pointer("/item/id").and_then(Value::as_i64) {
            Some(id) => Ok(id),
            None => bail!("POST {path} was answered {status}: {body}"),
        }
    }
}

/// Prints the token of the owner, the account, the first and last of its cards, and who can log in.
pub(crate) async fn run(target: &Target) -> anyhow::Result<String> {
    let admin = Caller::login(&target.bank, &target.email, &target.password).await?;
    let bank = admin.create("/api/banks", &json!({"name": "Bench Bank"})).await?;
    let email = |number: usize| format!("bench{number}@bank.localhost");
    for number in 1..=USERS {
        admin.create("/auth/register", &json!({"email": email(number), "password": PASSWORD})).await?;
    }
    let owner = Caller::login(&target.bank, &email(1), PASSWORD).await?;
    owner.create("/api/clients", &json!({"name": "Bench Client"})).await?;
    let account = owner.create("/api/accounts", &json!({"bank_id": bank, "balance": 0})).await?;
    let path = format!("/api/accounts/{account}/cards");
    let first = owner.create(&path, &json!({"balance": 100})).await?;
    let mut last = first;
    for _ in 1..CARDS {
        last = owner.create(&path, &json!({"balance": 100})).await?;
    }
    let token = owner.token;
    let user = email(1);
    Ok(format!(
        "token={token} account={account} first={first} last={last} user={user} users={USERS} password='{PASSWORD}'"
    ))
}

/// Prints the first and the last of the accounts, between which are all others, who owns them, and the owner's token.
pub(crate) async fn accounts(wanted: &Accounts) -> anyhow::Result<String> {
    let Accounts { target, count: accounts, balance } = wanted;
    let admin = Caller::login(&target.bank, &target.email, &target.password).await?;
    let bank = admin.create("/api/banks", &json!({"name": "Money Bank"})).await?;
    let user = "money@bank.localhost";
    admin.create("/auth/register", &json!({"email": user, "password": PASSWORD})).await?;
    let owner = Caller::login(&target.bank, user, PASSWORD).await?;
    owner.create("/api/clients", &json!({"name": "Bench Client"})).await?;
    let body = json!({"bank_id": bank, "balance": balance});
    let first = owner.create("/api/accounts", &body).await?;
    let mut last = first;
    for _ in 1..*accounts {
        last = owner.create("/api/accounts", &body).await?;
    }
    // The load picks numbers between them.
    if last - first + 1 != *accounts {
        bail!("the ids of {accounts} accounts are not one after another: {first} to {last}");
    }
    let token = owner.token;
    Ok(format!("token={token} first={first} last={last} user={user} password='{PASSWORD}'"))
}
