//! A small bank: reference data, and two users with a client, an account and a card each.

use serde_json::{Value, json};

use crate::harness::{Person, TestApp};

pub(crate) struct Fixture {
    pub(crate) app: TestApp,
    pub(crate) admin: Person,
    pub(crate) bank: i64,
    pub(crate) city: i64,
    pub(crate) status: i64,
    pub(crate) branch: i64,
    pub(crate) ada: Owner,
    pub(crate) bob: Owner,
}

/// A user with its items.
pub(crate) struct Owner {
    pub(crate) person: Person,
    pub(crate) client: i64,
    pub(crate) account: i64,
    pub(crate) card: i64,
}

impl Owner {
    pub(crate) fn token(&self) -> &str {
        &self.person.token
    }
}

pub(crate) fn id(item: &Value) -> i64 {
    item["id"].as_i64().unwrap_or_else(|| panic!("{item} has no id"))
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let app = TestApp::start().await;
        let admin = app.admin().await;
        let bank = id(&app.post(&admin.token, "/api/banks", json!({"name": "First Bank"})).await.item(201));
        let city = id(&app.post(&admin.token, "/api/cities", json!({"name": "Lisbon"})).await.item(201));
        let status = id(&app.post(&admin.token, "/api/social-statuses", json!({"name": "student"})).await.item(201));
        let branches = format!("/api/banks/{bank}/branches");
        let branch = id(&app.post(&admin.token, &branches, json!({"city_id": city})).await.item(201));
        let ada = owner(&app, "ada@example.com", "Ada", bank, status).await;
        let bob = owner(&app, "bob@example.com", "Bob", bank, status).await;
        Self { app, admin, bank, city, status, branch, ada, bob }
    }

    /// Everything that an administrator sees, to detect any change.
    pub(crate) async fn snapshot(&self) -> Value {
        let mut all = serde_json::Map::new();
        for path in ["banks", "cities", "social-statuses", "branches", "clients", "accounts", "cards"] {
            let list = self.app.get(&self.admin.token, &format!("/api/{path}?page_size=100")).await.expect(200);
            all.insert(path.to_owned(), list["results"].clone());
        }
        all.insert("events".to_owned(), json!(self.app.event_types(0).await.len()));
        Value::Object(all)
    }
}

async fn owner(app: &TestApp, email: &str, name: &str, bank: i64, status: i64) -> Owner {
    let person = app.user(email).await;
    let token = &person.token;
    let client = json!({"name": name, "social_status_id": status});
    let client = id(&app.post(token, "/api/clients", client).await.item(201));
    let accounts = format!("/api/banks/{bank}/accounts");
    let account = id(&app.post(token, &accounts, json!({"client_id": client, "balance": 520})).await.item(201));
    let cards = format!("/api/accounts/{account}/cards");
    let card = id(&app.post(token, &cards, json!({"balance": 100})).await.item(201));
    Owner { person, client, account, card }
}
