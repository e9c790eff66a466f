//! Mailgun's `messages.mime` endpoint, as far as a sender sees it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use base64::Engine;
use email_service::mailer::MailgunSettings;
use service_kit::config::Secret;

const KEY: &str = "key-hunter2";
const DOMAIN: &str = "mg.bank.example";

#[derive(Default)]
pub(crate) struct Shared {
    /// Recipient and MIME of the accepted mails.
    pub(crate) mails: Mutex<Vec<(String, String)>>,
    /// The next answers; 0 stands for none.
    script: Mutex<VecDeque<u16>>,
}

pub(crate) struct MailgunStub {
    pub(crate) shared: Arc<Shared>,
    port: u16,
    handle: actix_web::dev::ServerHandle,
}

impl MailgunStub {
    pub(crate) fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let data = web::Data::from(Arc::clone(&shared));
        let server = HttpServer::new(move || {
            App::new().app_data(data.clone()).route("/v3/{domain}/messages.mime", web::post().to(messages))
        });
        let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
        let port = server.addrs()[0].port();
        let running = server.run();
        let handle = running.handle();
        drop(actix_rt::spawn(running));
        Self { shared, port, handle }
    }

    pub(crate) fn answer(&self, statuses: impl IntoIterator<Item = u16>) {
        self.shared.script.lock().unwrap().extend(statuses);
    }

    pub(crate) fn settings(&self) -> MailgunSettings {
        MailgunSettings {
            base_url: format!("http://127.0.0.1:{}", self.port),
            domain: DOMAIN.to_owned(),
            api_key: Secret::new(KEY),
            limit: Duration::from_secs(2),
        }
    }

    pub(crate) async fn stop(&self) {
        self.handle.stop(false).await;
    }
}

async fn messages(
    request: HttpRequest,
    domain: web::Path<String>,
    shared: web::Data<Shared>,
    body: web::Bytes,
) -> HttpResponse {
    let expected = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("api:{KEY}")));
    if request.headers().get("authorization").is_none_or(|given| given.as_bytes() != expected.as_bytes()) {
        return HttpResponse::Unauthorized().body("Forbidden");
    }
    if domain.as_str() != DOMAIN {
        return HttpResponse::NotFound().json(serde_json::json!({"message": "Domain not found"}));
    }
    let kind = request.headers().get("content-type").unwrap().to_str().unwrap();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=\"").unwrap().trim_end_matches('"').to_owned();
    let (Some(to), Some(mime)) = (field(&body, &boundary, "to"), field(&body, &boundary, "message")) else {
        return HttpResponse::BadRequest().json(serde_json::json!({"message": "to parameter is missing"}));
    };
    let status = shared.script.lock().unwrap().pop_front().unwrap_or(200);
    if status == 0 {
        actix_rt::time::sleep(Duration::from_secs(5)).await;
    }
    if matches!(status, 0 | 200) {
        shared.mails.lock().unwrap().push((to, mime));
        return HttpResponse::Ok().json(serde_json::json!({"id": "<x@y>", "message": "Queued. Thank you."}));
    }
    let message = format!("no john.doe@example.com for {status}");
    HttpResponse::build(status.try_into().unwrap()).json(serde_json::json!({"message": message}))
}

/// The content of one part.
fn field(body: &[u8], boundary: &str, name: &str) -> Option<String> {
    let text = String::from_utf8(body.to_vec()).unwrap();
    let part = text.split(&format!("--{boundary}")).find(|part| part.contains(&format!("name=\"{name}\"")))?;
    let (_, content) = part.split_once("\r\n\r\n")?;
    Some(content.strip_suffix("\r\n")?.to_owned())
}
