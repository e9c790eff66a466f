//! One-use tickets for the stream of changes.

use reqwest::Method;
use serde_json::{Value, json};

use super::fixture::Fixture;
use super::stream::Stream;
use crate::harness::Answer;

const TICKET: &str = "/api/events/stream/ticket";

async fn ticket(fixture: &Fixture, token: &str) -> String {
    let answer = fixture.app.post(token, TICKET, Value::Null).await.expect(200);
    assert_eq!(answer["expires_in"], 60);
    answer["ticket"].as_str().unwrap().to_owned()
}

async fn refused(fixture: &Fixture, ticket: &str) -> Answer {
    fixture.app.send(fixture.app.request(Method::GET, &format!("/api/events/stream?ticket={ticket}"), None)).await
}

#[actix_web::test]
async fn a_ticket_opens_one_stream_with_its_owners_rights() {
    let fixture = Fixture::new().await;
    let ticket = ticket(&fixture, fixture.ada.token()).await;
    let mut stream = Stream::open_by(&fixture.app, &format!("?channels=card&ticket={ticket}")).await;
    for card in [fixture.bob.card, fixture.ada.card] {
        fixture.app.put(&fixture.admin.token, &format!("/api/cards/{card}"), json!({"balance": 9})).await.expect(200);
    }
    assert_eq!(stream.names(1).await, [format!("update card {}", fixture.ada.card)]);
    assert_eq!(refused(&fixture, &ticket).await.outcome(), (401, "invalid_token"));
}

#[actix_web::test]
async fn what_is_no_live_ticket_opens_nothing() {
    let fixture = Fixture::new().await;
    let late = ticket(&fixture, fixture.ada.token()).await;
    for bad in ["", "x", &"A".repeat(43), fixture.ada.token()] {
        assert_eq!(refused(&fixture, bad).await.outcome(), (401, "invalid_token"), "{bad}");
    }
    fixture.app.clock.advance(std::time::Duration::from_secs(61));
    assert_eq!(refused(&fixture, &late).await.outcome(), (401, "invalid_token"));
    let anonymous = fixture.app.send(fixture.app.request(Method::POST, TICKET, None)).await;
    assert_eq!(anonymous.outcome(), (403, "access_denied"));
}

#[actix_web::test]
async fn a_ticket_ends_with_its_session() {
    let fixture = Fixture::new().await;
    let ticket = ticket(&fixture, fixture.ada.token()).await;
    fixture.app.post(fixture.ada.token(), "/auth/logout", Value::Null).await.expect(200);
    assert_eq!(refused(&fixture, &ticket).await.status.as_u16(), 401);
}

#[actix_web::test]
async fn the_head_spends_no_ticket_and_ten_are_the_most() {
    let fixture = Fixture::new().await;
    let first = ticket(&fixture, fixture.ada.token()).await;
    for _ in 0..2 {
        let request = fixture.app.request(Method::HEAD, &format!("/api/events/stream?ticket={first}"), None);
        assert_eq!(fixture.app.send(request).await.status.as_u16(), 200);
    }
    for _ in 1..10 {
        ticket(&fixture, fixture.ada.token()).await;
    }
    let more = fixture.app.post(fixture.ada.token(), TICKET, Value::Null).await;
    assert_eq!(more.outcome(), (429, "too_many_requests"));
    assert!(more.headers.contains_key("retry-after"));
    ticket(&fixture, fixture.bob.token()).await;
    drop(Stream::open_by(&fixture.app, &format!("?ticket={first}")).await);
    ticket(&fixture, fixture.ada.token()).await;
}
