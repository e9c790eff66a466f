//! `GET /api/logs/stream`.

use std::time::Duration;

use reqwest::{Method, Response, header};
use serde_json::Value;
use test_support::eventually;

use crate::harness::{App, Who, entry, event, send};

/// A reader of server-sent events.
pub(crate) struct Events {
    response: Response,
    text: String,
}

/// One block: the values of each name, comments under an empty one.
pub(crate) struct Block(Vec<(String, String)>);

impl Block {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

impl Events {
    pub(crate) async fn open(app: &App, who: Who, query: &str, last_event_id: Option<&str>) -> Self {
        let mut request = app.request(who, Method::GET, &format!("/api/logs/stream{query}"));
        if let Some(id) = last_event_id {
            request = request.header("Last-Event-ID", id);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// The next block; `None` once the stream has ended.
    pub(crate) async fn block(&mut self) -> Option<Block> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                let pairs = block.lines().filter_map(|line| line.split_once(':'));
                let pairs = pairs.map(|(name, value)| (name.to_owned(), value.trim_start().to_owned())).collect();
                return Some(Block(pairs));
            }
            let chunk = tokio::time::timeout(Duration::from_secs(10), self.response.chunk()).await.expect("in time");
            self.text.push_str(std::str::from_utf8(&chunk.ok()??).unwrap());
        }
    }

    /// The next entry, without heartbeats.
    pub(crate) async fn log(&mut self) -> Value {
        loop {
            let block = self.block().await.expect("the stream goes on");
            if let Some(data) = block.get("data") {
                let log: Value = serde_json::from_str(data).unwrap();
                assert_eq!((block.get("event"), block.get("id")), (Some("log"), log["id"].as_str()));
                return log;
            }
        }
    }

    /// The messages up to the end of the stream, `most` at most, and the id of the last one.
    async fn rest(&mut self, most: usize) -> (Vec<String>, String) {
        let (mut messages, mut last) = (Vec::new(), "2".to_owned());
        while messages.len() < most
            && let Some(block) = self.block().await
        {
            if let Some(data) = block.get("data") {
                let log: Value = serde_json::from_str(data).unwrap();
                messages.push(log["message"].as_str().unwrap().to_owned());
                log["id"].as_str().unwrap().clone_into(&mut last);
            }
        }
        (messages, last)
    }

    pub(crate) async fn messages(&mut self, count: usize) -> Vec<String> {
        let mut messages = Vec::new();
        while messages.len() < count {
            messages.push(self.log().await["message"].as_str().unwrap().to_owned());
        }
        messages
    }
}

fn numbered(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| format!("entry {n}")).collect()
}

#[actix_web::test]
async fn new_entries_arrive_live_and_old_ones_do_not() {
    let app = App::start().await;
    app.record(event(None, "old")).await;
    let mut events = Events::open(&app, Who::Manager, "", None).await;
    assert_eq!(events.block().await.unwrap().get("id"), Some("1"), "a position to come back with");
    let recorded = app.record(event(None, "new")).await;
    assert_eq!(events.log().await, recorded);
    app.fill(250).await;
    assert_eq!(events.messages(250).await, numbered(0..250));
    app.running.stop().await;
}

#[actix_web::test]
async fn a_stream_resumes_where_it_was_left_without_loss_or_repetition() {
    let app = App::start().await;
    app.fill(10).await;
    let mut events = Events::open(&app, Who::Manager, "", Some("4")).await;
    assert_eq!(events.messages(6).await, numbered(4..10));
    drop(events);
    app.fill(5).await;
    let mut events = Events::open(&app, Who::Manager, "", Some("10")).await;
    assert_eq!(events.messages(5).await, numbered(0..5));
    for bad in ["abc", "1;2", "007"] {
        let request = app.request(Who::Manager, Method::GET, "/api/logs/stream").header("Last-Event-ID", bad);
        assert_eq!(send(request).await.error(), "malformed_request", "{bad}");
    }
    app.running.stop().await;
}

#[actix_web::test]
async fn a_position_may_come_as_a_parameter_and_0_is_before_everything() {
    let app = App::start().await;
    app.fill(3).await;
    assert_eq!(Events::open(&app, Who::Manager, "?last_event_id=2", None).await.messages(1).await, numbered(2..3));
    assert_eq!(Events::open(&app, Who::Manager, "?last_event_id=2", Some("1")).await.messages(2).await, numbered(1..3));
    assert_eq!(Events::open(&app, Who::Manager, "", Some("0")).await.messages(3).await, numbered(0..3));
    let bad = app.get(Who::Manager, "/api/logs/stream?last_event_id=x").await;
    assert_eq!(bad.error(), "malformed_request");
    app.running.stop().await;
}

#[actix_web::test]
async fn one_user_has_five_streams_and_leaves_the_others_theirs() {
    let app = App::start().await;
    let mut open = Vec::new();
    for _ in 0..5 {
        open.push(Events::open(&app, Who::User(1), "", None).await);
    }
    assert_eq!(app.get(Who::User(1), "/api/logs/stream").await.error(), "too_many_requests");
    drop(Events::open(&app, Who::User(2), "", None).await);
    drop(open);
    eventually("closed streams have given their places back", async || {
        let request = app.request(Who::User(1), Method::GET, "/api/logs/stream").send().await.unwrap();
        request.status() == 200
    })
    .await;
    app.running.stop().await;
}

#[actix_web::test]
async fn the_head_of_a_stream_or_an_export_takes_no_place() {
    let app = App::start().await;
    for _ in 0..6 {
        for path in ["/api/logs/stream", "/api/logs/export"] {
            let head = app.request(Who::User(1), Method::HEAD, path).send().await.unwrap();
            assert_eq!(head.status(), 200, "{path}");
            assert!(!head.headers().contains_key("content-length"), "{path}: the length is not known");
            assert!(head.bytes().await.unwrap().is_empty());
        }
    }
    let client = service_kit::http::client(Duration::from_secs(5));
    let refused = client.head(format!("{}/api/logs/stream", app.running.url())).send().await.unwrap();
    assert_eq!(refused.status(), 403);
    let open: Vec<Events> =
        futures_util::future::join_all((0..5).map(|_| Events::open(&app, Who::User(1), "", None))).await;
    assert_eq!(open.len(), 5);
    app.running.stop().await;
}

#[actix_web::test]
async fn a_stream_shows_only_what_its_reader_may_see_and_selected() {
    let app = App::start().await;
    let mut own = Events::open(&app, Who::User(1), "", None).await;
    let mut cards = Events::open(&app, Who::Admin, "?event_type=card.created", None).await;
    app.record(event(Some(2), "of another")).await;
    app.record(event(None, "of nobody")).await;
    let mut card = event(Some(2), "a card");
    card["event_type"] = "card.created".into();
    app.record(card).await;
    app.record(event(Some(1), "own")).await;
    assert_eq!(own.log().await["message"], "own");
    assert_eq!(cards.log().await["message"], "a card");
    let refused = app.get(Who::Admin, "/api/logs/stream?page_size=1").await;
    assert_eq!(refused.faulty_fields(), ["page_size"]);
    app.running.stop().await;
}

#[actix_web::test]
async fn silence_is_broken_by_a_heartbeat_that_carries_the_position() {
    let app = App::start().await;
    let mut events = Events::open(&app, Who::User(1), "", None).await;
    assert_eq!(events.block().await.unwrap().get("id"), None);
    app.record(event(Some(2), "of another")).await;
    loop {
        let block = events.block().await.unwrap();
        assert!(block.get("data").is_none());
        if block.get("").is_some() && block.get("id") == Some("1") {
            break;
        }
    }
    app.running.stop().await;
}

#[actix_web::test]
async fn a_client_that_does_not_read_is_dropped_and_comes_back_without_loss() {
    let app = App::start().await;
    let entries = (0..400).map(|n| {
        let mut entry = entry(n);
        entry.data = serde_json::json!("x".repeat(60_000));
        entry
    });
    // 24 MB: more than sockets and buffers hold.
    app.running.store().append(entries.collect()).await.unwrap();
    app.record(event(None, "the last one")).await;
    // The other slots are taken by streams without entries, so that only the dropped one frees its slot.
    let query = "?event_type=card.created";
    let others = futures_util::future::join_all((0..4).map(|_| Events::open(&app, Who::Manager, query, None))).await;
    let mut events = Events::open(&app, Who::Manager, "", Some("1")).await;
    events.messages(1).await;
    eventually("the stream is dropped", async || {
        let next = app.request(Who::Manager, Method::GET, &format!("/api/logs/stream{query}"));
        next.send().await.unwrap().status() == 200
    })
    .await;
    drop(others);
    let (mut seen, last) = events.rest(399).await;
    assert!(seen.len() < 399, "nothing was cut off");
    seen.insert(0, "entry 1".to_owned());
    let mut events = Events::open(&app, Who::Manager, "", Some(&last)).await;
    while seen.len() < 400 {
        seen.push(events.log().await["message"].as_str().unwrap().to_owned());
    }
    assert_eq!(seen[..399], numbered(1..400));
    assert_eq!(seen[399], "the last one");
    app.running.stop().await;
}

#[actix_web::test]
async fn a_stream_ends_when_the_token_does() {
    let app = App::start().await;
    let mut events = Events::open(&app, Who::Manager, "", None).await;
    app.clock.advance(800);
    let rechecks = || app.bank.requests().0;
    let before = rechecks();
    eventually("its token is checked again", async || rechecks() > before + 2).await;
    let recorded = app.record(event(None, "in time")).await;
    assert_eq!(events.log().await, recorded);
    app.clock.advance(100);
    let rest = tokio::time::timeout(Duration::from_secs(30), events.rest(1)).await.expect("it ends");
    assert_eq!(rest.0, Vec::<String>::new());
    app.running.stop().await;
}

#[actix_web::test]
async fn a_stream_ends_cleanly_when_the_service_stops() {
    let app = App::start().await;
    let mut events = Events::open(&app, Who::Manager, "", None).await;
    events.block().await.unwrap();
    let stopping = async {
        app.running.stop().await;
        while events.block().await.is_some() {}
    };
    tokio::time::timeout(Duration::from_secs(5), stopping).await.expect("it ends");
}
