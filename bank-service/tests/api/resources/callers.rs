//! The callers in the test of the access table, and their requests.

use std::sync::atomic::{AtomicUsize, Ordering};

use bank_service::domain::policy::{Action, Method, Rule, Who};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::fixture::{Fixture, id};
use crate::harness::{PASSWORD, Person};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    Anonymous,
    Owner,
    Stranger,
    CustomRole,
    Manager,
    Admin,
    Blocked,
}

pub(super) const CALLERS: [Caller; 7] = [
    Caller::Anonymous,
    Caller::Owner,
    Caller::Stranger,
    Caller::CustomRole,
    Caller::Manager,
    Caller::Admin,
    Caller::Blocked,
];

pub(super) struct Callers {
    stranger: Person,
    custom: Person,
    manager: Person,
    blocked: Person,
}

impl Callers {
    pub(super) async fn new(fixture: &Fixture) -> Self {
        let admin = &fixture.admin;
        fixture.app.post(&admin.token, "/api/roles", json!({"name": "auditor"})).await.expect(201);
        let stranger = fixture.app.user("stranger@example.com").await;
        let custom = fixture.app.with_roles(admin, "auditor@example.com", &["auditor"]).await;
        let manager = fixture.app.manager(admin).await;
        let blocked = fixture.app.user("blocked@example.com").await;
        fixture
            .app
            .put(&admin.token, &format!("/api/users/{}", blocked.id), json!({"is_blocked": true}))
            .await
            .expect(200);
        Self { stranger, custom, manager, blocked }
    }

    pub(super) fn token<'a>(&'a self, fixture: &'a Fixture, caller: Caller) -> Option<&'a str> {
        match caller {
            Caller::Anonymous => None,
            Caller::Owner => Some(fixture.ada.token()),
            Caller::Stranger => Some(&self.stranger.token),
            Caller::CustomRole => Some(&self.custom.token),
            Caller::Manager => Some(&self.manager.token),
            Caller::Admin => Some(&fixture.admin.token),
            Caller::Blocked => Some(&self.blocked.token),
        }
    }
}

/// Whether the table allows this caller the action on the owner's item.
pub(super) fn allowed(rule: &Rule, caller: Caller) -> bool {
    let any = match rule.any {
        Who::Nobody => false,
        Who::Admin => caller == Caller::Admin,
        Who::Staff => matches!(caller, Caller::Admin | Caller::Manager),
        Who::AnyRole => !matches!(caller, Caller::Anonymous | Caller::Blocked),
        Who::Everybody => true,
    };
    any || (rule.own && caller == Caller::Owner)
}

/// Lists without a parent contain no foreign item: every permitted caller gets its own.
pub(super) fn is_own_list(action: Action, path: &str) -> bool {
    matches!(action, Action::ListDevices | Action::RegisterDevice)
        || (action == Action::ReadTransfer && path == "/api/transfers")
        || matches!(action, Action::ListAccounts | Action::ListCards)
            && !path.contains("client_id")
            && !path.contains("account_id")
}

/// A body with a name or an address that no other call uses.
pub(super) fn body_of(action: Action, fixture: &Fixture) -> Value {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let number = CALLS.fetch_add(1, Ordering::Relaxed);
    match action {
        Action::CreateBank | Action::CreateCity | Action::CreateSocialStatus => {
            json!({"name": format!("New Name {number}")})
        }
        Action::UpdateBank | Action::UpdateCity | Action::UpdateSocialStatus | Action::UpdateClient => {
            json!({"name": "Other Name"})
        }
        Action::TestDevice => json!({"title": "Test"}),
        Action::CreateBranch | Action::UpdateBranch => json!({"city_id": fixture.city}),
        Action::CreateClient => json!({"name": "New Client", "user_id": fixture.ada.person.id}),
        Action::CreateAccount => json!({"client_id": fixture.ada.client, "bank_id": fixture.bank, "balance": 1}),
        Action::CreateUser => json!({"email": format!("new{number}@example.com"), "password": PASSWORD}),
        Action::UpdateUser => json!({"roles": ["user"]}),
        Action::CreateRole => json!({"name": format!("new-role-{number}")}),
        Action::RegisterDevice => device(),
        Action::UpdateRole => json!({"name": "other-role"}),
        Action::CreateTransfer => {
            json!({"from": side(fixture.ada.account), "to": side(fixture.bob.account), "amount": 1})
        }
        Action::CaptureTransfer | Action::VoidTransfer => json!({}),
        Action::ReverseTransfer => json!({"description": "a mistake"}),
        Action::MoveOutside => json!({"amount": 1}),
        Action::ReplayDeadLetters | Action::DiscardDeadLetters => {
            json!({"queue": "log-service", "all": true, "dry_run": true})
        }
        _ => json!({"balance": 7}),
    }
}

fn side(account: i64) -> Value {
    json!({"account_id": account})
}

/// A transfer that can be captured, voided or reversed once: it is to the owner.
async fn fresh_transfer(action: Action, fixture: &Fixture) -> String {
    let mut body = json!({"from": side(fixture.bob.account), "to": side(fixture.ada.account), "amount": 1});
    if action != Action::ReverseTransfer {
        body["hold"] = json!(true);
    }
    let made = fixture.app.post(fixture.bob.token(), "/api/transfers", body).await.expect(201);
    made["item"]["id"].as_str().unwrap().to_owned()
}

/// [`path_of`] for a request that is not refused: what can be done once is made anew.
pub(super) async fn path_to_do(action: Action, pattern: &str, fixture: &Fixture) -> String {
    match action {
        Action::CaptureTransfer | Action::VoidTransfer | Action::ReverseTransfer => {
            pattern.replace("{id}", &fresh_transfer(action, fixture).await)
        }
        _ => path_of(action, pattern, fixture).await,
    }
}

/// The pattern with the owner's ids filled in.
pub(super) async fn path_of(action: Action, pattern: &str, fixture: &Fixture) -> String {
    let item = match action {
        Action::ReadBank | Action::UpdateBank | Action::DeleteBank => fixture.bank,
        Action::ReadCity | Action::UpdateCity | Action::DeleteCity => fixture.city,
        Action::ReadSocialStatus | Action::UpdateSocialStatus | Action::DeleteSocialStatus => fixture.status,
        Action::ReadBranch | Action::UpdateBranch | Action::DeleteBranch => fixture.branch,
        Action::ReadClient | Action::UpdateClient | Action::DeleteClient => fixture.ada.client,
        Action::ReadCard | Action::UpdateCard | Action::DeleteCard => fixture.ada.card,
        Action::ReadEntries if pattern.contains("/cards/") => fixture.ada.card,
        Action::ReadEntries
        | Action::MoveOutside
        | Action::ReadAccount
        | Action::UpdateAccount
        | Action::DeleteAccount => fixture.ada.account,
        Action::ReadRole | Action::UpdateRole | Action::DeleteRole => {
            let roles = fixture.app.get(&fixture.admin.token, "/api/roles?name=auditor").await.expect(200);
            id(&roles["results"][0])
        }
        Action::RemoveDevice | Action::TestDevice => device_of_ada(fixture).await,
        _ => fixture.ada.person.id,
    };
    let pattern = match action {
        Action::ReadEvent => pattern.replace("{id}", &fixture.app.events().await[0].id.to_string()),
        Action::ReadTransfer => {
            let path = format!("/api/transfers?account_id={}", fixture.ada.account);
            let all = fixture.app.get(&fixture.admin.token, &path).await.expect(200);
            pattern.replace("{id}", all["results"][0]["id"].as_str().unwrap())
        }
        Action::CaptureTransfer | Action::VoidTransfer | Action::ReverseTransfer => {
            pattern.replace("{id}", "01980f3e-0c1a-7c3e-9f0a-3f6d2b1c8e55")
        }
        Action::ReadDeadLetter => pattern.replace("{queue}/{id}", &fixture.app.dead_letters.some().await),
        _ => pattern.to_owned(),
    };
    pattern
        .replace("{id}", &item.to_string())
        .replace("{bank_id}", &fixture.bank.to_string())
        .replace("{client_id}", &fixture.ada.client.to_string())
        .replace("{account_id}", &fixture.ada.account.to_string())
}

pub(super) async fn call(
    fixture: &Fixture,
    method: Method,
    path: &str,
    token: Option<&str>,
    body: Value,
) -> StatusCode {
    let app = &fixture.app;
    let name = method.as_str().parse().unwrap();
    let request = app.request(name, path, token);
    let request = if matches!(method, Method::Post | Method::Put) { request.json(&body) } else { request };
    let answer = app.send(request).await;
    if answer.status == StatusCode::FORBIDDEN {
        assert!(["access_denied", "blocked"].contains(&answer.outcome().1), "{method:?} {path}: {}", answer.body);
    }
    answer.status
}

/// Creates an item to delete, the owner's where items have owners, and returns its path.
pub(super) async fn fresh_item(action: Action, pattern: &str, fixture: &Fixture) -> String {
    let (app, admin) = (&fixture.app, &fixture.admin.token);
    let (list, body) = match action {
        Action::DeleteBank => ("/api/banks".to_owned(), json!({"name": "Passing Bank"})),
        Action::DeleteCity => ("/api/cities".to_owned(), json!({"name": "Passing City"})),
        Action::DeleteSocialStatus => ("/api/social-statuses".to_owned(), json!({"name": "passing"})),
        Action::DeleteBranch => (format!("/api/banks/{}/branches", fixture.bank), json!({"city_id": fixture.city})),
        Action::DeleteClient => {
            return pattern.replace("{id}", &client_of_ada(fixture).await.to_string());
        }
        Action::DeleteAccount | Action::DeleteCard => {
            let client = client_of_ada(fixture).await;
            let body = json!({"client_id": client, "bank_id": fixture.bank});
            if action == Action::DeleteAccount {
                ("/api/accounts".to_owned(), body)
            } else {
                let account = id(&app.post(admin, "/api/accounts", body).await.item(201));
                (format!("/api/accounts/{account}/cards"), json!({}))
            }
        }
        Action::ResetMfa => {
            let user = crate::identity::authenticator::secured(app, "factor@example.com").await;
            return pattern.replace("{id}", &user.person.id.to_string());
        }
        Action::RemoveDevice => return pattern.replace("{id}", &device_of_ada(fixture).await.to_string()),
        Action::DeleteRole => ("/api/roles".to_owned(), json!({"name": "passing"})),
        Action::DeleteUser => ("/api/users".to_owned(), json!({"email": "passing@example.com", "password": PASSWORD})),
        other => panic!("{other:?} deletes nothing"),
    };
    pattern.replace("{id}", &id(&app.post(admin, &list, body).await.item(201)).to_string())
}

fn device() -> Value {
    json!({"device_id": "phone", "device_type": "ios", "push_token": "a-push-token-of-somebody"})
}

async fn device_of_ada(fixture: &Fixture) -> i64 {
    id(&fixture.app.post(fixture.ada.token(), "/api/devices", device()).await.item(201))
}

async fn client_of_ada(fixture: &Fixture) -> i64 {
    let path = format!("/api/clients?user_id={}", fixture.ada.person.id);
    let found = fixture.app.get(&fixture.admin.token, &path).await.expect(200);
    if let Some(client) = found["results"].get(0) {
        return id(client);
    }
    let body = json!({"name": "Ada", "user_id": fixture.ada.person.id});
    id(&fixture.app.post(&fixture.admin.token, "/api/clients", body).await.item(201))
}
