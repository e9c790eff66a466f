//! A running stream or export checks its session again, and ends with it.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use service_kit::http::auth::SessionError;
use service_kit::http::problem::ErrorCode;
use test_support::eventually;

use crate::harness::{App, Who, entry, event, send};
use crate::stream::Events;

/// Reads the rest of a stream.
async fn ended(events: &mut Events) {
    while let Some(block) = events.block().await {
        assert!(block.get("data").is_none());
    }
}

#[actix_web::test]
async fn a_stream_ends_when_its_session_does_and_no_other_one() {
    let app = App::start().await;
    for refusal in [
        SessionError::Refused(ErrorCode::TokenRevoked),
        SessionError::Refused(ErrorCode::Blocked),
        // The session could not be checked for too long.
        SessionError::Unknown,
    ] {
        let mut events = Events::open(&app, Who::User(1), "", None).await;
        let mut other = Events::open(&app, Who::User(2), "", None).await;
        app.bank.set_answer(1, Err(refusal));
        ended(&mut events).await;
        app.record(event(Some(1), "nobody listens")).await;
        app.record(event(Some(2), "goes on")).await;
        assert_eq!(other.log().await["message"], "goes on");
        app.bank.set_answer(1, Ok(&["user"]));
    }
    app.running.stop().await;
}

#[actix_web::test]
async fn a_stream_ends_when_its_reader_sees_other_entries_and_goes_on_when_not() {
    let app = App::start().await;
    let mut events = Events::open(&app, Who::Manager, "", None).await;
    app.bank.set_answer(1001, Ok(&["admin"]));
    let before = app.bank.requests().0;
    eventually("it was asked for again", async || app.bank.requests().0 > before + 2).await;
    app.record(event(Some(2), "goes on")).await;
    assert_eq!(events.log().await["message"], "goes on");
    app.bank.set_answer(1001, Ok(&["user"]));
    ended(&mut events).await;
    // It reconnects, and sees its visible entries.
    let mut events = Events::open(&app, Who::Manager, "?last_event_id=0", None).await;
    app.record(event(Some(1001), "own")).await;
    assert_eq!(events.log().await["message"], "own");
    app.running.stop().await;
}

#[actix_web::test]
async fn a_stream_that_was_opened_by_a_ticket_ends_with_the_session_that_requested_it_and_with_its_token() {
    let app = App::start().await;
    for by_time in [false, true] {
        let given = send(app.request(Who::User(1), Method::POST, "/api/logs/stream/ticket")).await;
        let query = format!("?ticket={}", given.json()["ticket"].as_str().unwrap());
        let mut events = Events::open(&app, Who::Nobody, &query, None).await;
        events.block().await.expect("it begins");
        if by_time {
            app.clock.advance(901);
        } else {
            app.bank.set_answer(1, Err(SessionError::Refused(ErrorCode::TokenRevoked)));
        }
        ended(&mut events).await;
        app.bank.set_answer(1, Ok(&["user"]));
    }
    app.running.stop().await;
}

/// More than sockets and buffers hold.
pub(crate) async fn fill_with_much(app: &App) {
    let entries = (0..400).map(|n| {
        let mut entry = entry(n);
        entry.data = json!("x".repeat(60_000));
        entry
    });
    app.running.store().append(entries.collect()).await.unwrap();
}

/// An export, once a slot is free.
async fn export(app: &App, query: &str) -> reqwest::Response {
    let mut opened = None;
    eventually("there is a place for an export", async || {
        let response =
            app.request(Who::Manager, Method::GET, &format!("/api/logs/export{query}")).send().await.unwrap();
        opened = (response.status() == 200).then_some(response);
        opened.is_some()
    })
    .await;
    opened.unwrap()
}

#[actix_web::test]
async fn an_export_is_broken_off_when_its_session_ends_or_its_reader_sees_other_entries() {
    let app = App::start().await;
    fill_with_much(&app).await;
    for lost in [Err(SessionError::Refused(ErrorCode::TokenRevoked)), Ok(&["user"][..])] {
        let mut response = export(&app, "").await;
        response.chunk().await.unwrap().expect("it begins");
        app.bank.set_answer(1001, lost);
        // Nothing is read meanwhile, so only an aborted export frees its slot.
        eventually("the export has ended", async || {
            app.bank.set_answer(1001, Ok(&["manager"]));
            let next = app.request(Who::Manager, Method::GET, "/api/logs/export?q=nothing").send().await.unwrap();
            app.bank.set_answer(1001, lost);
            next.status() == 200
        })
        .await;
        app.bank.set_answer(1001, Ok(&["manager"]));
        let rest = async {
            while response.chunk().await?.is_some() {}
            Ok::<_, reqwest::Error>(())
        };
        let rest = tokio::time::timeout(Duration::from_secs(30), rest).await.expect("it ends");
        assert!(rest.is_err(), "a short answer must not look whole");
    }
    app.running.stop().await;
}
