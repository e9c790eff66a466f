//! A provider of text messages for tests: it checks its requests, and can misbehave.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub const SID: &str = "AC0123456789abcdef";
pub const TOKEN: &str = "the secret of the account";
pub const FROM: &str = "+12025550100";

/// The answers to the next requests; 201 once the list is empty.
#[derive(Debug, Clone, Copy)]
pub enum Reply {
    Status(u16),
    /// No answer for longer than the client waits.
    Silence,
}

#[derive(Clone, Default)]
pub struct Received {
    /// Recipient and text of the accepted messages.
    pub taken: Arc<Mutex<Vec<(String, String)>>>,
    pub replies: Arc<Mutex<VecDeque<Reply>>>,
    /// The faults of the requests.
    pub faults: Arc<Mutex<Vec<String>>>,
    pub requests: Arc<Mutex<usize>>,
}

pub struct SmsStub {
    pub received: Received,
    /// The provider's address: `SMS_BASE_URL`.
    pub base_url: String,
}

impl SmsStub {
    pub fn start() -> Self {
        let received = Received::default();
        let shared = received.clone();
        let server = HttpServer::new(move || {
            let path = format!("/2010-04-01/Accounts/{SID}/Messages.json");
            App::new()
                .app_data(web::Data::new(shared.clone()))
                .route("/", web::get().to(HttpResponse::NotFound))
                .route(&path, web::post().to(take))
        });
        let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
        let base_url = format!("http://{}/", server.addrs()[0]);
        actix_web::rt::spawn(server.run());
        Self { received, base_url }
    }

    /// The variables that configure the provider in a service.
    pub fn variables(&self) -> Vec<(String, String)> {
        let values = [
            ("SMS_BASE_URL", self.base_url.as_str()),
            ("SMS_ACCOUNT_SID", SID),
            ("SMS_AUTH_TOKEN", TOKEN),
            ("SMS_FROM", FROM),
        ];
        values.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    pub fn answer_with(&self, replies: &[Reply]) {
        self.received.replies.lock().unwrap().extend(replies);
    }

    pub fn taken(&self) -> Vec<(String, String)> {
        assert!(self.received.faults.lock().unwrap().is_empty(), "{:?}", self.received.faults.lock().unwrap());
        self.received.taken.lock().unwrap().clone()
    }

    pub fn requests(&self) -> usize {
        *self.received.requests.lock().unwrap()
    }
}

async fn take(request: HttpRequest, body: web::Bytes, received: web::Data<Received>) -> HttpResponse {
    *received.requests.lock().unwrap() += 1;
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let expected = format!("Basic {}", STANDARD.encode(format!("{SID}:{TOKEN}")));
    let fault = |text: String| received.faults.lock().unwrap().push(text);
    if header("authorization") != expected {
        fault("wrong credentials".to_owned());
    }
    if header("content-type") != "application/x-www-form-urlencoded" {
        fault(format!("content type {}", header("content-type")));
    }
    let form: Vec<(String, String)> = url::form_urlencoded::parse(&body).into_owned().collect();
    let names: Vec<&str> = form.iter().map(|(name, _)| name.as_str()).collect();
    if names != ["To", "From", "Body"] || form[1].1 != FROM {
        fault(format!("the form has {names:?}"));
    }
    let reply = received.replies.lock().unwrap().pop_front();
    match reply {
        Some(Reply::Status(status)) => HttpResponse::build(status.try_into().unwrap()).finish(),
        Some(Reply::Silence) => {
            actix_web::rt::time::sleep(Duration::from_mins(1)).await;
            HttpResponse::RequestTimeout().finish()
        }
        None => {
            received.taken.lock().unwrap().push((form[0].1.clone(), form[2].1.clone()));
            HttpResponse::Created().json(serde_json::json!({"sid": "SM1", "status": "queued"}))
        }
    }
}
