//! One-use tickets for the stream of changes.

use reqwest::Method;
use serde_json::{Value, json};

use super::stream::Stream;
use super::world::World;
use crate::harness::Answer;

const TICKET: &str = "/api/events/stream/ticket";

async fn ticket(world: &World, token: &str) -> String {
    let answer = world.app.post(token, TICKET, Value::Null).await.expect(200);
    assert_eq!(answer["expires_in"], 60);
    answer["ticket"].as_str().unwrap().to_owned()
}

async fn refused(world: &World, ticket: &str) -> Answer {
    world.app.send(world.app.request(Method::GET, &format!("/api/events/stream?ticket={ticket}"), None)).await
}

#[actix_web::test]
async fn a_ticket_opens_one_stream_with_its_owners_rights() {
    let world = World::new().await;
    let ticket = ticket(&world, world.ada.token()).await;
    let mut stream = Stream::open_by(&world.app, &format!("?channels=card&ticket={ticket}")).await;
    for card in [world.bob.card, world.ada.card] {
        world.app.put(&world.admin.token, &format!("/api/cards/{card}"), json!({"balance": 9})).await.expect(200);
    }
    assert_eq!(stream.names(1).await, [format!("update card {}", world.ada.card)]);
    assert_eq!(refused(&world, &ticket).await.outcome(), (401, "invalid_token"));
}

#[actix_web::test]
async fn what_is_no_live_ticket_opens_nothing() {
    let world = World::new().await;
    let late = ticket(&world, world.ada.token()).await;
    for bad in ["", "x", &"A".repeat(43), world.ada.token()] {
        assert_eq!(refused(&world, bad).await.outcome(), (401, "invalid_token"), "{bad}");
    }
    world.app.clock.advance(std::time::Duration::from_secs(61));
    assert_eq!(refused(&world, &late).await.outcome(), (401, "invalid_token"));
    let anonymous = world.app.send(world.app.request(Method::POST, TICKET, None)).await;
    assert_eq!(anonymous.outcome(), (403, "access_denied"));
}

#[actix_web::test]
async fn a_ticket_ends_with_its_session() {
    let world = World::new().await;
    let ticket = ticket(&world, world.ada.token()).await;
    world.app.post(world.ada.token(), "/auth/logout", Value::Null).await.expect(200);
    assert_eq!(refused(&world, &ticket).await.status.as_u16(), 401);
}

#[actix_web::test]
async fn the_head_spends_no_ticket_and_ten_are_the_most() {
    let world = World::new().await;
    let first = ticket(&world, world.ada.token()).await;
    for _ in 0..2 {
        let request = world.app.request(Method::HEAD, &format!("/api/events/stream?ticket={first}"), None);
        assert_eq!(world.app.send(request).await.status.as_u16(), 200);
    }
    for _ in 1..10 {
        ticket(&world, world.ada.token()).await;
    }
    let more = world.app.post(world.ada.token(), TICKET, Value::Null).await;
    assert_eq!(more.outcome(), (429, "too_many_requests"));
    assert!(more.headers.contains_key("retry-after"));
    ticket(&world, world.bob.token()).await;
    drop(Stream::open_by(&world.app, &format!("?ticket={first}")).await);
    ticket(&world, world.ada.token()).await;
}
