//! A stand-in for Google: its token endpoint and FCM HTTP v1. It checks its requests, and answers by a script.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

const ACCOUNT: &str = "pusher@bank.example";
const PROJECT: &str = "bank-example";

/// The answer to the next message.
#[derive(Debug, Clone, Copy)]
pub enum Behaviour {
    Status(u16),
    Unregistered,
    Slow,
}

#[derive(Default)]
struct Seen {
    behaviours: VecDeque<Behaviour>,
    grants: usize,
    messages: Vec<Value>,
    faults: Vec<String>,
}

pub struct StandIn {
    pub url: String,
    /// The JSON key of the service account.
    pub credentials: String,
    seen: Arc<Mutex<Seen>>,
    handle: ServerHandle,
}

struct Shared {
    url: String,
    public_key: Vec<u8>,
    seen: Arc<Mutex<Seen>>,
}

impl StandIn {
    pub fn start() -> Self {
        let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der = key.as_der().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Seen::default()));
        let public_key = key.public_key().as_ref().to_vec();
        let shared = web::Data::new(Shared { url: url.clone(), public_key, seen: seen.clone() });
        let app = move || {
            App::new()
                .app_data(shared.clone())
                .route("/token", web::post().to(token))
                .route("/v1/projects/{project}/messages:send", web::post().to(send))
        };
        let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        let credentials = json!({
            "type": "service_account", "project_id": PROJECT, "client_email": ACCOUNT, "token_uri": format!("{url}/token"),
            "private_key":
                format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der.as_ref())),
        });
        Self { url, credentials: credentials.to_string(), seen, handle }
    }

    pub fn answer_with(&self, behaviours: &[Behaviour]) {
        self.seen.lock().unwrap().behaviours.extend(behaviours);
    }

    /// The accepted messages; panics if a request was wrong.
    #[track_caller]
    pub fn messages(&self) -> Vec<Value> {
        let seen = self.seen.lock().unwrap();
        assert!(seen.faults.is_empty(), "{:?}", seen.faults);
        seen.messages.clone()
    }

    pub fn grants(&self) -> usize {
        self.seen.lock().unwrap().grants
    }

    pub async fn stop(&self) {
        self.handle.stop(false).await;
    }
}

async fn token(shared: web::Data<Shared>, form: web::Form<HashMap<String, String>>) -> HttpResponse {
    let mut seen = shared.seen.lock().unwrap();
    if let Err(fault) = check_grant(&shared, &form) {
        seen.faults.push(fault);
        return HttpResponse::BadRequest().json(json!({"error": "invalid_grant"}));
    }
    seen.grants += 1;
    HttpResponse::Ok().json(json!({"access_token": format!("at-{}", seen.grants), "expires_in": 3599}))
}

fn check_grant(shared: &Shared, form: &HashMap<String, String>) -> Result<(), String> {
    let fault = |what: &str| Err(format!("the grant: {what}"));
    if form.get("grant_type").map(String::as_str) != Some("urn:ietf:params:oauth:grant-type:jwt-bearer") {
        return fault("grant_type");
    }
    let parts: Vec<&str> = form["assertion"].split('.').collect();
    let decoded = |at: usize| URL_SAFE_NO_PAD.decode(parts[at]).unwrap();
    let signed = format!("{}.{}", parts[0], parts[1]);
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &shared.public_key);
    if key.verify(signed.as_bytes(), &decoded(2)).is_err() {
        return fault("signature");
    }
    let header: Value = serde_json::from_slice(&decoded(0)).unwrap();
    let claims: Value = serde_json::from_slice(&decoded(1)).unwrap();
    let lifetime = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    match () {
        () if header["alg"] != "RS256" => fault("alg"),
        () if claims["iss"] != ACCOUNT => fault("iss"),
        () if claims["aud"] != format!("{}/token", shared.url) => fault("aud"),
        () if claims["scope"] != "https://www.googleapis.com/auth/firebase.messaging" => fault("scope"),
        () if !(1..=3600).contains(&lifetime) => fault("exp"),
        () => Ok(()),
    }
}

async fn send(shared: web::Data<Shared>, request: HttpRequest, body: web::Json<Value>) -> HttpResponse {
    let behaviour = {
        let mut seen = shared.seen.lock().unwrap();
        let expected = format!("Bearer at-{}", seen.grants);
        let given = request.headers().get("authorization").and_then(|value| value.to_str().ok()).map(str::to_owned);
        if given != Some(expected) || request.match_info().get("project") != Some(PROJECT) {
            seen.faults.push(format!("the message: authorization or project, {given:?}"));
        }
        let message = &body["message"];
        let texts = message["data"].as_object().is_some_and(|data| data.values().all(Value::is_string));
        if !message["token"].is_string() || !message["notification"]["title"].is_string() || !texts {
            seen.faults.push(format!("the message: form, {body}"));
        }
        seen.behaviours.pop_front()
    };
    match behaviour {
        Some(Behaviour::Status(status)) => {
            let status = actix_web::http::StatusCode::from_u16(status).unwrap();
            HttpResponse::build(status).json(json!({"error": {"code": status.as_u16(), "status": "SOMETHING"}}))
        }
        Some(Behaviour::Unregistered) => {
            HttpResponse::NotFound().json(json!({"error": {"status": "NOT_FOUND", "details": [
                {"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": "UNREGISTERED"},
            ]}}))
        }
        Some(Behaviour::Slow) => {
            actix_web::rt::time::sleep(Duration::from_mins(1)).await;
            HttpResponse::Ok().finish()
        }
        None => {
            shared.seen.lock().unwrap().messages.push(body["message"].clone());
            HttpResponse::Ok().json(json!({"name": "projects/bank-example/messages/1"}))
        }
    }
}
