//! `--demo`: fills an empty system over its own HTTP API, so that every row has its events, mails and log entries; then money moves.

use std::time::Duration;

use anyhow::{Context, bail};
use bank_service::domain::bank::Bank;
use bank_service::http::AppState;
use bank_service::operations::named;
use reqwest::Client;
use serde_json::{Value, json};
use service_kit::config::Secret;
use service_kit::http::paging::{ListQuery, PageRequest};

use crate::demo_money::{DemoClient, move_money};

const TIME_LIMIT: Duration = Duration::from_secs(10);
const BANKS: [&str; 3] = ["First Bank", "Harbour Savings", "Alpine Credit"];
const CITIES: [&str; 4] = ["Lisbon", "Kraków", "İzmir", "Saint-Étienne"];
const STATUSES: [&str; 3] = ["student", "employee", "pensioner"];
/// First balances of the clients' accounts, in minor units, and their currencies.
const ACCOUNTS: [(i64, &str); 3] = [(152_000, "EUR"), (9_900, "USD"), (250_000, "JPY")];

struct Api {
    client: Client,
    bank: String,
    token: String,
    /// Generated at each first start: a known one would open every demo that is reachable over a network.
    users_password: Secret,
}

/// The logins besides the administrator's.
pub(crate) struct DemoUsers {
    pub(crate) addresses: Vec<String>,
    pub(crate) password: Secret,
}

/// Seeds an empty system, and gives the password of the demo users; does nothing if there are banks already.
pub(crate) async fn seed(
    state: &AppState,
    bank: &str,
    email: &str,
    password: Option<&Secret>,
) -> anyhow::Result<Option<DemoUsers>> {
    // Read without a login: from the second start on, only the newcomer has the password.
    let first = ListQuery { page: PageRequest::After { cursor: None, size: 1 }, filters: Vec::new() };
    let banks = state.store.read(move |db| named::list::<Bank>(db, &first)).await.context("--demo")?;
    if !banks.rows.is_empty() {
        return Ok(None);
    }
    let Some(password) = password else {
        bail!("--demo: the administrator's password is not known; set ADMIN_PASS to that of the first start");
    };
    let client = service_kit::http::client(TIME_LIMIT);
    let login = json!({"email": email, "password": password.expose()});
    let answer = client.post(format!("{bank}/auth/login")).json(&login).send().await.context("--demo: login")?;
    if !answer.status().is_success() {
        bail!("--demo: the login as {email} was refused; is ADMIN_PASS the password of the first start?");
    }
    let tokens: Value = answer.json().await.context("--demo: login")?;
    let token = tokens.get("access_token").and_then(Value::as_str).unwrap_or_default().to_owned();
    let api = Api { client, bank: bank.to_owned(), token, users_password: crate::secrets::new_password() };
    let (addresses, clients) = api.seed().await.context("--demo")?;
    move_money(state, &clients).await.context("--demo: money")?;
    Ok(Some(DemoUsers { addresses, password: api.users_password }))
}

impl Api {
    /// Gives the addresses of the users, and their clients.
    async fn seed(&self) -> anyhow::Result<(Vec<String>, Vec<DemoClient>)> {
        let (mut addresses, mut clients) = (Vec::new(), Vec::new());
        let mut banks = Vec::new();
        let mut cities = Vec::new();
        let mut statuses = Vec::new();
        for name in BANKS {
            banks.push(self.create("/api/banks", json!({"name": name})).await?);
        }
        for name in CITIES {
            cities.push(self.create("/api/cities", json!({"name": name})).await?);
        }
        for name in STATUSES {
            statuses.push(self.create("/api/social-statuses", json!({"name": name})).await?);
        }
        for (number, (bank, city)) in banks.iter().cycle().zip(&cities).enumerate() {
            self.create(&format!("/api/banks/{bank}/branches"), json!({"city_id": city})).await?;
            let status = statuses.iter().cycle().nth(number).copied();
            let (address, client) = self.client_of(number, *bank, status).await?;
            addresses.push(address);
            clients.push(client);
        }
        Ok((addresses, clients))
    }

    /// A user with a client.
    async fn client_of(&self, number: usize, bank: i64, status: Option<i64>) -> anyhow::Result<(String, DemoClient)> {
        let letter = ["A", "B", "C", "D"].get(number).unwrap_or(&"E");
        let email = format!("client-{}@bank.localhost", letter.to_lowercase());
        let user = json!({"email": email, "password": self.users_password.expose(), "roles": ["user"]});
        let user = self.create("/api/users", user).await?;
        let client = json!({"name": format!("Demo Client {letter}"), "social_status_id": status, "user_id": user});
        let client = self.create("/api/clients", client).await?;
        let (balance, currency) = ACCOUNTS.iter().cycle().nth(number).copied().unwrap_or((0, "EUR"));
        Ok((email, DemoClient { id: client, bank, balance, currency }))
    }

    /// Creates an item and gives its id.
    async fn create(&self, path: &str, body: Value) -> anyhow::Result<i64> {
        let request = self.client.post(format!("{}{path}", self.bank)).bearer_auth(&self.token).json(&body);
        let answer = request.send().await.with_context(|| format!("POST {path}"))?;
        let status = answer.status();
        let body: Value = answer.json().await.with_context(|| format!("POST {path}"))?;
        match body.pointer("/item/id").and_then(Value::as_i64) {
            Some(id) if status.is_success() => Ok(id),
            _ => bail!("POST {path} was answered {status}: {}", body.get("detail").unwrap_or(&Value::Null)),
        }
    }
}
