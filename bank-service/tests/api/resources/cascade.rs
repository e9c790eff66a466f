//! What goes with a parent, and what stands in the way.

use serde_json::json;

use super::world::{World, id};

#[actix_web::test]
async fn a_bank_takes_its_accounts_their_cards_and_its_branches_along() {
    let world = World::new().await;
    let (app, admin) = (&world.app, &world.admin.token);
    let other = id(&app.post(admin, "/api/banks", json!({"name": "Other Bank"})).await.item(201));
    let kept = json!({"client_id": world.ada.client, "bank_id": other});
    let kept = id(&app.post(admin, "/api/accounts", kept).await.item(201));
    let from = app.events().await.len();
    let item = app.delete(admin, &format!("/api/banks/{}", world.bank)).await.expect(200);
    assert_eq!(item, json!({"msg": "item deleted", "item": {"id": world.bank, "name": "First Bank"}}));
    let expected =
        ["card.deleted", "card.deleted", "account.deleted", "account.deleted", "branch.deleted", "bank.deleted"];
    assert_eq!(app.event_types(from).await, expected);
    for path in [format!("/api/accounts/{}", world.ada.account), format!("/api/cards/{}", world.bob.card)] {
        assert_eq!(app.get(admin, &path).await.outcome(), (404, "not_found"));
    }
    app.get(admin, &format!("/api/accounts/{kept}")).await.expect(200);
    app.get(admin, &format!("/api/clients/{}", world.ada.client)).await.expect(200);
}

#[actix_web::test]
async fn a_client_takes_its_accounts_and_their_cards_along() {
    let world = World::new().await;
    let from = world.app.events().await.len();
    world.app.delete(world.ada.token(), &format!("/api/clients/{}", world.ada.client)).await.expect(200);
    assert_eq!(world.app.event_types(from).await, ["card.deleted", "account.deleted", "client.deleted"]);
    world.app.get(world.bob.token(), &format!("/api/cards/{}", world.bob.card)).await.expect(200);
}

#[actix_web::test]
async fn an_account_takes_its_cards_along() {
    let world = World::new().await;
    let cards = format!("/api/accounts/{}/cards", world.ada.account);
    for _ in 0..3 {
        world.app.post(world.ada.token(), &cards, json!({})).await.expect(201);
    }
    let from = world.app.events().await.len();
    let item = world.app.delete(world.ada.token(), &format!("/api/accounts/{}", world.ada.account)).await.item(200);
    assert_eq!(item["balance"], 520);
    let types = world.app.event_types(from).await;
    assert_eq!(types.iter().filter(|kind| *kind == "card.deleted").count(), 4);
    assert_eq!(types.last().map(String::as_str), Some("account.deleted"));
    assert_eq!(world.app.get(&world.admin.token, "/api/cards").await.expect(200)["total"], 1);
}

#[actix_web::test]
async fn a_user_takes_all_it_has_along() {
    let world = World::new().await;
    let from = world.app.events().await.len();
    world.app.delete(&world.admin.token, &format!("/api/users/{}", world.ada.person.id)).await.expect(200);
    let expected = ["card.deleted", "account.deleted", "client.deleted", "user.deleted"];
    assert_eq!(world.app.event_types(from).await, expected);
}

#[actix_web::test]
async fn what_others_refer_to_stays() {
    let world = World::new().await;
    let admin = &world.admin.token;
    let before = world.snapshot().await;
    for path in [format!("/api/cities/{}", world.city), format!("/api/social-statuses/{}", world.status)] {
        assert_eq!(world.app.delete(admin, &path).await.outcome(), (409, "conflict"), "{path}");
    }
    assert_eq!(world.snapshot().await, before);
    world.app.delete(admin, &format!("/api/branches/{}", world.branch)).await.expect(200);
    world.app.delete(admin, &format!("/api/cities/{}", world.city)).await.expect(200);
}

#[actix_web::test]
async fn more_children_than_one_transaction_deletes_are_refused() {
    let world = World::new().await;
    let (app, account) = (&world.app, world.ada.account);
    let store = app.running.state.store.clone();
    let ctx = store.ctx(crate::harness::start_of_tests());
    let insert = store.write(&ctx, move |db, ctx| {
        for _ in 0..10_000 {
            let card = bank_service::domain::card::Card {
                id: ctx.next_id()?,
                balance: bank_service::domain::balance::Balance::default(),
                account_id: account.try_into().unwrap(),
                version: 1,
            };
            bank_service::store::cards::insert(db, &card)?;
        }
        Ok::<_, bank_service::store::StoreError>(bank_service::store::Outcome::new(()))
    });
    insert.await.unwrap();
    let path = format!("/api/accounts/{account}");
    let answer = app.delete(world.ada.token(), &path).await;
    assert_eq!(answer.outcome(), (409, "conflict"));
    assert!(answer.body["detail"].as_str().unwrap().contains("10000"));
    app.delete(world.ada.token(), &format!("/api/cards/{}", world.ada.card)).await.expect(200);
    let from = app.events().await.len();
    app.delete(world.ada.token(), &path).await.expect(200);
    assert_eq!(app.event_types(from).await.len(), 10_001);
}
