//! A client of the live changes that keeps reading.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::Value;

use crate::harness::TestApp;

const WAIT_LIMIT: Duration = Duration::from_mins(1);

pub(super) struct Stream {
    response: Response,
    buffer: Vec<u8>,
    pub(super) last_id: String,
}

impl Stream {
    pub(super) async fn open(app: &TestApp, token: &str, channels: &str, last_id: Option<&str>) -> Self {
        let mut request = app.request(Method::GET, &format!("/api/events/stream?channels={channels}"), Some(token));
        if let Some(id) = last_id {
            request = request.header("Last-Event-ID", id);
        }
        Self::begin(request).await
    }

    /// Opens a stream without a token, by the parameters of the query.
    pub(super) async fn open_by(app: &TestApp, query: &str) -> Self {
        Self::begin(app.request(Method::GET, &format!("/api/events/stream{query}"), None)).await
    }

    async fn begin(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        let mut stream = Self { response, buffer: Vec::new(), last_id: String::new() };
        let hello = stream.block().await.unwrap();
        assert!(hello.starts_with("retry: "), "{hello}");
        stream
    }

    /// The text before the next blank line; none at the end.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|two| two == b"\n\n") {
                let block = String::from_utf8(self.buffer.drain(..end + 2).collect()).unwrap();
                let block = block.trim_end_matches('\n').to_owned();
                if let Some(id) = block.lines().find_map(|line| line.strip_prefix("id: ")) {
                    id.clone_into(&mut self.last_id);
                }
                return Some(block);
            }
            let chunk = tokio::time::timeout(WAIT_LIMIT, self.response.chunk()).await.expect("the stream says nothing");
            self.buffer.extend_from_slice(&chunk.ok()??);
        }
    }

    /// The next change: `create account 3`.
    pub(super) async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            let block = self.block().await?;
            let line = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
            let Some(verb) = line("event: ") else { continue };
            let data: Value = serde_json::from_str(&line("data: ").unwrap()).unwrap();
            let name = format!("{verb} {} {}", data["channel"].as_str().unwrap(), data["item"]["id"]);
            return Some((name, data));
        }
    }

    pub(super) async fn names(&mut self, count: usize) -> Vec<String> {
        let mut names = Vec::new();
        for _ in 0..count {
            names.push(self.next().await.expect("the stream ended").0);
        }
        names
    }
}
