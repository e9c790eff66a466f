//! The first sixty seconds: the README's commands, with everything that should follow from them.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use stand_ins::ports::free_port;
use test_support::found;

use crate::api::{Api, client};
use crate::data_files::service;
use crate::process::{ADMIN, Place};

const SOON: Duration = Duration::from_mins(1);
const PASSWORD: &str = "correct horse battery staple";

async fn logged(admin: &Api, event_type: &str, item: &Value) -> Value {
    let what = format!("a log entry {event_type} of {item}");
    let (entry, took) = found(&what, SOON, async || admin.log_of(event_type, &item["id"]).await).await;
    println!("{event_type}: logged after {} ms", took.as_millis());
    entry
}

#[tokio::test]
async fn a_new_user_opens_an_account_and_every_step_is_logged_and_mailed() {
    let place = Place::new();
    let system = place.start().await;
    let admin = system.admin().await;
    let user = Api::register(&system.urls, "john.doe@example.com", PASSWORD).await;
    let me = user.get(&format!("{}/auth/me", system.urls.bank)).await;
    assert_eq!(me["roles"], json!(["user"]), "{me}");

    let client = user.create("/api/clients", json!({"name": "John Doe"})).await;
    assert_eq!(client["user_id"], me["id"]);
    let bank = admin.create("/api/banks", json!({"name": "My Bank"})).await;
    let body = json!({"client_id": client["id"], "balance": 520, "currency": "EUR"});
    let account = user.create(&format!("/api/banks/{}/accounts", bank["id"]), body).await;
    let card = user.create(&format!("/api/accounts/{}/cards", account["id"]), json!({"balance": 100})).await;

    for (event_type, item) in
        [("user.created", &me), ("client.created", &client), ("bank.created", &bank), ("card.created", &card)]
    {
        logged(&admin, event_type, item).await;
    }
    let entry = logged(&admin, "account.created", &account).await;
    assert_eq!(entry["user_id"], me["id"]);
    assert_eq!(entry["message"], format!("Account created with ID: {}", account["id"]));
    assert_eq!((&entry["data"]["balance"], &entry["data"]["name"]), (&json!(520), &json!("John Doe")));
}

#[tokio::test]
async fn welcome_account_and_bank_mails_reach_those_whom_they_concern() {
    let place = Place::new();
    let system = place.start().await;
    let admin = system.admin().await;
    let user = Api::register(&system.urls, "jane.doe@example.com", PASSWORD).await;
    user.create("/api/clients", json!({"name": "Jane Doe"})).await;
    let bank = admin.create("/api/banks", json!({"name": "Mail Bank"})).await;
    let account = user.create(&format!("/api/banks/{}/accounts", bank["id"]), json!({"balance": 1})).await;

    let account_event = logged(&admin, "account.created", &account).await["event_id"].clone();
    let bank_event = logged(&admin, "bank.created", &bank).await["event_id"].clone();
    let welcome_event = admin.logs("user.created").await;
    let is_hers = |entry: &&Value| entry["data"]["email"] == "jane.doe@example.com";
    let welcome_event = welcome_event.iter().find(is_hers).unwrap()["event_id"].clone();
    for (event, to) in [
        (welcome_event, "jane.doe@example.com"),
        (account_event, "jane.doe@example.com"),
        (bank_event, "operator@bank.localhost"),
    ] {
        let event_id = event.as_str().unwrap();
        let (mail, _) = found("a mail", SOON, async || place.mailbox().of_event(event_id)).await;
        assert_eq!(mail.to, to, "{}", mail.subject);
    }
    let mut mails = place.mailbox().find("jane.doe@example.com", "");
    mails.retain(|mail| mail.subject != "Please confirm your e-mail address");
    assert_eq!(mails.len(), 2, "a card or client has no mail");
}

#[tokio::test]
async fn a_user_sees_its_own_log_entries_and_no_others() {
    let place = Place::new();
    let system = place.start().await;
    let admin = system.admin().await;
    let bank = admin.create("/api/banks", json!({"name": "Quiet Bank"})).await;
    logged(&admin, "bank.created", &bank).await;
    let user = Api::register(&system.urls, "own@example.com", PASSWORD).await;
    let me = user.get(&format!("{}/auth/me", system.urls.bank)).await;
    let client = user.create("/api/clients", json!({"name": "Own Entries"})).await;
    logged(&user, "client.created", &client).await;
    let all = user.get(&format!("{}/api/logs?page_size=100", system.urls.log)).await;
    let foreign = |entry: &&Value| entry["user_id"] != me["id"];
    assert_eq!(all["results"].as_array().unwrap().iter().find(foreign), None);
    assert!(admin.logs("security.login_succeeded").await.len() > 1, "{ADMIN} and the user logged in");
}

/// The port opens once the administrator is there, so no login is refused for its lack.
#[tokio::test]
async fn the_first_answer_of_bank_service_lets_its_administrator_in() {
    let place = Place::new();
    let address = format!("127.0.0.1:{}", free_port());
    let variables = [
        ("BANK_BIND", address.as_str()),
        ("DATABASE_URL", "sqlite:bank.sqlite"),
        ("SECRET_KEY", "a key of the test suite, long enough to be taken"),
        ("ADMIN_EMAIL", ADMIN),
        ("ADMIN_PASS", PASSWORD),
    ];
    let process = service("bank-service", place.path(), &variables).stdout(Stdio::null()).spawn().unwrap();
    let (client, url) = (client(), format!("http://{address}/auth/login"));
    let body = json!({"email": ADMIN, "password": PASSWORD});
    let (answer, _) = found("an answer", SOON, async || client.post(&url).json(&body).send().await.ok()).await;
    assert_eq!(answer.status(), 200);
    drop(process);
}
