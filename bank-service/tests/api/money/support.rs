//! The helpers of the tests of money. Each account of the fixture begins with 520, and each card with 100.

use std::time::Duration;

use bank_service::config::Config;
use bank_service::store::ledger::verify;
use reqwest::Method;
use serde_json::{Value, json};
use shared_events::Envelope;

use crate::harness::{ADMIN, Answer, TestApp};
use crate::resources::fixture::Fixture;

pub(super) fn account(id: i64) -> Value {
    json!({"account_id": id})
}

pub(super) fn card(id: i64) -> Value {
    json!({"card_id": id})
}

/// The body of a transfer.
pub(super) fn order(from: &Value, to: &Value, amount: i64) -> Value {
    json!({"from": from, "to": to, "amount": amount})
}

/// The id of a transfer.
pub(super) fn uuid(transfer: &Value) -> String {
    transfer["id"].as_str().unwrap_or_else(|| panic!("{transfer} has no id")).to_owned()
}

/// One number of each item of a list.
pub(super) fn numbers(list: &[Value], field: &str) -> Vec<i64> {
    list.iter().map(|item| item[field].as_i64().unwrap_or_else(|| panic!("{item} has no {field}"))).collect()
}

/// Fails the test unless the ledger is what its entries make it.
pub(super) async fn verified(app: &TestApp) {
    let found = app.running.state.store.read(verify).await.unwrap();
    assert!(found.is_clean(), "{} violations: {:#?}", found.violations, found.listed);
    assert!(found.entries > 0 && found.transfers > 0, "{found:?}");
}

impl Fixture {
    /// The same bank after a restart under other rules.
    pub(super) async fn restarted(mut self, change: impl FnOnce(&mut Config)) -> Self {
        let clock = self.app.clock.clone();
        let folder = self.app.stop().await;
        self.app = TestApp::start_in(folder, clock, change).await;
        self
    }

    /// Lets time pass. Everybody logs in again, since access tokens are valid for minutes.
    pub(super) async fn advance(&mut self, by: Duration) {
        self.app.clock.advance(by);
        self.admin = self.app.person(ADMIN).await;
        self.ada.person = self.app.person("ada@example.com").await;
        self.bob.person = self.app.person("bob@example.com").await;
    }

    /// The body of a transfer from Ada's account to Bob's.
    pub(crate) fn to_bob(&self, amount: i64) -> Value {
        order(&account(self.ada.account), &account(self.bob.account), amount)
    }

    /// Moves money from Ada's account to Bob's; the transfer as Ada sees it.
    pub(crate) async fn pay(&self, amount: i64) -> Value {
        self.app.post(self.ada.token(), "/api/transfers", self.to_bob(amount)).await.item(201)
    }

    /// Holds money of Ada's account for Bob's for a minute; the hold's id.
    pub(super) async fn hold(&self, amount: i64) -> String {
        let mut body = self.to_bob(amount);
        body["hold"] = json!(true);
        body["expires_in"] = json!(60);
        uuid(&self.app.post(self.ada.token(), "/api/transfers", body).await.item(201))
    }

    /// Captures, voids or reverses a transfer.
    pub(super) async fn change(&self, token: &str, id: &str, how: &str, body: Value) -> Answer {
        self.app.post(token, &format!("/api/transfers/{id}/{how}"), body).await
    }

    /// A deposit by the administrator.
    pub(super) async fn deposit(&self, account: i64, amount: i64) -> Value {
        let path = format!("/api/accounts/{account}/deposits");
        self.app.post(&self.admin.token, &path, json!({"amount": amount})).await.item(201)
    }

    /// A POST under an `Idempotency-Key`.
    pub(super) async fn keyed(&self, token: &str, path: &str, key: &str, body: &Value) -> Answer {
        let request = self.app.request(Method::POST, path, Some(token)).header("Idempotency-Key", key);
        self.app.send(request.json(body)).await
    }

    /// Balance, held and available of an account.
    pub(super) async fn figures(&self, account: i64) -> [i64; 3] {
        let item = self.app.get(&self.admin.token, &format!("/api/accounts/{account}")).await.expect(200);
        ["balance", "held", "available"].map(|field| item[field].as_i64().unwrap())
    }

    pub(super) async fn card_balance(&self, card: i64) -> i64 {
        let item = self.app.get(&self.admin.token, &format!("/api/cards/{card}")).await.expect(200);
        item["balance"].as_i64().unwrap()
    }

    /// Debit and credit of a bank's own ledger accounts of this kind, which only one bank has.
    pub(super) async fn system(&self, kind: &str) -> (i64, i64) {
        let balance = self.app.get(&self.admin.token, "/api/ledger/trial-balance").await.expect(200);
        let found = balance["lines"].as_array().unwrap().iter().find(|line| line["kind"] == kind);
        found.map_or((0, 0), |line| (line["debit"].as_i64().unwrap(), line["credit"].as_i64().unwrap()))
    }

    /// The newest 100 results of a list, which `path` names with its filters.
    pub(super) async fn list(&self, token: &str, path: &str) -> Vec<Value> {
        let mark = if path.contains('?') { '&' } else { '?' };
        let list = self.app.get(token, &format!("{path}{mark}page_size=100")).await.expect(200);
        list["results"].as_array().unwrap().clone()
    }

    /// The entries of an account as staff sees them, the newest first.
    pub(super) async fn entries(&self, account: i64) -> Vec<Value> {
        self.list(&self.admin.token, &format!("/api/accounts/{account}/entries")).await
    }

    /// A transfer as staff sees it.
    pub(super) async fn transfer(&self, id: &str) -> Value {
        self.app.get(&self.admin.token, &format!("/api/transfers/{id}")).await.expect(200)
    }

    /// The events of transfers since `from`: their types and data.
    pub(super) async fn transfer_events(&self, from: usize) -> Vec<(String, Value)> {
        let events = self.app.events().await;
        let named = |event: &Envelope| (event.event_type.to_string(), event.body.data.clone());
        events.iter().skip(from).map(named).filter(|(kind, _)| kind.starts_with("transfer.")).collect()
    }

    /// Everything that a refused request leaves as it is: items with their balances, transfers, entries, events.
    pub(super) async fn state(&self) -> Value {
        let mut all = self.snapshot().await;
        all["transfers"] = Value::Array(self.list(&self.admin.token, "/api/transfers").await);
        all["entries"] = json!(self.app.sql_number("SELECT COUNT(*) FROM ledger_entries").await);
        all
    }
}
