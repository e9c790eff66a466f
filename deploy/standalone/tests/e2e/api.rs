//! A logged-in caller of the three APIs.

use std::time::Duration;

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::process::Urls;

const TIME_LIMIT: Duration = Duration::from_mins(1);

#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) http: Client,
    pub(crate) urls: Urls,
    pub(crate) token: String,
}

pub(crate) fn client() -> Client {
    service_kit::http::client(TIME_LIMIT)
}

impl Api {
    /// Registers a user and logs it in.
    pub(crate) async fn register(urls: &Urls, email: &str, password: &str) -> Self {
        let body = json!({"email": email, "password": password});
        let answer = client().post(format!("{}/auth/register", urls.bank)).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED, "{}", answer.text().await.unwrap());
        Self::login(urls, email, password).await
    }

    pub(crate) async fn login(urls: &Urls, email: &str, password: &str) -> Self {
        let http = client();
        let body = json!({"email": email, "password": password});
        let answer = http.post(format!("{}/auth/login", urls.bank)).json(&body).send().await.unwrap();
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        assert_eq!(status, StatusCode::OK, "{body}");
        let token = body["access_token"].as_str().unwrap().to_owned();
        Self { http, urls: urls.clone(), token }
    }

    pub(crate) async fn send(&self, method: Method, url: &str, body: Option<&Value>) -> (StatusCode, Value) {
        let mut request = self.http.request(method, url).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        (status, answer.json().await.unwrap_or(Value::Null))
    }

    /// Creates an item and returns it.
    pub(crate) async fn create(&self, path: &str, body: Value) -> Value {
        let (status, mut answer) = self.send(Method::POST, &format!("{}{path}", self.urls.bank), Some(&body)).await;
        assert_eq!(status, StatusCode::CREATED, "POST {path}: {answer}");
        assert_eq!(answer["msg"], "item created");
        answer["item"].take()
    }

    pub(crate) async fn update(&self, path: &str, body: Value) -> Value {
        let (status, mut answer) = self.send(Method::PUT, &format!("{}{path}", self.urls.bank), Some(&body)).await;
        assert_eq!(status, StatusCode::OK, "PUT {path}: {answer}");
        answer["item"].take()
    }

    pub(crate) async fn delete(&self, path: &str) -> Value {
        let (status, mut answer) = self.send(Method::DELETE, &format!("{}{path}", self.urls.bank), None).await;
        assert_eq!(status, StatusCode::OK, "DELETE {path}: {answer}");
        answer["item"].take()
    }

    pub(crate) async fn get(&self, url: &str) -> Value {
        let (status, answer) = self.send(Method::GET, url, None).await;
        assert_eq!(status, StatusCode::OK, "GET {url}: {answer}");
        answer
    }

    /// The log entries of one event type, at most 100.
    pub(crate) async fn logs(&self, event_type: &str) -> Vec<Value> {
        let url = format!("{}/api/logs?event_type={event_type}&page_size=100", self.urls.log);
        self.get(&url).await["results"].as_array().unwrap().clone()
    }

    /// The log entries of one event type about the item of that id.
    pub(crate) async fn logs_of(&self, event_type: &str, id: &Value) -> Vec<Value> {
        let mut entries = self.logs(event_type).await;
        entries.retain(|entry| &entry["data"]["id"] == id);
        entries
    }

    /// The log entry of an event about an item, if it is there; fails if it is there more than once.
    pub(crate) async fn log_of(&self, event_type: &str, id: &Value) -> Option<Value> {
        let mut entries = self.logs_of(event_type, id).await;
        assert!(entries.len() <= 1, "{event_type} {id} is logged more than once: {entries:?}");
        entries.pop()
    }
}
