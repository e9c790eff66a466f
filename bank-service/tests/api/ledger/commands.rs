//! `ledger verify|trial-balance|export`, and what `doctor` says of the ledger: run like an operator does, while a service runs.

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::database;
use crate::harness::{SECRET_KEY, TestApp};
use crate::resources::fixture::Fixture;

/// Runs a command that needs no setting but the database.
async fn run(app: &TestApp, arguments: &[&str]) -> Output {
    run_with(app, arguments, &[]).await
}

async fn run_with(app: &TestApp, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bank-service"));
    command.env_clear().current_dir(app.folder.path()).args(arguments).envs(variables.iter().copied());
    command.env("DATABASE_URL", database::of(app.folder.path()).await.expose());
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

#[track_caller]
fn output_text(output: &Output, code: i32) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(code), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[track_caller]
fn error_text(output: &Output, code: i32) -> String {
    assert_eq!(output_text(output, code), "");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Ada's account has 520 and Bob's too.
async fn pay(fixture: &Fixture, (token, from, to): (&str, i64, i64), amount: i64, more: &[(&str, Value)]) {
    let mut body = json!({"from": {"account_id": from}, "to": {"account_id": to}, "amount": amount});
    for (name, value) in more {
        body[*name] = value.clone();
    }
    fixture.app.post(token, "/api/transfers", body).await.expect(201);
}

async fn pay_bob(fixture: &Fixture, amount: i64, more: &[(&str, Value)]) {
    let sides = (fixture.ada.token(), fixture.ada.account, fixture.bob.account);
    pay(fixture, sides, amount, more).await;
}

/// Adds 5 to both accounts, behind the ledger's back.
async fn tamper(fixture: &Fixture) {
    fixture.app.sql_change("UPDATE ledger_accounts SET balance = balance + 5 WHERE kind = 'account'").await;
}

#[actix_web::test]
async fn a_sound_ledger_is_one_line_and_of_another_each_violation_is_named() {
    let fixture = Fixture::new().await;
    pay_bob(&fixture, 100, &[]).await;
    let sound = output_text(&run(&fixture.app, &["ledger", "verify"]).await, 0);
    assert!(sound.starts_with("the ledger is sound: ") && sound.lines().count() == 1, "{sound}");
    assert!(sound.contains(" 10 new entries, 5 transfers, in "), "four openings and one payment: {sound}");
    tamper(&fixture).await;
    let broken = output_text(&run(&fixture.app, &["ledger", "verify"]).await, 1);
    let of_accounts = broken.lines().filter(|line| line.starts_with("FAIL  ledger account "));
    assert_eq!(of_accounts.count(), 2, "{broken}");
    assert!(broken.contains("FAIL  all EUR sum to 10 instead of 0\n"), "{broken}");
    assert!(broken.lines().last().unwrap().starts_with("3 violations (3 of them above) in "), "{broken}");
}

#[actix_web::test]
async fn the_trial_balance_has_a_row_for_each_bank_and_kind_and_one_sum_for_each_currency() {
    let fixture = Fixture::new().await;
    pay_bob(&fixture, 50, &[("hold", json!(true))]).await;
    let table = output_text(&run(&fixture.app, &["ledger", "trial-balance"]).await, 0);
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    let bank = fixture.bank.to_string();
    let bank = bank.as_str();
    assert_eq!(rows[0], ["currency", "bank", "kind", "accounts", "debit", "credit", "held"]);
    assert!(rows.contains(&vec!["EUR", bank, "account", "2", "0", "1040", "50"]), "{table}");
    assert!(rows.contains(&vec!["EUR", bank, "card", "2", "0", "200", "0"]), "{table}");
    let opening = rows.iter().find(|row| row[2] == "opening").unwrap();
    assert_eq!(opening[4..], ["1240", "0", "0"], "{table}");
    let sum = rows.last().unwrap();
    assert_eq!((&sum[..2], &sum[3..]), (&["EUR", "sum"][..], &["1240", "1240", "50"][..]), "{table}");
    assert_eq!(rows.len(), 5, "{table}");

    let of_none = output_text(&run(&fixture.app, &["ledger", "trial-balance", "--currency", "USD"]).await, 0);
    assert_eq!(of_none.lines().count(), 1, "{of_none}");
    let of_one = output_text(&run(&fixture.app, &["ledger", "trial-balance", "--currency", "EUR"]).await, 0);
    assert_eq!(of_one, table);
    let refused = error_text(&run(&fixture.app, &["ledger", "trial-balance", "--currency", "euro"]).await, 2);
    assert!(refused.contains("--currency: ") && !refused.contains("euro"), "{refused}");
    tamper(&fixture).await;
    let unequal = output_text(&run(&fixture.app, &["ledger", "trial-balance"]).await, 1);
    assert!(unequal.lines().last().unwrap().contains("1250"), "{unequal}");
}

/// The lines of an export after its head, each in its cells.
async fn exported(fixture: &Fixture, more: &[&str]) -> Vec<Vec<String>> {
    let account = fixture.ada.account.to_string();
    let arguments = [&["ledger", "export", "--account", &account][..], more].concat();
    let text = output_text(&run(&fixture.app, &arguments).await, 0);
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<String>>());
    let head = lines.next().unwrap().join(" ");
    assert_eq!(head, "seq posted_at kind transfer_id amount balance_after currency counterparty reference description");
    lines.collect()
}

#[actix_web::test]
async fn an_export_has_each_movement_once_and_no_cell_of_others_is_a_formula() {
    let fixture = Fixture::new().await;
    pay_bob(&fixture, 100, &[("reference", json!("=1+1")), ("description", json!("+49 170 1234567"))]).await;
    pay_bob(&fixture, 20, &[("hold", json!(true))]).await;
    let back = (fixture.bob.token(), fixture.bob.account, fixture.ada.account);
    pay(&fixture, back, 30, &[("reference", json!("INVOICE-7"))]).await;

    let lines = exported(&fixture, &[]).await;
    let without_id = |line: &Vec<String>| [&line[..3], &line[4..]].concat().join(" ");
    let time = "2026-01-16T17:10:26Z";
    let expected = [
        format!("1 {time} opening 520 520 EUR First Bank  "),
        format!("2 {time} transfer -100 420 EUR Bob '=1+1 '+49 170 1234567"),
        // The third entry is the hold, which moved nothing.
        format!("4 {time} transfer 30 450 EUR Bob INVOICE-7 "),
    ];
    assert_eq!(lines.iter().map(without_id).collect::<Vec<_>>(), expected);
    assert!(lines.iter().all(|line| line[3].parse::<uuid::Uuid>().is_ok()), "{lines:?}");

    assert_eq!(exported(&fixture, &["--from", "2026-01-16", "--to", time]).await, lines);
    assert!(exported(&fixture, &["--to", "2026-01-16"]).await.is_empty(), "up to its first second");
    assert!(exported(&fixture, &["--from", "2026-01-16T17:10:27Z"]).await.is_empty());
}

#[actix_web::test]
async fn the_history_of_a_closed_account_is_exported_and_one_that_never_was_is_named() {
    let fixture = Fixture::new().await;
    let path = format!("/api/accounts/{}", fixture.ada.account);
    fixture.app.delete(&fixture.admin.token, &path).await.expect(200);
    let lines = exported(&fixture, &[]).await;
    let last = lines.last().unwrap();
    // Its card's 100 came to it first.
    assert_eq!((&*last[2], &*last[4], &*last[5]), ("closing", "-620", "0"), "{lines:?}");
    let refused = error_text(&run(&fixture.app, &["ledger", "export", "--account", "999"]).await, 1);
    assert!(refused.contains("--account: there is no account 999"), "{refused}");
    for (flag, value) in [("--account", "zero"), ("--from", "yesterday"), ("--to", "2026-13-01")] {
        let given = format!("{flag}={value}");
        let mut arguments = vec!["ledger", "export", &given];
        if flag != "--account" {
            arguments.push("--account=1");
        }
        let refused = error_text(&run(&fixture.app, &arguments).await, 2);
        assert!(refused.contains(&format!("{flag}: ")) && !refused.contains(value), "{refused}");
    }
}

#[actix_web::test]
async fn doctor_reports_whether_debits_and_credits_are_equal() {
    let fixture = Fixture::new().await;
    let variables = [("SECRET_KEY", SECRET_KEY), ("BANK_BIND", "127.0.0.1:0")];
    let report = async || {
        let output = run_with(&fixture.app, &["doctor"], &variables).await;
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let sound = report().await;
    assert!(sound.contains("ok    ledger: debits and credits are equal in each currency\n"), "{sound}");
    tamper(&fixture).await;
    let broken = report().await;
    let expected = "FAIL  ledger: debits and credits differ in EUR; run `bank-service ledger verify`\n";
    assert!(broken.contains(expected), "{broken}");
}
