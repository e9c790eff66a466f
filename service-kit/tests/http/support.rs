//! A server with one route for each kind of error, and a raw client.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};
use service_kit::http::fields::{Body, BodyLimit, Fields, FromFields, PathId, parse};
use service_kit::http::problem::Problem;
use service_kit::http::server::{ClientAddr, RunningServer, ServerParts, ServerSettings, serve};
use service_kit::lifecycle::{Readiness, Shutdown};
use service_kit::telemetry::Metrics;
use shared_events::BankId;
use tokio::sync::Semaphore;

pub(crate) struct Bank {
    name: String,
}

impl FromFields for Bank {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.read_only(&["id"]);
        let name = fields.required("name", parse::string(1, 100));
        let size = fields.optional("size", parse::integer());
        size?;
        Some(Self { name: name? })
    }
}

/// What tests hold of a server.
pub(crate) struct Started {
    pub(crate) server: RunningServer,
    pub(crate) readiness: Readiness,
    pub(crate) shutdown: Shutdown,
    pub(crate) metrics: Arc<Metrics>,
    /// `/held` answers once it gets a permit.
    pub(crate) gate: Arc<Semaphore>,
    pub(crate) client: reqwest::Client,
}

pub(crate) fn settings() -> ServerSettings {
    let mut settings = ServerSettings::new("test-service", "127.0.0.1:0".parse().unwrap());
    settings.workers = 2;
    settings.request_timeout = Duration::from_secs(5);
    settings.drain_delay = Duration::from_millis(400);
    settings
}

pub(crate) fn start() -> Started {
    start_with(settings(), |_| {})
}

pub(crate) fn start_with<F>(settings: ServerSettings, more: F) -> Started
where
    F: Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
{
    let (readiness, shutdown, metrics) = (Readiness::new(), Shutdown::new(), Metrics::new());
    let gate = Arc::new(Semaphore::new(0));
    let parts = ServerParts {
        metrics: Arc::clone(&metrics),
        readiness: readiness.clone(),
        shutdown: shutdown.clone(),
        openapi: utoipa::openapi::OpenApi::default(),
    };
    let held = Arc::clone(&gate);
    let server = serve(settings, parts, move |config| {
        routes(config, &held);
        more(config);
    })
    .unwrap();
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_danger_accept_invalid_certs(true)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(20))
        .build()
        .unwrap();
    Started { server, readiness, shutdown, metrics, gate, client }
}

fn routes(config: &mut web::ServiceConfig, gate: &Arc<Semaphore>) {
    config
        .app_data(web::Data::from(Arc::clone(gate)))
        .service(
            web::resource("/banks").route(web::get().to(|| async { HttpResponse::Ok().json(json!([])) })).route(
                web::post().to(|Body(bank): Body<Bank>| async move {
                    HttpResponse::Created().json(json!({ "name": bank.name }))
                }),
            ),
        )
        .service(web::resource("/banks/{id}").route(
            web::get().to(|PathId(id): PathId<BankId>| async move { HttpResponse::Ok().json(json!({ "id": id })) }),
        ))
        .service(
            web::resource("/small")
                .app_data(BodyLimit(100))
                .route(web::post().to(|_: Body<Bank>| async { HttpResponse::NoContent().finish() })),
        )
        .service(web::resource("/panic").route(web::get().to(panicking)))
        .service(web::resource("/panic/{id}").route(web::get().to(|_: PathId<BankId>| panicking())))
        .service(web::resource("/slow").route(web::get().to(std::future::pending::<HttpResponse>)))
        .service(web::resource("/held").route(web::get().to(held)))
        .service(web::resource("/internal").route(web::get().to(|| async {
            Err::<HttpResponse, _>(Problem::internal(&std::io::Error::other("UNIQUE constraint failed: users.email")))
        })))
        .service(web::resource("/framework").route(web::get().to(|| async {
            Err::<HttpResponse, _>(actix_web::error::ErrorInternalServerError("SELECT * FROM users"))
        })))
        .service(web::resource("/bare").route(web::get().to(|| async { HttpResponse::Conflict().finish() })))
        .service(
            web::resource("/json").route(web::post().to(|_: web::Json<Value>| async { HttpResponse::Ok().finish() })),
        )
        .service(web::resource("/who").route(
            web::get().to(|ClientAddr(address): ClientAddr| async move { HttpResponse::Ok().json(json!(address)) }),
        ))
        .service(
            web::resource("/id").route(
                web::get().to(|| async { HttpResponse::Ok().json(json!(service_kit::http::server::request_id())) }),
            ),
        )
        .service(web::resource("/stream").route(web::get().to(stream)));
}

async fn panicking() -> HttpResponse {
    panic!("secret reason")
}

async fn held(gate: web::Data<Semaphore>) -> HttpResponse {
    gate.acquire().await.unwrap().forget();
    HttpResponse::Ok().json(json!("released"))
}

/// One part at once and one for each permit, three in all.
async fn stream(gate: web::Data<Semaphore>) -> HttpResponse {
    let parts = futures_util::stream::unfold((gate, 0), |(gate, sent)| async move {
        if sent > 0 {
            gate.acquire().await.unwrap().forget();
        }
        let part = Ok::<_, std::io::Error>(bytes::Bytes::from(format!("data: {sent}\n\n")));
        (sent < 3).then_some((part, (gate, sent + 1)))
    });
    HttpResponse::Ok().content_type("text/event-stream").streaming(Box::pin(parts))
}

impl Started {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.url())
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        answer(self.client.get(self.url(path))).await
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        answer(self.client.post(self.url(path)).header("content-type", "application/json").body(body)).await
    }
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name}")).to_str().unwrap()
    }

    /// Checks that it is a whole problem with this status and code.
    #[track_caller]
    pub(crate) fn assert_problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json");
        let body = self.json();
        assert_eq!(body["error"], code);
        assert_eq!(body["status"], status);
        assert_eq!(body["type"], format!("/docs/errors/{code}"));
        for member in ["title", "detail", "msg"] {
            assert!(body[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {body}");
        }
        assert_eq!(body["request_id"], self.header("x-request-id"));
        assert_eq!(self.header("x-content-type-options"), "nosniff");
        body
    }
}

pub(crate) async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, text: response.text().await.unwrap() }
}

/// Sends bytes as they are and reads until the server closes or falls silent for five seconds.
pub(crate) async fn raw(addr: SocketAddr, bytes: &'static [u8]) -> String {
    let talk = move || {
        let mut stream = TcpStream::connect(addr).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        stream.write_all(bytes).unwrap();
        let mut text = Vec::new();
        drop(stream.read_to_end(&mut text));
        String::from_utf8_lossy(&text).into_owned()
    };
    tokio::task::spawn_blocking(talk).await.unwrap()
}
