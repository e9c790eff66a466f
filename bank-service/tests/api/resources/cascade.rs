//! Deleting a parent: its children are deleted too, or prevent it.

use serde_json::json;
use shared_events::Currency;

use super::fixture::{Fixture, id};

#[actix_web::test]
async fn a_bank_takes_its_accounts_their_cards_and_its_branches_along() {
    let fixture = Fixture::new().await;
    let (app, admin) = (&fixture.app, &fixture.admin.token);
    let other = id(&app.post(admin, "/api/banks", json!({"name": "Other Bank"})).await.item(201));
    let kept = json!({"client_id": fixture.ada.client, "bank_id": other});
    let kept = id(&app.post(admin, "/api/accounts", kept).await.item(201));
    let from = app.events().await.len();
    let item = app.delete(admin, &format!("/api/banks/{}", fixture.bank)).await.expect(200);
    assert_eq!(item, json!({"msg": "item deleted", "item": {"id": fixture.bank, "name": "First Bank"}}));
    // The money of both cards goes to their accounts, and that of both accounts to the bank.
    let posted = ["transfer.posted"; 4];
    let deleted =
        ["card.deleted", "card.deleted", "account.deleted", "account.deleted", "branch.deleted", "bank.deleted"];
    assert_eq!(app.event_types(from).await, [&posted[..], &deleted].concat());
    for path in [format!("/api/accounts/{}", fixture.ada.account), format!("/api/cards/{}", fixture.bob.card)] {
        assert_eq!(app.get(admin, &path).await.outcome(), (404, "not_found"));
    }
    app.get(admin, &format!("/api/accounts/{kept}")).await.expect(200);
    app.get(admin, &format!("/api/clients/{}", fixture.ada.client)).await.expect(200);
}

#[actix_web::test]
async fn a_client_takes_its_accounts_and_their_cards_along() {
    let fixture = Fixture::new().await;
    let from = fixture.app.events().await.len();
    fixture.app.delete(fixture.ada.token(), &format!("/api/clients/{}", fixture.ada.client)).await.expect(200);
    let expected = ["transfer.posted", "transfer.posted", "card.deleted", "account.deleted", "client.deleted"];
    assert_eq!(fixture.app.event_types(from).await, expected);
    fixture.app.get(fixture.bob.token(), &format!("/api/cards/{}", fixture.bob.card)).await.expect(200);
}

#[actix_web::test]
async fn an_account_takes_its_cards_along() {
    let fixture = Fixture::new().await;
    let cards = format!("/api/accounts/{}/cards", fixture.ada.account);
    for _ in 0..3 {
        fixture.app.post(fixture.ada.token(), &cards, json!({})).await.expect(201);
    }
    let from = fixture.app.events().await.len();
    let item =
        fixture.app.delete(fixture.ada.token(), &format!("/api/accounts/{}", fixture.ada.account)).await.item(200);
    assert_eq!(item["balance"], 520);
    let types = fixture.app.event_types(from).await;
    assert_eq!(types.iter().filter(|kind| *kind == "card.deleted").count(), 4);
    assert_eq!(types.last().map(String::as_str), Some("account.deleted"));
    assert_eq!(fixture.app.get(&fixture.admin.token, "/api/cards").await.expect(200)["total"], 1);
}

#[actix_web::test]
async fn a_user_takes_all_it_has_along() {
    let fixture = Fixture::new().await;
    let from = fixture.app.events().await.len();
    fixture.app.delete(&fixture.admin.token, &format!("/api/users/{}", fixture.ada.person.id)).await.expect(200);
    let expected =
        ["transfer.posted", "transfer.posted", "card.deleted", "account.deleted", "client.deleted", "user.deleted"];
    assert_eq!(fixture.app.event_types(from).await, expected);
}

#[actix_web::test]
async fn what_others_refer_to_stays() {
    let fixture = Fixture::new().await;
    let admin = &fixture.admin.token;
    let before = fixture.snapshot().await;
    for path in [format!("/api/cities/{}", fixture.city), format!("/api/social-statuses/{}", fixture.status)] {
        assert_eq!(fixture.app.delete(admin, &path).await.outcome(), (409, "conflict"), "{path}");
    }
    assert_eq!(fixture.snapshot().await, before);
    fixture.app.delete(admin, &format!("/api/branches/{}", fixture.branch)).await.expect(200);
    fixture.app.delete(admin, &format!("/api/cities/{}", fixture.city)).await.expect(200);
}

#[actix_web::test]
async fn more_money_than_a_bank_can_take_at_once_is_refused_and_nothing_is_deleted() {
    let fixture = Fixture::new().await;
    let (app, ada, bank) = (&fixture.app, &fixture.ada, fixture.bank);
    let (client, user) = (ada.client, ada.person.id);
    let store = app.running.state.store.clone();
    let ctx = store.ctx(crate::harness::start_of_tests());
    let insert = store.write(&ctx, move |db, ctx| {
        use bank_service::domain::ledger::LedgerAccount;
        use bank_service::store::{accounts, ledger};
        let (customer, bank) = ((client.try_into().unwrap(), user.try_into().unwrap()), bank.try_into().unwrap());
        // All of one stripe: 1024 of the largest balances are the most that fit.
        for number in 0_i64..1_025 {
            let id = (1_000 + 16 * number).try_into().unwrap();
            accounts::insert(db, id, Currency::EUR, customer.0, bank, None)?;
            let opened = LedgerAccount::of_account(id, customer, bank, Currency::EUR, ctx.now);
            ledger::insert(db, &[LedgerAccount { balance: LedgerAccount::LARGEST, ..opened }])?;
        }
        Ok::<_, bank_service::store::StoreError>(bank_service::store::Outcome::new(()))
    });
    insert.await.unwrap();
    let before = fixture.snapshot().await;
    for path in [format!("banks/{bank}"), format!("clients/{client}"), format!("users/{user}")] {
        let answer = app.delete(&fixture.admin.token, &format!("/api/{path}")).await;
        assert_eq!(answer.outcome(), (422, "balance_out_of_range"), "{path}");
    }
    assert_eq!(fixture.snapshot().await, before);
    assert_eq!(app.get(&fixture.admin.token, "/api/accounts").await.expect(200)["total"], 1_027);
    app.delete(&fixture.admin.token, "/api/accounts/1000").await.expect(200);
}

#[actix_web::test]
async fn more_children_than_one_transaction_deletes_are_refused() {
    let fixture = Fixture::new().await;
    let (app, account) = (&fixture.app, fixture.ada.account);
    let store = app.running.state.store.clone();
    let ctx = store.ctx(crate::harness::start_of_tests());
    let insert = store.write(&ctx, move |db, ctx| {
        use bank_service::domain::balance::Balance;
        use bank_service::domain::card::NewCard;
        use bank_service::domain::ledger::LedgerAccount;
        use bank_service::store::{accounts, cards, ledger};
        let account = account.try_into().unwrap();
        let wanted = NewCard::new(account, Balance::default());
        let owner = accounts::lock_for_share(db, &[account], ledger::Wait::ForLock)?.remove(&account).unwrap();
        for _ in 0..10_000 {
            let id = ctx.next_id()?;
            let opened = LedgerAccount::of_card(id, owner.clone(), ctx.now);
            cards::insert(db, &[wanted.issued(id, &opened)])?;
            ledger::insert(db, &[opened])?;
        }
        Ok::<_, bank_service::store::StoreError>(bank_service::store::Outcome::new(()))
    });
    insert.await.unwrap();
    let path = format!("/api/accounts/{account}");
    let answer = app.delete(fixture.ada.token(), &path).await;
    assert_eq!(answer.outcome(), (409, "conflict"));
    assert!(answer.body["detail"].as_str().unwrap().contains("10000"));
    app.delete(fixture.ada.token(), &format!("/api/cards/{}", fixture.ada.card)).await.expect(200);
    let from = app.events().await.len();
    app.delete(fixture.ada.token(), &path).await.expect(200);
    // One for each card and the account, and one for the money that was in it.
    assert_eq!(app.event_types(from).await.len(), 10_002);
}
