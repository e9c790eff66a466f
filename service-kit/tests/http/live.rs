//! A long request whose caller is checked again: the request below ends when the caller is refused.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::{HttpResponse, web};
use async_trait::async_trait;
use chrono::DateTime;
use service_kit::clock::ManualClock;
use service_kit::http::auth::{
    AUDIENCE_LOG, Claims, Jwk, KeySource, KeysUnavailable, LiveBearer, SessionError, SessionSource, SigningKey,
    Verifier,
};
use service_kit::http::problem::ErrorCode;
use test_support::eventually;

use crate::auth::claims;
use crate::support::{Started, answer, settings, start_with};

const NOW: i64 = 1_700_000_000;
const EVERY: Duration = Duration::from_millis(5);

/// A key that can be withdrawn, and a session that can change.
struct Bank {
    key: SigningKey,
    withdrawn: AtomicBool,
    roles: Mutex<Result<Vec<String>, SessionError>>,
    requests: AtomicU32,
}

#[async_trait]
impl KeySource for Bank {
    async fn key(&self, _: &str) -> Result<Option<Arc<Jwk>>, KeysUnavailable> {
        Ok((!self.withdrawn.load(Ordering::SeqCst)).then(|| Arc::new(self.key.jwk())))
    }
}

#[async_trait]
impl SessionSource for Bank {
    async fn roles(&self, _: &str, _: &Claims, _: bool) -> Result<Vec<String>, SessionError> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        self.roles.lock().unwrap().clone()
    }
}

struct Place {
    bank: Arc<Bank>,
    clock: Arc<ManualClock>,
    started: Started,
}

async fn wait(caller: LiveBearer) -> HttpResponse {
    caller.until_refused(EVERY, |claims| claims.has_role("user")).await;
    HttpResponse::NoContent().finish()
}

fn place() -> Place {
    let bank = Arc::new(Bank {
        key: SigningKey::generate(),
        withdrawn: AtomicBool::new(false),
        roles: Mutex::new(Ok(vec!["user".to_owned()])),
        requests: AtomicU32::new(0),
    });
    let clock = Arc::new(ManualClock::new(DateTime::from_timestamp(NOW, 0).unwrap()));
    let verifier = Verifier::new(bank.clone(), AUDIENCE_LOG, clock.clone()).with_sessions(bank.clone());
    let verifier = web::Data::new(verifier);
    let mut settings = settings();
    settings.request_timeout = Duration::from_mins(1);
    let started = start_with(settings, move |config| {
        config.app_data(verifier.clone()).service(web::resource("/live").get(wait));
    });
    Place { bank, clock, started }
}

/// The change to the caller while its request waits.
type Change = fn(&Place);

#[actix_web::test]
async fn a_caller_that_does_not_count_any_more_is_refused_and_no_other_one() {
    let lost: [(&str, Change); 6] = [
        ("the session ended", |place| refuse(place, SessionError::Refused(ErrorCode::TokenRevoked))),
        ("the user is blocked", |place| refuse(place, SessionError::Refused(ErrorCode::Blocked))),
        ("nobody can tell", |place| refuse(place, SessionError::Unknown)),
        ("a role is lost", |place| *place.bank.roles.lock().unwrap() = Ok(vec!["auditor".to_owned()])),
        ("the key is withdrawn", |place| place.bank.withdrawn.store(true, Ordering::SeqCst)),
        ("the token expires, to the second", |place| place.clock.advance(Duration::from_secs(1))),
    ];
    for (what, lose) in lost {
        let place = place();
        let token = place.bank.key.sign(&claims(NOW)).unwrap();
        let request = answer(place.started.client.get(place.started.url("/live")).bearer_auth(token));
        let request = actix_web::rt::spawn(request);
        *place.bank.roles.lock().unwrap() = Ok(vec!["user".to_owned(), "admin".to_owned()]);
        place.clock.advance(Duration::from_secs(899));
        // Once for admission, then repeatedly.
        eventually("it is asked about again", async || place.bank.requests.load(Ordering::SeqCst) > 3).await;
        assert!(!request.is_finished(), "{what}");
        lose(&place);
        assert_eq!(request.await.unwrap().status, 204, "{what}");
    }
}

fn refuse(place: &Place, error: SessionError) {
    *place.bank.roles.lock().unwrap() = Err(error);
}
