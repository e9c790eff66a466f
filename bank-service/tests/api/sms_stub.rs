//! A provider of text messages for tests: it checks what it is sent, and can misbehave.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use bank_service::config::SmsOptions;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use service_kit::config::Secret;

pub(crate) const SID: &str = "AC0123456789abcdef";
pub(crate) const TOKEN: &str = "the secret of the account";
pub(crate) const FROM: &str = "+12025550100";

/// How the next requests are answered; 201 once the list is empty.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reply {
    Status(u16),
    /// Nothing for longer than the client waits.
    Silence,
}

#[derive(Clone, Default)]
pub(crate) struct Received {
    /// Recipient and text of what was taken.
    pub(crate) taken: Arc<Mutex<Vec<(String, String)>>>,
    pub(crate) replies: Arc<Mutex<VecDeque<Reply>>>,
    /// What was wrong with a request.
    pub(crate) faults: Arc<Mutex<Vec<String>>>,
    pub(crate) asked: Arc<Mutex<usize>>,
}

pub(crate) struct SmsStub {
    pub(crate) received: Received,
    pub(crate) options: SmsOptions,
}

impl SmsStub {
    pub(crate) fn start() -> Self {
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
        let base = format!("http://{}/", server.addrs()[0]);
        actix_web::rt::spawn(server.run());
        let options = SmsOptions {
            sms_base_url: Some(base),
            sms_account_sid: Some(SID.to_owned()),
            sms_auth_token: Some(Secret::new(TOKEN)),
            sms_from: Some(FROM.to_owned()),
            sms_folder: None,
        };
        Self { received, options }
    }

    pub(crate) fn answer_with(&self, replies: &[Reply]) {
        self.received.replies.lock().unwrap().extend(replies);
    }

    pub(crate) fn taken(&self) -> Vec<(String, String)> {
        assert!(self.received.faults.lock().unwrap().is_empty(), "{:?}", self.received.faults.lock().unwrap());
        self.received.taken.lock().unwrap().clone()
    }

    pub(crate) fn asked(&self) -> usize {
        *self.received.asked.lock().unwrap()
    }
}

async fn take(request: HttpRequest, body: web::Bytes, received: web::Data<Received>) -> HttpResponse {
    *received.asked.lock().unwrap() += 1;
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
