//! What an owner may do with money on the routes of accounts and cards, and staff in its place.

use std::time::Duration;

use serde_json::{Value, json};

use super::support::{account, card, order, uuid, verified};
use crate::resources::fixture::{Fixture, id};

/// Fails the test unless the owner's deletions are refused with this code, and change nothing.
async fn not_deleted_by_ada(fixture: &Fixture, paths: &[String], code: &str) {
    let before = fixture.state().await;
    for path in paths {
        assert_eq!(fixture.app.delete(fixture.ada.token(), path).await.outcome(), (409, code), "{path}");
    }
    assert_eq!(fixture.state().await, before);
}

#[actix_web::test]
async fn an_owner_does_not_delete_debts_and_an_administrator_does() {
    let fixture = Fixture::new().await;
    let (app, ada, admin) = (&fixture.app, &fixture.ada, &fixture.admin.token);
    let path = format!("/api/accounts/{}", ada.account);
    app.put(admin, &path, json!({"overdraft_limit": 300})).await.expect(200);
    fixture.pay(800).await;
    not_deleted_by_ada(&fixture, &[path.clone(), format!("/api/clients/{}", ada.client)], "account_in_use").await;
    assert_eq!(app.delete(admin, &path).await.item(200)["balance"], -280, "as it was");
    assert_eq!(fixture.system("closed").await, (180, 0), "the bank pays what the card did not");
    let newest = fixture.entries(ada.account).await.swap_remove(0);
    assert_eq!((&newest["amount"], &newest["balance_after"]), (&json!(180), &json!(0)));
    verified(app).await;
}

#[actix_web::test]
async fn an_owner_does_not_take_back_what_is_held_for_somebody_else_and_an_administrator_does() {
    let fixture = Fixture::new().await;
    let (app, ada, bob) = (&fixture.app, &fixture.ada, &fixture.bob);
    let path = format!("/api/accounts/{}", ada.account);
    let hold = fixture.hold(10).await;
    not_deleted_by_ada(&fixture, &[path.clone(), format!("/api/clients/{}", ada.client)], "account_in_use").await;
    let mut of_card = order(&card(ada.card), &account(bob.account), 10);
    of_card["hold"] = json!(true);
    let of_card = uuid(&app.post(ada.token(), "/api/transfers", of_card).await.item(201));
    not_deleted_by_ada(&fixture, &[format!("/api/cards/{}", ada.card), path.clone()], "account_in_use").await;
    let from = app.events().await.len();
    app.delete(&fixture.admin.token, &path).await.expect(200);
    for hold in [&hold, &of_card] {
        assert_eq!(fixture.transfer(hold).await["status"], "voided");
        let late = fixture.change(bob.token(), hold, "capture", json!({})).await;
        assert_eq!(late.outcome(), (409, "hold_ended"));
    }
    let voided = fixture.transfer_events(from).await.into_iter().filter(|(kind, _)| kind == "transfer.voided").count();
    assert_eq!(voided, 2);
    assert_eq!(fixture.system("closed").await, (0, 620));
    verified(app).await;
}

#[actix_web::test]
async fn a_hold_that_ran_out_keeps_no_owner_from_deleting_and_ends_with_it() {
    let fixture = Fixture::new().await;
    let (app, ada) = (&fixture.app, &fixture.ada);
    let path = format!("/api/accounts/{}", ada.account);
    let hold = fixture.hold(10).await;
    app.clock.advance(Duration::from_micros(59_999_999));
    not_deleted_by_ada(&fixture, std::slice::from_ref(&path), "account_in_use").await;
    app.clock.advance(Duration::from_micros(1));
    app.delete(ada.token(), &path).await.expect(200);
    let ended = fixture.transfer(&hold).await;
    assert_eq!((&ended["status"], &ended["ended_at"]), (&json!("expired"), &json!("2026-01-16T17:11:26Z")));
    let events = fixture.transfer_events(0).await;
    assert_eq!(events.iter().filter(|(kind, _)| kind == "transfer.expired").count(), 1);
    assert_eq!(fixture.system("closed").await, (0, 620));
    verified(app).await;
}

#[actix_web::test]
async fn an_owner_deletes_what_it_holds_for_itself() {
    let fixture = Fixture::new().await;
    let (app, ada) = (&fixture.app, &fixture.ada);
    let mut between = order(&account(ada.account), &card(ada.card), 10);
    between["hold"] = json!(true);
    let hold = uuid(&app.post(ada.token(), "/api/transfers", between).await.item(201));
    app.delete(ada.token(), &format!("/api/accounts/{}", ada.account)).await.expect(200);
    assert_eq!(fixture.transfer(&hold).await["status"], "voided");
    assert_eq!(fixture.system("closed").await, (0, 620));
    verified(app).await;
}

/// A bank where only transfers and staff move money.
async fn strict() -> Fixture {
    Fixture::new().await.restarted(|config| config.money.owner_sets_balance = Some(false)).await
}

/// The requests that set a balance of Ada's: method, path and body.
fn settings(fixture: &Fixture, balance: i64) -> [(&'static str, String, Value); 6] {
    let (bank, ada) = (fixture.bank, &fixture.ada);
    let balance = json!({"balance": balance});
    let mut at_bank = balance.clone();
    at_bank["bank_id"] = json!(bank);
    let mut anywhere = at_bank.clone();
    anywhere["client_id"] = json!(ada.client);
    [
        ("POST", "/api/accounts".to_owned(), anywhere),
        (
            "POST",
            format!("/api/banks/{bank}/accounts"),
            json!({"client_id": ada.client, "balance": balance["balance"]}),
        ),
        ("POST", format!("/api/clients/{}/accounts", ada.client), at_bank),
        ("POST", format!("/api/accounts/{}/cards", ada.account), balance.clone()),
        ("PUT", format!("/api/accounts/{}", ada.account), balance.clone()),
        ("PUT", format!("/api/cards/{}", ada.card), balance),
    ]
}

#[actix_web::test]
async fn where_owners_set_no_balance_only_an_administrator_does() {
    let fixture = strict().await;
    let (app, ada, admin) = (&fixture.app, &fixture.ada, &fixture.admin.token);
    let before = fixture.state().await;
    let send = async |token: &str, (method, path, body): &(&'static str, String, Value)| {
        app.send(app.request(method.parse().unwrap(), path, Some(token)).json(body)).await
    };
    for setting in settings(&fixture, 1) {
        assert_eq!(send(ada.token(), &setting).await.outcome(), (403, "access_denied"), "{setting:?}");
    }
    let equal = app.put(ada.token(), &format!("/api/accounts/{}", ada.account), json!({"balance": 520})).await;
    assert_eq!(equal.outcome(), (403, "access_denied"), "equal or not");
    let detail = equal.body["detail"].as_str().unwrap();
    assert!(detail.contains("`balance`") && detail.contains("POST /api/transfers"), "{detail}");
    assert_eq!(fixture.state().await, before);
    for setting in settings(&fixture, 0).iter().filter(|(method, ..)| *method == "POST") {
        assert_eq!(send(ada.token(), setting).await.item(201)["balance"], 0, "{setting:?}");
    }
    for setting in settings(&fixture, 7) {
        let answer = send(admin, &setting).await;
        assert!(answer.status.is_success() && answer.body["item"]["balance"] == 7, "{setting:?}: {}", answer.body);
    }
    verified(app).await;
}

#[actix_web::test]
async fn where_owners_set_no_balance_they_delete_what_is_empty() {
    let fixture = strict().await;
    let (app, ada, bob) = (&fixture.app, &fixture.ada, &fixture.bob);
    let paths = [
        format!("/api/cards/{}", ada.card),
        format!("/api/accounts/{}", ada.account),
        format!("/api/clients/{}", ada.client),
    ];
    not_deleted_by_ada(&fixture, &paths, "account_not_empty").await;
    fixture.pay(520).await;
    not_deleted_by_ada(&fixture, &paths, "account_not_empty").await;
    let rest = order(&card(ada.card), &account(bob.account), 100);
    app.post(ada.token(), "/api/transfers", rest).await.expect(201);
    for path in &paths {
        app.delete(ada.token(), path).await.expect(200);
    }
    for path in [format!("/api/cards/{}", bob.card), format!("/api/accounts/{}", bob.account)] {
        assert_eq!(app.delete(bob.token(), &path).await.outcome(), (409, "account_not_empty"), "{path}");
        assert_eq!(id(&app.delete(&fixture.admin.token, &path).await.item(200)), id_of(&path), "{path}");
    }
    verified(app).await;
}

/// The id at the end of a path.
fn id_of(path: &str) -> i64 {
    path.rsplit('/').next().unwrap().parse().unwrap()
}
