//! The settings of money, which bank-service has by the same names.

use reqwest::Method;
use serde_json::json;

use crate::api::Api;
use crate::process::Place;

const PASSWORD: &str = "correct horse battery staple";

#[tokio::test]
async fn the_rules_of_money_are_those_of_the_settings() {
    let place = Place::new();
    let system = place
        .start_with(|command| {
            command.env("OWNER_SETS_BALANCE", "false").env("IBAN_COUNTRY", "NL").env("BANK_CODE", "TEST");
            command.args(["--require-idempotency-key", "true", "--ledger-writer", "direct"]);
            command.args(["--bank-bic", "TESTNL2A", "--ledger-timezone", "Europe/Amsterdam"]);
        })
        .await;
    let admin = system.admin().await;
    let bank = admin.create("/api/banks", json!({"name": "Strict Bank"})).await;
    let user = Api::register(&system.urls, "strict@example.com", PASSWORD).await;
    user.create("/api/clients", json!({"name": "Strict"})).await;

    let accounts = format!("/api/banks/{}/accounts", bank["id"]);
    let url = format!("{}{accounts}", system.urls.bank);
    let (status, problem) = user.send(Method::POST, &url, Some(&json!({"balance": 1}))).await;
    assert_eq!(status, 403, "an owner makes no money: {problem}");
    let account = user.create(&accounts, json!({"balance": 0})).await;
    let iban = account["iban"].as_str().unwrap();
    assert!(iban.starts_with("NL") && iban.get(4..8) == Some("TEST"), "{iban}");

    let url = format!("{}/api/accounts/{}/deposits", system.urls.bank, account["id"]);
    let (status, problem) = admin.send(Method::POST, &url, Some(&json!({"amount": 1}))).await;
    assert!(status == 422 && problem.to_string().contains("Idempotency-Key"), "{status}: {problem}");

    let url = format!("{}/api/accounts/{}/statement", system.urls.bank, account["id"]);
    let statement = user.get(&format!("{url}?from=2020-01-01&to=2020-01-31&format=json")).await;
    assert!(statement.to_string().contains("TESTNL2A"), "{statement}");
    system.terminate().await;
}
