//! One-use tickets for the stream.

use reqwest::Method;
use serde_json::Value;
use service_kit::http::auth::SessionError;
use service_kit::http::problem::ErrorCode;

use crate::harness::{Answer, App, Who, event, send};
use crate::stream::Events;

const TICKET: &str = "/api/logs/stream/ticket";

async fn ticket(app: &App, who: Who) -> String {
    let answer = send(app.request(who, Method::POST, TICKET)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(
        (&answer.json()["expires_in"], answer.headers["cache-control"].as_bytes()),
        (&60.into(), &b"no-store"[..])
    );
    answer.json()["ticket"].as_str().unwrap().to_owned()
}

/// The answer to a refused stream.
async fn refused(app: &App, query: &str) -> (u16, String) {
    let answer: Answer = app.get(Who::Nobody, &format!("/api/logs/stream?{query}")).await;
    (answer.status.as_u16(), answer.error())
}

fn outcome(status: u16, error: &str) -> (u16, String) {
    (status, error.to_owned())
}

#[actix_web::test]
async fn a_ticket_opens_one_stream_with_its_owners_rights() {
    let app = App::start().await;
    let (own, staff) = (ticket(&app, Who::User(1)).await, ticket(&app, Who::Manager).await);
    let mut own_events = Events::open(&app, Who::Nobody, &format!("?ticket={own}"), None).await;
    let mut all_events = Events::open(&app, Who::Nobody, &format!("?ticket={staff}&q=a"), None).await;
    app.record(event(Some(2), "a foreign one")).await;
    app.record(event(Some(1), "an own one")).await;
    assert_eq!(own_events.messages(1).await, ["an own one"]);
    assert_eq!(all_events.messages(2).await, ["a foreign one", "an own one"]);
    for spent in [own, staff] {
        assert_eq!(refused(&app, &format!("ticket={spent}")).await, outcome(401, "invalid_token"));
    }
    app.running.stop().await;
}

#[actix_web::test]
async fn of_many_who_use_a_ticket_at_the_same_time_one_gets_in() {
    let app = App::start().await;
    let path = format!("/logs/stream?ticket={}", ticket(&app, Who::User(1)).await);
    let opening = (0..8).map(|_| app.request(Who::Nobody, Method::GET, &path).send());
    let opened = futures_util::future::join_all(opening).await;
    let statuses: Vec<u16> = opened.iter().map(|response| response.as_ref().unwrap().status().as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 401].contains(status)), "{statuses:?}");
    drop(opened);
    app.running.stop().await;
}

#[actix_web::test]
async fn what_is_no_live_ticket_opens_nothing() {
    let app = App::start().await;
    let late = ticket(&app, Who::User(1)).await;
    // Of the right form, as another service may have made it.
    let (foreign, token) = ("A".repeat(43), app.token(Who::Admin));
    for bad in ["", "x", &foreign, &token, &format!("{late}x"), &late.to_lowercase()] {
        assert_eq!(refused(&app, &format!("ticket={bad}")).await, outcome(401, "invalid_token"), "{bad}");
    }
    let list = app.get(Who::Nobody, &format!("/api/logs?ticket={late}")).await;
    assert_eq!(list.error(), "access_denied", "a ticket is for the stream alone");
    app.clock.advance(61);
    assert_eq!(refused(&app, &format!("ticket={late}")).await, outcome(401, "invalid_token"));
    app.running.stop().await;
}

#[actix_web::test]
async fn a_ticket_counts_as_long_as_the_session_and_with_the_roles_of_now() {
    let app = App::start().await;
    for (code, status) in [(ErrorCode::TokenRevoked, 401), (ErrorCode::Blocked, 403)] {
        let ticket = ticket(&app, Who::User(1)).await;
        app.bank.set_answer(1, Err(SessionError::Refused(code)));
        assert_eq!(refused(&app, &format!("ticket={ticket}")).await, outcome(status, code.as_str()));
        app.bank.set_answer(1, Ok(&["user"]));
    }
    let unused = ticket(&app, Who::User(1)).await;
    app.bank.set_answer(1, Err(SessionError::Unknown));
    assert_eq!(refused(&app, &format!("ticket={unused}")).await, outcome(503, "unavailable"));

    let ticket = ticket(&app, Who::Manager).await;
    app.bank.set_answer(1001, Ok(&["user"]));
    let mut events = Events::open(&app, Who::Nobody, &format!("?ticket={ticket}"), None).await;
    app.record(event(Some(2), "foreign")).await;
    app.record(event(Some(1001), "own")).await;
    assert_eq!(events.messages(1).await, ["own"]);
    app.running.stop().await;
}

#[actix_web::test]
async fn a_ticket_is_valid_no_longer_than_the_token_that_requested_it() {
    let app = App::start().await;
    let mut claims = App::claims(Who::User(1));
    claims.exp = claims.iat + 30;
    let token = app.key.sign(&claims).unwrap();
    let given = send(app.request(Who::Nobody, Method::POST, TICKET).bearer_auth(token)).await;
    let ticket = given.json()["ticket"].as_str().unwrap().to_owned();
    app.clock.advance(40);
    assert_eq!(refused(&app, &format!("ticket={ticket}")).await, outcome(401, "token_expired"));
    app.running.stop().await;
}

#[actix_web::test]
async fn the_head_spends_no_ticket_and_ten_are_the_most() {
    let app = App::start().await;
    let first = ticket(&app, Who::User(1)).await;
    for _ in 0..2 {
        let path = format!("/api/logs/stream?ticket={first}");
        let head = app.request(Who::Nobody, Method::HEAD, &path).send().await.unwrap();
        assert_eq!(
            (head.status().as_u16(), head.headers()["content-type"].as_bytes()),
            (200, &b"text/event-stream"[..])
        );
    }
    for _ in 1..10 {
        ticket(&app, Who::User(1)).await;
    }
    let more = send(app.request(Who::User(1), Method::POST, TICKET)).await;
    assert_eq!((more.status.as_u16(), more.error().as_str()), (429, "too_many_requests"));
    assert!(more.headers.contains_key("retry-after"));
    ticket(&app, Who::User(2)).await;
    drop(Events::open(&app, Who::Nobody, &format!("?ticket={first}"), None).await);
    ticket(&app, Who::User(1)).await;
    app.clock.advance(61);
    for _ in 0..10 {
        ticket(&app, Who::User(1)).await;
    }
    app.running.stop().await;
}

#[actix_web::test]
async fn a_client_without_headers_comes_back_where_it_was() {
    let app = App::start().await;
    app.fill(3).await;
    let again = ticket(&app, Who::Manager).await;
    let query = format!("?ticket={again}&last_event_id=1");
    let mut events = Events::open(&app, Who::Nobody, &query, None).await;
    let first: Value = events.log().await;
    assert_eq!((first["message"].as_str(), events.messages(1).await), (Some("entry 1"), vec!["entry 2".to_owned()]));
    app.running.stop().await;
}

#[actix_web::test]
async fn a_page_of_another_origin_gets_a_ticket_and_opens_the_stream() {
    const PAGE: &str = "https://app.example";
    let place = std::sync::Arc::new(crate::backend::Place::new());
    let mut config = place.config();
    config.cors.cors_origins = PAGE.to_owned();
    let app = App::start_with(place, config).await;
    let preflight = app.request(Who::Nobody, Method::OPTIONS, TICKET).header("origin", PAGE);
    let preflight = send(preflight.header("access-control-request-method", "POST")).await;
    assert_eq!(preflight.status, 204);
    assert!(preflight.headers["access-control-allow-headers"].to_str().unwrap().contains("Authorization"));
    let given = send(app.request(Who::User(1), Method::POST, TICKET).header("origin", PAGE)).await;
    let ticket = given.json()["ticket"].as_str().unwrap().to_owned();
    let path = format!("/api/logs/stream?ticket={ticket}");
    let opened = app.request(Who::Nobody, Method::GET, &path).header("origin", PAGE).send().await.unwrap();
    for headers in [&preflight.headers, &given.headers, opened.headers()] {
        assert_eq!(headers["access-control-allow-origin"], PAGE);
    }
    drop(opened);
    app.running.stop().await;
}
