//! Whether a session counts, checked at a server that plays bank-service.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::DateTime;
use serde_json::{Value, json};
use service_kit::clock::ManualClock;
use service_kit::http::PeerTrust;
use service_kit::http::auth::{Claims, HttpSessions, SessionError, SessionSource};
use service_kit::http::problem::ErrorCode;

use crate::support::{Started, settings, start_with};

struct Bank {
    started: Started,
    requests: Arc<AtomicU32>,
    answer: Arc<Mutex<(u16, Value)>>,
    clock: Arc<ManualClock>,
    source: HttpSessions,
}

impl Bank {
    fn start() -> Self {
        let requests = Arc::new(AtomicU32::new(0));
        let answer = Arc::new(Mutex::new((200, json!({"active": true, "user_id": 1, "roles": ["admin"]}))));
        let (counter, served) = (Arc::clone(&requests), Arc::clone(&answer));
        let started = start_with(settings(), move |config| {
            let (counter, served) = (Arc::clone(&counter), Arc::clone(&served));
            let introspect = move |request: HttpRequest| {
                counter.fetch_add(1, Ordering::SeqCst);
                assert_eq!(request.headers().get("authorization").unwrap(), "Bearer token-1");
                let (status, body) = served.lock().unwrap().clone();
                async move { HttpResponse::build(StatusCode::from_u16(status).unwrap()).json(body) }
            };
            config.route("/auth/introspect", web::get().to(introspect));
        });
        let clock = Arc::new(ManualClock::new(DateTime::from_timestamp(1_700_000_000, 0).unwrap()));
        let source = HttpSessions::new(&started.url("/.well-known/jwks.json"), &PeerTrust::default(), clock.clone());
        Self { started, requests, answer, clock, source }
    }

    fn answers(&self, status: u16, body: Value) {
        *self.answer.lock().unwrap() = (status, body);
    }

    async fn roles(&self, session: &str, reads: bool) -> Result<Vec<String>, SessionError> {
        self.source.roles("token-1", &claims(session), reads).await
    }

    fn requests(&self) -> u32 {
        self.requests.load(Ordering::SeqCst)
    }
}

fn claims(session: &str) -> Claims {
    let claims = json!({
        "sub": "1", "user_id": 1, "roles": ["user"], "sid": session, "jti": "j", "iat": 0, "nbf": 0, "exp": 0,
        "iss": "bank-service", "aud": ["log-service"],
    });
    serde_json::from_value(claims).unwrap()
}

const ADMIN: [&str; 1] = ["admin"];

#[actix_web::test]
async fn roles_come_from_the_answer_which_is_kept_for_a_second() {
    let bank = Bank::start();
    for _ in 0..3 {
        assert_eq!(bank.roles("a", false).await.unwrap(), ADMIN);
    }
    assert_eq!(bank.requests(), 1);
    bank.answers(200, json!({"active": true, "user_id": 1, "roles": ["user"]}));
    bank.clock.advance(Duration::from_secs(1));
    assert_eq!(bank.roles("a", false).await.unwrap(), ["user"]);
    assert_eq!(bank.roles("b", false).await.unwrap(), ["user"]);
    assert_eq!(bank.requests(), 3);
}

#[actix_web::test]
async fn a_refusal_is_final_for_its_session() {
    let bank = Bank::start();
    for (session, status, code, expected) in [
        ("ended", 401, "token_revoked", ErrorCode::TokenRevoked),
        ("blocked", 403, "blocked", ErrorCode::Blocked),
        ("other", 401, "something_new", ErrorCode::InvalidToken),
    ] {
        bank.answers(status, json!({"error": code}));
        assert_eq!(bank.roles(session, true).await, Err(SessionError::Refused(expected)), "{session}");
    }
    bank.answers(200, json!({"active": true, "user_id": 1, "roles": ["admin"]}));
    bank.clock.advance(Duration::from_hours(1));
    for (session, code) in [("ended", ErrorCode::TokenRevoked), ("blocked", ErrorCode::Blocked)] {
        assert_eq!(bank.roles(session, true).await, Err(SessionError::Refused(code)));
    }
    assert_eq!(bank.requests(), 3);
}

#[actix_web::test]
async fn while_the_bank_is_unavailable_a_good_answer_of_five_minutes_serves_reads_alone() {
    let bank = Bank::start();
    assert_eq!(bank.roles("a", false).await.unwrap(), ADMIN);
    bank.answers(503, json!({}));
    bank.clock.advance(Duration::from_mins(4));
    assert_eq!(bank.roles("a", true).await.unwrap(), ADMIN);
    assert_eq!(bank.roles("a", false).await, Err(SessionError::Unknown));
    assert_eq!(bank.roles("b", true).await, Err(SessionError::Unknown), "nothing is known of this session");
    bank.clock.advance(Duration::from_mins(1));
    assert_eq!(bank.roles("a", true).await, Err(SessionError::Unknown));
    bank.started.server.stop(false).await;
    assert_eq!(bank.roles("a", true).await, Err(SessionError::Unknown));
}

#[actix_web::test]
async fn an_answer_that_makes_no_sense_is_no_answer_and_a_token_without_session_is_refused() {
    let bank = Bank::start();
    for body in [json!({}), json!({"active": true}), json!([]), json!({"active": true, "roles": "x".repeat(20_000)})] {
        bank.answers(200, body);
        assert_eq!(bank.roles("a", true).await, Err(SessionError::Unknown));
    }
    bank.answers(200, json!({"active": false, "roles": []}));
    assert_eq!(bank.roles("a", true).await, Err(SessionError::Refused(ErrorCode::TokenRevoked)));
    let mut none = claims("a");
    none.sid = None;
    let refused = bank.source.roles("token-1", &none, true).await;
    assert_eq!(refused, Err(SessionError::Refused(ErrorCode::InvalidToken)));
}
