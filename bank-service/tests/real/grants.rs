//! The rights that `db grants` gives: enough to serve, and not enough to change what was posted.

use std::net::TcpListener;

use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use reqwest::Client;
use serde_json::{Value, json};
use stand_ins::place::{Place, variable};
use test_support::eventually;

use crate::process::place;

const ADMIN: (&str, &str) = ("admin@bank.example", "correct horse battery staple");

/// A database of its own: the address of its owner, and that of a user who has no rights yet.
async fn owner_and_serving_user() -> (String, String) {
    let right = variable("DATABASE_URL");
    let mut connection = Conn::from_url(&right).await.unwrap();
    for statement in [
        "DROP DATABASE IF EXISTS real_grants",
        "CREATE DATABASE real_grants",
        "DROP USER IF EXISTS real_serving@'%'",
        "CREATE USER real_serving@'%' IDENTIFIED BY 'serving-of-tests'",
    ] {
        connection.query_drop(statement).await.unwrap();
    }
    connection.disconnect().await.unwrap();
    let (server, _) = right.rsplit_once('/').unwrap();
    let owner = format!("{server}/real_grants");
    let serving = owner.replace("bank:bank-of-tests@", "real_serving:serving-of-tests@");
    (owner, serving)
}

/// The output of a command, which has to succeed unless it is `doctor`.
fn output(place: &Place, arguments: &[&str]) -> String {
    let output = place.run(arguments);
    let (text, errors) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success() || arguments == ["doctor"], "{arguments:?}: {text}{errors}");
    text
}

#[tokio::test]
async fn a_user_with_the_granted_rights_serves_and_cannot_change_what_was_posted() {
    let (owner, serving) = owner_and_serving_user().await;
    let as_owner = place().with("DATABASE_URL", &owner).with("ADMIN_EMAIL", ADMIN.0).with("ADMIN_PASS", ADMIN.1);
    output(&as_owner, &["init"]);
    let printed = output(&as_owner, &["db", "grants", "--user", "real_serving"]);
    let on_entries = "GRANT INSERT ON `real_grants`.`ledger_entries` TO 'real_serving'@'%';";
    assert!(printed.lines().any(|line| line == on_entries), "{printed}");
    // An earlier release gave rights on the whole database.
    let mut connection = Conn::from_url(&owner).await.unwrap();
    let earlier = "GRANT SELECT, INSERT, UPDATE, DELETE ON real_grants.* TO real_serving@'%'";
    connection.query_drop(earlier).await.unwrap();
    connection.disconnect().await.unwrap();
    for _ in 0..2 {
        output(&as_owner, &["db", "grants", "--user", "real_serving", "--apply"]);
    }
    assert_rights(&serving).await;

    let warning = "WARN  DATABASE_URL: its user can change what was posted";
    assert!(output(&as_owner, &["doctor"]).contains(warning));
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let as_serving =
        place().with("DATABASE_URL", &serving).with("BANK_BIND", &address).with("MIGRATE_ON_START", "false");
    let report = output(&as_serving, &["doctor"]);
    assert!(report.contains("ok    DATABASE_URL: ") && report.contains("ok    ledger: "), "{report}");
    assert!(!report.contains(warning), "{report}");
    let _server = as_serving.start();
    move_money(&address).await;
    output(&as_serving, &["ledger", "verify"]);
}

async fn assert_rights(url: &str) {
    let mut connection = Conn::from_url(url).await.unwrap();
    for statement in [
        "UPDATE ledger_entries SET amount = 1 WHERE 1 = 0",
        "DELETE FROM ledger_entries WHERE 1 = 0",
        "UPDATE transfers SET amount = 1 WHERE 1 = 0",
        "UPDATE transfers SET posted_at = NULL WHERE 1 = 0",
        "DELETE FROM transfers WHERE 1 = 0",
        "DELETE FROM ledger_accounts WHERE 1 = 0",
        "UPDATE former_names SET name = 'another' WHERE 1 = 0",
        "DELETE FROM former_names WHERE 1 = 0",
        "CREATE TABLE mine (id INT)",
        "ALTER TABLE transfers ADD COLUMN mine INT",
        "TRUNCATE TABLE ledger_entries",
        "DROP TABLE ledger_entries",
    ] {
        let refused = connection.query_drop(statement).await.unwrap_err().to_string();
        assert!(refused.contains("denied"), "{statement}: {refused}");
    }
    for statement in [
        "UPDATE transfers SET status = 'voided', ended_at = NULL, open_until = NULL WHERE 1 = 0",
        "SELECT id FROM transfers WHERE 1 = 0 FOR UPDATE",
        "UPDATE ledger_accounts SET balance = 0 WHERE 1 = 0",
        "SELECT id FROM ledger_accounts WHERE 1 = 0 FOR UPDATE",
        "DELETE FROM outbox WHERE 1 = 0",
        "SELECT version FROM __diesel_schema_migrations WHERE 1 = 0",
    ] {
        connection.query_drop(statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    connection.disconnect().await.unwrap();
}

/// Every change of a transfer that there is, and a new name.
async fn move_money(address: &str) {
    let client = Client::new();
    let url = |path: &str| format!("http://{address}{path}");
    eventually("it serves", async || client.get(url("/livez")).send().await.is_ok()).await;
    let login = json!({"email": ADMIN.0, "password": ADMIN.1});
    let tokens: Value = client.post(url("/auth/login")).json(&login).send().await.unwrap().json().await.unwrap();
    let token = tokens["access_token"].as_str().unwrap().to_owned();
    let post = async |path: String, body: Value| {
        let answer = client.post(url(&path)).bearer_auth(&token).json(&body).send().await.unwrap();
        let (status, mut body) = (answer.status(), answer.json::<Value>().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {body}");
        body["item"].take()
    };
    let create = async |list: &str, body: Value| post(format!("/api/{list}"), body).await;
    let bank = create("banks", json!({"name": "Granted Bank"})).await["id"].clone();
    let owner = create("clients", json!({"name": "Ann Smith"})).await["id"].clone();
    let opened = json!({"client_id": owner, "bank_id": bank, "balance": 500});
    let [one, other] = [create("accounts", opened.clone()).await, create("accounts", opened).await];
    let order = |more: Value| {
        let mut order = json!({"from": {"account_id": one["id"]}, "to": {"account_id": other["id"]}, "amount": 50});
        order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        order
    };
    for (more, change, body) in [
        (json!({"hold": true}), "capture", json!({"amount": 40})),
        (json!({"hold": true}), "void", json!({})),
        (json!({}), "reverse", json!({"description": "a mistake"})),
    ] {
        let id = create("transfers", order(more)).await["id"].as_str().unwrap().to_owned();
        post(format!("/api/transfers/{id}/{change}"), body).await;
    }
    post(format!("/api/accounts/{}/deposits", one["id"]), json!({"amount": 7})).await;
    create("transfers", order(json!({"hold": true}))).await;
    let renamed = client.put(url(&format!("/api/banks/{bank}"))).json(&json!({"name": "Renamed Bank"}));
    let renamed = renamed.bearer_auth(&token).send().await.unwrap();
    assert!(renamed.status().is_success(), "{}", renamed.text().await.unwrap());
    let path = format!("/api/accounts/{}", other["id"]);
    let closed = client.delete(url(&path)).bearer_auth(&token).send().await.unwrap();
    assert!(closed.status().is_success(), "{}", closed.text().await.unwrap());
}
