//! The streams of the console: what they send, and when they end.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::json;
use shared_events::events::{CityUpdated, Event as _};
use test_support::eventually;

use super::{MARKUP, publish, start};
use crate::console::browser::Browser;

const FLOW: &str = "/console/flow/stream";
const WAIT_LIMIT: Duration = Duration::from_mins(1);

/// An open stream, and what it has sent.
struct Stream {
    response: Response,
    text: String,
}

impl Stream {
    async fn open(browser: &Browser<'_>, path: &str) -> Self {
        let response = browser.request(Method::GET, path).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        Self { response, text: String::new() }
    }

    /// Reads until this was sent.
    async fn until(&mut self, part: &str) {
        while !self.text.contains(part) {
            assert!(self.read().await, "the stream ended without {part}: {}", self.text);
        }
    }

    /// Reads to the end.
    async fn end(&mut self) {
        while self.read().await {}
    }

    /// Whether there was more.
    async fn read(&mut self) -> bool {
        let chunk = tokio::time::timeout(WAIT_LIMIT, self.response.chunk()).await.expect("the stream says nothing");
        let Some(chunk) = chunk.ok().flatten() else { return false };
        self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        true
    }
}

#[actix_web::test]
async fn a_new_event_is_sent_as_an_item_and_a_change_as_its_summary() {
    let (app, services) = start().await;
    let browser = Browser::of_admin(&app).await;
    let mut stream = Stream::open(&browser, &format!("{FLOW}?entity=city")).await;
    stream.until("retry: ").await;
    let mut event = CityUpdated::example();
    MARKUP.clone_into(&mut event.0.name);
    let id = app.commit(&event).await;
    stream.until("<strong>city.updated 1</strong>").await;
    stream.until("\n\n").await;
    assert!(stream.text.contains("event: row\n") && stream.text.contains("data: <li id="), "{}", stream.text);
    assert!(!stream.text.contains("security."), "the filter holds for the stream: {}", stream.text);

    stream.text.clear();
    publish(&app).await;
    services.state.logged.lock().unwrap().insert(id);
    stream.until("→ logged").await;
    assert!(stream.text.contains("hx-swap-oob=\"true\"") && !stream.text.contains("<script"), "{}", stream.text);
}

#[actix_web::test]
async fn a_stream_of_a_new_page_sends_changes_alone_and_one_that_is_opened_again_the_whole_list() {
    let (app, _services) = start().await;
    let browser = Browser::of_admin(&app).await;
    app.commit(&CityUpdated::example()).await;
    let page = browser.get("/console/flow?entity=city").await.expect(200).text;
    let (_, path) = page.split_once("sse-connect=\"").unwrap();
    let path = path.split('"').next().unwrap().replace("&#x2f;", "/").replace("&amp;", "&");
    let mut stream = Stream::open(&browser, &path).await;
    stream.until("-summary\" hx-swap-oob=\"true\"").await;
    assert!(!stream.text.contains("<li"), "the page has the row: {}", stream.text);
    app.commit(&CityUpdated::example()).await;
    stream.until("data: <li id=").await;

    let request = browser.request(Method::GET, &path).header("Last-Event-ID", "1");
    let mut again = Stream { response: request.send().await.unwrap(), text: String::new() };
    again.until("</ol>").await;
    assert!(again.text.contains("data: <ol hx-swap-oob=\"innerHTML:#flow-rows\">"), "{}", again.text);
    assert_eq!(again.text.matches("<li id=").count(), 2, "each row once: {}", again.text);
}

#[actix_web::test]
async fn the_health_page_is_updated_in_parts_within_regions_that_stay() {
    let (app, _services) = start().await;
    let browser = Browser::of_admin(&app).await;
    let page = browser.get("/console/health").await.expect(200).text;
    let mut stream = Stream::open(&browser, "/console/health/stream").await;
    for part in ["health-services-table", "health-outbox", "health-queues-part", "health-sparklines"] {
        stream.until(&format!("id=\"{part}\" hx-swap-oob=\"true\"")).await;
        assert!(page.contains(&format!("id=\"{part}\">")), "{part} in {page}");
    }
    assert!(page.contains("hx-swap=\"none\"") && page.contains("class=\"scroll\""), "{page}");
    assert!(!stream.text.contains("class=\"scroll\"") && !stream.text.contains("<h2"), "{}", stream.text);
}

#[actix_web::test]
async fn a_stream_ends_with_the_session_and_with_the_rights_of_its_user() {
    let (app, _services) = start().await;
    let admin = app.admin().await;
    let manager = app.manager(&admin).await;
    let browser = Browser::of(&app, "manager@example.com").await;
    let mut flow = Stream::open(&browser, FLOW).await;
    let mut health = Stream::open(&browser, "/console/health/stream").await;
    flow.until("retry: ").await;
    let token = browser.get("/console/flow").await.expect(200).field("_token");
    assert_eq!(browser.post("/console/logout", &[("_token", &token)]).await.status, 303);
    flow.end().await;
    health.end().await;

    let browser = Browser::of(&app, "manager@example.com").await;
    let mut flow = Stream::open(&browser, FLOW).await;
    let block = json!({"is_blocked": true});
    app.put(&admin.token, &format!("/api/users/{}", manager.id), block).await.expect(200);
    flow.end().await;
}

#[actix_web::test]
async fn streams_are_bounded_and_need_a_session() {
    let (app, _services) = start().await;
    let browser = Browser::of_admin(&app).await;
    let mut streams = Vec::new();
    for _ in 0..10 {
        streams.push(Stream::open(&browser, FLOW).await);
    }
    let refused = browser.get(FLOW).await.expect(429);
    assert!(!refused.header("retry-after").is_empty(), "{refused:?}");
    browser.get("/console/health/stream").await.expect(429);
    browser.get(&format!("{FLOW}?item=x")).await.expect(422);
    drop(streams);
    let opens = async || browser.request(Method::GET, FLOW).send().await.unwrap().status() == 200;
    eventually("closed streams have freed their slots", opens).await;
    let stranger = Browser::new(&app);
    assert!(stranger.get(FLOW).await.leads_to().starts_with("/console/login"));
}

#[actix_web::test]
async fn a_stream_ends_when_the_session_is_idle_for_too_long() {
    let (app, _services) = start().await;
    let browser = Browser::of_admin(&app).await;
    let mut flow = Stream::open(&browser, FLOW).await;
    flow.until("retry: ").await;
    app.clock.advance(Duration::from_mins(31));
    flow.end().await;
}

#[actix_web::test]
async fn a_stream_that_is_opened_again_keeps_no_idle_session_alive() {
    let (app, _services) = start().await;
    let browser = Browser::of_admin(&app).await;
    for path in [FLOW, "/console/health/stream"] {
        app.clock.advance(Duration::from_mins(14));
        Stream::open(&browser, path).await.until("retry: ").await;
    }
    app.clock.advance(Duration::from_mins(2));
    assert!(!browser.is_in().await);
}
