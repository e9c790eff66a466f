//! Live changes: who sees what, resumed where, ended when.

use reqwest::Method;
use serde_json::{Value, json};

use super::stream::Stream;
use super::world::{World, id};

async fn set_balance(world: &World, card: i64, balance: i64) {
    world.app.put(&world.admin.token, &format!("/api/cards/{card}"), json!({"balance": balance})).await.expect(200);
}

#[actix_web::test]
async fn each_sees_its_own_items_and_staff_sees_all() {
    let world = World::new().await;
    let (ada, bob) = (&world.ada, &world.bob);
    let mut adas = Stream::open(&world.app, ada.token(), "account,card", None).await;
    let mut bobs = Stream::open(&world.app, bob.token(), "account,card", None).await;
    let mut staffs = Stream::open(&world.app, &world.admin.token, "account,card", None).await;
    set_balance(&world, ada.card, 1).await;
    set_balance(&world, bob.card, 2).await;
    let opened = json!({"client_id": ada.client, "bank_id": world.bank});
    let account = id(&world.app.post(ada.token(), "/api/accounts", opened).await.item(201));
    world.app.delete(bob.token(), &format!("/api/cards/{}", bob.card)).await.expect(200);
    set_balance(&world, ada.card, 3).await;

    let (card_a, card_b) = (format!("update card {}", ada.card), format!("update card {}", bob.card));
    let (opened, gone) = (format!("create account {account}"), format!("delete card {}", bob.card));
    assert_eq!(adas.names(3).await, [card_a.clone(), opened.clone(), card_a.clone()]);
    assert_eq!(bobs.names(2).await, [card_b.clone(), gone.clone()]);
    assert_eq!(staffs.names(5).await, [card_a.clone(), card_b, opened, gone, card_a]);
}

#[actix_web::test]
async fn an_owner_sees_what_goes_with_a_parent() {
    let world = World::new().await;
    let mut adas = Stream::open(&world.app, world.ada.token(), "client,account,card", None).await;
    let mut bobs = Stream::open(&world.app, world.bob.token(), "client,account,card", None).await;
    world.app.delete(&world.admin.token, &format!("/api/clients/{}", world.ada.client)).await.expect(200);
    set_balance(&world, world.bob.card, 9).await;
    let mut gone = adas.names(3).await;
    gone.sort();
    let (account, card, client) = (world.ada.account, world.ada.card, world.ada.client);
    assert_eq!(
        gone,
        [format!("delete account {account}"), format!("delete card {card}"), format!("delete client {client}")]
    );
    assert_eq!(bobs.names(1).await, [format!("update card {}", world.bob.card)]);
}

#[actix_web::test]
async fn a_stream_that_comes_back_misses_nothing_and_gets_nothing_twice() {
    let world = World::new().await;
    let card = world.ada.card;
    let balance = |data: &Value| data["item"]["balance"].as_i64().unwrap();
    let mut stream = Stream::open(&world.app, world.ada.token(), "card", None).await;
    for amount in 1..=3 {
        set_balance(&world, card, amount).await;
    }
    let mut seen = Vec::new();
    for _ in 0..2 {
        seen.push(balance(&stream.next().await.unwrap().1));
    }
    let last_id = stream.last_id.clone();
    drop(stream);
    for amount in 4..=6 {
        set_balance(&world, card, amount).await;
    }
    let mut stream = Stream::open(&world.app, world.ada.token(), "card", Some(&last_id)).await;
    set_balance(&world, card, 7).await;
    for _ in 0..5 {
        seen.push(balance(&stream.next().await.unwrap().1));
    }
    assert_eq!(seen, [1, 2, 3, 4, 5, 6, 7]);
}

#[actix_web::test]
async fn a_stream_ends_with_its_session() {
    let world = World::new().await;
    let mut stream = Stream::open(&world.app, world.ada.token(), "card", None).await;
    set_balance(&world, world.ada.card, 1).await;
    assert!(stream.next().await.is_some());
    let block = json!({"is_blocked": true});
    world.app.put(&world.admin.token, &format!("/api/users/{}", world.ada.person.id), block).await.expect(200);
    set_balance(&world, world.ada.card, 2).await;
    assert_eq!(stream.next().await, None);
}

#[actix_web::test]
async fn streams_are_bounded_and_asked_for_properly() {
    let world = World::new().await;
    let token = world.ada.token();
    let mut streams = Vec::new();
    for _ in 0..5 {
        streams.push(Stream::open(&world.app, token, "bank", None).await);
    }
    let path = "/api/events/stream";
    let refused = world.app.get(token, path).await;
    assert_eq!(refused.outcome(), (429, "too_many_requests"));
    assert!(refused.headers.contains_key("retry-after"));
    for bad in ["?channels=security", "?channels=account,log", "?channels=", "?user_id=1"] {
        assert_eq!(world.app.get(token, &format!("{path}{bad}")).await.outcome(), (422, "validation_failed"), "{bad}");
    }
    let request = world.app.request(Method::GET, path, Some(token)).header("Last-Event-ID", "-1");
    assert_eq!(world.app.send(request).await.outcome(), (400, "malformed_request"));
    let anonymous = world.app.send(world.app.request(Method::GET, path, None)).await;
    assert_eq!(anonymous.outcome(), (403, "access_denied"));
}
